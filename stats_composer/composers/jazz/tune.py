"""A tune to improvise on: its melody apart, its changes, and what accompanies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stats_composer.chords import ChordRecognizer
from stats_composer.composers.asked import MAX_BARS
from stats_composer.composers.jazz.harmony import harmonized
from stats_composer.composers.jazz.model import SoloModel
from stats_composer.composers.jazz.page import chained, solo_on, with_parts
from stats_composer.composers.jazz.solo import Solo
from stats_composer.errors import EncodingError
from stats_composer.listening import LineModel, RoleModel, RoleOf, quantize
from stats_composer.listening.roles import FEATURES, describe_parts
from stats_composer.score import (
    KEY_SIGNATURE_DTYPE,
    PART_TABLES,
    TEMPO_DTYPE,
    Score,
    keys,
    make_table,
    metre_of,
    swung,
    unfold,
)
from stats_composer.score.places import DEFAULT_TEMPO
from stats_composer.theory import TICKS_PER_QUARTER, key_name, key_signature

__all__ = ["Heard", "framed", "hear_tune"]

MOSTLY_ALONE = 0.6
EVEN = 1.3
"""The first of two eighths over the second, below which they do not swing."""


@dataclass(frozen=True, eq=False)
class Heard:
    """A tune as an improviser hears it.

    Attributes
    ----------
    tune : Score
        Repeats written out, no upbeat, the last bar full; with chord symbols.
    melody : int
        Its part that leads.
    roles : list of RoleOf
        Of its parts.
    missing : tuple of str
        What a band should add: `bass`, `chords`.
    swings : bool
        Whether straight eighths are to be played long and short.
    account : list of str
        What was taken for what, in sentences.
    """

    tune: Score
    melody: int
    roles: list[RoleOf]
    missing: tuple[str, ...]
    swings: bool
    account: list[str]

    @property
    def page(self) -> Score:
        """The tune without its melody."""
        return self.under("solo")

    def under(self, part: str) -> Score:
        """Return the tune without what a new part is to take the place of.

        Parameters
        ----------
        part : str
            `solo`, `bass` or `chords`.
        """
        rest = [i for i, r in enumerate(self.roles) if r.role == part and i != self.melody]
        return without_parts(self.tune, [self.melody] if part == "solo" else rest)

    def solo(self) -> Solo:
        """Return its melody as a solo over its chords.

        Raises
        ------
        EncodingError
            If it has less than two notes.
        """
        solo = solo_on(self.tune, self.tune.select(self.melody).notes)
        if len(solo.onset) < 2:
            raise EncodingError("a melody of one note: expected more to learn from")
        return solo


def hear_tune(score: Score, model: SoloModel, melody: int | None = None) -> Heard:
    """Tell a tune's melody, changes and accompaniment.

    Parameters
    ----------
    score : Score
    model : SoloModel
        Gives chords to a melody that is alone.
    melody : int, optional
        The part that leads; by default the likeliest.

    Raises
    ------
    EncodingError
        If nothing in it has a pitch, or it has more than `MAX_BARS` bars.
    """
    if score.n_bars > MAX_BARS:
        raise EncodingError(f"{score.n_bars:,} bars: expected at most {MAX_BARS:,}")
    found = quantize(swung(unfold(score)))
    tune = _chorus(found.score)
    roles = RoleModel.bundled().roles(tune)
    if not any(role.role == "melody" for role in roles):
        raise EncodingError("no notes of a pitch: expected a tune")
    lead = [role.role for role in roles].index("melody") if melody is None else melody
    account = [_said(tune, roles, lead, melody is not None)]
    tune, apart = _apart(tune, lead)
    if apart:
        roles.append(RoleOf("chords", 1.0, "what was beside the melody"))
        account.append("Its highest line was taken apart from the chords in the same part.")
    if found.timing is not None:
        tune = tune.replace(tempos=_steadied(tune.tempos))
        account.append("A performance: its beat was found, its notes put on a grid.")
    tune, said = _with_chords(tune, model)
    tune, assumed = _with_marks(tune)
    account += [said, *assumed]
    played = {role.role for i, role in enumerate(roles) if i != lead}
    missing = tuple(name for name in ("bass", "chords") if name not in played)
    return Heard(tune, lead, roles, missing, _swings(tune, found.swing), account)


def _apart(tune: Score, lead: int) -> tuple[Score, bool]:
    """Give what is beside the melody in its part a part of its own, and say whether it had any."""
    notes = tune.notes.copy()
    mine = np.flatnonzero(notes["part"] == lead)
    (alone,) = describe_parts(tune.select(lead), [0])[:, FEATURES.index("alone")]
    if alone > MOSTLY_ALONE:
        return tune, False
    melody = LineModel.bundled().melody(notes[mine])
    if not melody.any():
        return tune, False
    notes["part"][mine[~melody]] = tune.n_parts
    other = replace(tune.parts[lead], name="")
    return tune.replace(notes=notes, parts=(*tune.parts, other)), True


def _with_chords(tune: Score, model: SoloModel) -> tuple[Score, str]:
    """Return a tune with chord symbols, and say where they are from."""
    if len(tune.chords):
        return tune, f"Chords: its {len(tune.chords)} symbols."
    recognizer = ChordRecognizer.bundled()
    pitched = without_parts(tune, [i for i, p in enumerate(tune.parts) if p.percussion])
    found = recognizer.annotate(tune, recognizer.recognize(pitched))
    if len(found.chords):
        return found, f"Chords: heard, {len(found.chords)} of them."
    found = harmonized(tune, model.changes_, model.tones_)
    return found, f"Chords: none sound; {len(found.chords)} were put to the melody."


def _steadied(tempos: NDArray[np.void]) -> NDArray[np.void]:
    """Return what a band reads of a tempo curve: medians of nine, where they move by a twelfth."""
    curve = tempos.copy()
    padded = np.pad(tempos["quarters_per_minute"], 4, mode="edge")
    curve["quarters_per_minute"] = np.median(sliding_window_view(padded, 9), axis=1)
    kept = [0]
    for row in range(1, len(curve)):
        now, then = curve["quarters_per_minute"][[row, kept[-1]]]
        if abs(now - then) > then / 12:
            kept.append(row)
    return curve[kept]


def _with_marks(tune: Score) -> tuple[Score, list[str]]:
    """Return a tune with a tempo and a key signature, and say what they are."""
    account = []
    if not len(tune.tempos):
        tune = tune.replace(tempos=make_table(TEMPO_DTYPE, [(0, DEFAULT_TEMPO)]))
        account.append(f"No tempo: {DEFAULT_TEMPO:g} quarters a minute.")
    metre, (_, tonic, mode) = tune.time_signatures[0], keys(tune)[0]
    if not len(tune.key_signatures):
        heard_key = [(0, key_signature(tonic, mode), mode)]
        tune = tune.replace(key_signatures=make_table(KEY_SIGNATURE_DTYPE, heard_key))
    changes = len(tune.time_signatures) - 1
    account.append(
        f"{metre['numerator']}/{metre['denominator']}"
        f"{f' (changes of metre: {changes})' if changes else ''}, {key_name(tonic, mode)}, "
        f"{tune.tempos['quarters_per_minute'][0]:.0f} quarters a minute."
    )
    return tune, account


def _chorus(score: Score) -> Score:
    """Return what a chorus is played on: no upbeat, the last bar full."""
    if score.pickup:
        if score.n_bars < 2:
            raise EncodingError("one bar that is not full: expected a tune")
        score = score[1:]
    last = int(score.bars["onset"][-1])
    full = last + metre_of(score.mark_at("time_signatures", last)).bar
    return score.replace(end=max(score.end, full))


def _said(tune: Score, roles: Sequence[RoleOf], lead: int, chosen: bool) -> str:
    """Say which part is the melody, and why."""
    name = tune.parts[lead].name
    part = f"part {lead + 1}" + (f" ({name})" if name else "")
    if chosen:
        return f"Melody: {part}, as asked."
    return f"Melody: {part}: {roles[lead].reason} ({roles[lead].confidence:.0%} sure)."


def _swings(tune: Score, ratio: float | None) -> bool:
    """Tell whether straight eighths fit: in quarters, unless the tune's own are even."""
    return metre_of(tune.time_signatures[0]).beat == TICKS_PER_QUARTER and (
        ratio is None or ratio > EVEN
    )


def without_parts(score: Score, parts: Sequence[int]) -> Score:
    """Return a score without some of its parts."""
    kept = [i for i in range(score.n_parts) if i not in parts]
    number = np.full(score.n_parts, -1)
    number[kept] = np.arange(len(kept))
    tables = {}
    for name in PART_TABLES:
        table = getattr(score, name)
        table = table[number[table["part"]] >= 0].copy()
        table["part"] = number[table["part"]]
        tables[name] = table
    return score.replace(**tables, parts=tuple(score.parts[i] for i in kept))


def framed(heard: Heard, choruses: Score) -> Score:
    """Return choruses with the tune before and after them, played by the same band.

    Parameters
    ----------
    heard : Heard
    choruses : Score
        Of `JazzComposer.improvise` on its page: the solo, the band, the page's own parts.
    """
    under = choruses[: heard.tune.n_bars]
    added = [(choruses.parts[0], heard.tune.select(heard.melody).notes)]
    for i in range(1, 1 + len(heard.missing)):
        added.append((choruses.parts[i], under.select(i).notes))
    head = with_parts(heard.page, added)
    return chained(chained(head, choruses), head)
