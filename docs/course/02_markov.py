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
# # 2 Markov chains and n-grams
#
# A melody is more than the notes that it uses: what comes next depends on what came before. This
# chapter counts that, repairs the counts where the corpus is silent, and shows how a model that
# is too sure of its counts copies. It takes about 20 minutes.
#
# ## Definition
#
# A sequence is a *Markov chain* of order $n - 1$ if a symbol depends on the $n - 1$ before it
# alone, its *context* $c$:
#
# $$P(x_1, \ldots, x_T) = \prod_{t=1}^{T} P(x_t \mid x_{t-n+1}, \ldots, x_{t-1}). \tag{1}$$
#
# The *n-gram model* takes the probabilities from counts $N$. Unsmoothed, they are relative
# frequencies,
#
# $$\hat P(a \mid c) = \frac{N(c\,a)}{N(c)}, \tag{2}$$
#
# and zero for whatever was never seen. *Smoothing* lends from shorter contexts. Absolute
# discounting takes a piece $d$ off each count and gives it to the context $c'$ without its first
# symbol:
#
# $$P(a \mid c) = \frac{\max(N(c\,a) - d, 0)}{N(c)}
#   + \frac{d\,n_{1+}(c)}{N(c)}\, P(a \mid c'), \tag{3}$$
#
# where $n_{1+}(c)$ is how many different symbols follow $c$. Kneser and Ney count, in the shorter
# contexts, not how often $c'\,a$ comes but after how many different symbols.

# %% [markdown]
# ## A real example
#
# The sopranos of Bach's chorales, moved to one tonic. The same hymn tune often has several
# settings; those that begin with the same eight intervals are kept together, on one side of the
# split (chapter 3 shows what happens otherwise).

# %%
import numpy as np

from stats_composer.io import read_corpus
from stats_composer.score import keys
from stats_composer.views import melody_table


def at_common_tonic(score):
    _, tonic, _ = keys(score)[0]
    return melody_table(score)["pitch"] - ((7 * tonic + 6) % 12 - 6)


corpus = read_corpus("music21:bach", n_jobs=2)
chorales = [score for score in corpus if len(score.voices) == 4]
pitches = [at_common_tonic(score) for score in chorales]
lowest = min(piece.min() for piece in pitches)
sopranos = [piece - lowest for piece in pitches]
n_symbols = max(piece.max() for piece in sopranos) + 1

tunes = {}
for i, piece in enumerate(sopranos):
    tunes.setdefault(tuple(np.diff(piece[:9])), []).append(i)
groups = list(tunes.values())
held_out = [i for group in groups[::5] for i in group]
known = [i for number, group in enumerate(groups) if number % 5 for i in group]
train, unseen = [sopranos[i] for i in known], [sopranos[i] for i in held_out]
print(len(groups), "tunes;", len(train), "sopranos to learn from,", len(unseen), "kept aside")

# %% [markdown]
# Where does a scale degree of the major mode go next? Steps of less than one in twenty are left
# out of the picture.

# %%
from itertools import pairwise

from stats_composer.render import transition_graph
from stats_composer.theory import MAJOR

scale = np.array([0, 2, 4, 5, 7, 9, 11])
table = np.zeros((7, 7))
for score, piece in zip(chorales, pitches, strict=True):
    if keys(score)[0][2] == MAJOR:
        degree = piece % 12
        for now, after in pairwise(degree):
            if now in scale and after in scale:
                table[np.searchsorted(scale, now), np.searchsorted(scale, after)] += 1
chain = table / table.sum(axis=1, keepdims=True)
transition_graph(chain, labels="1234567")

# %% [markdown]
# ## By hand, and by simulation
#
# Equation (2) for $n = 2$, and a walk along it, take a dozen lines:


# %%
def followers(pieces):
    after = {}
    for piece in pieces:
        for now, later in zip(piece[:-1].tolist(), piece[1:].tolist(), strict=True):
            after.setdefault(now, []).append(later)
    return after


def walk(after, start, n_steps, rng):
    line = [start]
    while len(line) < n_steps:
        line.append(rng.choice(after[line[-1]]))
    return np.array(line)


rng = np.random.default_rng(0)
walk(followers(train), int(train[0][0]), 12, rng) + lowest

# %% [markdown]
# ## The library's call
#
# `NGram(n)` counts all n-grams up to its length, and smooths; `score` is the mean log-likelihood
# in nats. We ask for bits a note, on sopranos that the model has not seen:

# %%
from stats_composer import NGram
from stats_composer.models.ngram import KneserNey, Lidstone, WittenBell

unsmoothed = Lidstone(gamma=1e-9)
strategies = {
    "unsmoothed (nearly)": unsmoothed,
    "Lidstone, half a count": Lidstone(0.5),
    "Witten-Bell": WittenBell(),
    "Kneser-Ney": KneserNey(),
}
bits = {
    name: [
        -NGram(n, smoothing=smoothing, n_symbols=n_symbols).fit(train).score(unseen) / np.log(2)
        for n in range(1, 7)
    ]
    for name, smoothing in strategies.items()
}
for name, row in bits.items():
    print(f"{name:>24}", "  ".join(f"{value:5.2f}" for value in row))

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, row in bits.items():
    axes.plot(range(1, 7), row, marker="o", label=name)
axes.set(xlabel="n", ylabel="bits a note, unseen sopranos", ylim=(2.2, 5))
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# What the counts look like: after each symbol the likeliest ones, and after those again.

# %%
from stats_composer.render import context_tree
from stats_composer.theory import pitch_name

names = [pitch_name(symbol + lowest) for symbol in range(n_symbols)]
context_tree(NGram(3).fit(train).tree_, labels=names, depth=2, max_children=4)

# %% [markdown]
# And a tune drawn from the model, in even quarter notes:

# %%
from stats_composer import Score
from stats_composer.score import make_notes, respell
from stats_composer.theory import TICKS_PER_QUARTER

model = NGram(5, n_symbols=n_symbols).fit(train)
line = model.sample(1, n_steps=24, random_state=4)[0]
respell(Score(make_notes(onset=np.arange(24) * TICKS_PER_QUARTER, pitch=line + lowest)))

# %% [markdown]
# ## Theorem
#
# *A chain forgets where it began.* If from each state every other can be reached, and not in
# periods alone, there is exactly one law $\pi$ with $\pi P = \pi$, and for every start $\mu$
#
# $$\lVert \mu P^t - \pi \rVert \le C \lambda^t, \tag{4}$$
#
# with $\lambda < 1$ the second largest absolute eigenvalue of $P$ (if it has a full set of
# eigenvectors). Take the chain of degrees and start on the tonic:

# %%
values, vectors = np.linalg.eig(chain.T)
pi = vectors[:, values.real.argmax()].real
pi = pi / pi.sum()
law = np.eye(7)[0]
print(f"second eigenvalue {np.sort(np.abs(values))[-2]:.3f}")
for t in range(1, 7):
    law = law @ chain
    print(t, f"{np.abs(law - pi).sum():.5f}")

# %% [markdown]
# After six notes the start is as good as forgotten: a Markov chain has no plan. What has one is
# for chapter 8.

# %% [markdown]
# ## The experiment in which it fails
#
# Take longer words: the four notes that sound on each beat, as one symbol. There are thousands,
# most of them seen once. Equation (2) then gives each context its one known follower, with
# certainty, and the model *copies*. We measure the longest run of beats that a piece has in
# common with the pieces learned from. (Notes between the beats are left out on purpose, so that
# the warning which says it is not wanted.)

# %%
import warnings

from stats_composer.errors import ScoreWarning
from stats_composer.views import grid

warnings.simplefilter("ignore", ScoreWarning)


def beats(score):
    _, tonic, _ = keys(score)[0]
    pitch, _ = grid(score, TICKS_PER_QUARTER)
    return np.where(pitch >= 0, pitch - ((7 * tonic + 6) % 12 - 6), -1)


frames = [beats(score) for score in chorales]
words, codes = np.unique(np.concatenate(frames), axis=0, return_inverse=True)
pieces = np.split(codes.ravel(), np.cumsum([len(frame) for frame in frames])[:-1])
chords, other_chords = [pieces[i] for i in known], [pieces[i] for i in held_out]
print(len(words), "different chords on", len(codes), "beats")


# %%
def runs(pieces, k):
    return {tuple(piece[i : i + k].tolist()) for piece in pieces for i in range(len(piece) - k + 1)}


def longest_copies(pieces, corpus):
    found = np.zeros(len(pieces), int)
    for k in range(1, 33):
        there = runs(corpus, k)
        found[[bool(runs([piece], k) & there) for piece in pieces]] = k
    return found


lengths = {"Bach, kept aside": longest_copies([piece[:32] for piece in other_chords], chords)}
for name, smoothing in (("unsmoothed", unsmoothed), ("Kneser-Ney", KneserNey())):
    trigram = NGram(3, smoothing=smoothing, n_symbols=len(words)).fit(chords)
    drawn = trigram.sample(40, n_steps=32, random_state=1)
    lengths[f"trigram, {name}"] = longest_copies(drawn, chords)
    print(f"{name}: {trigram.score(other_chords):.1f} nats a beat on unseen chorales")
print({name: round(float(found.mean()), 1) for name, found in lengths.items()})

# %%
from stats_composer.render import copied_runs

copied_runs(lengths)

# %% [markdown]
# The unsmoothed trigram repeats more than ten beats of some chorale on the average, three times
# what Bach's own chorales share with each other. It sounds well, for it is Bach. The smoothed one
# does not copy, and does not sound well: whole chords are the wrong symbols, since what was never
# sung together cannot be learned apart. Chapter 5 takes the chord apart into voices.

# %% [markdown]
# ## Exercises
#
# **1.** Compute by (2) how likely the unsmoothed bigram finds the sequence 1 2 3 2 1 in the major
# mode, given that it starts on 1.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
steps = [0, 1, 2, 1, 0]
probability = np.prod([chain[a, b] for a, b in pairwise(steps)])
print(f"{probability:.4f}")
by_counts = np.prod([table[a, b] / table[a].sum() for a, b in pairwise(steps)])
assert np.isclose(probability, by_counts) and 0 < probability < 0.1

# %% [markdown]
# **2.** Show that (3) sums to one over $a$ for every context, whatever $d$ between 0 and 1.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
counts, shorter, d = np.array([5, 1, 0, 2]), np.array([0.4, 0.3, 0.2, 0.1]), 0.7
smoothed = (
    np.maximum(counts - d, 0) / counts.sum() + d * (counts > 0).sum() / counts.sum() * shorter
)
print(smoothed.round(3), smoothed.sum())
assert np.isclose(smoothed.sum(), 1)

# %% [markdown]
# **3.** The library's model sums to one too, after every context, one that it never saw as well.
# Check it by `log_probs`.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
context = [0, n_symbols - 1, 0]  # leaps of two octaves and back: in no soprano
total = sum(np.exp(model.log_probs(np.array([*context, a]))[-1]) for a in range(n_symbols))
print(total)
assert np.isclose(total, 1)

# %% [markdown]
# ## Sources
#
# S. F. Chen, J. Goodman, *An Empirical Study of Smoothing Techniques for Language Modeling*
# (1998), sections 2.4 to 2.8; C. M. Grinstead, J. L. Snell, *Introduction to Probability*,
# chapter 11; A. Papadopoulos, P. Roy, F. Pachet, *Avoiding Plagiarism in Markov Sequence
# Generation* (2014). The smoothing formulas stand, numbered, in `models.ngram.smoothing`;
# what a piece may copy is limited by `ngrams.CopyMachine` and the wish `MaxCopy`.
#
# | formula | is computed by |
# |---|---|
# | (1) | `models.ngram.NGram.score_samples` |
# | (2) | `kernels.counting.count_windows`, `ngrams.count_levels`; by hand `followers` |
# | (3) | `models.ngram.KneserNey.tables`, its (3); `kernels.ngram.fill_rows`, its (1) |
# | (4) | by hand `pi` |
