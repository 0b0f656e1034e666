"""Keys and spellings of music21's four-part Bach chorales, estimated and as printed.

The key of a chorale is its last bass note with the commoner third. `python
benchmarks/bench_theory.py`; the first run reads the corpus.
"""

import numpy as np

from stats_composer.io import read_corpus
from stats_composer.theory import MAJOR, MINOR, estimate_key, spell


def printed_key(notes):
    end = notes["onset"] + notes["duration"]
    last = notes[end == end.max()]
    bass = last[np.argmin(last["pitch"])]
    weight = np.bincount(notes["pitch"] % 12, notes["duration"], 12)
    minor, major = weight[(bass["pitch"] + 3) % 12], weight[(bass["pitch"] + 4) % 12]
    return int(bass["fifths"]), MINOR if minor > major else MAJOR


def agrees(notes, key, **options):
    tonic, mode = estimate_key(notes["pitch"], notes["duration"], notes["onset"], **options)
    return (tonic - key[0]) % 12 == 0 and mode == key[1]


def main():
    corpus = read_corpus("music21:bach", n_jobs=2, progress=True)
    scores = [score for score in corpus if score.n_parts == 4 and len(score.notes)]
    rows = []
    for score in scores:
        notes = score.notes
        key = printed_key(notes)
        soprano = notes[notes["part"] == 0]
        alone = {"ending": 0.0, "opening": 0.0}
        estimated = estimate_key(notes["pitch"], notes["duration"], notes["onset"])
        rows.append(
            [
                agrees(notes, key),
                agrees(soprano, key),
                agrees(notes, key, **alone),
                agrees(soprano, key, **alone),
                np.sum(spell(notes["pitch"], *key) == notes["fifths"]),
                np.sum(spell(notes["pitch"], *estimated) == notes["fifths"]),
                np.sum(nearest(notes["pitch"], *key) == notes["fifths"]),
                len(notes),
            ]
        )
    table = np.array(rows, float)
    n_notes = table[:, -1].sum()
    print(f"{len(scores)} chorales, {n_notes:.0f} notes")
    names = ["four parts", "soprano", "four parts, profiles alone", "soprano, profiles alone"]
    for name, column in zip(names, table.T, strict=False):
        print(f"key of {name:28} {column.mean():7.1%}")
    for name, column in zip(
        ["key given", "key estimated", "by key alone"], table.T[4:7], strict=True
    ):
        print(f"spelling, {name:25} {column.sum() / n_notes:7.2%}")


def nearest(pitch, tonic, mode):
    """Spell by the key alone."""
    lowest = tonic - (5 if mode == MINOR else 3)
    return (pitch.astype(int) * 7 - lowest) % 12 + lowest


if __name__ == "__main__":
    main()
