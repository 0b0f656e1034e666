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
# # 8 K-means: textures and plans
#
# Bars come in kinds: running, turning, holding, closing. K-means finds kinds without being told,
# in whatever units it is given, which is its danger. The kinds, as symbols, have a grammar of their
# own: the plan of a tune. It takes about 15 minutes.
#
# ## Definition
#
# Given rows $x_1, \ldots, x_N$, find $k$ centers $c_1, \ldots, c_k$ that make the *inertia* small,
#
# $$I(c) = \sum_{i=1}^{N} \min_j \lVert x_i - c_j \rVert^2. \tag{1}$$
#
# *Lloyd's iteration* gives each row to its nearest center, moves each center to the mean of its
# rows, and goes on until nothing changes. *k-means++* draws the first centers from the rows, each
# with probability proportional to its squared distance from those already drawn.

# %% [markdown]
# ## A real example
#
# Reels from O'Neill's *Music of Ireland*, which music21's corpus has: their bars have eight
# eighths. What is a bar, as a row of numbers? Where notes are struck, how the line moves about its
# mean, and how high it lies.

# %%
import warnings
from itertools import pairwise

import numpy as np

from stats_composer.errors import ScoreWarning
from stats_composer.io import read_corpus
from stats_composer.theory import TICKS_PER_QUARTER
from stats_composer.views import grid

warnings.simplefilter("ignore", ScoreWarning)  # notes between the eighths are left out on purpose
books = [f"music21:{pages}" for pages in ("1176-1275", "1276-1375", "1376-1475")]
reels = [s for s in read_corpus(books, n_jobs=2) if tuple(s.time_signatures[0])[1:] == (2, 2)]
EIGHTH, WHOLE = TICKS_PER_QUARTER // 2, 4 * TICKS_PER_QUARTER

places, pitch, struck = [], [], []
for number, reel in enumerate(reels):
    pitches, onsets = grid(reel, EIGHTH)
    edges = [*reel.bars["onset"].tolist(), reel.end]
    for bar, (start, stop) in enumerate(pairwise(edges)):
        steps = slice(start // EIGHTH, stop // EIGHTH)
        if stop - start == WHOLE and start % EIGHTH == 0 and (pitches[steps, 0] >= 0).all():
            places.append((number, bar))
            pitch.append(pitches[steps, 0])
            struck.append(onsets[steps, 0])
pitch, struck = np.array(pitch), np.array(struck, float)
height = pitch.mean(axis=1, keepdims=True)
parts = {"struck": struck, "contour": (pitch - height) / 4, "height": (height - 70) / 6}
rows = np.hstack(list(parts.values()))
print(len(reels), "reels,", len(rows), "bars,", rows.shape[1], "numbers each")

# %% [markdown]
# ## By hand, and by simulation
#
# Lloyd's iteration in a few lines of NumPy, and its inertia from step to step:


# %%
def lloyd(rows, centers):
    inertia = []
    while len(inertia) < 2 or inertia[-1] < inertia[-2] - 1e-9:
        squares = ((rows[:, None] - centers[None]) ** 2).sum(axis=2)
        label = squares.argmin(axis=1)
        inertia.append(squares.min(axis=1).sum())
        centers = np.array([rows[label == j].mean(axis=0) for j in range(len(centers))])
    return label, inertia


rng = np.random.default_rng(0)
start = rows[rng.choice(len(rows), 8, replace=False)]
label, inertia = lloyd(rows, start)
print("inertia:", *(f"{value:.0f}" for value in inertia[:6]), "...", f"{inertia[-1]:.0f}")

# %% [markdown]
# ## The library's call
#
# `KMeans` takes equal rows together, with weights: a corpus has far fewer different bars than
# bars. From the same start it is the same iteration:

# %%
from stats_composer.models.texture import KMeans

same = KMeans(8, init=start).fit(rows)
print(f"{same.n_distinct_} different bars; inertia {same.inertia_:.0f}")
assert np.isclose(same.inertia_, inertia[-1], rtol=1e-6)

model = KMeans(8, n_init=4, random_state=0).fit(rows)
print(f"best of four starts by k-means++: {model.inertia_:.0f}")

# %%
from stats_composer.render import cluster_map

cluster_map(rows, model.labels_)

# %% [markdown]
# The numbers mean little until one sees the bars. Those nearest to each center:

# %%
from IPython.display import HTML

from stats_composer.render import cluster_pages

distance = model.transform(rows)[np.arange(len(rows)), model.labels_]
typical = np.argsort(distance)
nearest = np.concatenate([typical[model.labels_[typical] == j][:4] for j in range(8)])
bars = [reels[number][bar : bar + 1] for number, bar in (places[i] for i in nearest)]
HTML("".join(cluster_pages(bars, model.labels_[nearest])))

# %% [markdown]
# ## Theorem
#
# *Lloyd's iteration never raises (1), and it stops.* Giving rows to their nearest center lowers
# each term of the sum or leaves it; and for rows $S$ of one center the mean $m$ is best, for
#
# $$\sum_{x \in S} \lVert x - c \rVert^2
#   = \sum_{x \in S} \lVert x - m \rVert^2 + |S| \lVert m - c \rVert^2. \tag{2}$$
#
# There are finitely many ways to divide the rows, and none comes twice. *But where it stops is a
# local minimum only*: four rows at the corners of a rectangle show it.

# %%
corners = np.array([[0.0, 0.0], [0.0, 1.0], [4.0, 0.0], [4.0, 1.0]])
for begin in ([[0, 0.5], [4, 0.5]], [[2, 0], [2, 1]]):
    stopped = KMeans(2, init=np.array(begin, float)).fit(corners)
    print(begin, "inertia", stopped.inertia_, "labels", stopped.labels_)

# %% [markdown]
# The second start is a trap sixteen times as bad. k-means++ makes such starts rare: its expected
# inertia is at most $8 (\log k + 2)$ times the best (Arthur and Vassilvitskii).

# %% [markdown]
# ## Plans
#
# Each bar is now one of eight symbols. How much does a bar tell about the one that comes $l$ bars
# later? The *mutual information* of the two symbols, in bits:


# %%
def mutual_information(pairs):
    joint = np.zeros((8, 8))
    np.add.at(joint, tuple(np.array(pairs).T), 1)
    joint /= joint.sum()
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    return float((joint[joint > 0] * np.log2(joint[joint > 0] / apart[joint > 0])).sum())


symbol = dict(zip(places, model.labels_.tolist(), strict=True))
bits = []
for lag in range(1, 13):
    pairs = [
        (j, symbol[n, bar + lag]) for (n, bar), j in symbol.items() if (n, bar + lag) in symbol
    ]
    bits.append(mutual_information(pairs))

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.bar(range(1, 13), bits)
print(*(f"{value:.2f}" for value in bits))
axes.set(xlabel="bars later", ylabel="bits about the kind of bar")
plt.show()

# %% [markdown]
# Not the next bar but those two, four and eight bars later are told: phrases answer each other,
# and halves come back. A Markov chain over notes knows nothing of that (chapter 2); one over *kinds
# of bars* with the place in the form as context does, and that is how `MelodyComposer` plans: it
# draws the kinds first, then notes under them.

# %%
from stats_composer import MelodyComposer

MelodyComposer.bundled().compose(random_state=5)

# %% [markdown]
# ## The experiment in which it fails
#
# Leave the numbers in the units that came first: notes struck are 0 or 1, contours are in
# semitones, heights in cents. What share of the variance of each part do the clusters explain?


# %%
def explained(part, label):
    total = ((part - part.mean(axis=0)) ** 2).sum()
    within = sum(((part[label == j] - part[label == j].mean(axis=0)) ** 2).sum() for j in range(8))
    return 1 - within / total


careless = np.hstack([struck, pitch - height, 100 * height])
bad = KMeans(8, n_init=4, random_state=0).fit(careless)
for name, label in (("scaled", model.labels_), ("careless", bad.labels_)):
    print(f"{name:>9}:", {part: f"{explained(x, label):.0%}" for part, x in parts.items()})

# %% [markdown]
# The careless clusters are slices of height and nothing else: the part with the largest numbers has
# the inertia. K-means has no idea what a unit is worth. Every scale is a choice, also that of
# dividing by the standard deviation; what is right depends on what the clusters are for, and a
# look at the bars says more than the inertia.

# %%
careful = np.unique(bad.labels_, return_counts=True)[1]
order = np.argsort([height[bad.labels_ == j].mean() for j in range(8)])
for j in order:
    lowest, highest = height[bad.labels_ == j].min(), height[bad.labels_ == j].max()
    print(f"cluster {j}: {careful[j]} bars of mean height {lowest:.1f} to {highest:.1f}")

# %% [markdown]
# ## Exercises
#
# **1.** Two corners one above the other, as centers, lead into the trap. How likely is such a
# start if the two are drawn evenly, and how likely with k-means++?

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
assert KMeans(2, init=corners[:2]).fit(corners).inertia_ == 16
squares = ((corners[0] - corners[1:]) ** 2).sum(axis=1)  # 1, 16 and 17 from the first corner
print(f"evenly {1 / 3:.3f}, k-means++ {squares[0] / squares.sum():.3f}")
assert np.isclose(squares[0] / squares.sum(), 1 / 34)

# %% [markdown]
# **2.** Multiply all numbers by ten. What happens to the labels, and to the inertia?

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
tenfold = KMeans(8, init=10 * start).fit(10 * rows)
print(tenfold.inertia_ / same.inertia_)
assert np.isclose(tenfold.inertia_ / same.inertia_, 100)
assert (tenfold.labels_ == same.labels_).mean() > 0.999

# %% [markdown]
# **3.** Does inertia choose $k$? Compute it for $k = 2, 4, 8, 16, 32$ and look for an elbow.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
values = [KMeans(k, random_state=0).fit(rows).inertia_ for k in (2, 4, 8, 16, 32)]
print(*(f"{value:.0f}" for value in values))
assert all(a > b for a, b in pairwise(values))  # it always falls

# %% [markdown]
# ## Sources
#
# C. M. Bishop, *Pattern Recognition and Machine Learning* (2006), section 9.1; D. Arthur,
# S. Vassilvitskii, *k-means++: the Advantages of Careful Seeding* (2007), theorem 1.1. The
# iteration stands in `kernels.kmeans`, the model in `models.texture`, the plan of a tune in
# `composers.folk.plan`.
#
# | formula | is computed by |
# |---|---|
# | (1) | `kernels.kmeans.iterate_lloyd`, its (1); by hand `lloyd` |
# | (2) | `kernels.kmeans.iterate_lloyd`, its (1) |
