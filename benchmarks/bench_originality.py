"""How much the chorale composer copies from what it learned from, beside Bach himself.

`python -m benchmarks.bench_originality [--pieces N]`: the longest runs of notes that stand in the
219 chorales of the bundled model, exact and transposed, and the share of chords on beats that do,
of Bach's chorales that were held out with their tunes, of the same sopranos set by the model (the
soprano, which is given, is left out of both), and of free chorales. Medians, and nine in ten.
"""

import argparse
import warnings

import numpy as np

from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.errors import ScoreWarning
from stats_composer.evaluation import Library, Reading
from stats_composer.io import read_corpus
from stats_composer.score import merge_parts

KINDS = ("exact", "transposed")


def below(score):
    """Return the lines under the first."""
    return merge_parts([score.select(*voice) for voice in score.voices[1:]])


def tell(name, judged):
    """Print the middle and the edge of what was found in some pieces."""
    longest = [
        "{:4.0f} ({:3.0f})".format(*np.quantile([one.longest[kind] for one in judged], [0.5, 0.9]))
        for kind in KINDS
    ]
    cited = np.quantile([one.chords.cited for one in judged], [0.5, 0.9])
    print(f"{name:32} {'   '.join(longest)}     {cited[0]:5.1%} ({cited[1]:5.1%})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", type=int, default=60)
    parser.add_argument("--data", help="not needed")
    n_pieces = parser.parse_args().pieces
    warnings.simplefilter("ignore", ScoreWarning)
    composer = ChoraleComposer.bundled()
    manifest, corpus = composer.manifest_, read_corpus("music21:bach", n_jobs=2)
    named = dict(zip(corpus.names, corpus.scores, strict=True))
    seen = [named[name] for name in manifest["files"]]
    unseen = [s for name, s in named.items() if manifest["left_out"].get(name) == "held out"]
    unseen = [score for score in unseen if len(score.voices) == len(composer.parts_)][:n_pieces]
    settings = [
        composer.harmonize(score.select(*score.voices[0]), random_state=i)
        for i, score in enumerate(unseen)
    ]
    free = composer.compose(n=n_pieces, random_state=0, n_jobs=2)
    print(f"{'longest run, median (nine in ten)':32} {'exact':12} {'transposed':12} cited chords")
    lower, library = Library([Reading(below(s)) for s in seen]), Library(map(Reading, seen))
    for name, scores in (
        ("Bach, held out, lower voices", unseen),
        ("the same sopranos set", settings),
    ):
        tell(name, [lower.judge(Reading(below(score))) for score in scores])
    for name, scores in (("Bach, held out", unseen), ("free chorales", free)):
        tell(name, [library.judge(Reading(score)) for score in scores])


if __name__ == "__main__":
    main()
