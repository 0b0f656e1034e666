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
# # 6 Pseudo-likelihood, contrastive divergence, and freezing
#
# The normaliser of a chorale model is a sum over more pieces than there are atoms. Two ways around
# it: ask for each note given all others, or compare the corpus with what a few sweeps make of it.
# The first is quick and can go badly wrong, which is the experiment of this chapter. It takes
# about 20 minutes.
#
# ## Definition
#
# The *pseudo-likelihood* (Besag) multiplies the conditionals of all sites,
#
# $$\log \mathrm{PL}(w) = \sum_i \log P_w(x_i \mid x_{-i}), \tag{1}$$
#
# each normalised over the symbols of one site alone. *Contrastive divergence* (Hinton) follows the
# gradient of the likelihood, with chains that start at the corpus and run only $k$ sweeps in the
# place of the model's own law:
#
# $$g_k = \mu - \mathrm{E}_{x \sim \text{corpus} \cdot K_w^k}[f(x)]. \tag{2}$$

# %% [markdown]
# ## By hand, on a law that can be summed
#
# Eight binary steps around a circle, with one weight $J$ for neighbours that agree. There are 256
# states: likelihood, pseudo-likelihood and contrastive divergence can all be computed. We draw
# data from $J = 0.6$ and let the three find it.

# %%
import numpy as np

states = np.array([[i >> t & 1 for t in range(8)] for i in range(256)]) * 2 - 1
agree = (states * np.roll(states, 1, axis=1)).sum(axis=1)


def law(weight):
    p = np.exp(weight * agree)
    return p / p.sum()


rng = np.random.default_rng(0)
data = rng.choice(256, size=2000, p=law(0.6))
candidates = np.linspace(0, 1.2, 121)
likelihood = [weight * agree[data].mean() - np.log(np.exp(weight * agree).sum())
              for weight in candidates]  # fmt: skip

neighbours = np.roll(states, 1, axis=1) + np.roll(states, -1, axis=1)
pseudo = [
    -np.log1p(np.exp(-2 * weight * states[data] * neighbours[data])).sum(axis=1).mean()
    for weight in candidates
]


def sweep(x, weight):
    x = x.copy()
    for t in range(8):
        around = x[:, t - 1] + x[:, (t + 1) % 8]
        x[:, t] = np.where(rng.random(len(x)) < 1 / (1 + np.exp(-2 * weight * around)), 1, -1)
    return x


weight = 0.0
for _ in range(300):
    after = sweep(states[data], weight)
    weight += 0.02 * (agree[data].mean() - (after * np.roll(after, 1, axis=1)).sum(axis=1).mean())
found = [candidates[np.argmax(likelihood)], candidates[np.argmax(pseudo)], weight]
print("likelihood {:.2f}, pseudo-likelihood {:.2f}, contrastive divergence {:.2f}".format(*found))
assert all(abs(value - 0.6) < 0.05 for value in found)

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.plot(candidates, np.array(likelihood) - max(likelihood), label="log-likelihood")
axes.plot(candidates, np.array(pseudo) - max(pseudo), label="log-pseudo-likelihood")
axes.axvline(0.6, color="0.7", linewidth=1)
axes.set(xlabel="J", ylabel="below its maximum, nats a sequence", ylim=(-1, 0.05))
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## A real example
#
# Bach's chorales in major on eighths, as in chapter 5.

# %%
import warnings

import numpy as np

from stats_composer.errors import ScoreWarning
from stats_composer.io import read_corpus
from stats_composer.score import keys
from stats_composer.theory import MAJOR, TICKS_PER_QUARTER
from stats_composer.views import grid

warnings.simplefilter("ignore", ScoreWarning)  # notes between the steps are left out on purpose
pieces = []
for score in read_corpus("music21:bach", n_jobs=2):
    tonic, mode = keys(score)[0][1:]
    if len(score.voices) == 4 and mode == MAJOR:
        pitch, _ = grid(score, TICKS_PER_QUARTER // 2)
        if (pitch >= 0).all():
            pieces.append(pitch - ((7 * tonic + 6) % 12 - 6))
alphabets = [np.unique(np.concatenate([piece[:, v] for piece in pieces])) for v in range(4)]
grids = [
    np.column_stack([np.searchsorted(alphabets[v], piece[:, v]) for v in range(4)])
    for piece in pieces
]
n_symbols = max(map(len, alphabets))
print(len(grids), "chorales,", sum(map(len, grids)), "steps")

# %% [markdown]
# ## The library's call
#
# `MaxEnt` climbs the pseudo-likelihood; `score` is (1) a site, and no likelihood. `finish=` adds
# contrastive divergence, here of ten sweeps on windows of 32 steps.

# %%
from stats_composer.models.maxent import ContrastiveDivergence, PairwiseMaxEnt

pseudo = PairwiseMaxEnt(max_lag=4, max_diagonal=1, random_state=0).fit(grids)
finish = ContrastiveDivergence(n_sweeps=10, n_steps=100, window=32, learning_rate=0.02)
finished = PairwiseMaxEnt(max_lag=4, max_diagonal=1, random_state=0, finish=finish).fit(grids)
for name, model in (("pseudo-likelihood", pseudo), ("and contrastive divergence", finished)):
    print(f"{name}: {model.score(grids):.3f} nats a site")

# %% [markdown]
# The library's conditionals are those of (1), normalised over the symbols of a site; by hand, for
# one site of one chorale:

# %%
row, voice = 20, 0
weights = []
for symbol in range(len(alphabets[voice])):
    other = grids[0].copy()
    other[row, voice] = symbol
    weights.append(pseudo.log_weight(other))
weights = np.array(weights) - max(weights)
by_hand = weights[grids[0][row, voice]] - np.log(np.exp(weights).sum())
print(f"{by_hand:.4f} {pseudo.log_probs(grids[0])[row, voice]:.4f}")
assert np.isclose(by_hand, pseudo.log_probs(grids[0])[row, voice], atol=1e-3)

# %% [markdown]
# ## Theorem
#
# *Pseudo-likelihood is consistent:* if the data are independent draws from $P_{w^*}$, the expected
# gradient of (1) at $w^*$ is zero, site by site, since
#
# $$\mathrm{E}\left[f(x) - \mathrm{E}_{w^*}[f(x) \mid x_{-i}]\right] = 0, \tag{3}$$
#
# and (1) is concave in $w$. So with ever more data its maximum goes to $w^*$. So does that of
# contrastive divergence, where its fixed point is unique: at $w^*$ the corpus's law is the chain's
# own, and $k$ sweeps change no mean.
#
# Both have an *if*: the data are from the model. Bach is not.

# %% [markdown]
# ## The experiment in which it fails
#
# We let each model compose, and look again and again: after 20 sweeps, after 100, 500, 1,500. Are
# the pairs of its music those of the corpus, and does it repeat notes as often?

# %%
from stats_composer.evaluation.pairs import pair_correlation, pair_frequencies, repeat_rates

bach = pair_frequencies(grids, pseudo.pairs_, n_symbols=n_symbols)
print(f"Bach repeats the eighth before in {repeat_rates(grids, 4).mean():.2f} of steps")
ages = (20, 100, 500, 1500)
seen = {}
for name, model in (("pseudo-likelihood", pseudo), ("contrastive divergence", finished)):
    for sweeps in ages:
        drawn = model.sample(60, n_steps=64, n_chains=20, burn_in=sweeps, thin=20, random_state=0)
        own = pair_frequencies(drawn, model.pairs_, n_symbols=n_symbols)
        seen[name, sweeps] = pair_correlation(bach, own), repeat_rates(drawn, 4).mean()
        print(f"{name:>22}, {sweeps:5} sweeps: correlation of pairs {seen[name, sweeps][0]:.2f}, "
              f"repeats {seen[name, sweeps][1]:.2f}")  # fmt: skip

# %%
figure, both = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for name in ("pseudo-likelihood", "contrastive divergence"):
    for axes, index in zip(both, (0, 1), strict=True):
        axes.plot(ages, [seen[name, sweeps][index] for sweeps in ages], marker="o", label=name)
both[0].set(xscale="log", xlabel="sweeps", ylabel="correlation of pairs with Bach's")
both[1].set(xscale="log", xlabel="sweeps", ylabel="share of repeats")
both[1].axhline(repeat_rates(grids, 4).mean(), color="0.7", label="Bach")
both[1].legend(frameon=False, fontsize=8)
plt.show()

# %% [markdown]
# The model of pseudo-likelihood *freezes*: the longer it runs, the more it repeats, and the less
# its pairs are Bach's. Each conditional is right where Bach has been. But "repeat what was there"
# is so good a prediction that its weights grow, from all lags at once, and where all neighbours in
# time say "stay" nothing ever moves: a region of high weight far from the data, of which no
# conditional at the data knows. Contrastive divergence walks there from the data, sees the
# repeats rise, and pulls the weights back. Ours is a short finish, and past a thousand sweeps its
# chains drift as well; the bundled model's walks thousands of sweeps before it is done.
#
# A short run hides it: at 20 sweeps much is still the noise of the start. Always look at old
# chains. Listen to one of 1,500 sweeps:

# %%
from stats_composer import Part, Score
from stats_composer.views import from_grid


def listen(symbols):
    pitch = np.column_stack([alphabets[v][symbols[:, v]] for v in range(4)])
    struck = np.vstack([np.ones((1, 4), bool), np.diff(pitch, axis=0) != 0])
    parts = tuple(Part(name) for name in ("Soprano", "Alto", "Tenor", "Bass"))
    page = Score(grid_page, parts=parts, end=len(pitch) * TICKS_PER_QUARTER // 2)
    return from_grid(pitch, struck, page, TICKS_PER_QUARTER // 2)


grid_page = np.zeros(0, score.notes.dtype)
old = pseudo.sample(1, n_steps=48, n_chains=1, burn_in=1500, random_state=2)
listen(old[0])

# %% [markdown]
# and to one of the other model, as old:

# %%
old = finished.sample(1, n_steps=48, n_chains=1, burn_in=1500, random_state=2)
listen(old[0])

# %% [markdown]
# No piece yet, but music that moves. Chapter 5 says what it lacks.

# %% [markdown]
# ## Exercises
#
# **1.** On the circle, let the data come from *another* law: with probability 1/2 all steps are
# equal, else independent coins. Which weight does each method find, and which of them has the
# corpus's mean agreement?

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
mixed = np.where(rng.random((4000, 1)) < 0.5, 1, rng.choice([-1, 1], size=(4000, 8)))
mean = (mixed * np.roll(mixed, 1, axis=1)).sum(axis=1).mean()
around = np.roll(mixed, 1, axis=1) + np.roll(mixed, -1, axis=1)
by_pseudo = max(candidates, key=lambda w: -np.log1p(np.exp(-2 * w * mixed * around)).sum())
by_likelihood = max(candidates, key=lambda w: w * mean - np.log(np.exp(w * agree).sum()))
for name, w in (("likelihood", by_likelihood), ("pseudo-likelihood", by_pseudo)):
    print(f"{name}: J = {w:.2f}, its own mean agreement {law(w) @ agree:.2f}, corpus {mean:.2f}")
assert abs(law(by_likelihood) @ agree - mean) < abs(law(by_pseudo) @ agree - mean)

# %% [markdown]
# **2.** At which share of repeats would a voice stand still for a bar of eight eighths in every
# second bar, if steps were independent?

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
rate = 0.5 ** (1 / 8)
print(f"{rate:.3f}")
assert np.isclose(rate**8, 0.5) and rate > repeat_rates(grids, 4).max()

# %% [markdown]
# **3.** The pseudo-likelihood of the finished model is higher than that of the model which climbed
# it alone, or lower? Explain: what did the first one stop at?

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
print(f"{finished.score(grids):.3f} {pseudo.score(grids):.3f}")
# Eight epochs of stochastic steps end before the maximum; the finish goes on with the same
# corpus. A score alone says nothing of freezing either way.
assert finished.score(grids) > pseudo.score(grids)

# %% [markdown]
# ## Sources
#
# J. Besag, *Statistical Analysis of Non-Lattice Data* (1975), section 3; G. Hinton, *Training
# Products of Experts by Minimizing Contrastive Divergence* (2002), section 3; A. Decelle,
# C. Furtlehner, B. Seoane, *Equilibrium and Non-Equilibrium Regimes in the Learning of Restricted
# Boltzmann Machines* (2021). Formula (1) is computed by `models.maxent.pseudo`, formula (2) by
# `models.maxent.divergence`, and both are fed by `kernels.maxent`.
#
# | formula | is computed by |
# |---|---|
# | (1) | `models.maxent.solvers`, `kernels.maxent.value_and_gradient`, its (1); by hand `pseudo` |
# | (2) | `models.maxent.divergence.Chains`, its (1); by hand `listen` |
# | (3) | by hand `by_pseudo` |
