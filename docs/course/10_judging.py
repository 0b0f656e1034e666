# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # 10 Is it any good? Tests, originality, and what gives a model away
#
# A model says nothing of itself that one should believe. This chapter asks a judge to tell its
# music from Bach's, asks by what, counts what it copied, and shows three ways in which such answers
# deceive. It takes about 20 minutes.
#
# ## Definition
#
# Pieces $X$ come from $P$, pieces $Y$ from $Q$. The *two-sample problem* asks whether $P = Q$. A
# *classifier two-sample test* learns to tell them apart on some pieces and is asked about others;
# its *AUC* is the probability that it ranks a random pair rightly,
#
# $$\mathrm{AUC} = P(s(Y) > s(X)) + \tfrac12 P(s(Y) = s(X)), \tag{1}$$
#
# one half where nothing tells them apart. A *permutation test* asks how often shuffled labels
# reach as far.

# %% [markdown]
# ## A real example
#
# Sixteen chorales by the bundled model, and every fourth of Bach's:

# %%
import numpy as np

from stats_composer import ChoraleComposer
from stats_composer.io import read_corpus

corpus = read_corpus("music21:bach", n_jobs=2)
bach = [score for score in corpus if len(score.voices) == 4]
own = ChoraleComposer.bundled().compose(bars=8, n=16, random_state=0)
own[3]

# %% [markdown]
# ## By hand, and by simulation
#
# One feature first: the share of leaps among the steps of the soprano. Its AUC by (1), and where
# that lies among 300 shuffles of the labels:

# %%
from stats_composer.views import melody_table


def leaps(score):
    steps = np.abs(np.diff(melody_table(score)["pitch"]))
    return (steps > 2).mean()


def auc_by_hand(scores, label):
    pairs = [(x, y) for y in scores[label == 1] for x in scores[label == 0]]
    return np.mean([(y > x) + 0.5 * (y == x) for x, y in pairs])


some = bach[::4]
feature = np.array([leaps(score) for score in [*own, *some]])
label = np.repeat([0, 1], [len(own), len(some)])
found = auc_by_hand(feature, label)
rng = np.random.default_rng(0)
shuffled = [auc_by_hand(feature, rng.permutation(label)) for _ in range(300)]
extreme = np.mean(np.abs(np.array(shuffled) - 0.5) >= abs(found - 0.5))
print(f"AUC {found:.2f}; shuffled labels are as far from one half in {extreme:.0%} of draws")

# %% [markdown]
# ## The library's call
#
# A piece as a teacher would read it, with the place of each fault:

# %%
from stats_composer.evaluation import Reading, report

judged = report(Reading(own[3]))
print("Phrase ends:", *judged.endings, "Faults:", *judged.faults, sep="\n")

# %% [markdown]
# And the two-sample test on some thousand features of many kinds, settings of one tune never on
# both sides of a fold:

# %%
from stats_composer.evaluation.features import feature_table
from stats_composer.evaluation.two_sample import auc, two_sample_test
from stats_composer.score import tune_groups

assert np.isclose(auc(feature, label), found)
readings = [Reading(score) for score in [*own, *some]]
table = feature_table(readings)
groups = tune_groups([*own, *some])
test = two_sample_test(table, label, groups)
print(f"AUC {test.auc:.2f} on {test.n_features} features")
for kind, value in sorted(test.by_kind.items(), key=lambda item: -item[1])[:6]:
    print(f"  {kind} alone: {value:.2f}")

# %% [markdown]
# The judge sees through it, and says by what. That is the use of the test: not the verdict but the
# list, which is what to work on next.

# %%
for telling in test.telling[:8]:
    print(f"{telling.judged:7.2f} here, {telling.corpus:7.2f} in Bach: {telling.feature}")

# %% [markdown]
# ## Theorem
#
# *No test does better than the distance of the laws.* For any score $s$, the AUC is at most
#
# $$\tfrac12 + \delta - \tfrac12 \delta^2, \qquad \delta = \sup_A |P(A) - Q(A)|, \tag{2}$$
#
# with $\delta$ the total variation. So an AUC above one half *on new pieces* proves that $P \ne Q$,
# while an AUC of one half proves nothing but that this judge, with these features and so many
# pieces, does not see it. On two laws over ten symbols, with the best score, the likelihood ratio:

# %%
for _ in range(3):
    p, q = rng.dirichlet(np.ones(10)), rng.dirichlet(np.ones(10))
    ratio = q / p
    above = (ratio[:, None] > ratio[None]) + 0.5 * (ratio[:, None] == ratio[None])
    best, delta = q @ above @ p, 0.5 * np.abs(p - q).sum()
    print(f"best AUC {best:.3f}, bound {0.5 + delta - delta**2 / 2:.3f}")
    assert best <= 0.5 + delta - delta**2 / 2 + 1e-12

# %% [markdown]
# ## The experiments in which it fails
#
# **A leak.** Let the judge tell Bach from Bach. Half of his *tunes* get the label 0, half the label
# 1; there is nothing to find. But a tune has several settings, all with one label. Deal pieces into
# the folds one by one, as if they were independent, and the judge has met most of the tunes that he
# is asked about:

# %%
settings = [Reading(score) for score in bach]
tunes = tune_groups(bach)
side = rng.integers(0, 2, tunes.max() + 1)[tunes]
features = feature_table(settings)
leaky = two_sample_test(features, side, np.arange(len(bach)), n_seeds=1, kinds=False)
honest = two_sample_test(features, side, tunes, n_seeds=1, kinds=False)
print(f"Bach against Bach: folds of pieces {leaky.auc:.2f}, folds of tunes {honest.auc:.2f}")

# %% [markdown]
# **A likelihood that improves while parallels return.** Two models of Bach's pairs, by pseudo-
# likelihood alone and with the finish of chapter 6. The second is better by the very number that
# the first was fitted to:

# %%
import warnings

from stats_composer.errors import ScoreWarning
from stats_composer.evaluation.card import count_parallels
from stats_composer.models.maxent import ContrastiveDivergence, PairwiseMaxEnt
from stats_composer.score import keys
from stats_composer.theory import MAJOR, TICKS_PER_QUARTER
from stats_composer.views import grid

warnings.simplefilter("ignore", ScoreWarning)
pieces = []
for score in bach:
    tonic, mode = keys(score)[0][1:]
    if mode == MAJOR:
        pitch, _ = grid(score, TICKS_PER_QUARTER // 2)
        if (pitch >= 0).all():
            pieces.append(pitch - ((7 * tonic + 6) % 12 - 6))
alphabets = [np.unique(np.concatenate([piece[:, v] for piece in pieces])) for v in range(4)]
grids = [
    np.column_stack([np.searchsorted(alphabets[v], piece[:, v]) for v in range(4)])
    for piece in pieces
]


def parallels(grids):
    found = notes = 0
    for symbols in grids:
        pitch = np.column_stack([alphabets[v][symbols[:, v]] for v in range(4)])
        found += count_parallels(pitch)
        notes += (np.diff(pitch, axis=0) != 0).sum() + 4
    return 100 * found / notes


print(f"Bach: parallels {parallels(grids):.2f} per 100 notes")
finish = ContrastiveDivergence(n_sweeps=10, n_steps=60, window=32, learning_rate=0.02)
for name, option in (("pseudo-likelihood", None), ("with the finish", finish)):
    model = PairwiseMaxEnt(4, 1, random_state=0, finish=option).fit(grids)
    drawn = model.sample(40, n_steps=64, n_chains=20, burn_in=100, thin=20, random_state=0)
    print(f"{name}: {model.score(grids):.3f} nats a site, parallels {parallels(drawn):.2f}")

# %% [markdown]
# A likelihood is a mean over all notes; parallels are a few notes in a thousand, and hardly move
# it. What a listener minds must be measured by itself.
#
# **Originality by a single number.** The longest run that a piece shares with the corpus, in notes:
# is seven much? Only the corpus itself can tell, piece by piece against the rest of it:

# %%
from stats_composer.evaluation import Library

library = Library(settings)
usual = library.usual(60)
exact = usual.longest["exact"]
print(
    f"Bach against the rest of Bach: median {exact.value:.0f}, {exact.low:.0f} to {exact.high:.0f}"
)
found = [library.judge(reading) for reading in readings[: len(own)]]
print("the model's:", *(one.longest["exact"] for one in found))
copy = found[3].copies[0]
print(f"the longest in the chorale above: {copy.n_notes} notes from {copy.here}, as in "
      f"{bach[copy.piece].title}, {copy.there}")  # fmt: skip

# %% [markdown]
# ## Why this note?
#
# A judge says *that* something is wrong. A model whose log-law is a sum can be asked *why* a note
# stands where it does: given all other notes, the odds of two symbols are a sum over its terms,
#
# $$\log \frac{P(a \mid x_{-i})}{P(b \mid x_{-i})}
#   = \sum_k w_k \left(f_k(a, x_{-i}) - f_k(b, x_{-i})\right). \tag{3}$$
#
# Of the last piece that was drawn, the bass at the second beat, and what speaks for it and against
# the likeliest other note. (In the shell `explain` says the same of a chorale, in words.)

# %%
from stats_composer.evaluation.explain import note_terms
from stats_composer.theory import pitch_name

terms = note_terms(model, drawn[-1], range(2, 3), 3, ["soprano", "alto", "tenor", "bass"])
order = np.argsort(-terms.log_probs)
other = int(order[order != terms.symbol][0])
shares = terms.against(other)
odds = terms.log_probs[terms.symbol] - terms.log_probs[other]
print(pitch_name(int(alphabets[3][terms.symbol])), "and not",
      pitch_name(int(alphabets[3][other])), f"by {odds:+.2f} nats:")  # fmt: skip
for share in shares[:6]:
    print(f"  {share.value:+.2f}  {share.kind} {share.detail}")
assert np.isclose(sum(share.value for share in shares), odds)

# %% [markdown]
# ## Exercises
#
# **1.** What AUC has a judge who tosses a coin, and one who always says "Bach"?

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
print(auc(rng.random(len(label)), label), auc(np.ones(len(label)), label))
assert auc(np.ones(len(label)), label) == 0.5  # all pairs are ties
assert abs(auc(rng.random(20_000), np.arange(20_000) % 2) - 0.5) < 0.02

# %% [markdown]
# **2.** Ten features of pure noise are tried, and the best AUC is reported. What is it on the
# average, for sixteen pieces against ninety?

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
best = [
    max(auc(rng.random(106), np.repeat([0, 1], [16, 90])) for _ in range(10)) for _ in range(200)
]
print(f"{np.mean(best):.2f}")
assert np.mean(best) > 0.58

# %% [markdown]
# **3.** Leave the kind of features that gives the model away most out of the table, and test again.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
from stats_composer.evaluation.features import Table

worst = max(test.by_kind, key=test.by_kind.get)
kept = [i for i, one in enumerate(table.features) if one.kind != worst]
rest = Table([table.features[i] for i in kept], table.values[:, kept])
without = two_sample_test(rest, label, groups, n_seeds=1)
print(f"without {worst}: {without.auc:.2f}")
assert worst not in without.by_kind

# %% [markdown]
# ## Sources
#
# D. Lopez-Paz, M. Oquab, *Revisiting Classifier Two-Sample Tests* (2017), section 3; E. L. Lehmann,
# J. P. Romano, *Testing Statistical Hypotheses* (2005), section 15.2 (permutation tests); Z. Yin et
# al., *Measuring When a Music Generation Algorithm Copies Too Much* (2022). The test stands in
# `evaluation.two_sample`, the search for copies in `evaluation.originality`, the terms of a note in
# `evaluation.explain`.
#
# | formula | is computed by |
# |---|---|
# | (1) | `evaluation.two_sample.auc`, its (1); by hand `auc_by_hand` |
# | (2) | by hand `delta` |
# | (3) | `evaluation.explain.NoteTerms.against`, its (1) |
