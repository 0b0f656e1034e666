"""`originality`: what of a score stands in a corpus, beside what its own pieces have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stats_composer.cli.evaluate import CardSeed, Scores, plain, read_named
from stats_composer.cli.options import Jobs, Json
from stats_composer.cli.speech import print_json, say

if TYPE_CHECKING:
    from stats_composer.evaluation import Copy, Originality, Usual

__all__ = ["originality"]

SHOWN = 5

Corpus = Annotated[
    list[str],
    typer.Option("--against", metavar="CORPUS", help="What may have been copied; may be repeated."),
]
Unseen = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CORPUS",
        help="Scores unknown to the model: chords that only they have are re-discovered.",
    ),
]


def originality(
    scores: Scores,
    against: Corpus,
    unseen: Unseen = None,
    seed: CardSeed = 0,
    jobs: Jobs = 1,
    as_json: Json = False,
) -> None:
    """Tell what of a score stands in a corpus, note for note or transposed, and where.

    Each longest run stands beside those of the corpus's own pieces: up to a hundred of them against
    the rest of it, without other settings of their tunes.
    """
    from stats_composer.evaluation import Library, Reading

    judged, corpus = read_named(scores, jobs), read_named(against, jobs)
    kept = [Reading(score) for _, score in read_named(unseen, jobs)] if unseen else []
    library = Library([Reading(score) for _, score in corpus], kept)
    names, usual = [name for name, _ in corpus], library.usual(random_state=seed)
    told = []
    for name, score in judged:
        found = library.judge(Reading(score))
        if as_json:
            told.append({"file": name, **_facts(found, names)})
        else:
            say(_text(name, found, usual, names))
    if as_json:
        print_json({"scores": told, "corpus": plain(usual)})


def _facts(found: Originality, names: list[str]) -> dict[str, Any]:
    return {
        "longest": found.longest,
        "copies": [_copy_facts(copy, names) for copy in found.copies],
        "chords": plain(found.chords),
    }


def _copy_facts(copy: Copy, names: list[str]) -> dict[str, Any]:
    spots = {
        side: {"voice": spot.voice, "bar": spot.place.bar, "beat": float(spot.place.beat)}
        for side, spot in (("here", copy.here), ("there", copy.there))
    }
    return {"notes": copy.n_notes, "kind": copy.kind, "piece": names[copy.piece], **spots}


def _text(name: str, found: Originality, usual: Usual, names: list[str]) -> str:
    lines = [
        f"{name}: the longest runs of notes, and those of {usual.n_pieces} pieces of the corpus"
    ]
    for kind, n_notes in found.longest.items():
        own = usual.longest[kind]
        mark = "*" if n_notes > own.high else " "
        lines.append(f"{mark} {kind:12} {n_notes:3}   {own.value:g} [{own.low:g}, {own.high:g}]")
    if found.chords and usual.cited:
        own = usual.cited
        span = f"{100 * own.value:.1f} [{100 * own.low:.1f}, {100 * own.high:.1f}]"
        lines.append(f"  chords on beats: {found.chords}; of the corpus cited {span} %")
    lines += [
        f"    {copy.n_notes} notes, {copy.kind}: {copy.here} as {names[copy.piece]} {copy.there}"
        for copy in found.copies[:SHOWN]
    ]
    return "\n".join(lines)
