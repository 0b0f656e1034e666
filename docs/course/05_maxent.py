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
# # 5 Maximum entropy: from two spins to Bach's pairs
#
# Which law knows the averages that we counted, and nothing else? This chapter finds it for two
# coins on paper, then for four voices with all pairs of their notes, and meets what pairs cannot
# know. It takes about 20 minutes.
#
# ## Definition
#
# Given features $f_k(x)$ and their means $\mu_k$ in a corpus, the *maximum-entropy law* is the one
# of largest entropy among all laws with these means. It has the form
#
# $$P(x) = \frac1Z \exp\left(\sum_k w_k f_k(x)\right), \tag{1}$$
#
# an *exponential family*, with one weight a feature. $E(x) = -\sum_k w_k f_k(x)$ is the *energy*.
# If the features say "voice $a$ has the symbol $i$ here and voice $b$ has $j$ there", the weights
# are *couplings* $J_{ab}(i, j)$, and those of one symbol alone are *fields* $h_a(i)$: the Ising
# and Potts models of physics.

# %% [markdown]
# ## By hand: two spins
#
# Two voices go up ($+1$) or down ($-1$) at each step of a chorale. They are up so and so often,
# and go the same way so and so often. Here are the soprano and the bass:

# %%
import warnings

import numpy as np

from stats_composer.errors import ScoreWarning
from stats_composer.io import read_corpus
from stats_composer.score import keys
from stats_composer.theory import MAJOR, TICKS_PER_QUARTER
from stats_composer.views import grid

warnings.simplefilter("ignore", ScoreWarning)  # notes between the steps are left out on purpose
corpus = read_corpus("music21:bach", n_jobs=2)
pieces = []
for score in corpus:
    tonic, mode = keys(score)[0][1:]
    if len(score.voices) == 4 and mode == MAJOR:
        pitch, _ = grid(score, TICKS_PER_QUARTER // 2)
        if (pitch >= 0).all():
            pieces.append(pitch - ((7 * tonic + 6) % 12 - 6))
moves = np.concatenate([np.diff(piece[::2, [0, 3]], axis=0) for piece in pieces])
spins = np.sign(moves[(moves != 0).all(axis=1)])
up = spins.mean(axis=0)
same = (spins[:, 0] * spins[:, 1]).mean()
print(len(pieces), f"chorales; mean spins {up.round(3)}, mean product {same:.3f}")

# %% [markdown]
# With $f = (s_1, s_2, s_1 s_2)$ the law is $P(s) \propto \exp(h_1 s_1 + h_2 s_2 + J s_1 s_2)$.
# There are four states, and three equations for three weights; taking logarithms of the four
# frequencies gives
#
# $$J = \frac14 \log \frac{P(++)\,P(--)}{P(+-)\,P(-+)}. \tag{2}$$

# %%
states = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
share = np.array([(spins == state).all(axis=1).mean() for state in states])
on_paper = 0.25 * np.log(share[0] * share[3] / (share[1] * share[2]))
print(f"J = {on_paper:.4f}: negative, soprano and bass like to part")

# %% [markdown]
# And by climbing: the gradient of the log-likelihood by a weight is the mean of its feature in the
# corpus less that in the model, which is the whole theory of learning in this chapter.

# %%
features = np.column_stack([states, states.prod(axis=1)])
target = share @ features
weights = np.zeros(3)
for _ in range(200):
    law = np.exp(features @ weights)
    law /= law.sum()
    weights += 0.5 * (target - law @ features)
print("h1, h2, J =", weights.round(4))
assert np.isclose(weights[2], on_paper, atol=1e-6)

# %% [markdown]
# ## The library's call
#
# `MaxEnt` takes a list of terms, tables of weights for what a few sites do together. Two lines of
# two symbols, one coupling at lag 0; its table has four entries where we had one number, of which
# only the contrast matters:

# %%
from stats_composer.models.maxent import LBFGS, ContrastiveDivergence, Field, MaxEnt, Motion, Pair

pairs = [(spins > 0).astype(int)]
ising = MaxEnt([Field(0.0), Pair(0.0, max_lag=0, max_diagonal=0)], solver=LBFGS()).fit(pairs)
table = ising.coupling(0, 1, 0)[0]
contrast = (table[0, 0] + table[1, 1] - table[0, 1] - table[1, 0]) / 4
print(f"J = {contrast:.3f}")
assert np.isclose(contrast, on_paper, atol=0.01)

# %% [markdown]
# ## A real example: Bach's pairs
#
# Four voices in eighths, each pitch a symbol, and couplings of all pairs of voices at the same
# moment, an eighth apart, and of each voice with itself up to four eighths: some hundred thousand
# weights. (The finish by contrastive divergence is the subject of the next chapter.)

# %%
alphabets = [np.unique(np.concatenate([piece[:, v] for piece in pieces])) for v in range(4)]
widest = max(map(len, alphabets))
labels = np.full((4, widest), -1)
for v, alphabet in enumerate(alphabets):
    labels[v, : len(alphabet)] = alphabet
grids = [
    np.column_stack([np.searchsorted(alphabets[v], piece[:, v]) for v in range(4)])
    for piece in pieces
]
finish = ContrastiveDivergence(n_sweeps=10, n_steps=80, window=32, learning_rate=0.02)
model = MaxEnt([Field(), Pair(max_lag=4, max_diagonal=1)], labels=labels, finish=finish)
model.random_state = 0
model.fit(grids)
print(f"{model.weights_.vector.size:,} weights")

# %% [markdown]
# What it learned of a soprano note and the next: red attracts. Repeating and stepping attract, and
# so does the way home from the leading tone.

# %%
from stats_composer.render import coupling_maps
from stats_composer.theory import pitch_name

common = np.flatnonzero(np.isin(alphabets[0], [67, 69, 71, 72, 74, 76, 77, 79]))
names = [pitch_name(int(pitch)) for pitch in alphabets[0][common]]
coupling_maps(
    {
        f"{lag} eighth{'s' * (lag > 1)} later": model.coupling(0, 0, lag)[0][np.ix_(common, common)]
        for lag in (1, 2, 4)
    },
    names,
)

# %% [markdown]
# Does the model's own music have the corpus's pairs? We let it compose, and set the frequencies of
# all pairs against Bach's:

# %%
from stats_composer.evaluation.pairs import pair_frequencies
from stats_composer.render import pair_scatter

drawn = list(model.sample(60, n_steps=64, n_chains=20, burn_in=100, thin=20, random_state=0))
bach = pair_frequencies(grids, model.pairs_, n_symbols=widest)
own = pair_frequencies(drawn, model.pairs_, n_symbols=widest)
independent = [
    np.column_stack([np.random.default_rng(v).permutation(grid[:, v]) for v in range(4)])
    for grid in grids
]
shuffled = pair_frequencies(independent, model.pairs_, n_symbols=widest)
pair_scatter(bach, {"voices shuffled": shuffled, "model": own})

# %% [markdown]
# ## Theorem
#
# *The law (1) with the corpus's means is unique, is the maximum-entropy law, and is the maximum of
# the likelihood.* For the log-likelihood of a corpus with means $\mu$ is
#
# $$\ell(w) = \sum_k w_k \mu_k - \log Z(w), \qquad
#   \frac{\partial \ell}{\partial w_k} = \mu_k - \mathrm{E}_w[f_k], \tag{3}$$
#
# and its second derivatives are minus the covariances of the features, so that it is concave. At
# the maximum the means agree; and any other law $q$ with these means has
# $H(P) - H(q) = \mathrm{KL}(q, P) \ge 0$. On the two spins, where all is computable:

# %%
rng = np.random.default_rng(0)


def entropy(p):
    return -(p * np.log(p)).sum()


tilt = np.array([1, -1, -1, 1]) / 4  # the one direction that keeps both means of single spins
for eps in (-0.1, -0.05, 0.05, 0.1):
    single = np.outer([1 + up[0], 1 - up[0]], [1 + up[1], 1 - up[1]]).ravel() / 4
    print(f"product moved by {eps:+.2f}: entropy {entropy(single + eps * tilt):.5f}")
print(f"independent spins:      {entropy(single):.5f}, the largest with those single means")

# %% [markdown]
# ## The experiment in which it fails
#
# The pairs are right. Are the pieces? Count parallel fifths and octaves, which every student is
# taught to avoid: two voices, both moving, from one perfect interval to the same.

# %%
from stats_composer.evaluation.card import count_parallels


def parallels(grids):
    """Count them for every 100 notes."""
    found = notes = 0
    for symbols in grids:
        pitch = np.column_stack([alphabets[v][symbols[:, v]] for v in range(4)])
        found += count_parallels(pitch)
        notes += (np.diff(pitch, axis=0) != 0).sum() + 4
    return 100 * found / notes


print(f"Bach {parallels(grids):.2f}, the model of pairs {parallels(drawn):.2f} per 100 notes")

# %% [markdown]
# Some thirty times too many. A parallel is made of *four* notes, and a law that knows the pairs
# alone has, by the theorem, no opinion on what four do beyond what their pairs imply. The remedy is
# the theorem's own: add the feature. `Motion` counts the interval of two voices, the interval
# after, and how they moved:

# %%
better = MaxEnt([Field(), Pair(max_lag=4, max_diagonal=1), Motion()], labels=labels, finish=finish)
better.random_state = 0
better.fit(grids)
moved = list(better.sample(60, n_steps=64, n_chains=20, burn_in=100, thin=20, random_state=0))
print(f"with motion {parallels(moved):.2f} per 100 notes")

# %% [markdown]
# Most are gone. What the bundled composer adds to get to Bach's own rate is in its list of terms:

# %%
from stats_composer import ChoraleComposer
from stats_composer.evaluation.card import card

composer = ChoraleComposer.bundled()
print(*dict.fromkeys(type(term).__name__ for term in composer.skeleton_.terms), sep=", ")
composed = composer.compose(bars=8, n=4, random_state=0, key="C")
print(card(composed))

# %% [markdown]
# ## Exercises
#
# **1.** Add a third voice of spins, say the alto, and find all couplings by climbing. Which two
# voices are most against each other?

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
three = np.concatenate([np.diff(piece[::2, [0, 1, 3]], axis=0) for piece in pieces])
three = np.sign(three[(three != 0).all(axis=1)])
cube = np.array([[a, b, c] for a in (1, -1) for b in (1, -1) for c in (1, -1)])


def couples(s):
    return np.column_stack([s, s[:, 0] * s[:, 1], s[:, 0] * s[:, 2], s[:, 1] * s[:, 2]])


weights = np.zeros(6)
for _ in range(2000):
    law = np.exp(couples(cube) @ weights)
    law /= law.sum()
    weights += 0.2 * (couples(three).mean(axis=0) - law @ couples(cube))
print(dict(zip(("S-A", "S-B", "A-B"), weights[3:].round(3).tolist(), strict=True)))
assert np.allclose(couples(three).mean(axis=0), law @ couples(cube), atol=1e-6)

# %% [markdown]
# **2.** Show by (1) that adding a constant to a whole table of couplings changes no probability.
# (Weights are no observables: only contrasts such as (2) are.)

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
laws = np.exp(features @ [0.1, 0.2, -0.3] + np.array([[0.0], [3.0]]))
laws /= laws.sum(axis=1, keepdims=True)
print(laws.round(6))
assert np.allclose(laws[0], laws[1])

# %% [markdown]
# **3.** How many of the corpus's chords (four pitches at once) does the model of pairs repeat, and
# how many did nobody write? Compare with voices drawn independently.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
known = {tuple(row) for grid in grids for row in grid.tolist()}
cited = {
    name: np.mean([tuple(row) in known for grid in some for row in grid.tolist()])
    for name, some in (("model", drawn), ("independent", independent))
}
print({name: f"{value:.0%}" for name, value in cited.items()})
assert cited["model"] > 2 * cited["independent"]

# %% [markdown]
# ## Sources
#
# E. T. Jaynes, *Information Theory and Statistical Mechanics* (1957), section 2; M. J. Wainwright,
# M. I. Jordan, *Graphical Models, Exponential Families, and Variational Inference* (2008),
# sections 3.1 and 3.6; G. Hadjeres, J. Sakellariou, F. Pachet, *Style Imitation and Chord Invention
# in Polyphonic Music with Exponential Families* (2016), sections 2 to 4. The terms stand in
# `models.maxent.terms`, the gradient (3) in `models.maxent.divergence`, formula (1).
#
# | formula | is computed by |
# |---|---|
# | (1) | `models.maxent.MaxEnt.log_weight`; its sum `kernels.sites.visit_site` |
# | (2) | by hand `on_paper` |
# | (3) | `models.maxent.divergence.Chains`, its (1); by hand `weights` |
