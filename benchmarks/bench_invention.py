"""How many of the chords the composer writes Bach has written: cited, re-discovered, invented.

The chords on the beats, pitch by pitch and voice by voice at the common tonic: in the train
split (cited), only in the valid split (re-discovered), in neither (invented); for free pieces,
for harmonizations of the valid sopranos, and beside them valid's own chorales, voices drawn by
themselves, and a first-order Markov chain of chords. `python -m benchmarks.bench_invention
--data DIR`.
"""

import warnings

import numpy as np

from benchmarks.chorales import arguments, fit_composer, split_scores
from stats_composer.encoding import GridEncoder, shift_of
from stats_composer.errors import ScoreWarning
from stats_composer.evaluation.invention import (
    chord_chain,
    chords_of,
    independent_voices,
    shares,
)
from stats_composer.theory import TICKS_PER_QUARTER
from stats_composer.views import grid


def chords(score, key=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        pitch, _ = grid(score, TICKS_PER_QUARTER)
    shift = shift_of(GridEncoder.key(score) if key is None else key)
    return chords_of(np.where(pitch >= 0, pitch - shift, pitch))


def main():
    options = arguments(__doc__, seed=0, pieces=60)
    rng = np.random.default_rng(options.seed)
    train, valid = split_scores(options.data)
    composer = fit_composer(train)
    known = [chords(score) for score in train]
    kept = [chord for score in valid for chord in chords(score)]
    seen = [chord for piece in known for chord in piece]
    free = composer.compose(bars=12, n=options.pieces, random_state=options.seed, n_jobs=2)
    settings = [
        composer.harmonize(score.select(*score.voices[0]), random_state=options.seed + number)
        for number, score in enumerate(valid)
    ]
    n = len(kept)
    rows = {
        "free pieces of 12 bars": [chord for score in free for chord in chords(score)],
        "harmonizations of valid": [
            chord
            for score, bach in zip(settings, valid, strict=True)
            for chord in chords(score, GridEncoder.key(bach))
        ],
        "independent voices": independent_voices(seen, n, rng),
        "Markov chain of chords": chord_chain(known, n, rng),
        "Bach, the valid split itself": kept,
    }
    print(f"{len(train)} pieces to learn from, {len(valid)} kept, {len(set(seen))} chords known")
    for name, drawn in rows.items():
        print(f"{name:30} {shares(drawn, seen, kept)}   of {len(drawn)} beats")


if __name__ == "__main__":
    main()
