"""`evaluate`: a teacher's report on pieces, or their score card beside a corpus."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stats_composer.cli.options import Force, Jobs, Json
from stats_composer.cli.output import STANDARD, check_outputs, read_input
from stats_composer.cli.speech import patience, print_json, say
from stats_composer.errors import ScoreFileError
from stats_composer.score import Score

if TYPE_CHECKING:
    from stats_composer.evaluation import Beside, Report, ScoreCard
    from stats_composer.render import CardPanels

__all__ = ["CardSeed", "Scores", "evaluate", "plain", "read_named"]

SHOWN = 3
Named = list[tuple[str, Score]]

Scores = Annotated[
    list[str],
    typer.Argument(
        metavar="SCORES...", help="Scores: files, folders or patterns; '-' is standard input."
    ),
]
Against = Annotated[
    list[str] | None,
    typer.Option(metavar="CORPUS", help="What to compare with; may be repeated."),
]
Picture = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="The card as a picture: .svg or .png."),
]
CardSeed = Annotated[int, typer.Option(min=0, help="The same seed draws the same samples.")]


def evaluate(
    scores: Scores,
    against: Against = None,
    output: Picture = None,
    seed: CardSeed = 0,
    jobs: Jobs = 1,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Judge scores: fault by fault as a teacher does, or as a whole beside a corpus.

    Without a corpus each score gets a report: its cadences, and each fault with its bar, beat and
    voices. With one, all together get a card: rates, distances, likelihoods, and whether and by
    what a classifier tells them from the corpus, each beside the corpus's own value.
    """
    if output is not None:
        if against is None:
            raise typer.BadParameter("--output: a picture needs a corpus, --against CORPUS")
        check_outputs([output], suffixes=(".svg", ".png"), force=force)
    judged = read_named(scores, jobs)
    if against is None:
        _report(judged, as_json)
        return
    from stats_composer.evaluation import score_card

    judged, corpus = _comparable(judged, read_named(against, jobs))
    with patience():
        card = score_card([s for _, s in judged], [s for _, s in corpus], random_state=seed)
    if as_json:
        print_json(plain(card))
    else:
        say(_card_table(card))
    if output is not None:
        from stats_composer.render import draw_card, save_figure

        save_figure(draw_card(_panels(card)), output)
        say(f"Wrote {output}.", aside=as_json)


# ---- reading ----------------------------------------------------------------------------


def read_named(sources: Sequence[str], jobs: int) -> Named:
    """Read scores that have notes; of several files a bad one is named and left out."""
    if list(sources) == [STANDARD]:
        return _with_notes([("standard input", read_input(STANDARD))])
    from stats_composer.composers.sources import read_sources

    _, named, files, refused = read_sources(sources, n_jobs=jobs, progress=sys.stderr.isatty())
    if len(files) == 1 and refused:
        name, reason = next(iter(refused.items()))
        raise ScoreFileError(reason if name in reason else f"{name}: {reason}")
    for name, reason in refused.items():
        say(f"stats-composer: warning: {name} is left out: {reason}", aside=True)
    return _with_notes(named)


def _with_notes(named: Named) -> Named:
    kept = [(name, score) for name, score in named if len(score.notes)]
    if not kept:
        raise ScoreFileError(f"{', '.join(name for name, _ in named) or 'no file'}: no notes")
    return kept


def _comparable(judged: Named, corpus: Named) -> tuple[Named, Named]:
    """Keep the scores in as many voices as most of the judged ones have, and say so."""
    n_voices = Counter(len(score.voices) for _, score in judged).most_common(1)[0][0]
    voices = f"{n_voices} voice{'s' * (n_voices != 1)}"
    sides = []
    for title, side in (("scores", judged), ("corpus", corpus)):
        kept = [(name, score) for name, score in side if len(score.voices) == n_voices]
        if not kept:
            raise ScoreFileError(f"{title}: none is in {voices}, as most scores are")
        if len(kept) < len(side):
            others = [name for name, score in side if len(score.voices) != n_voices]
            more = " and others" if len(others) > SHOWN else ""
            say(
                f"{title}: {len(kept)} of {len(side)} are in {voices}; left aside: "
                f"{', '.join(others[:SHOWN])}{more}",
                aside=True,
            )
        sides.append(kept)
    return sides[0], sides[1]


# ---- reports ----------------------------------------------------------------------------


def _report(judged: Named, as_json: bool) -> None:
    from stats_composer.evaluation import Reading, rates, report

    told = []
    for name, score in judged:
        reading = Reading(score)
        found = report(reading)
        values = {key: rate for key, rate in rates(reading).items() if rate.places}
        told.append({"file": name, **_report_facts(found), "rates": plain(values)})
        if not as_json:
            say(_report_text(name, found))
    if as_json:
        print_json(told[0] if len(told) == 1 else told)


def _report_facts(found: Report) -> dict[str, Any]:
    return {
        "key": found.key,
        "phrases": [
            {"bar": e.place.bar, "beat": float(e.place.beat), "end": e.words, "chords": e.numerals}
            for e in found.endings
        ],
        "faults": [
            {
                "bar": fault.place.bar,
                "beat": float(fault.place.beat),
                "voices": list(fault.voices),
                "fault": fault.words,
                "measure": fault.measure,
            }
            for fault in found.faults
        ],
    }


def _report_text(name: str, found: Report) -> str:
    ends = "fermatas" if found.marked else "long notes and rests"
    lines = [f"{name}: {found.key}; phrases end at {ends}"]
    lines += [f"  {ending}" for ending in found.endings]
    n = len(found.faults)
    lines.append(f"{n} fault{'s' * (n != 1)}{':' * (n > 0)}")
    lines += [f"  {fault}" for fault in found.faults]
    return "\n".join(lines)


# ---- cards ------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Return tuples with names as dicts, and what is no number as None."""
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _card_table(card: ScoreCard) -> str:
    lines = [
        f"{card.n_judged} scores beside {card.n_corpus} of the corpus; in brackets 95 %, of the "
        "corpus that of as many of its own pieces; * outside it"
    ]
    for title, rows in (
        ("Rates", card.rates),
        ("Distances, bits", card.distances),
        ("Surprise, nats a symbol, under models that saw no setting of the tune", card.likelihoods),
    ):
        lines += ["", title, *_rows(rows)]
    test = card.test
    lines += [
        "",
        f"A classifier tells them apart: AUC {test.auc:.2f} +- {test.spread:.2f} by "
        f"{test.n_features} features, {test.n_folds} folds by tune (the corpus itself "
        f"{card.own_auc:.2f})",
        "  by one kind alone: "
        + ", ".join(
            f"{kind} {value:.2f}"
            for kind, value in sorted(test.by_kind.items(), key=lambda x: -x[1])
        ),
        "  what gives them away (scores, corpus):",
    ]
    lines += [f"    {t.feature}: {t.judged:.3f}, {t.corpus:.3f}" for t in test.telling]
    return "\n".join(lines)


def _rows(rows: Sequence[Beside]) -> list[str]:
    width = max((len(row.words) for row in rows), default=0)
    return [
        f"{'*' if row.stands_out else ' '} {row.words:{width}}  {row.judged!s:24}  {row.corpus}"
        for row in rows
    ]


def _panels(card: ScoreCard) -> CardPanels:
    """Return what the picture shows."""
    from stats_composer.render import CardPanels

    beside = {
        title: [(row.words, row.judged, row.corpus) for row in rows]
        for title, rows in (
            ("rates", card.rates),
            ("distances, bits", card.distances),
            ("surprise, nats a symbol", card.likelihoods),
        )
    }
    kinds = sorted(card.test.by_kind.items(), key=lambda item: item[1])
    title = f"{card.n_judged} scores beside {card.n_corpus}: AUC {card.test.auc:.2f}"
    return CardPanels(title, beside, kinds)
