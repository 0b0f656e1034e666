"""Folk tunes: whether they are valid, and how far from tunes that the composer never saw.

`python -m benchmarks.folk --data DIR [-n 1000]`, where `DIR/folk/cre_midi` has the tunes.

A fixed tenth of the files (by a checksum of their names) is held out, and of the others those
that share a run of more than 24 notes with one of them: the same tune under another name. The
composer and a trigram baseline (the same steps in the same beat cycle, no plan, no facets)
learn from the rest and write as many tunes of each dance as are held out, in proportion.

Distances are total variations (half the summed differences) to the held-out tunes' shares of:
intervals in semitones, lengths and onsets in the bar by dance, pairs of intervals, and form:
how each bar repeats an earlier one, by its place. The dances are weighted as among the tunes
held out. The distance of the tunes that were learned from is the floor.

`--copies N` writes N tunes instead, as many of each dance, after the composer was saved and
loaded, half of them with at most 12 notes in a row of a tune learned from and half with 8. Each
is transposed and compared with every run of the tunes by a table of its own: pitches and times
from note to note as played, repeats and endings included, with ornaments and without.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import warnings
import zlib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np

from stats_composer.composers.folk import MelodyComposer
from stats_composer.composers.folk.form import places, relate
from stats_composer.composers.folk.style import CODES, Style, symbols_of
from stats_composer.composers.folk.tune import (
    HOLD,
    Tune,
    code_pitch,
    melodies,
    read_tune,
    tonic_height,
)
from stats_composer.errors import EncodingError, ScoreWarning
from stats_composer.io import read, read_corpus, write
from stats_composer.models.ngram import NGram
from stats_composer.ngrams import Repertoire
from stats_composer.score import REPEAT_END, REPEAT_START, Score, metre_of

SAME_TUNE = 24
FEATURES = ("interval", "length", "onset", "two intervals", "form")


def split(folder: Path) -> tuple[list[Tune], list[Tune]]:
    """Read the tunes, and hold out a tenth; return the others and these."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        corpus = read_corpus(folder)
    train, held = [], []
    for name, score in zip(corpus.names, corpus.scores, strict=True):
        try:
            tune = read_tune(score)
        except EncodingError:
            continue
        (held if zlib.crc32(name.encode()) % 10 == 0 else train).append(tune)
    seen = Repertoire(melody(tune) for tune in held)
    kept = [tune for tune in train if seen.first_copy(SAME_TUNE, *melody(tune)) < 0]
    print(f"{len(kept)} tunes learned, {len(train) - len(kept)} like one of the {len(held)} unseen")
    return kept, held


def melody(tune: Tune) -> tuple[np.ndarray, np.ndarray]:
    """Return the pitches and the ticks of a tune's steps that begin a note."""
    at = np.flatnonzero(tune.line != HOLD)
    pitch = [code_pitch(int(code), tune.mode, tune.height) for code in tune.line[at]]
    return np.array(pitch), at * tune.kind.step


def trigrams(train: list[Tune], held: list[Tune], n: int, seed: int) -> list[Tune]:
    """Write tunes by a trigram model of each dance."""
    rng = np.random.default_rng(seed)
    tunes = []
    for kind, count in shares(held, n).items():
        mine = [tune for tune in train if tune.kind == kind]
        style = Style(kind)
        width = len(CODES)
        lines = [
            (np.arange(len(tune.line)) - len(tune.pickup)) % style.cycle * width
            + symbols_of(tune.line)
            for tune in mine
        ]
        model = NGram(3, n_symbols=style.cycle * width).fit(lines)
        for _ in range(count):
            like = mine[int(rng.integers(len(mine)))]
            n_steps = len(like.pickup) + 16 * kind.n_steps
            line = CODES[model.sample(n_steps=n_steps, random_state=rng)[0] % width]
            bars = line[len(like.pickup) :].reshape(16, kind.n_steps)
            tunes.append(
                Tune(
                    kind, like.tonic, like.mode, like.height, line[: len(like.pickup)],
                    (bars[:8], bars[8:]), like.doubled, (None, None), like.turns[:0], 0.0,
                    like.heard[:0],
                )
            )  # fmt: skip
    return tunes


def shares(held: list[Tune], n: int) -> dict:
    """Return how many of n tunes are of each dance."""
    count = Counter(tune.kind for tune in held)
    return {kind: round(n * c / len(held)) for kind, c in count.items()}


# ---- distances ----------------------------------------------------------------------------


def statistics(tunes: list[Tune], mix: list[Tune]) -> dict[str, Counter]:
    """Count the features of tunes, the dances weighted as they are in a mix of others."""
    found: dict[str, Counter] = {name: Counter() for name in FEATURES}
    have, want = (Counter(tune.kind.name for tune in some) for some in (tunes, mix))
    for tune in tunes:
        weight = want[tune.kind.name] / have[tune.kind.name]
        pitch, tick = melody(tune)
        move = np.clip(np.diff(pitch), -12, 12).tolist()
        bar = tune.kind.n_steps * tune.kind.step
        at = (tick - len(tune.pickup) * tune.kind.step) % bar
        place = places([len(part) for part in tune.parts])
        relation = relate(tune.bars, place, tune.kind)
        rows = {
            "interval": move,
            "length": [(tune.kind.name, d) for d in np.diff(tick).tolist()],
            "onset": [(tune.kind.name, a) for a in at.tolist()],
            "two intervals": list(pairwise(move)),
            "form": list(zip(place[:16].tolist(), relation[:16].tolist(), strict=True)),
        }
        for name, values in rows.items():
            for value in values:
                found[name][value] += weight / len(values)
    return found


def distance(one: Counter, other: Counter) -> float:
    """Return the total variation between two tables of counts."""
    keys = one.keys() | other.keys()
    a, b = sum(one.values()), sum(other.values())
    return sum(abs(one[key] / a - other[key] / b) for key in keys) / 2


# ---- copies -------------------------------------------------------------------------------


def heard_runs(tune: Tune, n: int) -> set[tuple[tuple[int, int], ...]]:
    """Return all runs of n intervals and times of a tune as played."""
    found = set()
    for pitch, tick in melodies(tune.heard, tune.kind):
        moves = list(zip(np.diff(pitch).tolist(), np.diff(tick).tolist(), strict=True))
        found |= {tuple(moves[i : i + n]) for i in range(len(moves) - n + 1)}
    return found


def copied(composer: MelodyComposer, train: list[Tune], limit: int, n: int, seed: int) -> int:
    """Count those of n tunes of each dance that copy more than a limit of notes."""
    composer.max_copy = limit
    known = set().union(*(heard_runs(tune, limit) for tune in train))
    rng = np.random.default_rng(seed)
    found = 0
    for dance in composer.styles_:
        for score in composer.compose(dance=dance, random_state=seed, n=n):
            tune = read_tune(score.transpose(int(rng.integers(-5, 6))))
            found += not known.isdisjoint(heard_runs(tune, limit))
    return found


def reloaded(composer: MelodyComposer) -> MelodyComposer:
    """Save a composer, and load it."""
    with tempfile.TemporaryDirectory() as folder:
        composer.save(Path(folder) / "folk.npz")
        return MelodyComposer.load(Path(folder) / "folk.npz")


# ---- validity -----------------------------------------------------------------------------


def faults(score: Score, abc: bytes) -> list[str]:
    """Say what is wrong with the form of a tune and its ABC."""
    found = []
    again = read(io.BytesIO(abc), format="abc")
    if again.differences(score):
        found.append("the ABC does not give the score back")
    metre = score.time_signatures[0]
    full = metre_of(metre).bar
    lengths = np.diff(np.append(again.bars["onset"], again.end))[bool(again.pickup) :]
    if (lengths != full).any():
        found.append("a bar is not full")
    depth = 0
    for bar in again.bars:
        depth += bool(bar["repeat"] & REPEAT_START)
        if not 0 <= depth <= 1:
            found.append("repeats within repeats")
        depth -= bool(bar["repeat"] & REPEAT_END)
    endings = [int(e) for e in again.bars["ending"] if e]
    if depth or endings != [1, 2] * (len(endings) // 2):
        found.append("repeats or endings are not balanced")
    key = score.title.split(" in ")[1].split(" ")
    if int(score.notes["pitch"][-1]) % 12 != tonic_height(_fifths(key[0])) % 12:
        found.append("the end is not on the tonic")
    return found


def _fifths(name: str) -> int:
    return "FCGDAEB".index(name[0]) - 1 + 7 * (name.count("#") - name.count("b"))


def heard_by_music21(abcs: list[bytes], scores: list[Score]) -> int:
    """Count the tunes that music21 reads with the same notes, each part played twice."""
    from music21 import converter

    good = 0
    for abc, score in zip(abcs, scores, strict=True):
        stream = converter.parseData(abc.decode(), format="abc")
        notes = [note.pitch.midi for note in stream.stripTies().recurse().notes]
        played = stream.parts[0].expandRepeats()
        bars = [bar for bar in played.getElementsByClass("Measure") if len(bar.notesAndRests)]
        pickup = bool(score.pickup)
        second = int((score.bars["ending"] == 2).sum())
        expected = pickup + 2 * (score.n_bars - pickup - second)
        good += notes == score.notes["pitch"].tolist() and len(bars) == expected
    return good


def heard_by_abc2midi(abcs: list[bytes]) -> str:
    """Return what abc2midi complains of."""
    if shutil.which("abc2midi") is None:
        return "not installed"
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "book.abc"
        tunes = [abc.replace(b"X:1\n", b"X:%d\n" % i, 1) for i, abc in enumerate(abcs, 1)]
        book.write_bytes(b"\n".join(tunes))
        run = subprocess.run(
            ["abc2midi", "book.abc"], cwd=folder, capture_output=True, text=True, check=False
        )
        wrong = [line for line in run.stdout.splitlines() if "rror" in line or "arning" in line]
        made = len(list(Path(folder).glob("*.mid")))
    return f"{made} read, {len(wrong)} warnings or errors" + (f": {wrong[0]}" if wrong else "")


def main() -> None:
    """Print what holds of the tunes, and the table of distances."""
    parser = argparse.ArgumentParser(prog="benchmarks.folk")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--copies", type=int, metavar="N", help="tunes to look for copies in")
    given = parser.parse_args()
    train, held = split(given.data / "folk" / "cre_midi")
    composer = MelodyComposer().fit_tunes(train)
    if given.copies:
        composer = reloaded(composer)
        n = -(-given.copies // (2 * len(composer.styles_)))
        for limit in (12, 8):
            found = copied(composer, train, limit, n, given.seed)
            count = f"{n * len(composer.styles_)} tunes of at most {limit} notes copied"
            print(f"{count}: {found} with more", flush=True)
        return
    scores = []
    for kind, count in shares(held, given.n).items():
        scores += composer.compose(dance=kind.name, random_state=given.seed, n=count)
    abcs = []
    for score in scores:
        stream = io.BytesIO()
        write(score, stream, format="abc")
        abcs.append(stream.getvalue())
    wrong = Counter(fault for pair in zip(scores, abcs, strict=True) for fault in faults(*pair))
    print(f"{len(scores)} tunes; faults: {dict(wrong) or 'none'}")
    print(f"abc2midi: {heard_by_abc2midi(abcs)}")
    print(f"music21 reads and unfolds: {heard_by_music21(abcs, scores)}")
    tunes = [read_tune(score) for score in scores]
    target = statistics(held, held)
    rows = {
        "composer": statistics(tunes, held),
        "trigrams": statistics(trigrams(train, held, given.n, given.seed), held),
        "learned from (floor)": statistics(train, held),
    }
    print(f"{'distance to unseen':22}" + "".join(f"{name:>15}" for name in FEATURES))
    for name, row in rows.items():
        cells = [distance(row[feature], target[feature]) for feature in FEATURES]
        print(f"{name:22}" + "".join(f"{cell:15.3f}" for cell in cells))


if __name__ == "__main__":
    sys.exit(main())
