"""Bits a pitch over the sopranos of Bach's chorales, BWV 253 to 438, ten-fold.

`python -m benchmarks.melody [--rhythm] [--list] [--tuning]`

A melody is the notes of the soprano as music21's corpus has them, ties joined, rests left out;
its key signature and mode, as the file tells them, are known in advance, as in the literature.
Without `--rhythm` the rhythm is never given ahead: a first block of rows sees pitches alone, a
second one also how long the notes so far were and which had a fermata. With it each note's
own onset, duration and fermata are known before its pitch.

Tunes that come twice must not cross folds: a tune is dropped where the intervals between its
notes on the beat are those of one before, up to `SAME_WHOLE` edits a note in all or one edit in
the first `OPENING`; `--list` lists them. The penalty on weights is chosen in each fold on its
training part. `--tuning` measures on the cantata chorales (BWV 1 to 252) instead, on which
viewpoints and the other constants were chosen; some of their hymn tunes are among those
reported, but nothing that is reported was learned from them.
"""

import argparse
import re
import time
import warnings

import joblib
import numpy as np

from stats_composer.composers.melody_viewpoints import (
    PENALTIES,
    VIEWPOINTS,
    melody_viewpoints,
)
from stats_composer.errors import ScoreWarning
from stats_composer.io import read_corpus
from stats_composer.models.ngram import PPM, NGram
from stats_composer.models.viewpoints import ViewpointModel
from stats_composer.theory import TICKS_PER_QUARTER
from stats_composer.views import melody_table

FOLDS = 10
SAME_WHOLE, OPENING, SAME_OPENING = 0.4, 12, 1
FAR = 99
PUBLISHED = """published (Pearce 2005, 185 chorale sopranos, ten-fold):
PPM with short-term model                           2.342
multiple viewpoints                                 1.953"""


# ---- tunes -----------------------------------------------------------------------------------


def read_tunes(first, last):
    """Names and tables of the sopranos of some BWV numbers."""
    corpus = read_corpus("music21:bach", n_jobs=-1)
    tunes = []
    for name, score in zip(corpus.names, corpus, strict=True):
        found = re.search(r"bwv(\d+)", name)
        part, voice = score.voices[0]
        soprano = score.parts[part].name.startswith("Soprano")
        if found and first <= int(found[1]) <= last and soprano:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ScoreWarning)
                table = melody_table(score, part, voice)
            tunes.append((re.sub(r".*/|\.\w+$", "", name), table))
    return tunes


def beat_steps(table):
    """Intervals between the notes that start on a quarter beat."""
    return np.diff(table["pitch"][table["position"] % TICKS_PER_QUARTER == 0])


def edits(row, rows):
    """Edit distances of a sequence and of each prefix of each row: (n_rows, width + 1)."""
    place = np.arange(rows.shape[1] + 1)
    distance = np.repeat(place[None], len(rows), axis=0)
    for i, entry in enumerate(row):
        kept = distance[:, :-1] + (rows != entry)
        best = np.minimum(distance + 1, np.pad(kept, ((0, 0), (1, 0)), constant_values=i + 1))
        distance = np.minimum.accumulate(best - place, axis=1) + place
    return distance


def drop_duplicates(tunes):
    """Tunes that differ, and for each dropped one the name of the tune that it is."""
    steps = [beat_steps(table) for _, table in tunes]
    width = max(map(len, steps))
    rows = np.array([np.pad(s, (0, width - len(s)), constant_values=FAR) for s in steps])
    length = np.array([len(s) for s in steps])
    kept, dropped = [], []
    for i, row in enumerate(steps):
        others = np.array(kept, np.int64)
        whole = edits(row, rows[others])[np.arange(len(others)), length[others]]
        opening = edits(row[:OPENING], rows[others][:, : OPENING + 4]).min(axis=1)
        longer = np.maximum(length[others], len(row))
        same = (whole < SAME_WHOLE * longer) | (opening <= SAME_OPENING)
        if same.any():
            dropped.append((tunes[i][0], tunes[others[np.argmax(same)]][0]))
        else:
            kept.append(i)
    return [tunes[i] for i in kept], dropped


# ---- rows ------------------------------------------------------------------------------------


class OrderThree:
    """The PPM baseline: pitches predicted from three before, escape method C, no memory."""

    def fit(self, tables):
        """Count the pitches of tables."""
        self.low = min(table["pitch"].min() for table in tables) - 4
        n_symbols = int(max(table["pitch"].max() for table in tables) + 5 - self.low)
        self.model = NGram(n=4, smoothing=PPM(), n_symbols=n_symbols)
        self.model.fit([table["pitch"] - self.low for table in tables])
        return self

    def log_probs(self, table):
        """Return the log-probability of each pitch, in nats."""
        return self.model.log_probs(table["pitch"] - self.low)


def fold_bits(make, tables, held_out):
    """Bits of each pitch of the tunes held out, predicted from the others."""
    model = make().fit([table for table, out in zip(tables, held_out, strict=True) if not out])
    tested = [table for table, out in zip(tables, held_out, strict=True) if out]
    return [-model.log_probs(table) / np.log(2) for table in tested]


def cross_validate(make, tables):
    """Mean surprise over all pitches, each tune predicted from the other nine folds."""
    fold = np.empty(len(tables), np.int64)
    fold[np.random.default_rng(0).permutation(len(tables))] = np.arange(len(tables)) % FOLDS
    task = joblib.delayed(fold_bits)
    bits = joblib.Parallel(n_jobs=-1)(task(make, tables, fold == f) for f in range(FOLDS))
    return float(np.concatenate([row for part in bits for row in part]).mean())


def single(chain):
    """One viewpoint alone, counted over the corpus."""
    definition = next(v for v in VIEWPOINTS if v.startswith(chain.partition(":")[0]))
    return lambda: ViewpointModel(
        ["pitch = pitch", definition], ["pitch", chain], penalty=PENALTIES
    )


def rows(rhythm):
    """Names of rows and what makes their models."""
    if rhythm:
        known = [("given", "rhythm and fermatas given")]
    else:
        yield "order-3 PPM of pitches", OrderThree
        yield "interval alone", single("interval: interval@1 | interval@2 | interval@3")
        yield "scale degree alone", single("degree: degree@1 | degree@2 | degree@3")
        known = [("none", "pitches alone"), ("so far", "rhythm so far")]
    for name, words in known:
        yield f"{words}: no short-term", lambda name=name: melody_viewpoints(name, short=())
        yield f"{words}: whole model", lambda name=name: melody_viewpoints(name)


def main():
    parser = argparse.ArgumentParser(prog="benchmarks.melody", description=__doc__.split("\n")[0])
    parser.add_argument("--rhythm", action="store_true", help="each note's rhythm is given")
    parser.add_argument("--list", action="store_true", help="list the duplicates")
    parser.add_argument("--tuning", action="store_true", help="the cantata chorales instead")
    given = parser.parse_args()
    tunes = read_tunes(1, 252) if given.tuning else read_tunes(253, 438)
    kept, dropped = drop_duplicates(tunes)
    tables = [table for _, table in kept]
    print(
        f"{len(tunes)} tunes, {len(dropped)} dropped as duplicates; {sum(map(len, tables))} pitches"
    )
    if given.list:
        for name, same in dropped:
            print(f"  {name} is {same}")
    start = time.perf_counter()
    print(f"bits a pitch, {FOLDS}-fold:")
    for name, make in rows(given.rhythm):
        print(f"{name:50} {cross_validate(make, tables):6.3f}", flush=True)
    print(PUBLISHED)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
