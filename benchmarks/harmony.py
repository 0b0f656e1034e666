"""Chords and keys of piano pieces, songs and quartets, against musicians' analyses.

`python -m benchmarks.harmony --data DIR [--cache DIR]` measures by folds on `when_in_rome` and
`pop909`; `--folds 1` stops after the first fold. `--train FILE` makes the bundled model instead,
from what may ship: the OpenScore pieces of `when_in_rome/train` and every fourth song of `pop909`,
and measures it on the pieces that it has not seen.

Figures are shares of the half quarters that have a chord in the musician's analysis: root; local
key; label (root and quality); numeral (key, root, triad, inversion). Songs are measured by
mir_eval, weighted by duration. Needs music21, and mir_eval for songs.
"""

import argparse
import hashlib
import json
import re
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np

from stats_composer.chords.basses import choose_basses
from stats_composer.chords.harmonies import STYLES, HarmonyModels
from stats_composer.chords.harmony import HarmonyModel, LabelledSteps
from stats_composer.chords.qualities import KINDS, N_KINDS, TRIAD, nearest
from stats_composer.chords.steps import cut_steps
from stats_composer.chords.styles import texture
from stats_composer.errors import StatsComposerError
from stats_composer.io import read
from stats_composer.score import (
    BAR_DTYPE,
    TICKS_PER_QUARTER,
    TIME_SIGNATURE_DTYPE,
    Score,
    make_notes,
    make_table,
)
from stats_composer.theory import name_fifths

ANALYSES = ("analysis.txt", "analysis_automatic.rntxt")
ATTRIBUTION = (
    "Weights learned from the OpenScore Lieder of When in Rome (M. Gotham et al., analyses "
    "CC BY-SA 4.0, scores CC0) and from POP909 (Z. Wang et al., Music X Lab, MIT)"
)
LICENCE = "CC BY-SA 4.0"


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece with its analyses: that of a musician, and where there is one AugmentedNet's."""

    labelled: LabelledSteps
    other: LabelledSteps | None = None
    group: str = ""
    seconds: np.ndarray | None = None
    chords: tuple = ()

    @property
    def steps(self):
        """Its steps."""
        return self.labelled.steps


# ---- When in Rome ----------------------------------------------------------------------------


def analysis(path, cache):
    """Read an analysis as measures and rows, by music21; None where it cannot read it."""
    kept = cache / f"{path.parent.parent.name}__{path.parent.name}__{path.name}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    from music21.romanText import translate

    try:
        part = translate.romanTextToStreamScore(path.read_text("utf-8")).parts[0]
        measures, rows = [], []
        for m in part.getElementsByClass("Measure"):
            measures.append((m.number, m.numberSuffix or "", float(m.offset)))
            for numeral in m.recurse().getElementsByClass("RomanNumeral"):
                pitches = [p.pitchClass for p in numeral.pitches]
                rows.append(
                    {
                        "off": float(numeral.getOffsetInHierarchy(part)),
                        "moff": float(m.offset),
                        "ton": numeral.key.tonic.pitchClass,
                        "mode": numeral.key.mode,
                        "root": numeral.root().pitchClass if pitches else -1,
                        "bass": numeral.bass().pitchClass if pitches else -1,
                        "pcs": pitches,
                    }
                )
    except Exception as error:  # music21 raises what it likes
        print(f"{path}: left out: {type(error).__name__}")
        return None
    found = {"measures": measures, "rows": rows}
    cache.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found))
    return found


def printed_numbers(path):
    """List the printed numbers of the measures of a score's first part."""
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.endswith("xml") and "META-INF" not in n]
        text = archive.read(names[0]).decode("utf-8", "replace")
    start = text.index("<part ")
    return re.findall(r'<measure\b[^>]*?\bnumber="([^"]*)"', text[start : text.index("</part>")])


def starts(found, score, numbers):
    """Map the offsets of an analysis's measures to quarters of the score."""
    bars = score.bars["onset"] / TICKS_PER_QUARTER
    measures = [(m[0], m[1], m[2]) for m in found["measures"]]
    if len(measures) == len(bars):
        return {offset: bar for (_, _, offset), bar in zip(measures, bars, strict=True)}
    first = {}
    for bar, number in zip(bars, numbers, strict=False):
        if number.isdigit():
            first.setdefault(int(number), bar)
    where, last = {}, None
    for number, suffix, offset in measures:
        if number in first and suffix in ("", "a"):
            last = offset, first[number]
        last = last or (offset, 0.0)
        where[offset] = last[1] + offset - last[0]
    return where


def labelled(name, steps, found, score, numbers):
    """Put an analysis on steps."""
    where = starts(found, score, numbers)
    rows = sorted(found["rows"], key=lambda row: row["off"])
    ticks = [where[r["moff"]] + r["off"] - r["moff"] for r in rows]
    ticks = np.round(np.array(ticks) * TICKS_PER_QUARTER).astype(np.int64)
    table = np.full((len(rows) + 1, 3), -1, np.int64)
    for i, row in enumerate(rows):
        table[i, 0] = 2 * row["ton"] + (row["mode"] == "minor")
        if row["pcs"]:
            kind = nearest(row["root"], row["pcs"])
            table[i, 1:] = row["root"] * N_KINDS + kind, row["bass"]
    order = np.argsort(ticks, kind="stable")
    row = np.searchsorted(ticks[order], steps.onset, side="right") - 1
    return LabelledSteps(name, steps, *table[np.where(row < 0, -1, order[row])].T)


def when_in_rome(folder, cache):
    """Read the pieces of both parts."""
    pieces = []
    for path in sorted(folder.glob("*/*/score.mxl")):
        truth, other = (
            analysis(path.parent / name, cache) if (path.parent / name).exists() else None
            for name in ANALYSES
        )
        if truth is None:
            continue
        score, numbers, name = read(path), printed_numbers(path), path.parent.name
        steps = cut_steps(score)
        own = labelled(name, steps, truth, score, numbers)
        beside = other and labelled(name, steps, other, score, numbers)
        pieces.append(Piece(own, beside, path.parent.parent.name))
    return pieces


# ---- POP909 ----------------------------------------------------------------------------------

_POP = {
    "maj6": "maj6", "min6": "min6", "sus4(b7)": "7sus4", **{name: name for name in KINDS},
}  # fmt: skip
_BASS = {"3": 4, "b3": 3, "5": 7, "b5": 6, "#5": 8, "7": 11, "b7": 10, "2": 2, "4": 5, "6": 9}


def performed(path):
    """Read a performance: onset, stop (seconds), pitch, part."""
    midi = mido.MidiFile(path)
    tempos, notes = {0: 500000}, []
    for part, track in enumerate(midi.tracks):
        now, begun = 0, {}
        for message in track:
            now += message.time
            if message.type == "set_tempo":
                tempos[now] = message.tempo
            elif message.type in ("note_on", "note_off"):
                start = begun.pop(message.note, None)
                if start is not None:
                    notes.append((start, now, message.note, part))
                if message.type == "note_on" and message.velocity:
                    begun[message.note] = now
    ticks = np.array(sorted(tempos))
    pace = np.array([tempos[t] for t in ticks]) / 1e6 / midi.ticks_per_beat
    reached = np.concatenate([[0.0], np.cumsum(np.diff(ticks) * pace[:-1])])
    table = np.array(notes)
    for column in (0, 1):
        row = np.searchsorted(ticks, table[:, column], side="right") - 1
        seconds = reached[row] + (table[:, column] - ticks[row]) * pace[row]
        table = table.astype(np.float64)
        table[:, column] = seconds
    return table


def on_beats(folder):
    """Put a performance on its beats, as quarters; returns the score and the beats' seconds."""
    notes = performed(folder / f"{folder.name}.mid")
    marks = np.loadtxt(folder / "beat_midi.txt")
    first, last = marks[1, 0] - marks[0, 0], marks[-1, 0] - marks[-2, 0]
    down = np.flatnonzero(marks[:, 2])
    if np.median(np.diff(down)) == 6:
        down = np.flatnonzero(marks[:, 1])
    period = int(np.median(np.diff(down)))
    before = int(np.ceil(marks[0, 0] / first)) + 1
    before += -(before + int(down[0])) % period
    after = int(np.ceil(max(notes[:, 1].max() - marks[-1, 0], 0) / last)) + 2
    beats = np.concatenate(
        [
            marks[0, 0] - first * np.arange(before, 0, -1),
            marks[:, 0],
            marks[-1, 0] + last * np.arange(1, after + 1),
        ]
    )
    place = np.round(np.interp(notes[:, :2], beats, np.arange(len(beats))) * 4).astype(np.int64)
    quarter = TICKS_PER_QUARTER
    onset, stop = (place * (quarter // 4)).T
    table = make_notes(
        onset=onset,
        duration=np.maximum(stop - onset, quarter // 4),
        pitch=notes[:, 2].astype(np.int64),
        part=notes[:, 3].astype(np.int64) - 1,
    )
    bars = [*range(0, before + int(down[0]), period), *(before + down).tolist()]
    bars += list(range(bars[-1] + period, len(beats) - 1, period))
    sizes = [*np.diff(bars).tolist(), period]
    metres = [
        (bar * quarter, size, 4)
        for i, (bar, size) in enumerate(zip(bars, sizes, strict=True))
        if not i or size != sizes[i - 1]
    ]
    score = Score(
        table,
        bars=make_table(BAR_DTYPE, onset=np.array(bars) * quarter),
        time_signatures=make_table(TIME_SIGNATURE_DTYPE, metres),
        end=len(beats) * quarter,
    )
    return score, beats


def song(folder):
    """Read a song."""
    score, beats = on_beats(folder)
    steps = cut_steps(score)
    edges = np.append(steps.onset, steps.end) / TICKS_PER_QUARTER
    seconds = np.interp(edges, np.arange(len(beats)), beats)
    middle = (seconds[1:] + seconds[:-1]) / 2
    rows = [line.split() for line in (folder / "chord_midi.txt").read_text().splitlines() if line]
    chords = [(float(a), float(b), name) for a, b, name in rows]
    table = np.full((len(steps), 3), -1, np.int64)
    row = np.searchsorted([start for start, _, _ in chords], middle, side="right") - 1
    for t in range(len(steps)):
        if row[t] >= 0 and middle[t] < chords[row[t]][1] and chords[row[t]][2] != "N":
            root, _, rest = chords[row[t]][2].partition(":")
            kind, _, degree = rest.partition("/")
            pitch = 7 * name_fifths(root) % 12
            table[t, 1] = pitch * N_KINDS + list(KINDS).index(_POP[kind])
            table[t, 2] = (pitch + _BASS.get(degree, 0)) % 12
    for line in (folder / "key_audio.txt").read_text().splitlines():
        start, _, key = line.split()
        tonic, _, mode = key.partition(":")
        at = slice(None) if (table[:, 0] < 0).all() else middle >= float(start)
        table[at, 0] = 2 * (7 * name_fifths(tonic) % 12) + mode.startswith("min")
    own = LabelledSteps(folder.name, steps, *table.T)
    return Piece(own, None, "songs", seconds, tuple(chords))


# ---- measures --------------------------------------------------------------------------------


def agreement(piece, homes, labels, basses):
    """Count the steps in which root, key, label and numeral agree with the musician's."""
    truth = piece.labelled
    known = truth.labels >= 0
    root, true_root = labels // N_KINDS, truth.labels // N_KINDS
    roots, keys = root == true_root, homes == truth.homes
    triads = TRIAD[labels % N_KINDS] == TRIAD[truth.labels % N_KINDS]
    inversion = (basses - root - truth.basses + true_root) % 12 == 0
    right = (roots, keys, labels == truth.labels, roots & keys & triads & inversion)
    return np.array([known.sum(), *(row[known].sum() for row in right)])


def report(name, rows, sure=(), hit=()):
    total = np.sum(rows, axis=0)
    shares = " ".join(f"{share:8.4f}" for share in total[1:] / max(total[0], 1))
    line = f"{name:44} {len(rows):4} {shares}"
    if len(sure):
        line += f" {calibration_error(np.concatenate(sure), np.concatenate(hit)):8.3f}"
    print(line, flush=True)


def calibration_error(sure, hit):
    """Return the expected calibration error, in ten bins."""
    bins = np.minimum((sure * 10).astype(int), 9)
    return sum(
        (bins == b).mean() * abs(sure[bins == b].mean() - hit[bins == b].mean())
        for b in np.unique(bins)
    )


def mir_eval_scores(piece, heard):
    """Return root, majmin and sevenths of a song, by mir_eval, and the seconds of each."""
    from mir_eval import chord as judge

    names = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
    written = {"It": "7", "Ger": "7", "Fr": "7", "7sus4": "sus4(b7)"}
    first = np.flatnonzero(np.diff(heard.labels, prepend=-1))
    labels = []
    for label in heard.labels[first]:
        root, kind = divmod(int(label), N_KINDS)
        kind = list(KINDS)[kind]
        labels.append(f"{names[root]}:{written.get(kind, kind)}")
    starts = piece.seconds[first]
    told = np.array([start for start, _, _ in piece.chords])
    edges = np.unique(np.concatenate([starts, told, [stop for _, stop, _ in piece.chords]]))
    edges = edges[(edges >= told[0]) & (edges <= piece.chords[-1][1])]
    middle, weight = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    right = [piece.chords[i][2] for i in np.searchsorted(told, middle) - 1]
    found = [labels[i] for i in np.maximum(np.searchsorted(starts, middle) - 1, 0)]
    comparisons = (judge.root, judge.majmin, judge.sevenths)
    return [judge.weighted_accuracy(compare(right, found), weight) for compare in comparisons]


def measure(title, pieces, heard):
    """Print the figures of pieces that a model has not seen."""
    groups = {"all": pieces}
    for group in sorted({piece.group for piece in pieces}):
        groups[group] = [piece for piece in pieces if piece.group == group]
    groups["where AugmentedNet's stand"] = [piece for piece in pieces if piece.other]
    for name, chosen in groups.items():
        if not chosen:
            continue
        rows, sure, hit = [], [], []
        for piece in chosen:
            found = heard[piece.labelled.name]
            basses = choose_basses(piece.steps, found.labels, found.bass_weights)
            rows.append(agreement(piece, found.homes, found.labels, basses))
            known = piece.labelled.labels >= 0
            root = found.labels // N_KINDS
            by_root = found.label_probs.reshape(-1, 12, N_KINDS).sum(axis=2)
            sure.append(by_root[np.arange(len(root)), root][known])
            hit.append((root == piece.labelled.labels // N_KINDS)[known])
        report(f"{title}: {name}", rows, sure, hit)
    beside = [
        agreement(p, p.other.homes, p.other.labels, p.other.basses) for p in pieces if p.other
    ]
    if beside:
        report("  AugmentedNet on those", beside)
    songs = [piece for piece in pieces if piece.chords]
    if songs:
        scores = [mir_eval_scores(piece, heard[piece.labelled.name]) for piece in songs]
        print("  mir_eval: root {:.4f}, majmin {:.4f}, sevenths {:.4f}".format(
            *np.mean(scores, axis=0)))  # fmt: skip


HEADINGS = f"{'':44} {'n':>4} {'root':>8} {'key':>8} {'label':>8} {'numeral':>8} {'ECE':>8}"


def cross_validate(title, pieces, n_folds, loss):
    fold = np.random.default_rng(0).permutation(len(pieces)) % 5
    heard, seen = {}, []
    for number in range(n_folds):
        start = time.process_time()
        model = HarmonyModel(loss=loss)
        model.fit([p.labelled for p, f in zip(pieces, fold, strict=True) if f != number])
        print(f"{title}: fold {number + 1}: {time.process_time() - start:.0f} s of CPU")
        for piece, own in zip(pieces, fold, strict=True):
            if own == number:
                heard[piece.labelled.name] = model.hear(piece.steps)
                seen.append(piece)
    measure(f"{title}, {loss}", seen, heard)


def manifest(names, data):
    """Say what the bundled model was trained on: every file and its sha256."""
    files = {
        "classical": [data / "when_in_rome" / "train" / name / "score.mxl" for name in names[0]],
        "songs": [data / "pop909" / name / f"{name}.mid" for name in names[1]],
    }
    return {
        "source": "When in Rome (OpenScore Lieder), POP909",
        "files": {
            str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest()
            for own in files.values()
            for path in own
        },
        "licence": LICENCE,
        "attribution": ATTRIBUTION,
        "command": "python -m benchmarks.harmony --data DIR --train harmony.npz",
    }


def train(path, pieces, songs, data):
    """Make the bundled model, and measure it on the pieces that it has not seen."""
    shipped = [p for p in pieces if p.group == "train" and p.labelled.name.startswith("OpenScore")]
    own = {"classical": shipped, "songs": songs[::4]}
    told = manifest([[p.labelled.name for p in chosen] for chosen in own.values()], data)
    start = time.process_time()
    models = HarmonyModels.train(
        {style: [p.labelled for p in chosen] for style, chosen in own.items()}, manifest=told
    )
    models.save(path)
    print(f"trained in {time.process_time() - start:.0f} s of CPU: {path}")
    models = HarmonyModels.load(path)
    for style, rest in (
        ("classical", [p for p in pieces if p not in shipped]),
        ("songs", [song for i, song in enumerate(songs) if i % 4]),
    ):
        sung = [texture(p.steps) @ models.texture_weights > 0 for p in rest]
        right = np.array(sung) == (style == "songs")
        print(f"{style}: {np.mean(right):.3f} of {len(rest)} other pieces are told as such")
        heard = {p.labelled.name: models.models[style].hear(p.steps) for p in rest}
        measure(f"bundled, {style}", rest, heard)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("harmony-cache"))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--loss", default="hinge", choices=["hinge", "log"])
    parser.add_argument("--only", choices=STYLES)
    parser.add_argument("--train", type=Path)
    options = parser.parse_args(arguments)
    pieces, songs = [], []
    try:
        if options.only != "songs":
            pieces = when_in_rome(options.data / "when_in_rome", options.cache)
        if options.only != "classical":
            songs = [song(f) for f in sorted((options.data / "pop909").iterdir()) if f.is_dir()]
    except StatsComposerError as error:
        raise SystemExit(f"harmony: {error}") from error
    print(HEADINGS)
    if options.train:
        train(options.train, pieces, songs, options.data)
        return
    for title, own in (("When in Rome", pieces), ("POP909", songs)):
        if own:
            cross_validate(title, own, options.folds, options.loss)


if __name__ == "__main__":
    main()
