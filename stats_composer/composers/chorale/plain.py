"""A plain setting: all voices move with the melody, a chord a beat or a longer note of it.

A chord begins with each note of the melody that starts on a beat, or that starts off it and lasts
a beat or more; the other notes of the melody pass over the chord that sounds. The chords are
written on a page of their own, where each has one beat: so a beat of three eighths is one as well.
There both rows of a beat are redrawn together, which is sampling of the same law given that they
are equal.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.chorale.task import Task, clashing
from stats_composer.composers.chorale.writer import (
    ATTEMPTS,
    CROSSINGS,
    HOT_CROSSINGS,
    PARALLELS,
    Setup,
    Writer,
    marked,
)
from stats_composer.constraints import Constraint, compile_constraints
from stats_composer.errors import ConstraintError, SamplingError
from stats_composer.factors import Factors
from stats_composer.sampling.gibbs import GibbsSampler
from stats_composer.sampling.moves import TiedMoves
from stats_composer.score import (
    BAR_DTYPE,
    NOTE_DTYPE,
    TIME_SIGNATURE_DTYPE,
    Score,
    bar_positions,
    make_table,
)
from stats_composer.theory import TICKS_PER_QUARTER, spell

__all__ = ["chord_ticks", "prepare_plain", "write_plain"]

Ints = NDArray[np.int64]
QUARTER = TICKS_PER_QUARTER


def chord_ticks(melody: Score) -> list[int]:
    """Return the ticks at which the chords of a plain setting begin.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> onset, duration = [0, 10080, 15120, 20160], [10080, 5040, 5040, 20160]
    >>> tune = Score(make_notes(onset=onset, duration=duration, pitch=[60, 62, 64, 65]))
    >>> chord_ticks(tune)
    [0, 10080, 20160]
    """
    notes = melody.notes
    ticks = [int(notes["onset"][0])]
    places = bar_positions(melody, notes["onset"])
    for onset, length, place in zip(notes["onset"], notes["duration"], places, strict=True):
        beat = melody.metre_at(int(onset)).beat
        if (place % beat == 0 or length >= beat) and onset > ticks[-1]:
            ticks.append(int(onset))
    first, last = np.searchsorted(notes["onset"], ticks[-2:])[[0, -1]]
    one_bar = melody.bar_at(ticks[-1]) == melody.bar_at(ticks[-2 if len(ticks) > 1 else -1])
    if first < last and one_bar and notes["pitch"][first] == notes["pitch"][last]:
        ticks.pop()  # A last note that is struck again in its bar has the chord that it had.
    return ticks


def prepare_plain(writer: Writer, task: Task) -> Setup:
    """Compile a task on the page of its chords.

    Parameters
    ----------
    writer : Writer
    task : Task
        With a given melody and nothing else.

    Raises
    ------
    ConstraintError
        If a wish is one of rhythm, or the wishes cannot all hold.
    """
    setup = writer.prepare(replace(_by_chords(task), constraints=()))
    wishes = writer.prepare(task).task.constraints  # refuses what cannot be at all
    asked = _asked(wishes, writer, task)
    factors = setup.factors & _spread(asked)
    if (factors.unary.max(axis=2) == -np.inf).any():
        raise ConstraintError("these wishes leave a voice of a plain setting no note for a chord")
    return setup._replace(factors=factors, task=replace(setup.task, constraints=wishes))


def _by_chords(task: Task) -> Task:
    """Return the task on a page where each chord has a beat."""
    assert task.given is not None
    notes, ticks = task.given.notes, np.array(chord_ticks(task.given))
    rows = np.searchsorted(notes["onset"], ticks)
    given = notes[rows].copy()
    given["onset"], given["duration"] = np.arange(len(ticks)) * QUARTER, QUARTER
    bars = np.unique([task.page.bar_at(int(tick)) for tick in ticks], return_index=True)[1]
    metre = make_table(TIME_SIGNATURE_DTYPE, [(0, task.page.metre_at(0).n_beats, 4)])
    page = Score(
        np.zeros(0, NOTE_DTYPE),
        bars=make_table(BAR_DTYPE, onset=(bars * QUARTER).tolist()),
        time_signatures=metre,
        key_signatures=task.page.key_signatures[:1],
        parts=task.page.parts,
        end=len(ticks) * QUARTER,
    )
    finals = {int(np.searchsorted(ticks, onset, "right")) - 1 for onset, _ in task.spans}
    spans = [(chord * QUARTER, chord * QUARTER + QUARTER) for chord in sorted(finals)]
    return replace(task, page=page, spans=spans, given=page.replace(notes=given), keys=())


def _asked(wishes: tuple[Constraint, ...], writer: Writer, task: Task) -> Factors:
    """Return what wishes ask of the row at which each chord begins, and of those it lasts."""
    assert task.given is not None
    frame = writer.encoder.frame(task.page, task.key)
    factors = compile_constraints(wishes, frame)
    if factors.automata:
        raise ConstraintError("a plain setting takes no wishes of rhythm, number or order of notes")
    rows = np.array(chord_ticks(task.given)) // frame.step
    unary = np.add.reduceat(factors.unary, rows, axis=0)
    unary += np.minimum.reduceat(clashing(frame, task), rows, axis=0)
    pairwise = {pair: np.add.reduceat(t, rows, axis=0) for pair, t in factors.pairwise.items()}
    return Factors(unary, {}, pairwise, factors.terms)


def _spread(factors: Factors) -> Factors:
    """Give each chord its two rows."""
    pairwise = {pair: np.repeat(table, 2, axis=0) for pair, table in factors.pairwise.items()}
    return Factors(np.repeat(factors.unary, 2, axis=0), {}, pairwise, factors.terms)


def write_plain(writer: Writer, task: Task, setup: Setup, rng: np.random.Generator) -> Score:
    """Write a plain setting.

    Parameters
    ----------
    writer : Writer
    task : Task
    setup : Setup
        As `prepare_plain` gives it.
    rng : Generator

    Raises
    ------
    SamplingError
        If nothing that keeps the constraints was found.
    """
    broken: list[str] = []
    for _ in range(ATTEMPTS):
        symbols = _chords(writer, writer.planned(setup, rng), rng)
        score = _on_page(writer, task, setup, symbols)
        broken = [text for c in setup.task.constraints for text in c.violations(score)]
        if not broken:
            return score
    raise SamplingError(f"nothing found in {ATTEMPTS} attempts; the last one broke {broken[0]}")


def _chords(writer: Writer, setup: Setup, rng: np.random.Generator) -> Ints:
    """Draw the chords, both rows of each alike."""
    symbols = setup.symbols.copy()
    noise = rng.gumbel(size=setup.factors.unary[::2].shape)
    start = (setup.factors.unary[::2] + noise).argmax(axis=2).repeat(2, axis=0)
    lines = slice(writer.n_lines)
    symbols[:, lines] = np.where(setup.free, start[:, lines], symbols[:, lines])
    schedule, heating, _ = writer.schedule(int(setup.free.sum()))
    for temperatures, crossing in (
        (schedule[:heating], HOT_CROSSINGS),
        (schedule[heating:], CROSSINGS),
    ):
        factors = replace(setup.factors, terms=(*setup.factors.terms, PARALLELS, crossing))
        sampler = GibbsSampler(
            writer.skeleton, symbols, factors, free=setup.free, random_state=rng,
            moves=[TiedMoves(np.argwhere(setup.free))],
        )  # fmt: skip
        symbols = sampler.run(temperatures)
    gain = writer.gain(setup, symbols)
    for onset, _ in setup.task.spans:
        row = onset // setup.frame.step
        writer.complete(setup, symbols, gain, row)
        symbols[row + 1, lines] = symbols[row, lines]
    return symbols


def _on_page(writer: Writer, task: Task, setup: Setup, symbols: Ints) -> Score:
    """Put the chords under their melody, each until the last note that it has ends."""
    assert task.given is not None
    notes, ticks = task.given.notes, chord_ticks(task.given)
    last = np.searchsorted(notes["onset"], [*ticks[1:], task.page.end]) - 1
    stops = notes["onset"][last] + notes["duration"][last]
    tables = [notes]
    for v in np.flatnonzero(task.free).tolist():
        entries = setup.frame.alphabets[v].entries[symbols[::2, v]]
        pitch = entries + setup.frame.shift
        rows = zip(ticks, (stops - ticks).tolist(), pitch, spell(pitch, *task.key), strict=True)
        table = [(tick, length, p, f, v, 0, 80, False) for tick, length, p, f in rows]
        tables.append(make_table(NOTE_DTYPE, table))
    score = task.page.replace(notes=np.concatenate(tables))
    return marked(task, score)
