"""Features: what a piece is made of, counted by kind, and as a vector for a classifier.

Conventions
-----------
A piece has, for each kind (`rhythm`, `progressions`, ...), some *groups* of labels with their
counts; a feature is the share of a label in its group. The rates of `MEASURES` are features
too, under the kind of the measure. Outer lines are told apart, inner ones put together, so that
settings in different numbers of voices have the same features; a tune has those of its line.
Heights are told relative to the piece's own mean, chords and degrees to its tonic: no feature
sees the key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_composer.evaluation.cadences import formula_at
from stats_composer.evaluation.dissonance import BEAT_LEVEL, STEP, dissonant_against, turns
from stats_composer.evaluation.rates import MEASURES
from stats_composer.evaluation.reading import Heard, Reading

__all__ = ["Counts", "Feature", "Table", "feature_table", "piece_counts"]

Floats = NDArray[np.float64]
Counts = dict[tuple[str, str], Counter[str]]
"""Labels counted by (kind, group)."""

OCTAVE = 12
RARE = 0.03
"""Share of pieces that must have a label for it to be a feature."""
CELLS = ("held", *(" ".join("1234"[i] for i in range(4) if c & (8 >> i)) for c in range(1, 16)))


class Feature(NamedTuple):
    """A column of a table: its kind, its group, and its label (empty for a measure)."""

    kind: str
    group: str
    label: str = ""

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.group}: {self.label}" if self.label else self.group


class Table(NamedTuple):
    """Pieces by features.

    Attributes
    ----------
    features : list of Feature
    values : ndarray of shape (n_pieces, n_features), float64
        Shares and rates; nan where a piece has no place for one.
    """

    features: list[Feature]
    values: Floats

    def kinds(self) -> list[str]:
        """List the kinds in order, each once."""
        return list(dict.fromkeys(feature.kind for feature in self.features))

    def of_kind(self, kind: str) -> Table:
        """Return the columns of one kind."""
        chosen = [i for i, feature in enumerate(self.features) if feature.kind == kind]
        return Table([self.features[i] for i in chosen], self.values[:, chosen])


def piece_counts(reading: Reading) -> Counts:
    """Count the labels of a piece.

    Parameters
    ----------
    reading : Reading

    Returns
    -------
    dict of (kind, group) to Counter

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080, 20160], pitch=[60, 62, 60]))
    >>> piece_counts(Reading(score))["tune", "interval"]
    Counter({'+2': 1, '-2': 1})
    """
    counts: Counts = {}
    for kind, group, label in _labels(reading):
        counts.setdefault((kind, group), Counter())[label] += 1
    return counts


def feature_table(readings: Sequence[Reading], counted: Sequence[Counts] | None = None) -> Table:
    """Measure pieces by all features.

    Parameters
    ----------
    readings : sequence of Reading
    counted : sequence of Counts, optional
        What `piece_counts` gives for them, where it is there already.

    Returns
    -------
    Table
        Its columns are the measures, and the labels that at least 3 % of the pieces have.
    """
    if counted is None:
        counted = [piece_counts(reading) for reading in readings]
    groups = sorted({key for counts in counted for key in counts})
    columns, features = [], []
    for measure in MEASURES:
        rates = [measure.find(reading) for reading in readings]
        features.append(Feature(measure.kind, measure.words))
        columns.append([len(c.hits) / c.n if c.n else np.nan for c in rates])
    empty: Counter[str] = Counter()
    for key in groups:
        own = [counts.get(key, empty) for counts in counted]
        totals = [counter.total() for counter in own]
        found = Counter(label for counter in own for label in counter)
        for label in sorted(x for x, n in found.items() if n >= max(2, RARE * len(readings))):
            features.append(Feature(*key, label))
            columns.append(
                [c[label] / n if n else np.nan for c, n in zip(own, totals, strict=True)]
            )
    values = np.array(columns, np.float64).reshape(len(columns), len(readings)).T
    told = np.flatnonzero((~np.isnan(values)).any(axis=0))
    return Table([features[column] for column in told], values[:, told])


def _labels(reading: Reading) -> Iterator[tuple[str, str, str]]:
    """Run through all labels of a piece, with kind and group."""
    yield from _of_lines(reading)
    yield from _of_degrees(reading)
    yield from _of_nonchord_notes(reading)
    if len(reading.lines) > 1:
        yield from _of_pairs(reading)
        yield from _of_chords(reading)
        yield from _of_ends(reading)


def _role(reading: Reading, column: int) -> str:
    if column == 0:
        return "tune"
    return "bass" if column == len(reading.lines) - 1 else "inner voices"


def _signed(step: int) -> str:
    return f"{min(max(step, -OCTAVE), OCTAVE):+d}"


def _of_lines(reading: Reading) -> Iterator[tuple[str, str, str]]:
    beat = reading.score.metre_at(0).beat
    for column, notes in enumerate(reading.lines):
        role = _role(reading, column)
        joined = notes["onset"][1:] == (notes["onset"] + notes["duration"])[:-1]
        steps = np.diff(notes["pitch"].astype(np.int64))[joined].tolist()
        for step in steps:
            yield role, "interval", _signed(step)
        if role != "inner voices":
            for one, other in pairwise(np.sign(steps).astype(int).tolist()):
                yield role, "turn", f"{one:+d}{other:+d}"
        height = np.median(notes["pitch"])
        for pitch in notes["pitch"].tolist():
            yield "height", f"{role} from its middle", f"{round((pitch - height) / 3) * 3:+d}"
        for _, cell in reading.cells[column]:
            yield "rhythm", f"cell of {role}", "other" if cell > 15 else CELLS[cell]
        for ticks in notes["duration"].tolist():
            yield "rhythm", f"beats of {role}", f"{min(ticks / beat, 4):.3g}"


def _of_degrees(reading: Reading) -> Iterator[tuple[str, str, str]]:
    for notes in reading.lines:
        for fifths in (notes["fifths"].astype(int) - reading.key[0]).tolist():
            yield "keys", f"fifths above the tonic, {reading.mode}", f"{fifths:+d}"


def _way(step: int | None) -> str:
    if step is None:
        return "rest"
    return "repeat" if step == 0 else "step" if abs(step) <= STEP else "leap"


def _of_nonchord_notes(reading: Reading) -> Iterator[tuple[str, str, str]]:
    kind = "non-chord notes"
    for turn in turns(reading):
        beat = "on" if reading.levels[turn.row] >= BEAT_LEVEL else "off"
        clash = bool(dissonant_against(reading, turn.row, turn.column))
        chord = "a chord" if reading.chords[turn.row] else "no chord"
        role = _role(reading, turn.column)
        yield kind, f"notes of {role}", f"{beat} the beat, {chord}, {'dis' * clash}sonant"
        if clash:
            down = "down" if (turn.out or 0) < 0 else "up"
            way = f"in by {_way(turn.into)}, out by {_way(turn.out)} {down}"
            yield kind, f"dissonant {beat} the beat, {chord}", way


def _of_pairs(reading: Reading) -> Iterator[tuple[str, str, str]]:
    rows = reading.pitch[reading.beat_rows]
    last = rows.shape[1] - 1
    for one, other in pairwise(rows.tolist()):
        for v in range(len(one)):
            for w in range(v + 1, len(one)):
                if min(one[v], one[w], other[v], other[w]) < 0:
                    continue
                a, b = other[v] - one[v], other[w] - one[w]
                motion = "rest" if a == b == 0 else "oblique" if not a * b else "similar"
                motion = "contrary" if a * b < 0 else motion
                outer = "outer voices" if (v, w) == (0, last) else "other voices"
                interval = (other[v] - other[w]) % OCTAVE
                yield "motion on beats", outer, f"{motion} to {interval}"
                if motion == "similar" and interval in (0, 7):
                    same = (one[v] - one[w]) % OCTAVE == interval
                    yield "parallels", outer, f"{'parallel' if same else 'direct'} {interval}"
    for row in rows[(rows >= 0).all(axis=1)].tolist():
        for v, (upper, lower) in enumerate(pairwise(row)):
            pair = "to the bass" if v == last - 1 else "between upper voices"
            yield "spacing", pair, str(min(max(upper - lower, -3), 24))


def _name(chord: Heard | None) -> str:
    return f"{chord.quality} {chord.bass}" if chord else "none"


def _of_chords(reading: Reading) -> Iterator[tuple[str, str, str]]:
    for row, chord in enumerate(reading.chords):
        beat = "on" if reading.levels[row] >= BEAT_LEVEL else "off"
        yield "sonorities", f"{beat} the beat", _name(chord)
        if chord and beat == "on":
            tones = Counter(
                (pitch - chord.root) % OCTAVE for pitch in reading.pitch[row].tolist() if pitch >= 0
            )
            for tone, n in tones.items():
                if n > 1:
                    yield "sonorities", "doubled above the root", str(tone)
    for _, chord in reading.progression:
        yield "keys", f"roots, {reading.mode}", str((chord.root - reading.tonic) % OCTAVE)
    for (_, one), (_, other) in pairwise(reading.progression):
        step = (other.root - one.root) % OCTAVE
        yield "progressions", "root and thirds", f"{one.is_major:d}{other.is_major:d} {step}"
        yield "progressions", "root and basses", f"{one.bass} {step} {other.bass}"
    degrees = [str((chord.root - reading.tonic) % OCTAVE) for _, chord in reading.progression]
    for pair in pairwise(degrees):
        yield "progressions", f"degrees, {reading.mode}", " ".join(pair)


def _of_ends(reading: Reading) -> Iterator[tuple[str, str, str]]:
    where = ["inner"] * (len(reading.phrases) - 1) + ["last"]
    for place, phrase in zip(where, reading.phrases, strict=False):
        last = reading.chord_between(phrase.onset, phrase.end)
        name = formula_at(reading, phrase)
        yield "cadences", f"{place} formula", "no chord" if name is None else name or "none"
        yield "cadences", f"{place} chord", _name(last)
        if last is None:
            continue
        yield "cadences", f"{place} degree", str((last.root - reading.tonic) % OCTAVE)
        before = reading.before(phrase.onset, last.root)
        if before:
            step = (last.root - before[1].root) % OCTAVE
            yield "cadences", f"{place} chord before", f"{_name(before[1])} by {step}"
        for column in (0, len(reading.lines) - 1):
            notes = reading.lines[column]
            row = int(np.searchsorted(notes["onset"], phrase.onset))
            if 0 < row < len(notes):
                step = int(notes["pitch"][row]) - int(notes["pitch"][row - 1])
                yield "cadences", f"{place}, {_role(reading, column)}", _signed(step)
    for one, other in pairwise(reading.phrases):
        last = reading.chord_between(one.onset, one.end)
        first = reading.chord_between(other.start, other.end)
        if last and first:
            step = (first.root - last.root) % OCTAVE
            yield "openings", "root after an end", f"{last.is_major:d}{first.is_major:d} {step}"
            yield "openings", "chord after an end", _name(first)
