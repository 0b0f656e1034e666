"""What a teacher counts in harmonizations of chorale melodies, beside Bach's own settings.

A composer fitted on the train split alone harmonizes the sopranos of the valid split; the card
of `evaluation/card.py` is given for both, then the time of a 16-bar harmonization, warm.
`python -m benchmarks.bench_sound --data DIR`; `--seed 1` draws others. With `--bundled 1` the
bundled model is heard instead, which has seen the valid split.
"""

import time

import numpy as np

from benchmarks.chorales import arguments, fit_composer, split_scores
from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.evaluation.card import card


def main():
    options = arguments(__doc__, seed=0, bundled=0)
    train, valid = split_scores(options.data)
    composer = ChoraleComposer.bundled() if options.bundled else fit_composer(train)
    start = time.perf_counter()
    settings = [
        composer.harmonize(score.select(*score.voices[0]), random_state=options.seed + number)
        for number, score in enumerate(valid)
    ]
    print(f"{len(valid)} melodies in {time.perf_counter() - start:.1f} s")
    print("Bach  ", card(valid))
    print("model ", card(settings))
    page = composer.compose(bars=16, key="G", random_state=0)
    melody = page.select(*page.voices[0])
    seconds = []
    for seed in range(5):
        start = time.perf_counter()
        composer.harmonize(melody, random_state=seed)
        seconds.append(time.perf_counter() - start)
    print(f"16 bars of 4/4: {np.median(seconds):.3f} s, the median of five")


if __name__ == "__main__":
    main()
