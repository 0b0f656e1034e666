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
# # 3 Entropy, surprise and expectation
#
# How much does a note tell? As much as it was not expected. This chapter measures it in bits,
# draws it under the notes, and shows how a corpus that holds a tune twice makes any model look
# better than it is. It takes about 15 minutes.
#
# ## Definition
#
# The *surprise* of an outcome of probability $p$ is $-\log_2 p$ bits: one for the fall of a coin,
# 3.6 for one note in twelve. The *entropy* of a law is its expected surprise,
#
# $$H(p) = -\sum_a p(a) \log_2 p(a), \tag{1}$$
#
# and the *cross-entropy* of a model $q$ on a sequence is the surprise that it had on the average:
#
# $$H(x, q) = -\frac1N \sum_{t=1}^{N} \log_2 q(x_t \mid x_1, \ldots, x_{t-1}). \tag{2}$$
#
# The entropy of the law over the next note, before it comes, is the *expectation*: low where the
# listener is sure. The surprise is what then came of it.

# %% [markdown]
# ## A real example
#
# A model that listens like a trained singer: it knows the key, what degrees and intervals came
# before, where phrases ended, and the tune so far. It is a mixture of many small n-grams over
# such *viewpoints*. A fifth of the tunes is kept aside.

# %%
import numpy as np

from stats_composer.composers.melody_viewpoints import melody_viewpoints
from stats_composer.io import read_corpus
from stats_composer.score import keys
from stats_composer.views import melody_table

corpus = read_corpus("music21:bach", n_jobs=2)
chorales = [score for score in corpus if len(score.voices) == 4]
tables = [melody_table(score, key=keys(score)[0][1:]) for score in chorales]

tunes = {}
for i, table in enumerate(tables):
    tunes.setdefault(tuple(np.diff(table["pitch"][:9])), []).append(i)
groups = list(tunes.values())
unseen = [i for group in groups[::5] for i in group]
known = [i for number, group in enumerate(groups) if number % 5 for i in group]

listener = melody_viewpoints("so far", penalty=150.0, max_events=5000)
listener.fit([tables[i] for i in known])
print(f"{-listener.score([tables[i] for i in unseen]) / np.log(2):.2f} bits a note, unseen tunes")

# %% [markdown]
# Its surprise under each note of a tune that it has not heard:

# %%
from IPython.display import HTML

from stats_composer.render import surprise_pages

tune = chorales[unseen[0]]
law = listener.predict_log_proba([tables[unseen[0]]])[0]
note = tables[unseen[0]]["pitch"] - listener.low_
surprise = -law[np.arange(len(note)), note] / np.log(2)
HTML(surprise_pages(tune.select(0), surprise)[0])

# %% [markdown]
# ## By hand, and by simulation
#
# Entropy of that law, note by note, by equation (1), and beside it the surprise. In the long run
# they must agree if the model is right about itself: a listener who is surprised more often than
# he expects to be is too sure.


# %%
def entropy_bits(probabilities):
    total = 0.0
    for p in probabilities:
        if p > 0:
            total -= p * np.log2(p)
    return total


expectation = np.array([entropy_bits(row) for row in np.exp(law)])
assert all(0 <= h <= np.log2(law.shape[1]) for h in expectation)
final = tables[unseen[0]]["final"].astype(bool)
print(f"expected {expectation.mean():.2f} bits a note, was {surprise.mean():.2f}")

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.bar(range(len(surprise)), surprise, color="C0", alpha=0.5, label="surprise")
axes.plot(expectation, color="C3", marker=".", label="expectation: entropy of the law")
for place in np.flatnonzero(final):
    axes.axvline(place + 0.5, color="0.7", linewidth=0.8)
axes.set(xlabel="note (lines: ends of phrases)", ylabel="bits")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# The same over all unseen tunes: what comes right after the end of a phrase is the least expected,
# and the notes before it are the most.


# %%
def expected_and_found(model, tables):
    laws = model.predict_log_proba(tables)
    expected = [-(np.exp(rows) * rows).sum(axis=1) / np.log(2) for rows in laws]
    found = [
        -rows[np.arange(len(rows)), table["pitch"] - model.low_] / np.log(2)
        for rows, table in zip(laws, tables, strict=True)
    ]
    return np.concatenate(expected), np.concatenate(found)


expected, found = expected_and_found(listener, [tables[i] for i in unseen])
since = np.concatenate([tables[i]["since"] for i in unseen])
for place in range(8):
    here = since == place
    print(
        f"note {place + 1} of a phrase: {expected[here].mean():.2f}, was {found[here].mean():.2f}"
    )
print(f"all: expected {expected.mean():.2f}, was {found.mean():.2f} bits")

# %% [markdown]
# Over all tunes he is surprised more than he expects to be: something has made him too sure. Keep
# that in mind.

# %% [markdown]
# ## The library's call
#
# `score` is (2) in nats and with the other sign, for each model that has a likelihood;
# `score_samples` gives it for each piece, `log_probs` or `predict_log_proba` for each note. An
# n-gram model of pitches alone, beside:

# %%
from stats_composer import NGram

pitches = [table["pitch"] - ((table["tonic"] + 6) % 12 - 6) for table in tables]
lowest = min(piece.min() for piece in pitches)
sopranos = [piece - lowest for piece in pitches]
n_symbols = max(piece.max() for piece in sopranos) + 1
ngram = NGram(5, n_symbols=n_symbols).fit([sopranos[i] for i in known])
print(f"{-ngram.score([sopranos[i] for i in unseen]) / np.log(2):.2f} bits a note")

# %% [markdown]
# ## Theorem
#
# *A model is never less surprised than the source is uncertain, and long sequences tell which.*
# For a stationary ergodic source $p$ of entropy rate $h$ and a model $q$ of finite order, with
# probability one
#
# $$H(x, q) \to h + \lim_{N} \frac1N \mathrm{KL}(p_N, q_N) \ge h. \tag{3}$$
#
# (Shannon, McMillan, Breiman.) So the lower of two cross-entropies on *new* pieces belongs to the
# model nearer to the source; and we can see the limit on a source that we know, the n-gram model
# itself:

# %%
steps = 4000
(walk,) = ngram.sample(1, n_steps=steps, random_state=0)
own = -np.cumsum(ngram.log_probs(walk)) / np.log(2) / np.arange(1, steps + 1)
bigram = NGram(2, n_symbols=n_symbols).fit([sopranos[i] for i in known])
other = -np.cumsum(bigram.log_probs(walk)) / np.log(2) / np.arange(1, steps + 1)
for n in (10, 100, 1000, 4000):
    print(f"{n:5} notes: the source itself {own[n - 1]:.2f}, a bigram {other[n - 1]:.2f} bits")

# %% [markdown]
# ## The experiment in which it fails
#
# "On new pieces" is the hard part. A hymn tune has up to a dozen settings among the chorales.
# Deal the *pieces* into five folds at random, and most of the tunes that are asked for have been
# learned from another setting. Deal the *tunes* instead:

# %%
rng = np.random.default_rng(0)
by_piece = rng.permutation(len(sopranos)) % 5
by_tune = np.zeros(len(sopranos), int)
for number, group in enumerate(groups):
    by_tune[group] = number % 5


def cross_entropy(n, fold):
    total = 0.0
    for k in range(5):
        model = NGram(n, n_symbols=n_symbols)
        model.fit([s for s, f in zip(sopranos, fold, strict=True) if f != k])
        held_out = [s for s, f in zip(sopranos, fold, strict=True) if f == k]
        total -= model.score_samples(held_out).sum()
    return total / sum(map(len, sopranos)) / np.log(2)


lengths = (2, 3, 5, 7, 10)
leaky = [cross_entropy(n, by_piece) for n in lengths]
honest = [cross_entropy(n, by_tune) for n in lengths]
for n, a, b in zip(lengths, leaky, honest, strict=True):
    print(f"n = {n:2}: folds of pieces {a:.2f} bits, folds of tunes {b:.2f}")

# %%
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(lengths, leaky, marker="o", label="folds of pieces: leaks")
axes.plot(lengths, honest, marker="o", label="folds of tunes")
axes.set(xlabel="n", ylabel="bits a note")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# The leak grows with $n$: long contexts do not learn the style, they look the tune up. Choosing
# $n$ by the upper curve would choose a model that copies. And the lower curve still falls at
# the end, which is suspicious in itself: see the second exercise.
#
# And the listener? He weighed his viewpoints on pieces that were left out of the counts one by
# one, while their tunes stayed in, in other settings: so he learned to trust a match too much.
# Let him learn from one setting of each tune:

# %%
single = [group[0] for number, group in enumerate(groups) if number % 5]
careful = melody_viewpoints("so far", penalty=150.0, max_events=5000)
careful.fit([tables[i] for i in single])
expected, found = expected_and_found(careful, [tables[i] for i in unseen])
print(f"{len(single)} tunes once: expected {expected.mean():.2f}, was {found.mean():.2f} bits")

# %% [markdown]
# From fewer pieces he learned more.

# %% [markdown]
# ## Exercises
#
# **1.** What entropy has the law (in bits) that gives the tonic probability 1/2, the fifth 1/4 and
# two other degrees 1/8 each? How many yes-or-no questions does it take on the average?

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
print(entropy_bits([1 / 2, 1 / 4, 1 / 8, 1 / 8]))
assert entropy_bits([1 / 2, 1 / 4, 1 / 8, 1 / 8]) == 1.75  # and as many questions: 1, 2, 3, 3

# %% [markdown]
# **2.** Some tunes begin differently and go on alike. Put tunes together that share any ten
# intervals in a row, deal those groups, and measure the 10-gram again.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
group_of = np.arange(len(sopranos))
first_with = {}
for i, piece in enumerate(sopranos):
    steps = np.diff(piece).tolist()
    for run in {tuple(steps[j : j + 10]) for j in range(len(steps) - 9)}:
        j = first_with.setdefault(run, i)
        group_of[group_of == group_of[i]] = group_of[j]
_, number = np.unique(group_of, return_inverse=True)
strict = rng.permutation(number.max() + 1)[number] % 5
stricter = cross_entropy(10, strict)
print(f"{number.max() + 1} groups: {stricter:.2f} bits")
assert stricter > honest[-1] > leaky[-1]

# %% [markdown]
# **3.** Show that the surprise of a whole tune does not depend on whether it is told note by note
# or at once: the surprises of (2) add up to that of the sequence.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
piece = sopranos[unseen[0]]
at_once = -ngram.score_samples([piece])[0]
assert np.isclose(-ngram.log_probs(piece).sum(), at_once)
print(f"{at_once / np.log(2):.1f} bits for {len(piece)} notes")

# %% [markdown]
# ## Sources
#
# T. M. Cover, J. A. Thomas, *Elements of Information Theory*, sections 2.1, 2.3 and 16.8;
# M. T. Pearce, *The Construction and Evaluation of Statistical Models of Melodic Structure*
# (2005), chapters 6 and 8; D. Conklin, I. H. Witten, *Multiple Viewpoint Systems for Music
# Prediction* (1995). The mixture and its formula stand in `models.viewpoints` and
# `models.mixture`, the pictures in `render.teaching`.
#
# | formula | is computed by |
# |---|---|
# | (1) | by hand `entropy_bits` |
# | (2) | `kernels.viewpoints.mix_evidence`, its (2); by hand `cross_entropy` |
# | (3) | by hand `cross_entropy`, over `walk` |
