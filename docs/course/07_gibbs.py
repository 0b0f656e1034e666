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
# # 7 Gibbs sampling and its diagnostics
#
# Four voices at once cannot be drawn in one go. Gibbs sampling redraws one note at a time, given
# all others, for ever. When is it long enough? And when is it never? It takes about 20 minutes.
#
# ## Definition
#
# One *sweep* of the Gibbs sampler visits each site $i$ and redraws its symbol from
#
# $$P(x_i = a \mid x_{-i}) = \frac{\exp(w(x_{-i}, a))}{\sum_b \exp(w(x_{-i}, b))}, \tag{1}$$
#
# where $w(x_{-i}, a)$ is the log-weight of the piece with $a$ there. The normaliser of the whole
# law cancels. Several chains from different starts are compared by the *split* $\hat R$: with $W$
# the mean variance within the (half) chains of $n$ draws, and $B / n$ the variance of their means,
#
# $$\hat R^2 = \frac{n - 1}{n} + \frac{B}{n\,W}, \tag{2}$$
#
# which is 1 where all have forgotten where they came from. The *effective sample size* of $m$
# chains of $n$ draws with autocorrelations $\rho_k$ is
#
# $$S = \frac{mn}{1 + 2 \sum_k \rho_k}. \tag{3}$$

# %% [markdown]
# ## By hand, and by simulation
#
# Two voices of three steps and three symbols that attract each other, 729 pieces in all: the law
# can be listed, and the sampler checked against it.

# %%
from itertools import product

import numpy as np

rng = np.random.default_rng(0)
coupling = rng.normal(size=(3, 3))


def log_weight(x):
    lines = np.asarray(x).reshape(3, 2)
    along = coupling[lines[:-1], lines[1:]].sum()
    return along + 1.5 * (lines[:, 0] == lines[:, 1]).sum()


every = np.array(list(product(range(3), repeat=6)))
exact = np.exp([log_weight(x) for x in every])
exact /= exact.sum()


def gibbs_sweep(x):
    for i in range(6):
        weights = []
        for symbol in range(3):
            x[i] = symbol
            weights.append(log_weight(x))
        p = np.exp(np.array(weights) - max(weights))
        x[i] = rng.choice(3, p=p / p.sum())


x, visits = np.zeros(6, int), np.zeros(729)
for _ in range(3000):
    gibbs_sweep(x)
    visits[x @ 3 ** np.arange(5, -1, -1)] += 1
distance = 0.5 * np.abs(visits / visits.sum() - exact).sum()
independent = rng.multinomial(3000, exact) / 3000
print(f"total variation {distance:.3f}; of 3,000 independent draws "
      f"{0.5 * np.abs(independent - exact).sum():.3f}")  # fmt: skip

# %% [markdown]
# ## Theorem
#
# *The law is stationary, and if every piece can be reached it is the only one.* Redrawing a site by
# (1) keeps *detailed balance*: for pieces $x, y$ that differ at $i$ alone,
#
# $$P(x)\, K_i(x, y) = P(x)\, \frac{P(y)}{\sum_b P(x_{-i}, b)} = P(y)\, K_i(y, x). \tag{4}$$
#
# So $PK = P$ for a sweep $K$; and where $K^n$ has no zero for some $n$, chapter 2's theorem says
# that the start is forgotten, geometrically fast. On the small law the kernel is a matrix:

# %%
place = 3 ** np.arange(5, -1, -1)
kernel = np.eye(729)
for i in range(6):
    site = np.zeros((729, 729))
    for j, start in enumerate(every):
        reached = [start @ place + (b - start[i]) * place[i] for b in range(3)]
        site[j, reached] = exact[reached] / exact[reached].sum()
    kernel = kernel @ site
second = np.sort(np.abs(np.linalg.eigvals(kernel)))[-2]
print(f"|PK - P| = {np.abs(exact @ kernel - exact).max():.1e}; second eigenvalue {second:.3f}")
assert np.abs(exact @ kernel - exact).max() < 1e-12

# %% [markdown]
# ## A real example
#
# The model of Bach's pairs of chapter 5. First under a given soprano, as in harmonizing:

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

# %% [markdown]
# ## The library's call
#
# `GibbsSampler` is one chain; `energy_traces` runs several and notes the energy, minus the
# log-weight; `diagnose` judges the traces by (2) and (3).

# %%
from stats_composer.models.maxent import ContrastiveDivergence, PairwiseMaxEnt
from stats_composer.render import trace_plot
from stats_composer.sampling.diagnostics import diagnose, energy_traces
from stats_composer.sampling.gibbs import GibbsSampler

finish = ContrastiveDivergence(n_sweeps=10, n_steps=100, window=32, learning_rate=0.02)
model = PairwiseMaxEnt(max_lag=4, max_diagonal=1, random_state=0, finish=finish).fit(grids)
n_symbols = [len(alphabet) for alphabet in alphabets]
tune = grids[0][:32]


def chains(free, n=4):
    samplers = []
    for seed in range(n):
        start = np.random.default_rng(seed).integers(0, n_symbols, size=tune.shape)
        start = np.where(free, start, tune)
        samplers.append(GibbsSampler(model, start, free=free, random_state=seed))
    return samplers


given = np.ones(tune.shape, bool)
given[:, 0] = False
traces = energy_traces(chains(given), 400, sweeps=10, burn_in=100)
trace_plot(traces, label="energy, nats", caption=str(diagnose(traces)))

# %% [markdown]
# The chains agree. Their first sweeps, without burn-in, are another matter: they come from noise.

# %%
begin = energy_traces(chains(given), 40, sweeps=1)
trace_plot(begin, label="energy, nats", caption=str(diagnose(begin)))

# %% [markdown]
# And without a soprano, the same model and as long a run: a chain takes far longer to go from one
# way of being a piece to another.

# %%
free = energy_traces(chains(np.ones(tune.shape, bool)), 400, sweeps=10, burn_in=100)
trace_plot(free, label="energy, nats", caption=str(diagnose(free)))

# %% [markdown]
# A single chain can never tell: it does not know what it has not seen.

# %%
print(diagnose(free[:1]))

# %% [markdown]
# ## The experiment in which it fails
#
# "If every piece can be reached." A wish can forbid all ways between two pieces that both keep it.
# Six steps, at each of which a note is struck (1) or not (0), and the wish for *exactly three
# notes*: twenty rhythms. Redrawing one step would make two or four of them, so that no step may
# change, whatever the law:


# %%
def keeps(x):
    return sum(x) == 3


rhythm = [1, 1, 1, 0, 0, 0]
seen = {tuple(rhythm)}
for _ in range(2000):
    i = rng.integers(6)
    other = list(rhythm)
    other[i] = int(rng.integers(2))
    if keeps(other):  # the conditional (1) under a hard wish
        rhythm = other
    seen.add(tuple(rhythm))
print(len(seen), "of 20 rhythms seen, one step at a time")

# %% [markdown]
# The chain stands still, and the law of the wish is not the only stationary one. The remedy is a
# move that sees the whole line: the wish is an *automaton* (chapter 4), and a stretch of the line
# is redrawn through it, exactly. `GibbsSampler` makes such *row moves* on every line with an
# automaton:

# %%
from stats_composer.factors import Automaton, Factors
from stats_composer.models.maxent import Field, MaxEnt, Pair


def count(kind, struck, symbol):
    return (struck + symbol, 0.0) if struck + symbol <= 3 else None


three = Automaton.from_rule(
    count, np.zeros(6, np.int64), 2, 0, final=lambda struck: 0.0 if struck == 3 else -np.inf
)
rhythms = [rng.integers(0, 2, size=(6, 1)) for _ in range(50)]
small = MaxEnt([Field(), Pair(max_lag=1)], random_state=0).fit(rhythms)
factors = Factors(np.zeros((6, 1, 2)), automata={0: (three,)})
start = np.array([[1], [1], [1], [0], [0], [0]])
sampler = GibbsSampler(small, start, factors, random_state=0)
drawn = [tuple(sampler.run([1.0])[:, 0].tolist()) for _ in range(4000)]

legal = [x for x in product(range(2), repeat=6) if keeps(x)]
law = np.exp([small.log_weight(np.array(x)[:, None]) for x in legal])
law /= law.sum()
share = np.array([drawn.count(x) for x in legal]) / len(drawn)
print(f"{len(set(drawn))} of 20 seen; total variation {0.5 * np.abs(share - law).sum():.3f}")

# %% [markdown]
# ## Exercises
#
# **1.** Two notes that must be equal (both 0 or both 1, each with probability one half): show that
# the single-site sampler never leaves its start, and that its $\hat R$ says so with two chains but
# not with one.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
stuck = np.array([[0.0] * 100, [1.0] * 100])  # the sum of the notes, in two chains
print(diagnose(stuck), "|", diagnose(stuck[:1]))
assert not diagnose(stuck).mixed and np.isinf(diagnose(stuck).r_hat)

# %% [markdown]
# **2.** For a chain $y_t = \phi y_{t-1} + \varepsilon_t$ the sum in (3) is $\phi / (1 - \phi)$.
# Compare `effective_sample_size` with it for $\phi = 0.9$.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
from stats_composer.sampling.diagnostics import effective_sample_size

noise = rng.normal(size=(4, 5000))
walk = np.zeros((4, 5000))
for t in range(1, 5000):
    walk[:, t] = 0.9 * walk[:, t - 1] + noise[:, t]
expected = 20_000 / (1 + 2 * 0.9 / 0.1)
print(f"{effective_sample_size(walk):.0f}, expected {expected:.0f}")
assert 0.7 < effective_sample_size(walk) / expected < 1.4

# %% [markdown]
# **3.** How many sweeps does the small law of 729 pieces need until its start is forgotten up to a
# total variation of .01, from the worst start? Use powers of the kernel.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
power, sweeps = kernel.copy(), 1
while 0.5 * np.abs(power - exact).sum(axis=1).max() > 0.01:
    power, sweeps = power @ kernel, sweeps + 1
print(sweeps)
assert second**sweeps < 0.1

# %% [markdown]
# ## Sources
#
# S. Geman, D. Geman, *Stochastic Relaxation, Gibbs Distributions, and the Bayesian Restoration of
# Images* (1984), sections X and XII; A. Vehtari et al., *Rank-Normalization, Folding, and
# Localization: an Improved R-hat* (2021), sections 3 and 4; C. J. Geyer, *Practical Markov Chain
# Monte Carlo* (1992), section 3.3. The moves stand, with their formulas, in `kernels.gibbs` and
# `sampling.moves`, formulas (2) and (3) in `sampling.diagnostics`.
#
# | formula | is computed by |
# |---|---|
# | (1) | `kernels.gibbs.draw_sites`, its (2); by hand `gibbs_sweep` |
# | (2) | `sampling.diagnostics.split_r_hat`, its (1) |
# | (3) | `sampling.diagnostics.effective_sample_size`, its (2) |
# | (4) | by hand `kernel` |
