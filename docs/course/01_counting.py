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
# # 1 Scores as arrays, and counting
#
# Before there is a model there are notes to count. This chapter turns a chorale into arrays,
# counts, and asks how far a count may be trusted. It takes about 15 minutes.
#
# ## Definition
#
# A score is a table of notes. Each note has an onset and a duration in *ticks*, of which a
# quarter note has 10,080, and a pitch, an integer from 0 to 127 in which middle C is 60. A
# *grid* has one row a step of time and one column a voice, and holds the pitch that sounds.
#
# The *relative frequency* of a symbol $a$ in a sequence $x_1, \ldots, x_N$ is
#
# $$\hat p(a) = \frac1N \sum_{i=1}^{N} [x_i = a]. \tag{1}$$

# %% [markdown]
# ## A real example
#
# The corpus that music21 installs has Bach's chorales. They are read once, each in a process of
# its own, and kept as arrays; the first time takes a minute.

# %%
from stats_composer.io import read_corpus

corpus = read_corpus("music21:bach", n_jobs=2)
chorales = [score for score in corpus if len(score.voices) == 4]
print(corpus, "of which", len(chorales), "in four parts")

# %%
chorale = corpus[corpus.names.index("bach/bwv269.mxl")]
chorale[:8]

# %%
chorale.notes[:6]

# %% [markdown]
# The same music as a grid of eighths, soprano first:

# %%
from stats_composer.theory import TICKS_PER_QUARTER
from stats_composer.views import grid

pitch, onset = grid(chorale, TICKS_PER_QUARTER // 2)
print(pitch.shape)
pitch[:8]

# %% [markdown]
# What of a note do we count? Its pitch says more of the key than of the style, so we take the
# *scale degree*: semitones above the tonic that the chorale is heard in.

# %%
import numpy as np

from stats_composer.views import melody_table

degrees = [melody_table(score)["degree"] for score in chorales]
names = ["1", "♯1", "2", "♭3", "3", "4", "♯4", "5", "♭6", "6", "♭7", "7"]
count = np.bincount(np.concatenate(degrees), minlength=12)
print(dict(zip(names, count.tolist(), strict=True)))

# %% [markdown]
# ## By hand, and by simulation
#
# Equation (1) in plain Python, to see that nothing is hidden in it:


# %%
def relative_frequencies(pieces):
    tally = {}
    total = 0
    for piece in pieces:
        for symbol in piece.tolist():
            tally[symbol] = tally.get(symbol, 0) + 1
            total += 1
    return {symbol: times / total for symbol, times in sorted(tally.items())}


by_hand = relative_frequencies(degrees)
assert all(by_hand[a] == count[a] / count.sum() for a in by_hand)
round(by_hand[0], 4)

# %% [markdown]
# How far would it be off if notes were drawn from a bag, one by one? We draw 1,000 bags of as
# many notes as the corpus has, and look at how the frequency of the tonic varies:

# %%
rng = np.random.default_rng(0)
n_notes = int(count.sum())
bags = rng.binomial(n_notes, count[0] / n_notes, size=1000) / n_notes
print(f"tonic: {count[0] / n_notes:.4f}, standard deviation over bags {bags.std():.4f}")

# %% [markdown]
# ## The library's call
#
# A model of single notes is an n-gram of length 1. `NGram` takes a list of pieces, and `score`
# is the mean log-likelihood a symbol in nats, here the negative entropy of the counts:

# %%
from stats_composer import NGram
from stats_composer.models.ngram import Lidstone

model = NGram(n=1, smoothing=Lidstone(gamma=1e-9)).fit(degrees)
share = count[count > 0] / n_notes
print(round(model.score(degrees), 6), round(float((share * np.log(share)).sum()), 6))

# %% [markdown]
# ## Theorem
#
# *Relative frequencies are the most likely probabilities.* For any law $q$ on the symbols,
#
# $$\frac1N \sum_i \log q(x_i) = \sum_a \hat p(a) \log q(a)
#   = -H(\hat p) - \mathrm{KL}(\hat p, q) \le -H(\hat p),$$
#
# since the Kullback-Leibler divergence is never negative, and zero for $q = \hat p$ alone. And
# if the $x_i$ are drawn independently from $p$, then $\hat p(a)$ has the standard error
#
# $$\sqrt{p(a) (1 - p(a)) / N}. \tag{2}$$
#
# The first half needs nothing but the counts. The second has an *if*.

# %%
for _ in range(3):
    other = rng.dirichlet(np.full(12, 5.0))
    loss = float((count / n_notes) @ np.log(other))
    print(f"another law: {loss:.3f} nats, below {model.score(degrees):.3f}")

# %% [markdown]
# ## The experiment in which it fails
#
# Notes do not come from a bag: those of one chorale share a tune and a mode. Equation (2) takes
# them for independent, and so is far too sure of itself. An honest error comes from what *is*
# nearly independent, the pieces: draw whole chorales with replacement, and count again (the
# *bootstrap* over pieces).

# %%
tallies = np.array([np.bincount(piece, minlength=12) for piece in degrees])
drawn = rng.integers(len(tallies), size=(1000, len(tallies)))
resampled = tallies[drawn].sum(axis=1)
resampled = resampled / resampled.sum(axis=1, keepdims=True)
p = count / n_notes
naive = np.sqrt(p * (1 - p) / n_notes)
for degree in (0, 3, 4, 7):
    honest = resampled[:, degree].std()
    print(
        f"degree {names[degree]:>2}: {p[degree]:.3f}, from notes ±{naive[degree]:.4f}, "
        f"from pieces ±{honest:.4f}, {honest / naive[degree]:.1f} times as much"
    )

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.bar(np.arange(12) - 0.2, p, 0.4, yerr=2 * naive, label="error from notes")
axes.bar(np.arange(12) + 0.2, p, 0.4, yerr=2 * resampled.std(axis=0), label="error from pieces")
axes.set(xticks=range(12), xticklabels=names, xlabel="scale degree", ylabel="share of notes")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# The thirds differ most: a chorale is in major or in minor, and all of its thirds with it. Keep
# the lesson for chapter 10, where the same mistake makes a model look better than it is.

# %% [markdown]
# ## Exercises
#
# **1.** How many notes drawn from a bag would be worth as much as the corpus's, for the minor
# third? (The *effective sample size*, which comes back in chapter 7.)

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
effective = p[3] * (1 - p[3]) / resampled[:, 3].var()
print(f"{effective:.0f} of {n_notes} notes")
assert n_notes / 8 < effective < n_notes / 6

# %% [markdown]
# **2.** Count pairs of neighbouring degrees. Which degree follows the seventh most often, and
# how often? Do not count across the end of a piece.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
pairs = np.zeros((12, 12), int)
for piece in degrees:
    np.add.at(pairs, (piece[:-1], piece[1:]), 1)
after = pairs[11] / pairs[11].sum()
print(f"after 7: {names[after.argmax()]} in {after.max():.0%}")
assert names[after.argmax()] == "1" and pairs.sum() == n_notes - len(degrees)

# %% [markdown]
# **3.** Show by a count that a model of pairs that runs over the ends of pieces would learn
# something false. (Look at what comes "after" the last notes.)

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
joined = np.concatenate(degrees)
across = np.zeros((12, 12), int)
np.add.at(across, (joined[:-1], joined[1:]), 1)
false = across - pairs
print(f"{false.sum()} pairs that nobody wrote, {false[0].sum()} of them after a final tonic")
assert false.sum() == len(degrees) - 1

# %% [markdown]
# ## Sources
#
# T. M. Cover, J. A. Thomas, *Elements of Information Theory*, 2nd ed. (2006), section 2.6 (the
# information inequality) and 11.1 (the method of types). B. Efron, R. Tibshirani, *An
# Introduction to the Bootstrap* (1993), chapters 6 and 8. Formula (1) is computed by
# `kernels.counting`, for n-grams of all lengths at once; `views.grid` and `views.melody_table`
# make the arrays.
#
# | formula | is computed by |
# |---|---|
# | (1) | `ngrams.count_levels`, `kernels.counting.count_windows`; by hand `relative_frequencies` |
# | (2) | by hand `naive` |
