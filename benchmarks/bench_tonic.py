"""The tonic of folk tunes: how often it is heard as printed, on collections that were not learned.

Three books of music21's corpus whose tunes print their keys: each is left out in turn, the
conditional logit of `theory.keys.hear_tonic` fitted on the other two. Each tune is heard under
its own signature, under the one that MIDI has for a major or minor key, and under none. The last
line are weights fitted on all. `python -m benchmarks tonic`.
"""

import re
import warnings

import numpy as np

from stats_composer.io import find_files
from stats_composer.io.abc import read_abc
from stats_composer.io.report import Report
from stats_composer.models.choices import Valued, learn_choices
from stats_composer.theory import Metre, name_fifths
from stats_composer.theory.keys import tonic_evidence

BOOKS = ("oneills1850", "ryansMammoth", "airdsAirs")
SUFFIXES = {
    "": "major", "maj": "major", "m": "minor", "min": "minor", "dor": "dorian",
    "mix": "mixolydian",
}  # fmt: skip
KEY = re.compile(r"(?m)^K: *([A-G][#b]?) *([A-Za-z]*)")


def tunes(book):
    """Yield the printed key of a book's tunes, and their lines."""
    for _, path in find_files(f"music21:{book}"):
        for text in re.split(r"(?m)^(?=X:)", path.read_text("latin-1")):
            key = KEY.search(text)
            mode = SUFFIXES.get(key.group(2).lower()[:3]) if key else None
            if mode is None:
                continue
            try:
                (score,) = read_abc(text.encode(), Report())
            except ValueError:
                continue
            if len(score.notes) >= 20 and len(score.time_signatures) == 1:
                tonic = name_fifths(key.group(1))
                pitch = score.notes["pitch"].astype(np.int64)
                onset = score.notes["onset"] - score.pickup
                full = Metre(*score.time_signatures[0].tolist()[1:]).bar
                yield tonic, mode, score.signature_at(0), pitch, onset, full


def evidence(book):
    """Return the evidence of each tune three times over, and which tonic is printed."""
    rows, right = [], []
    for tonic, mode, printed, pitch, onset, full in tunes(book):
        midi = tonic - (3 if mode in ("minor", "dorian") else 0)
        for signature in (printed, midi, 0):
            rows.append(tonic_evidence(signature, pitch, onset, full)[0])
            right.append(7 * tonic % 12)
    return np.array(rows), np.array(right)


def fitted(told):
    """Fit the weights of a conditional logit, with a normal prior of unit variance."""
    rows, right = (np.concatenate(part) for part in zip(*told, strict=True))
    return learn_choices(Valued(rows), right, l2=1.0)


def main():
    """Print the share heard right by book and signature."""
    warnings.simplefilter("ignore")
    told = {book: evidence(book) for book in BOOKS}
    for book in BOOKS:
        weights = fitted([told[other] for other in BOOKS if other != book])
        rows, right = told[book]
        heard = (np.argmax(rows @ weights, axis=1) == right).reshape(-1, 3).mean(axis=0)
        shares = "printed {:.1%}, of MIDI {:.1%}, none {:.1%}".format(*heard)
        print(f"{book:14} {len(right) // 3:5} tunes, signature {shares}", flush=True)
    weights = fitted(list(told.values()))
    print("weights", *weights.round(2))


if __name__ == "__main__":
    main()
