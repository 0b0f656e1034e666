"""Train the bundled chord model.

`python -m stats_composer.chords.train events.csv bach-chords.npz`, where `events.csv` holds the
Bach Choral Harmony data set (D. Radicioni, R. Esposito; UCI Machine Learning Repository, CC BY
4.0), makes the file in `pretrained/`, the same each time.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from stats_composer.chords.events import read_choral_harmony
from stats_composer.chords.recognizer import ChordRecognizer
from stats_composer.errors import StatsComposerError

__all__ = ["ATTRIBUTION", "main"]

ATTRIBUTION = (
    "Bach Choral Harmony data set by Daniele P. Radicioni and Roberto Esposito, UCI Machine "
    "Learning Repository, https://doi.org/10.24432/C50P41, licensed under CC BY 4.0; the "
    "weights were derived from it"
)


def main(arguments: Sequence[str]) -> int:
    """Read the data set that the first argument names and write the model to the second."""
    if len(arguments) != 2:
        print("usage: python -m stats_composer.chords.train EVENTS.csv MODEL.npz", file=sys.stderr)
        return 2
    source = Path(arguments[0])
    try:
        pieces = read_choral_harmony(source)
        manifest = {
            "source": "Bach Choral Harmony",
            "files": {source.name: hashlib.sha256(source.read_bytes()).hexdigest()},
            "chorales": [piece.name for piece in pieces],
            "events": sum(len(piece.events) for piece in pieces),
            "licence": "CC BY 4.0",
            "attribution": ATTRIBUTION,
            "command": "python -m stats_composer.chords.train events.csv bach-chords.npz",
        }
        ChordRecognizer.train(pieces, manifest=manifest).save(arguments[1])
    except StatsComposerError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
