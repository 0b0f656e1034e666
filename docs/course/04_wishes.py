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
# # 4 Exact sampling under wishes
#
# A melody shall begin on the tonic, have a motif somewhere and end with a close. Drawing from
# left to right and hoping does not get there. Two passes do, exactly: one backwards that asks
# what is still possible, one forwards that draws. It takes about 20 minutes.
#
# ## Definition
#
# A *weighted automaton* reads a sequence symbol by symbol. In a state $s$ the symbol $x$ adds a
# log-weight $w(s, x)$ and leads to one state $\delta(s, x)$, or is refused, which is the weight
# $-\infty$. With more log-weights $u_t(x)$ for each step and $f$ for the last state, the law is
#
# $$P(x) = \frac1Z \exp\left(\sum_t u_t(x_t) + \sum_t w(s_{t-1}, x_t) + f(s_T)\right). \tag{1}$$
#
# A Markov chain is such an automaton, its state the last symbol; "contains the motif" is one, its
# state how much of the motif has just been heard; and two automata read together are one again,
# whose states are pairs.

# %% [markdown]
# ## A real example
#
# Sopranos of Bach's chorales in major, as scale degrees with their octave, from a trigram model.

# %%
import numpy as np

from stats_composer import NGram
from stats_composer.io import read_corpus
from stats_composer.score import keys
from stats_composer.theory import MAJOR, TICKS_PER_QUARTER, pitch_name
from stats_composer.views import melody_table

corpus = read_corpus("music21:bach", n_jobs=2)
pitches = []
for score in corpus:
    tonic, mode = keys(score)[0][1:]
    if len(score.voices) == 4 and mode == MAJOR:
        pitches.append(melody_table(score)["pitch"] - ((7 * tonic + 6) % 12 - 6))
alphabet = np.unique(np.concatenate(pitches))
pieces = [np.searchsorted(alphabet, piece) for piece in pitches]
names = [pitch_name(int(pitch)) for pitch in alphabet]
n_symbols = len(alphabet)
model = NGram(3, n_symbols=n_symbols).fit(pieces)
print(len(pieces), "sopranos,", n_symbols, "pitches:", *names)

# %% [markdown]
# ## By hand, and by simulation
#
# First a chain of order 1, small enough for a table. We wish for eight notes that begin and end
# on C5. Drawing and hoping: how often does it come right?

# %%
counts = np.full((n_symbols, n_symbols), 0.1)
for piece in pieces:
    np.add.at(counts, (piece[:-1], piece[1:]), 1)
chain = counts / counts.sum(axis=1, keepdims=True)
home = names.index("C5")
n_steps = 8
rng = np.random.default_rng(0)


def draw(law):
    return int(rng.choice(n_symbols, p=law))


def hope():
    line = [home]
    while len(line) < n_steps:
        line.append(draw(chain[line[-1]]))
    return line


tries = [hope() for _ in range(4000)]
kept = np.array([line for line in tries if line[-1] == home])
print(f"{len(kept)} of {len(tries)} end on C5")

# %% [markdown]
# Drawing left to right and correcting the last note does not draw from the same law: its
# last-but-one note has no idea of what is coming. With *backward messages* it has. Let $m_t(s)$ be
# the weight of all ways to go on from $s$ after step $t$ and end well,
#
# $$m_{t-1}(s) = \sum_x e^{w(s, x) + u_t(x)}\, m_t(\delta(s, x)), \qquad Z = m_0(s_0). \tag{2}$$

# %%
messages = np.zeros((n_steps, n_symbols))
messages[-1, home] = 1
for t in range(n_steps - 1, 0, -1):
    messages[t - 1] = chain @ messages[t]
print(f"Z = {messages[0, home]:.4f}: the share that comes right by hope")


def knowing():
    line = [home]
    for t in range(1, n_steps):
        law = chain[line[-1]] * messages[t]
        line.append(draw(law / law.sum()))
    return line


def correcting():
    return [*hope()[:-1], home]


def before_last(lines):
    return np.bincount(np.array(lines)[:, -2], minlength=n_symbols) / len(lines)


for label, lines in (
    ("kept of those by hope", kept),
    ("with messages", [knowing() for _ in range(2000)]),
    ("last note corrected", [correcting() for _ in range(2000)]),
):
    likely = before_last(lines)
    top = np.argsort(-likely)[:4]
    print(f"{label:>22}, note before the last:", *(f"{names[i]} {likely[i]:.2f}" for i in top))

# %% [markdown]
# ## The library's call
#
# `Chain` has the law (1) of one voice: unary log-weights and any number of automata. The same
# eight notes, and the same $Z$:

# %%
from stats_composer.factors import Automaton
from stats_composer.sampling.chain import Chain

unary = np.zeros((n_steps, n_symbols))
for step in (0, n_steps - 1):
    unary[step, np.arange(n_symbols) != home] = -np.inf
law = Chain(unary, [Automaton.first_order(np.log(chain), n_steps)])
print(f"Z = {np.exp(law.log_normaliser):.4f}")

# %% [markdown]
# Now the whole wish, sixteen notes: begin and end on C5, the note before the last is a step
# away, the range is an octave, and somewhere come the notes E D E F G. The motif's automaton counts
# how much of it has been heard, and falls back to the longest beginning that still fits:

# %%
motif = [names.index(name) for name in ("E5", "D5", "E5", "F5", "G5")]


def heard(kind, length, symbol):
    if length == len(motif):
        return length, 0.0
    now = [*motif[:length], symbol]
    return max(k for k in range(len(now) + 1) if now[len(now) - k :] == motif[:k]), 0.0


n_steps = 16
contains = Automaton.from_rule(
    heard,
    np.zeros(n_steps, np.int64),
    n_symbols,
    0,
    final=lambda length: 0.0 if length == len(motif) else -np.inf,
)
unary = np.zeros((n_steps, n_symbols))
outside = (alphabet < 67) | (alphabet > 79)
unary[:, outside] = -np.inf
for step in (0, n_steps - 1):
    unary[step, np.arange(n_symbols) != home] = -np.inf
unary[-2, ~np.isin(alphabet, [71, 74])] = -np.inf

wished = Chain(unary, [model.automaton(n_steps, unary == 0), contains])
print(f"by hope one line in {np.exp(-wished.log_normaliser):,.0f} would do")
lines = wished.sample(1000, random_state=1)
text = [" ".join(names[symbol] for symbol in line) for line in lines[:3]]
print(*text, sep="\n")

# %%
from stats_composer import Score
from stats_composer.score import make_notes, respell

onset = np.arange(n_steps) * TICKS_PER_QUARTER
respell(Score(make_notes(onset=onset, pitch=alphabet[lines[0]])))

# %% [markdown]
# Where does the motif come? The marginals need no drawing: they are computed by the same messages.

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
inside = np.flatnonzero(~outside)
image = axes.imshow(wished.marginals()[:, inside].T, origin="lower", aspect="auto", cmap="Greys")
axes.set(xlabel="step", yticks=range(len(inside)), yticklabels=[names[i] for i in inside])
figure.colorbar(image, label="probability")
plt.show()

# %% [markdown]
# ## Theorem
#
# *Forward draws with backward messages are independent draws from (1), and nothing else.* For
#
# $$P(x_t \mid x_1, \ldots, x_{t-1}) = e^{w(s_{t-1}, x_t) + u_t(x_t)}\,
#   \frac{m_t(s_t)}{m_{t-1}(s_{t-1})} \tag{3}$$
#
# is a law by (2), and in the product over $t$ all messages but $m_0 = Z$ and $m_T = e^f$ cancel. A
# line that breaks a wish has weight zero and never comes. On something small enough to list:

# %%
from itertools import product

small = Chain(
    np.log(np.array([[0.5, 0.3, 0.2]] * 4)),
    [Automaton.first_order(np.log(np.array([[0.1, 1, 1], [1, 0.1, 1], [1, 1, 0.1]])), 4)],
)
every = np.array(list(product(range(3), repeat=4)))
exact = np.exp(small.log_prob(every))
drawn = small.sample(20_000, random_state=0)
found = np.bincount(drawn @ [27, 9, 3, 1], minlength=81) / 20_000
chi_square = 20_000 * ((found - exact) ** 2 / exact).sum()
print(f"sum of all: {exact.sum():.12f}; chi-square {chi_square:.0f} on 80 degrees of freedom")
assert chi_square < 125

# %% [markdown]
# ## The experiment in which it fails
#
# Exactness costs states. "Each of $k$ pitches comes exactly once" must remember *which* have been
# heard, all subsets of them:


# %%
def once_each(k):
    def rule(kind, heard, symbol):
        return None if heard >> symbol & 1 else (heard | 1 << symbol, 0.0)

    return Automaton.from_rule(rule, np.zeros(k, np.int64), k, 0)


for k in (4, 6, 8, 10):
    automaton = once_each(k)
    rows = np.exp(Chain(np.zeros((k, k)), [automaton]).log_normaliser)
    print(f"{k:2} pitches: {automaton.n_states:5} states, {rows:,.0f} rows")

# %% [markdown]
# A twelve-tone row takes 4,096 states, which is nothing; a row of 40 would take a million
# millions. And what ties *voices* together, as no parallel fifths does, is no automaton of one
# voice at all: four voices at once have as many states as there are chords. There sampling is by
# Markov chain Monte Carlo, exact only in the long run: chapter 7.

# %%
from stats_composer.errors import ConstraintError

try:
    follow = Automaton.first_order(np.zeros((10, 10)), 10)
    Chain(np.zeros((10, 10)), [once_each(10), follow], max_states=5000)
except ConstraintError as error:
    print(error)

# %% [markdown]
# ## Exercises
#
# **1.** How many lines of eight notes over three pitches never repeat a pitch at once? Find it by
# `log_normaliser`, and by counting on paper.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
never = np.where(np.eye(3) > 0, -np.inf, 0.0)
number = np.exp(Chain(np.zeros((8, 3)), [Automaton.first_order(never, 8)]).log_normaliser)
print(round(number))
assert round(number) == 3 * 2**7

# %% [markdown]
# **2.** What is the probability that the motif comes in sixteen notes that only begin on C5? Take
# the quotient of two normalisers.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
begin = np.zeros((16, n_symbols))
begin[0, np.arange(n_symbols) != home] = -np.inf
free = model.automaton(16, begin == 0)
both, alone = (Chain(begin, automata).log_normaliser for automata in ([free, contains], [free]))
print(f"{np.exp(both - alone):.2e}")
assert 0 < np.exp(both - alone) < 0.05

# %% [markdown]
# **3.** Write an automaton for "at most two leaps" (of more than four semitones), and draw a line
# that keeps it.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}


def leaps(kind, state, symbol):
    last, n = state
    n += last is not None and abs(alphabet[symbol] - alphabet[last]) > 4
    return None if n > 2 else ((symbol, int(n)), 0.0)


few = Automaton.from_rule(leaps, np.zeros(16, np.int64), n_symbols, (None, 0))
calm = Chain(begin, [free, few]).sample(200, random_state=0)
assert (np.abs(np.diff(alphabet[calm], axis=1)) > 4).sum(axis=1).max() <= 2
print(*(names[symbol] for symbol in calm[0]))

# %% [markdown]
# ## Sources
#
# L. R. Rabiner, *A Tutorial on Hidden Markov Models* (1989), section III; F. Pachet, P. Roy,
# G. Barbieri, *Finite-Length Markov Processes with Constraints* (2011), sections 3 and 4;
# A. Papadopoulos, P. Roy, F. Pachet, *Exact Sampling for Regular and Markov Constraints with
# Belief Propagation* (2015). Formulas (1) to (3) are numbered in `kernels.chain`, and the lines
# that compute them bear the numbers.
#
# | formula | is computed by |
# |---|---|
# | (1) | `kernels.chain.weigh_path`, its (1) |
# | (2) | `kernels.chain.backward_messages`, its (2); by hand `messages` |
# | (3) | `kernels.chain.draw_paths`, its (3); by hand `knowing` |
