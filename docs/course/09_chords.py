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
# # 9 Support vectors and structured decoding: chords
#
# Which chord is this? A linear classifier answers beat by beat, and well. It does not know how sure
# it is, which matters as soon as its answers are to be combined along the time. It takes about 20
# minutes.
#
# ## Definition
#
# A linear classifier gives each label $y$ a score $s(y) = w_y \cdot x$ and takes the largest. The
# *support vector machine* of Crammer and Singer fits the weights by the *hinge loss*,
#
# $$\ell(s, y) = \max_{y'} \left(s(y') + [y' \ne y]\right) - s(y), \tag{1}$$
#
# which is zero once the right label leads by a margin of one, and by a penalty on the squared norm
# of the weights. *Structured decoding* takes the labels of all steps together, the sequence of
# largest
#
# $$\sum_t \log p(y_t \mid x_t) + \lambda \sum_t \log \frac{P(y_t \mid y_{t-1})}{P(y_t)}. \tag{2}$$

# %% [markdown]
# ## A real example
#
# music21's corpus has analyses of chorales by human hands, as Roman numerals. From a numeral and
# its key follows the root of the chord. Each beat is a row: how long each pitch class sounds in it,
# and which is the bass. (Four analyses that go with another edition of the score are left out.)

# %%
import re
from importlib.resources import files

import numpy as np

from stats_composer.errors import ScoreError
from stats_composer.io import read_corpus
from stats_composer.theory import TICKS_PER_QUARTER, parse_key

NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii")
SCALE = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))


def semitones(numeral, minor):
    signs, letters = re.match(r"([b#]*)([iIvV]+)", numeral).groups()
    raised = minor and letters == "vii"  # vii° stands on the leading tone
    return (
        SCALE[minor][NUMERALS.index(letters.lower())] + raised + signs.count("#") - signs.count("b")
    )


def read_roots(text, score):
    """Return the tick and the root of each chord of an analysis."""
    found, tonic, minor = {}, 0, False
    for bar, line in re.findall(r"^m(\d+) (.*)$", text, re.M):
        beat = 1.0
        for word in line.split():
            if re.fullmatch(r"b\d+(\.\d+)?", word):
                beat = float(word[1:])
            elif re.fullmatch(r"[A-Ga-g][b#]?:", word):
                tonic, minor = 7 * parse_key(word[:-1])[0], word[0].islower()
            elif re.match(r"[b#]*[iIvV]", word):
                applied = re.search(r"/([b#]*[iIvV]+)$", word)  # V7/V: of the fifth degree
                root = semitones(applied[1], minor) if applied else 0
                root += semitones(word, applied[1].islower() if applied else minor)
                try:
                    found[score.tick(int(bar), beat)] = (tonic + root) % 12
                except ScoreError:  # no such beat in this edition
                    continue
    return np.array(sorted(found.items()))


def beats(score, voices):
    """Return what sounds on each beat: durations of pitch classes, and the bass."""
    notes = score.notes[np.isin(score.notes["part"], voices)]
    rows = np.zeros((score.end // TICKS_PER_QUARTER, 2, 12), np.float32)
    for beat, row in enumerate(rows):
        start = beat * TICKS_PER_QUARTER
        stop = np.minimum(notes["onset"] + notes["duration"], start + TICKS_PER_QUARTER)
        length = stop - np.maximum(notes["onset"], start)
        np.add.at(row[0], notes["pitch"][length > 0] % 12, length[length > 0] / TICKS_PER_QUARTER)
        struck = notes["pitch"][(length > 0) & (notes["onset"] <= start)]
        if len(struck):
            row[1, struck.min() % 12] = 1
    return rows


corpus = read_corpus("music21:bach", n_jobs=2)
chorales = dict(zip(corpus.names, corpus, strict=True))
seen, melody, roots, titles = [], [], [], []
for path in sorted((files("music21") / "corpus/bach/choraleAnalyses").iterdir(), key=str):
    text = path.read_text(encoding="utf-8")
    score = chorales.get(f"bach/bwv{re.search(r'BWV: *([0-9.]+)', text)[1]}.mxl")
    if score is None:
        continue
    chords = read_roots(text, score)
    rows = beats(score, (0, 1, 2, 3))
    place = np.searchsorted(chords[:, 0], np.arange(len(rows)) * TICKS_PER_QUARTER, "right") - 1
    heard = place >= 0
    root = chords[place[heard], 1]
    if (rows[heard, 1].argmax(axis=1) == root).mean() > 0.5:
        seen.append(rows[heard])
        melody.append(beats(score, (0,))[heard])
        roots.append(root)
        titles.append(score)
truth = np.concatenate(roots)
bass = np.concatenate([rows[:, 1].argmax(axis=1) for rows in seen])
print(
    len(seen),
    "chorales,",
    len(truth),
    f"beats; the bass is the root on {(bass == truth).mean():.0%}",
)

# %% [markdown]
# ## By hand, and by simulation
#
# Begin with two labels: is the bass the root, or not? With $y = \pm 1$ the loss (1) is
# $\max(0, 1 - y\, w \cdot x)$. Its slope is $-y x$ where the margin is broken and zero elsewhere,
# and walking down it takes five lines. What is seen are the intervals above the bass.

# %%
above = np.concatenate([rows[:, 0] for rows in seen])
above = np.stack([np.roll(row, -b) for row, b in zip(above, bass, strict=True)])
x = np.column_stack([above, np.ones(len(above))])
y = np.where(bass == truth, 1, -1)
penalty = 0.01


def objective(w):
    return np.maximum(0, 1 - y * (x @ w)).mean() + penalty / 2 * (w @ w)


w, mean = np.zeros(13), np.zeros(13)
for step in range(1, 4001):
    broken = y * (x @ w) < 1
    w = w - 1 / (penalty * (step + 100)) * (penalty * w - (y * broken) @ x / len(x))
    mean = mean + (w - mean) / min(step, 500)
print(f"objective {objective(mean):.4f}; right on {(np.sign(x @ mean) == y).mean():.1%} of beats")
for interval, name in ((4, "major third"), (7, "fifth"), (8, "minor sixth"), (9, "major sixth")):
    print(f"{name:>12}: {mean[interval]:+.2f}")

# %% [markdown]
# A fifth above the bass speaks for it as the root, a sixth against it: what every student of
# figured bass learns. scikit-learn solves the same problem:

# %%
from sklearn.svm import LinearSVC

peer = LinearSVC(C=1 / (penalty * len(x)), loss="hinge", fit_intercept=False, max_iter=200_000)
peer.fit(x, y)
print(f"objective {objective(peer.coef_[0]):.4f}")
assert abs(objective(mean) - objective(peer.coef_[0])) < 0.01

# %% [markdown]
# ## The library's call
#
# Twelve roots, and music that can be transposed: where all that is seen moves up by a semitone, so
# must the answer. `TurningClassifier` shares its weights among the roots in that way, so that a few
# hundred beats are enough. Folds are by chorale.

# %%
from stats_composer.models.turning import TurningClassifier, softmax
from stats_composer.render import fifths_confusion

fold = np.arange(len(seen)) % 5


def held_out_scores(seen, loss):
    scores = [np.zeros(0)] * len(seen)
    for k in range(5):
        model = TurningClassifier(n_classes=1, loss=loss, n_epochs=100, batch_size=128, l2=1e-3)
        learn = np.flatnonzero(fold != k)
        model.fit(
            np.concatenate([seen[i] for i in learn]), np.concatenate([roots[i] for i in learn])
        )
        for i in np.flatnonzero(fold == k):
            scores[i] = model.decision_function(seen[i])
    return scores


margins = held_out_scores(seen, "hinge")
said = np.concatenate(margins).argmax(axis=1)
print(f"right on {(said == truth).mean():.1%} of beats")
fifths_confusion(truth, said)

# %% [markdown]
# ## Theorem
#
# *The hinge loss learns which label is likelier, and forgets by how much.* With two labels and
# $p = P(y = +1 \mid x)$, the expected loss of the score $s$ is
#
# $$p \max(0, 1 - s) + (1 - p) \max(0, 1 + s), \tag{3}$$
#
# whose minimum is at $s = +1$ for every $p > 1/2$ and at $s = -1$ for every $p < 1/2$: the best
# classifier, with no trace of $p$ in its score. The logistic loss has its minimum at
# $\log \frac{p}{1-p}$ and keeps it. (With more than two labels (1) needs one of probability above
# one half even for that, by a theorem of Liu.)

# %%
grid = np.linspace(-3, 3, 601)
for p in (0.55, 0.75, 0.95):
    hinge = p * np.maximum(0, 1 - grid) + (1 - p) * np.maximum(0, 1 + grid)
    logistic = p * np.log1p(np.exp(-grid)) + (1 - p) * np.log1p(np.exp(grid))
    print(f"p = {p}: hinge {grid[hinge.argmin()]:+.2f}, logistic {grid[logistic.argmin()]:+.2f}")

# %% [markdown]
# ## The experiment in which it fails
#
# Take the margins for log-probabilities all the same, by a softmax, and ask whether what is said
# at 60 % is right six times in ten:

# %%
from stats_composer.models.calibration import VectorScaling
from stats_composer.render import calibration_curve

raw = [softmax(rows) for rows in margins]
scaled = [np.zeros(0)] * len(raw)
for k in range(5):
    learn = np.flatnonzero(fold != k)
    scaling = VectorScaling.fit([raw[i] for i in learn], [roots[i] for i in learn], 1)
    for i in np.flatnonzero(fold == k):
        scaled[i] = scaling(raw[i])


def sureness(laws):
    table = np.concatenate(laws)
    return table.max(axis=1), table.argmax(axis=1) == truth


calibration_curve({"softmax of margins": sureness(raw), "scaled": sureness(scaled)})

# %%
for name, laws in (("softmax of margins", raw), ("scaled", scaled)):
    sure, right = sureness(laws)
    print(f"{name}: says {sure.mean():.2f}, is right {right.mean():.2f}")

# %% [markdown]
# The machine says .57 and is right nine times in ten. *Vector scaling* learns one factor and a few
# biases on chorales kept from the fit, and the probabilities mean what they say; the answers stay
# nearly the same.
#
# ## Along the time
#
# Calibrated probabilities can be added up along a sequence, as in (2). Where the evidence is strong
# there is nothing to gain. So take the evidence away: guess the chords from the *soprano alone*,
# as one who harmonizes does. The transitions are counted on the other folds; `Chain` finds the best
# sequence (chapter 4's automaton, with the largest weight in the place of the sum).

# %%
from stats_composer.factors import Automaton
from stats_composer.sampling.chain import Chain


def motion(learn):
    """Return log P(root | root before) / P(root), by the interval between them."""
    count = np.ones(12)
    for i in learn:
        np.add.at(count, np.diff(roots[i]) % 12, 1)
    step = (np.arange(12)[None] - np.arange(12)[:, None]) % 12
    return np.log(12 * count / count.sum())[step]


def decode(laws, strength):
    right = []
    for i, law in enumerate(laws):
        transitions = strength * motion(np.flatnonzero(fold != fold[i]))
        chain = Chain(np.log(law), [Automaton.first_order(transitions, len(law))])
        right.append(chain.best() == roots[i])
    return np.concatenate(right).mean()


for loss in ("hinge", "log"):
    laws = [softmax(rows) for rows in held_out_scores(melody, loss)]
    values = [decode(laws, strength) for strength in (0, 0.5, 1)]
    print(f"soprano alone, {loss}:", *(f"{value:.2f}" for value in values))
print("all four voices, scaled:", *(f"{decode(scaled, strength):.2f}" for strength in (0, 0.5, 1)))

# %% [markdown]
# With the soprano alone the transitions are worth more than the notes; with all voices they only
# disturb, since (2) counts twice what both know. A *conditional random field* fits both parts
# together: `models.crf.ChainCRF`. And no label has a majority under a lone soprano, which is where
# the hinge loss loses even the best answer, as the theorem warned.
#
# What the library ships has learned from far more than fifteen chorales:

# %%
from stats_composer import ChordRecognizer

recognizer = ChordRecognizer.bundled()
spans = recognizer.recognize(titles[0])
for span in spans[:6]:
    print(span.symbol, span.numeral, f"{span.confidence:.2f}")

# %% [markdown]
# ## Exercises
#
# **1.** By which interval does the root move most often, if it moves?

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
steps = np.bincount(np.concatenate([np.diff(root) % 12 for root in roots]), minlength=12)
steps[0] = 0
print(steps, "up", steps.argmax(), "semitones")
assert steps.argmax() == 5  # a fourth up, a fifth down

# %% [markdown]
# **2.** Show that the softmax of margins, multiplied by a factor, can be made as sure or unsure as
# one likes without changing one answer.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
table = np.concatenate(margins)
for factor in (0.1, 1, 10):
    law = softmax(factor * table)
    print(f"{factor:4}: says {law.max(axis=1).mean():.2f}")
    assert (law.argmax(axis=1) == said).all()

# %% [markdown]
# **3.** Find the best sequence of (2) by listing all 12 to the 3rd of the first three beats of a
# chorale, and compare with `Chain`.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
from itertools import product

law, transitions = np.log(laws[0][:3]), motion(range(1, len(roots)))


def total(path):
    return sum(law[t, r] for t, r in enumerate(path)) + transitions[path[:-1], path[1:]].sum()


best = max((np.array(path) for path in product(range(12), repeat=3)), key=total)
found = Chain(law, [Automaton.first_order(transitions, 3)]).best()
print(best, found)
assert np.isclose(total(best), total(found))

# %% [markdown]
# ## Sources
#
# K. Crammer, Y. Singer, *On the Algorithmic Implementation of Multiclass Kernel-based Vector
# Machines* (2001), section 3; P. Bartlett, M. Jordan, J. McAuliffe, *Convexity, Classification, and
# Risk Bounds* (2006), section 2; Y. Liu, *Fisher Consistency of Multicategory Support Vector
# Machines* (2007), section 3; C. Guo et al., *On Calibration of Modern Neural Networks* (2017),
# section 4.2. The analyses are Dmitri Tymoczko's and Andrew Jones's, from music21's corpus. The
# classifier stands in `models.turning`, with its formulas, the scaling in `models.calibration`.
#
# | formula | is computed by |
# |---|---|
# | (1) | `models.turning.TurningClassifier`, whose score is its (1); by hand `objective` |
# | (2) | `models.crf.ChainCRF.predict`, by `kernels.crf.best_paths`, its (7); by hand `decode` |
# | (3) | by hand `hinge` |
