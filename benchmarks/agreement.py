"""How many of music21's ABC, kern and MusicXML files are read as independent readers play them.

`python -m benchmarks.agreement [N]` takes N files of each format, drawn with a fixed seed (by
default 400), and names those whose notes differ. ABC is heard through abc2midi, where that is
installed; kern and MusicXML through verovio. A note agrees if its pitch is the same, and onset
and duration within 1/30 of a quarter: verovio's ticks are 1/120, abc2midi's file starts late by
one. Notes of one pitch at one time are counted, ties joined, repeats played where the other
reader plays them. What a peer performs and the score does not say is taken out of both sides'
text before: ornaments, grace notes, staccato, and the rhythm name by which abc2midi swings.
"""

import base64
import io
import random
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import mido
import verovio

from stats_composer.errors import StatsComposerError
from stats_composer.io import find_files
from stats_composer.io.abc import read_abc
from stats_composer.io.kern import read_kern
from stats_composer.io.musicxml_reader import read_musicxml
from stats_composer.io.mxl import unzip_musicxml
from stats_composer.io.report import Report
from stats_composer.score import unfold

QUARTER = 10080
NEAR = 2  # sixtieths of a quarter
MAX_BYTES = {".abc": 60_000, ".krn": 60_000, ".mxl": 40_000, ".xml": 500_000}
SWUNG = "R:"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
PERFORMED = (r"<ornaments>.*?</ornaments>", r"<note[^>]*>\s*<(grace|cue)\b.*?</note>")
PLAYED = (r"\{[^}]*\}", r"[.~TuvHMPSLRJK](?=[=^_]*[A-Ga-g\[({])", r"![a-z]+!")


def notes_of(score):
    """List onset, duration and pitch, in sixtieths of a quarter, ties joined."""
    found, last = [], {}
    for note in score.notes[score.notes["onset"].argsort(kind="stable")]:
        onset, duration = int(note["onset"]), int(note["duration"])
        lane = int(note["part"]), int(note["pitch"])
        if note["tied"] and lane in last and sum(found[last[lane]][:2]) == onset:
            found[last[lane]][1] += duration
        else:
            last[lane] = len(found)
            found.append([onset, duration, int(note["pitch"])])
    return [(round(60 * on / QUARTER), round(60 * lasts / QUARTER), p) for on, lasts, p in found]


def notes_of_midi(midi, late=0):
    """List the same of a MIDI file whose notes start late by some ticks."""
    found, unit = [], 60 / midi.ticks_per_beat
    for track in midi.tracks:
        clock, begun = 0, defaultdict(list)
        for message in track:
            clock += message.time
            if message.type == "note_on" and message.velocity:
                begun[message.channel, message.note].append(clock - late)
            elif message.type in ("note_on", "note_off") and begun[message.channel, message.note]:
                at = begun[message.channel, message.note].pop(0)
                found.append((round(unit * at), round(unit * (clock - at)), message.note))
    return found


def n_apart(ours, theirs):
    """Count the notes of both that the other does not have."""
    ours, theirs = Counter(ours), Counter(theirs)
    left = list((theirs - ours).elements())
    n = 0
    for on, lasts, pitch in (ours - theirs).elements():
        near = (x for x in left if x[2] == pitch and abs(x[0] - on) <= NEAR >= abs(x[1] - lasts))
        match = next(near, None)
        if match is None:
            n += 1
        else:
            left.remove(match)
    return n + len(left)


def by_verovio(text, options):
    toolkit = verovio.toolkit()
    toolkit.setOptions({"breaks": "none", "expandNever": True, **options})
    if not toolkit.loadData(text):
        return None
    return notes_of_midi(mido.MidiFile(file=io.BytesIO(base64.b64decode(toolkit.renderToMIDI()))))


def by_abc2midi(text):
    lines = text.split("\n")
    key = next((i for i, line in enumerate(lines) if line.startswith("K:")), 0)
    lines[key + 1 : key + 1] = ["%%MIDI chordattack 0", "%%MIDI ratio 3 1"]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "tune.abc"), Path(folder, "tune.mid")
        source.write_text("\n".join(lines))
        command = ["abc2midi", source, "-NGRA", "-NGUI", "-NFER", "-NFNP", "-quiet", "-o", target]
        subprocess.run(command, capture_output=True, check=False)
        return notes_of_midi(mido.MidiFile(target, clip=True), 1) if target.exists() else None


def tunes(path):
    """Yield the tunes of a book without what is only performed, and its lines ended alike."""
    text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    for tune in re.split(r"(?m)^(?=X:)", text)[1:]:
        lines = [line for line in tune.split("\n") if not line.startswith(SWUNG)]
        for pattern in PLAYED:
            lines = [x if re.match("[A-Za-z]:", x) else re.sub(pattern, "", x) for x in lines]
        yield "\n".join(lines)


def compare_abc(path):
    tune = random.Random(path.name).choice(list(tunes(path)))
    (score, *_) = read_abc(tune.encode(), Report())
    theirs = by_abc2midi(tune)
    return theirs and n_apart(notes_of(unfold(score)), theirs)


def compare_kern(path):
    data = path.read_bytes()
    (score, *_) = read_kern(data, Report())
    theirs = by_verovio(data.decode("utf-8", "replace"), {"inputFrom": "humdrum"})
    return theirs and n_apart(notes_of(score), theirs)


def compare_musicxml(path):
    data = path.read_bytes()
    data = unzip_musicxml(data) if path.suffix == ".mxl" else data
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = data.decode("utf-16" if wide else "utf-8-sig", "replace")
    text = HEAD + re.sub(r"<\?xml[^>]*\?>", "", text)
    for pattern in PERFORMED:
        text = re.sub(pattern, "", text, flags=re.DOTALL)
    theirs = by_verovio(text, {})
    return theirs and n_apart(notes_of(read_musicxml(text.encode(), Report())), theirs)


def main():
    n_files = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    verovio.enableLog(verovio.LOG_OFF)
    warnings.simplefilter("ignore")
    files = [path for _, path in find_files("music21:")]
    files = [p for p in files if p.stat().st_size < MAX_BYTES.get(p.suffix, 0)]
    kinds = {
        "ABC, abc2midi": ((".abc",), compare_abc),
        "kern, verovio": ((".krn",), compare_kern),
        "MusicXML, verovio": ((".mxl", ".xml"), compare_musicxml),
    }
    for name, (suffixes, compare) in kinds.items():
        if compare is compare_abc and shutil.which("abc2midi") is None:
            print(f"{name}: not compared, for abc2midi is not installed")
            continue
        chosen = sorted(p for p in files if p.suffix in suffixes)
        random.Random(0).shuffle(chosen)
        agree, other, refused = 0, [], []
        for path in chosen[:n_files]:
            try:
                apart = compare(path)
            except StatsComposerError as error:
                refused.append(f"{path.name} ({error})")
                continue
            agree += apart == 0
            if apart is None:
                refused.append(f"{path.name} (by the peer)")
            elif apart:
                other.append(f"{path.name} ({apart} notes)")
        print(f"{name}: {agree} of {len(chosen[:n_files])} files agree")
        print(f"  differ: {', '.join(other) or 'none'}\n  refused: {', '.join(refused) or 'none'}")


if __name__ == "__main__":
    main()
