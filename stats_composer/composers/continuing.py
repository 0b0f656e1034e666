"""Continuing and varying a phrase in its own style, learned from the phrase alone.

Its own style is an n-gram over slices: what all voices do in a step of the metre (a pitch
struck or held, or a rest), together with the place of the step in the bar. Slices that the
phrase does not have are not invented, so chords stay its own. The continuation is drawn from
the exact law given the phrase, and closes on the tonic where the phrase has a slice for it.
Chord symbols go on as those of the phrase went with such slices, and followed each other.

A variation keeps the slices of the strong beats and of the last bar, and draws those between from
the n-gram over slices and their place in the beat, given what is kept on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from stats_composer.composers.asked import Seed
from stats_composer.composers.base import extended, join
from stats_composer.composers.many import Drawn, Patience, write_many
from stats_composer.errors import EncodingError
from stats_composer.factors import Automaton, phased
from stats_composer.models.ngram import NGram, WittenBell
from stats_composer.sampling.chain import Chain
from stats_composer.score import (
    CHORD_DTYPE,
    NOTE_DTYPE,
    Score,
    bar_positions,
    check_score,
    keys,
    make_table,
    metre_of,
    natural_fifths,
)
from stats_composer.theory import (
    TICKS_PER_QUARTER,
    UNKNOWN_MODE,
    hear_tonic,
)
from stats_composer.views import HOLD, REST

__all__ = ["continue_phrase", "vary_phrase"]

Ints = NDArray[np.int64]

DIVISIONS = (1, 2, 3, 4, 6, 8, 12)
ON_GRID = 0.95
N = 3
VARIED_N = 2
STRONG = 4
"""The strength of a beat that a variation keeps: downbeats, and the middle of an even bar."""
LITTLE = 0.1
"""Of what the phrase has not: a tenth of once."""
AGAIN = -2.0
"""Nats against each step of a variation that is as it was."""


@overload
def continue_phrase(
    phrase: Score, *, bars: int = ..., n: None = None, **drawn: Unpack[Drawn]
) -> Score: ...


@overload
def continue_phrase(
    phrase: Score, *, bars: int = ..., n: int, **drawn: Unpack[Drawn]
) -> list[Score]: ...


def continue_phrase(
    phrase: Score,
    *,
    bars: int = 8,
    random_state: Seed = None,
    n: int | None = None,
    **patience: Unpack[Patience],
) -> Score | list[Score]:
    """Continue a phrase in its own style.

    Parameters
    ----------
    phrase : Score
        Of any number of voices, each of one note at a time; it comes back unchanged, with
        `bars` more bars. Where its last bar is not full, that is filled first.
    bars : int
    random_state, n, **patience
        As of `ChoraleComposer.compose`.

    Returns
    -------
    Score, or a list of n of them where `n` is given

    Raises
    ------
    EncodingError
        If the phrase has less than two notes, or no grid of a metre holds it.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> tune = Score(make_notes(onset=10080 * np.arange(8), pitch=[60, 62, 64, 65] * 2))
    >>> longer = continue_phrase(tune, bars=2, random_state=0)
    >>> longer.n_bars, bool((longer.notes[:8] == tune.notes).all())
    (4, True)
    """
    _check_notes(phrase)
    page = extended(phrase, bars)
    step = _step(phrase)
    rows = _slices(phrase, step)
    tonic = _tonic(phrase)
    slices, symbols = np.unique(
        np.concatenate([rows, np.full((1, rows.shape[1]), HOLD)]), axis=0, return_inverse=True
    )
    symbols = symbols.ravel()[:-1]
    place = bar_positions(page, np.arange(0, page.end, step)) // step
    law = _law(place, symbols, slices, 7 * tonic % 12)
    coded = place[: len(symbols)] * len(slices) + symbols

    def write(rng: np.random.Generator) -> Score:
        path = law.sample(1, random_state=rng)[0]
        grid = np.concatenate([rows, slices[path]])
        longer = join(phrase, page, _notes(grid, phrase, step))
        if not len(phrase.chords):
            return longer
        after = place[len(symbols) :] * len(slices) + path
        struck = (slices[path] != HOLD).any(axis=1)
        fresh = _chords(phrase, page, coded, after, struck)
        return longer.replace(chords=np.concatenate([phrase.chords, fresh]))

    return write_many(write, random_state, n, **patience)


@overload
def vary_phrase(phrase: Score, *, n: None = None, **drawn: Unpack[Drawn]) -> Score: ...


@overload
def vary_phrase(phrase: Score, *, n: int, **drawn: Unpack[Drawn]) -> list[Score]: ...


def vary_phrase(
    phrase: Score, *, random_state: Seed = None, n: int | None = None, **patience: Unpack[Patience]
) -> Score | list[Score]:
    """Vary a phrase: its strong beats and its last bar stay, what lies between is drawn anew.

    Parameters
    ----------
    phrase : Score
        Of any number of voices, each of one note at a time. Its words are left out.
    random_state, n, **patience
        As of `ChoraleComposer.compose`.

    Raises
    ------
    EncodingError
        As of `continue_phrase`.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> pitch = [60, 62, 64, 65, 67, 65, 64, 62, 60, 64, 62, 67, 64, 62, 60, 60]
    >>> tune = Score(make_notes(onset=10080 * np.arange(16), pitch=pitch))
    >>> varied = vary_phrase(tune, random_state=0)
    >>> [int(varied.notes["pitch"][varied.notes["onset"] == 40320 * bar][0]) for bar in range(4)]
    [60, 67, 60, 64]
    """
    _check_notes(phrase)
    step = _step(phrase)
    rows = _slices(phrase, step)
    slices, symbols = np.unique(rows, axis=0, return_inverse=True)
    law = _varied_law(phrase, step, symbols.ravel(), len(slices))
    page = phrase.replace(notes=phrase.notes[:0], lyrics=phrase.lyrics[:0])

    def write(rng: np.random.Generator) -> Score:
        grid = slices[law.sample(1, random_state=rng)[0]]
        return page.replace(notes=make_table(NOTE_DTYPE, list(_notes(grid, phrase, step))))

    return write_many(write, random_state, n, **patience)


def _varied_law(phrase: Score, step: int, symbols: Ints, n_slices: int) -> Chain:
    """Return the law of the variations of a phrase."""
    metre = phrase.metre_at(0)
    position = bar_positions(phrase, np.arange(len(symbols)) * step)
    phase = position % metre.beat // step
    seen = np.zeros((int(phase.max()) + 1, n_slices), bool)
    seen[phase, symbols] = True
    model = NGram(VARIED_N, smoothing=WittenBell(), n_symbols=seen.size)
    model.fit([phase * n_slices + symbols])
    allowed = np.zeros((len(symbols), *seen.shape), bool)
    allowed[np.arange(len(symbols)), phase] = seen[phase]
    automaton = model.automaton(len(symbols), allowed.reshape(len(symbols), -1))
    kept = metre.strength(position) >= STRONG
    kept[0] = True
    kept[phrase.bars["onset"][-1] // step :] = True
    unary = np.where(seen[phase], 0.0, -np.inf)
    unary[np.arange(len(symbols)), symbols] = AGAIN
    unary[kept] = -np.inf
    unary[kept, symbols[kept]] = 0.0
    return Chain(unary, [phased(automaton, n_slices, phase)])


def _check_notes(phrase: Score) -> None:
    if len(check_score(phrase, "phrase").notes) < 2:
        found = "one note" if len(phrase.notes) else "no notes"
        raise EncodingError(f"{found}: expected a phrase of two notes or more")


def _law(place: Ints, symbols: Ints, slices: Ints, tonic: int) -> Chain:
    """Return the law of the steps after the phrase, given it."""
    n_given, n_slices = len(symbols), len(slices)
    model = NGram(N, smoothing=WittenBell(), n_symbols=(int(place.max()) + 1) * n_slices)
    coded = place[:n_given] * n_slices + symbols
    after = place[n_given:]
    seen = np.zeros((int(place.max()) + 1, n_slices), bool)
    seen[place[:n_given], symbols] = True
    bare = ~seen.any(axis=1)
    hold = int(np.flatnonzero((slices == HOLD).all(axis=1))[0])
    seen[bare, hold] = True
    seen[:, hold] |= seen.any(axis=1)
    allowed = np.zeros((len(after), *seen.shape), bool)
    allowed[np.arange(len(after)), after] = seen[after]
    model.fit([coded])
    automaton = model.automaton(len(after), allowed.reshape(len(after), -1), given=coded)
    unary = np.where(seen[after], 0.0, -np.inf)
    # The piece's own silence of all voices is no music to invent.
    unary[:, hold] += np.where(np.isin(hold, symbols), 0.0, -8.0)
    free = Chain(unary, [phased(automaton, n_slices, after)])
    closing = free.under(_closed(unary, after, slices, hold, tonic))
    return closing if closing.log_normaliser > -np.inf else free


def _chords(phrase: Score, page: Score, coded: Ints, after: Ints, struck: Any) -> NDArray[Any]:
    """Return the likeliest symbols above the slices after a phrase: what is held tells nothing."""
    step = page.end // (len(coded) + len(after))
    onset = np.arange(len(coded)) * step
    names, chord = np.unique(phrase.chords["symbol"], return_inverse=True)
    row = np.searchsorted(phrase.chords["onset"], onset, side="right") - 1
    sounding = chord[np.maximum(row, 0)]
    together = np.full((int(max(coded.max(), after.max())) + 1, len(names)), LITTLE)
    np.add.at(together, (coded, sounding), 1.0)
    following = np.ones((len(names), len(names)))
    np.add.at(following, (chord[:-1], chord[1:]), 1.0)
    following /= following.sum(axis=1, keepdims=True)
    # Chords change where in a bar those of the phrase did.
    position = bar_positions(phrase, phrase.chords["onset"])
    end = len(coded) * step
    when = bar_positions(page, np.arange(len(after)) * step + end)
    starts = np.flatnonzero(np.isin(when, position))
    if not len(starts):
        return phrase.chords[:0]
    together = np.log(together / together.sum(axis=1, keepdims=True))
    weight = np.add.reduceat(np.where(struck[:, None], together[after], 0.0), starts)
    begun = np.log(following[sounding[-1]])
    follows = Automaton.first_order(np.log(following), len(starts), initial=begun)
    path = Chain(weight, [follows]).best()
    new = np.flatnonzero(np.diff(path, prepend=sounding[-1]))
    rows = [(end + int(starts[i]) * step, str(names[path[i]])) for i in new]
    return make_table(CHORD_DTYPE, rows)


def _closed(unary: Any, place: Ints, slices: Ints, hold: int, tonic: int) -> Any:
    """Ask that the last bar's first slice stands on the tonic and is held to the end."""
    unary = unary.copy()
    last = int(np.flatnonzero(place == 0)[-1]) if (place == 0).any() else 0
    sounding = np.where(slices >= 0, slices, 999)
    lowest = sounding.min(axis=1)
    struck = (slices != HOLD).all(axis=1) & (lowest < 999)
    unary[last, ~(struck & (lowest % 12 == tonic))] = -np.inf
    unary[last + 1 :] = -np.inf
    unary[last + 1 :, hold] = 0.0
    return unary


def _tonic(phrase: Score) -> int:
    """Return the tonic at the end, in fifths; one line without a mode may be in an old one."""
    mark = phrase.mark_at("key_signatures", phrase.end)
    if len(phrase.voices) > 1 or mark is None or mark["mode"] != UNKNOWN_MODE:
        return keys(phrase)[-1][1]
    metre = phrase.mark_at("time_signatures", phrase.end)
    full = metre_of(metre).bar
    onset = phrase.notes["onset"] - phrase.pickup
    return hear_tonic(phrase.signature_at(0), phrase.notes["pitch"], onset, full)[0]


def _step(phrase: Score) -> int:
    """Return the coarsest step that nearly all notes start on."""
    onset = phrase.notes["onset"]
    metre = phrase.mark_at("time_signatures", phrase.end)
    full = metre_of(metre).bar
    for division in DIVISIONS:
        step = TICKS_PER_QUARTER // division
        if full % step == 0 and (onset % step == 0).mean() >= ON_GRID:
            return step
    raise EncodingError(
        f"the notes are in no metre: {(onset % step != 0).mean():.0%} of them start between "
        f"the steps of 1/{DIVISIONS[-1]} of a quarter"
    )


def _slices(phrase: Score, step: int) -> Ints:
    """Return what each voice does in each step: a pitch struck, HOLD or REST."""
    n_steps = -(-phrase.end // step)
    rows = np.full((n_steps, len(phrase.voices)), REST)
    for v, (part, voice) in enumerate(phrase.voices):
        mine = phrase.notes[(phrase.notes["part"] == part) & (phrase.notes["voice"] == voice)]
        if len(np.unique(mine["onset"])) < len(mine):
            raise EncodingError(f"chords within {_voice_name(phrase, part)}: expected one line")
        for onset, duration, pitch in mine[["onset", "duration", "pitch"]].tolist():
            first, stop = -(-onset // step), -(-(onset + duration) // step)
            rows[first:stop, v] = HOLD
            rows[first : first + 1, v] = pitch
    return rows


def _voice_name(phrase: Score, part: int) -> str:
    return phrase.parts[part].name or f"part {part + 1}"


def _notes(grid: Ints, phrase: Score, step: int) -> Iterable[tuple[int, ...]]:
    """List the notes of all voices of a grid of slices."""
    signature = phrase.signature_at(phrase.end)
    for v, (part, voice) in enumerate(phrase.voices):
        at = np.flatnonzero(grid[:, v] != HOLD)
        for here, after in zip(at.tolist(), [*at[1:].tolist(), len(grid)], strict=True):
            pitch = int(grid[here, v])
            if pitch >= 0:
                fifths = int(natural_fifths(np.array(pitch), signature))
                yield here * step, (after - here) * step, pitch, fifths, part, voice, 80, 0
