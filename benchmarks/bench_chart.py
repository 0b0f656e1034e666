"""How well harmonizations follow a chart of chords, and what it costs the lines.

A composer fitted on the train split harmonizes the sopranos of the valid split over the chords
that the bundled recognizer finds in Bach's own settings; the same recognizer tells at how many
beats the result has the chord that was named, and the card of `evaluation/card.py` what became
of the lines. With the chord voice and without, for soft charts and, at weight 0, ones that only
pin the voice; a hard one would refuse the passing notes of most melodies. The recognizer has
learned from labels of 48 chorales, some of them among these. `python -m benchmarks.bench_chart
--data DIR`; `--every 4` takes fewer melodies;
`--fitted FILE` reads a composer that was fitted before.
"""

import time
import warnings

import numpy as np

from benchmarks.chorales import arguments, fit_composer, split_scores
from stats_composer.chords import ChordRecognizer
from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.composers.chorale.chord_voice import chord_path
from stats_composer.composers.chorale.task import melody_key
from stats_composer.constraints import Changes
from stats_composer.encoding import GridEncoder
from stats_composer.errors import ConstraintError, ScoreWarning
from stats_composer.evaluation.card import card

BEATS = GridEncoder(4, steps_per_beat=1).set_entries([np.array([60])] * 4)


def chart_of(score, recognizer):
    """Return (bar, beat, symbol) of each chord of a score; of those in one place the last."""
    spans = [span for span in recognizer.recognize(score) if span.harte != "N"]
    rows = {(span.bar, span.beat): span.harte.split("/")[0] for span in spans}
    return [(*place, symbol) for place, symbol in rows.items()]


def can_be_told(chart, score):
    """Whether a chart names places that there are: those of short inner bars it cannot."""
    try:
        return bool(Changes(chart).chords(score))
    except ConstraintError:
        return False


def follow(composer, scores, charts, weight, recognizer):
    """Harmonize sopranos; return the scores, at what share of beats they follow, and seconds."""
    settings, right, start = [], [], time.process_time()
    for number, (score, chart) in enumerate(zip(scores, charts, strict=True)):
        wish = [] if weight is None else [Changes(chart, weight=weight)]
        melody = score.select(*score.voices[0])
        setting = composer.harmonize(melody, constraints=wish, random_state=number)
        settings.append(setting)
        frame = BEATS.frame(score, melody_key(score))
        one, other = (chord_path(s, frame, recognizer) for s in (score, setting))
        right.append(one == other)
    seconds = (time.process_time() - start) / len(scores)
    return settings, np.concatenate(right).mean(), seconds


def main():
    options = arguments(__doc__, every=1, fitted="")
    recognizer = ChordRecognizer.bundled()
    train, valid = split_scores(options.data)
    charts = [chart_of(score, recognizer) for score in valid]
    known = [i for i, score in enumerate(valid) if can_be_told(charts[i], score)]
    known = known[:: options.every]
    valid, charts = [valid[i] for i in known], [charts[i] for i in known]
    composer = (
        ChoraleComposer.load(options.fitted)
        if options.fitted
        else fit_composer(train, chord_voice=True)
    )
    print(f"{len(valid)} melodies\nBach {card(valid)}")
    for weight in (0.0, -0.5, -1.0, -2.0):
        print_row("chord voice", follow(composer, valid, charts, weight, recognizer), weight)
    composer.charted_ = None
    for weight in (None, -0.5, -1.0, -2.0):
        print_row("without", follow(composer, valid, charts, weight, recognizer), weight)


def print_row(name, result, weight):
    settings, share, seconds = result
    asked = "no chart" if weight is None else f"weight {weight}"
    print(f"{name:12} {asked:12} as charted {100 * share:.1f} %  {seconds:.2f} s each")
    print(f"  {card(settings)}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore", ScoreWarning)
    main()
