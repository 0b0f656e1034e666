"""`explain`: why a note stands where it does, and what a model has learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from stats_composer.cli.evaluate import Against, CardSeed, read_named
from stats_composer.cli.options import Choir, Force, Jobs, Json, ModelFile, Style, refuse
from stats_composer.cli.output import check_outputs, read_input
from stats_composer.cli.speech import patience, print_json, say
from stats_composer.cli.styles import load_composer
from stats_composer.errors import EncodingError
from stats_composer.score import Score

if TYPE_CHECKING:
    from stats_composer.encoding import GridFrame
    from stats_composer.evaluation.explain import NoteTerms, Share

__all__ = ["explain"]

N_ALTERNATIVES = 5
N_SHARES = 12
N_PATTERNS = 4
N_PLACES = 3
N_PIECES, N_BARS = 8, 16
MELODIC = ("melody", "chord", "progression", "motion", "passage")
"""Kinds of features whose places in a corpus are worth hearing."""

What = Annotated[str, typer.Argument(metavar="SCORE|MODEL", help="A score, or a model file.")]
Bar = Annotated[str | None, typer.Option(metavar="NUMBER", help="The printed bar of the note.")]
Beat = Annotated[str | None, typer.Option(metavar="BEAT", help="Its beat, such as 2, 2.5 or 3/2.")]
Line = Annotated[Choir | None, typer.Option(help="Its voice.")]
Pitch = Annotated[
    str | None, typer.Option(metavar="PITCH", help="Why not this one, such as F#4; or 'rest'.")
]
HeatMap = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="A model's couplings: .svg or .png."),
]


@dataclass(frozen=True)
class Note:
    """Which note of a score, and which other may have stood there."""

    bar: Bar = None
    beat: Beat = None
    voice: Line = None
    pitch: Pitch = None


@dataclass(frozen=True)
class Map:
    """Where a model's couplings are drawn."""

    output: HeatMap = None
    force: Force = False


def explain(
    file: What,
    note: Note,
    drawn: Map,
    model: ModelFile = None,
    against: Against = None,
    seed: CardSeed = 0,
    jobs: Jobs = 1,
    as_json: Json = False,
) -> None:
    """Tell why a note of a chorale stands where it does, or what a model of chorales has learned.

    Of a score, name the bar, beat and voice: what each term of the model says for the note and
    against the likeliest other (or the pitch you name), and where in a corpus it stands. Of a
    model, its rules in words, each given those before it, from eight pieces that it composes.
    """
    if Path(file).suffix == ".npz":
        refuse("a model has no bars: --bar, --beat, --voice and --pitch are of scores",
               *vars(note).values(), model, against)  # fmt: skip
        if drawn.output is not None:
            check_outputs([drawn.output], suffixes=(".svg", ".png"), force=drawn.force)
        _explain_model(file, drawn.output, seed, as_json)
        return
    refuse("--output: couplings are of a model file", drawn.output)
    if note.bar is None or note.beat is None or note.voice is None:
        raise typer.BadParameter("of a score a note: expected --bar, --beat and --voice")
    _, composer = load_composer(None, model, verb="explain", only=Style.CHORALE)
    score = read_input(file)
    tick, line = _tick(score, note.bar, note.beat), list(Choir).index(note.voice)
    with patience():
        corpus = read_named(against, jobs) if against else []
        facts = _Site(composer, score, tick, line).facts(note.pitch, corpus)
    if as_json:
        print_json(facts)
    else:
        say(_note_text(facts))


def _tick(score: Score, bar: str, beat: str) -> int:
    try:
        place = Fraction(beat)
    except (ValueError, ZeroDivisionError):
        raise typer.BadParameter(
            f"beat {beat!r}: expected a number such as 2, 2.5 or 3/2"
        ) from None
    return score.tick(bar, place)


class _Site:
    """A note of a score under a composer's model of lines."""

    def __init__(self, composer: Any, score: Score, tick: int, line: int) -> None:
        self.encoder, self.model, self.line = composer.encoder_, composer.skeleton_, line
        self.score = score
        self.grid, self.frame = self.encoder.encode(score)
        self.rows = self._rows(tick)

    def _rows(self, tick: int) -> range:
        """Return the rows of the note that sounds at a tick, or the row of a rest."""
        step = self.frame.step
        if tick % step:
            raise EncodingError(f"{self.score.where(tick)}: between the steps of the model")
        part, voice = self.score.voices[self.line]
        notes = self.score.select(part, voice).notes
        end = notes["onset"] + notes["duration"]
        for row in np.flatnonzero((notes["onset"] <= tick) & (tick < end)):
            return range(-(-int(notes["onset"][row]) // step), -(-int(end[row]) // step))
        return range(tick // step, tick // step + 1)

    def facts(self, pitch: str | None, corpus: Sequence[tuple[str, Score]]) -> dict[str, Any]:
        """Say what the terms say of the note."""
        from stats_composer.evaluation.explain import note_terms

        names = self.encoder.get_feature_names_out().tolist()
        terms = note_terms(self.model, self.grid, self.rows, self.line, names)
        order = np.argsort(-terms.log_probs)
        others = [int(s) for s in order if s != terms.symbol]
        other = others[0] if pitch is None else self._symbol(pitch)
        shares = terms.against(other)
        place = self.score.where(self.rows.start * self.frame.step)
        return {
            "bar": place.bar,
            "beat": float(place.beat),
            "voice": self.encoder.names[self.line],
            "pitch": self._name(terms.symbol),
            "probability": math.exp(terms.log_probs[terms.symbol]),
            "surprise_bits": -terms.log_probs[terms.symbol] / math.log(2),
            "alternatives": [
                {"pitch": self._name(s), "probability": math.exp(terms.log_probs[s])}
                for s in others[:N_ALTERNATIVES]
            ],
            "against": self._name(other),
            "log_odds": float(terms.log_probs[terms.symbol] - terms.log_probs[other]),
            "terms": _summed(shares),
            "patterns": self._patterns(terms, other, corpus),
        }

    def _symbol(self, pitch: str) -> int:
        from stats_composer.theory import parse_pitch

        alphabet = self.frame.alphabets[self.line]
        try:
            entry = -1 if pitch == "rest" else parse_pitch(pitch) - self.frame.shift
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        symbol = alphabet.symbol(entry)
        if symbol < 0:
            raise EncodingError(f"{pitch}: the model's {alphabet.name} does not sing it here")
        return int(symbol)

    def _name(self, symbol: int) -> str:
        from stats_composer.theory import fifths_name, spell

        entry = int(self.frame.alphabets[self.line].entries[symbol])
        if entry < 0:
            return "rest"
        pitch = entry + self.frame.shift
        fifths = int(spell([pitch], *self.frame.key)[0])
        return f"{fifths_name(fifths)}{(pitch - (fifths + 1) // 7) // 12 - 1}"

    def _patterns(
        self, terms: NoteTerms, other: int, corpus: Sequence[tuple[str, Score]]
    ) -> list[dict[str, Any]]:
        """Find the strongest patterns for the note in a corpus."""
        cells: dict[int, list[Share]] = {}
        for share in terms.shares[terms.symbol]:
            if share.kind in MELODIC:
                cells.setdefault(share.cell, []).append(share)
        strongest = sorted(cells.values(), key=lambda own: -sum(s.value for s in own))[:N_PATTERNS]
        grids = [(name, score, *found) for name, score in corpus if (found := self._encoded(score))]
        return [
            {
                "kind": own[0].kind,
                "detail": own[0].detail,
                "value": sum(share.value for share in own),
                "places": self._places(own[0].cell, grids),
            }
            for own in strongest
            if corpus
        ]

    def _encoded(self, score: Score) -> tuple[Any, GridFrame] | None:
        import warnings

        from stats_composer.errors import ScoreWarning

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ScoreWarning)
                encoded: tuple[Any, GridFrame] = self.encoder.encode(score)
        except EncodingError:
            return None
        return encoded

    def _places(self, cell: int, grids: Sequence[Any]) -> list[dict[str, Any]]:
        from stats_composer.evaluation.explain import find_pattern

        found = []
        for name, score, grid, frame in grids:
            rows = find_pattern(self.model, grid, cell)
            if rows is not None:
                place = score.where(rows[0] * frame.step)
                found.append({"piece": name, "bar": place.bar, "beat": float(place.beat)})
            if len(found) == N_PLACES:
                break
        return found


def _summed(shares: Sequence[Share]) -> list[dict[str, Any]]:
    """Sum shares by kind and detail, the loudest first."""
    total: dict[tuple[str, str], float] = {}
    for share in shares:
        key = share.kind, share.detail
        total[key] = total.get(key, 0.0) + share.value
    rows = sorted(total.items(), key=lambda item: -abs(item[1]))
    return [{"kind": kind, "detail": detail, "value": value} for (kind, detail), value in rows]


def _note_text(facts: dict[str, Any]) -> str:
    others = ", ".join(f"{o['pitch']} {o['probability']:.1%}" for o in facts["alternatives"])
    lines = [
        f"bar {facts['bar']} beat {facts['beat']:g} ({facts['voice']}): {facts['pitch']}, "
        f"probability {facts['probability']:.1%}, surprise {facts['surprise_bits']:.2f} bits",
        f"likeliest others: {others}",
        f"for {facts['pitch']} and not {facts['against']}, nats:",
    ]
    terms = facts["terms"]
    lines += [f"  {t['value']:+7.3f}  {t['kind']} {t['detail']}".rstrip() for t in terms[:N_SHARES]]
    rest = sum(t["value"] for t in terms[N_SHARES:])
    if len(terms) > N_SHARES:
        lines.append(f"  {rest:+7.3f}  {len(terms) - N_SHARES} others")
    lines.append(f"  {facts['log_odds']:+7.3f}  log-odds")
    for pattern in facts["patterns"]:
        places = "; ".join(
            f"{p['piece']} bar {p['bar']} beat {p['beat']:g}" for p in pattern["places"]
        )
        name = f"{pattern['kind']} {pattern['detail']}".strip()
        lines.append(f"{name} ({pattern['value']:+.2f}) stands in {places or 'none'}")
    return "\n".join(lines)


# ---- models -----------------------------------------------------------------------------


def _explain_model(file: str, output: str | None, seed: int, as_json: bool) -> None:
    from stats_composer.evaluation import Reading
    from stats_composer.evaluation.rules import learned_rules

    _, composer = load_composer(None, file, verb="explain", only=Style.CHORALE)
    with patience():
        pieces = composer.compose(bars=N_BARS, n=N_PIECES, random_state=seed)
        rules = learned_rules([Reading(piece) for piece in pieces], random_state=seed)
    if as_json:
        print_json([rule._asdict() for rule in rules])
    else:
        say(f"Rules of {file}, each beside what chance and the rules before it expect:")
        for number, rule in enumerate(rules, 1):
            say(f"{number:3}. {rule}")
    if output is not None:
        from stats_composer.render import coupling_maps, save_figure

        save_figure(coupling_maps(*_coupling_tables(composer)), output)
        say(f"Wrote {output}.", aside=as_json)


def _coupling_tables(composer: Any) -> tuple[dict[str, Any], list[str]]:
    """Return couplings to draw, on the beat: of the outer voices in time, and with each other."""
    from stats_composer.theory import pitch_name

    encoder, model = composer.encoder_, composer.skeleton_
    entries = [alphabet.entries for alphabet in encoder.alphabets_[: encoder.n_lines]]
    every = np.unique(np.concatenate(entries))
    rows = [np.searchsorted(every, own) for own in entries]
    names, bass = list(encoder.names), len(entries) - 1
    tables = {}
    for a, b, lag in ((0, 0, 1), (bass, bass, 1), (0, bass, 0)):
        title = f"{names[a]}, one step later" if a == b else f"{names[a]} with the {names[b]}"
        tables[title] = np.zeros((len(every), len(every)))
        own = model.coupling(a, b, lag)[0][: len(rows[a]), : len(rows[b])]
        tables[title][np.ix_(rows[a], rows[b])] = own
    return tables, ["rest" if entry < 0 else pitch_name(int(entry)) for entry in every]
