"""Time of reading and writing, beside music21 and verovio: CPU milliseconds, one process.

`python benchmarks/bench_io.py`: it needs no data but music21's own corpus. Medians of five
rounds, each reader parsing the same bytes in turn; ours includes the checked `Score`. The last
lines are whole calls: the guarded child process, and a corpus fresh and from the cache.
"""

import os
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from stats_composer.io import find_files, read, read_corpus
from stats_composer.io.abc import read_abc
from stats_composer.io.kern import read_kern
from stats_composer.io.midi_writer import encode_midi
from stats_composer.io.musicxml_reader import read_musicxml
from stats_composer.io.musicxml_writer import encode_musicxml
from stats_composer.io.mxl import unzip_musicxml
from stats_composer.io.report import Report

PIECES = ["bach/bwv66.6", "mozart/k155/movement1", "joplin/maple_leaf_rag"]
N_ROUNDS = 5


def milliseconds(function):
    times = []
    for _ in range(N_ROUNDS):
        start = time.process_time()
        function()
        times.append(1000 * (time.process_time() - start))
    return statistics.median(times)


def row(name, ours, peers):
    ratios = "  ".join(f"{peer} {ms:7.1f} ({ms / ours:.1f} x)" for peer, ms in peers.items())
    print(f"{name:44} ours {ours:7.1f}  {ratios}", flush=True)


def music21_reader(data):
    from music21 import musicxml

    importer = musicxml.xmlToM21.MusicXMLImporter()
    importer.xmlText = data
    importer.parseXMLText()
    return importer.stream


def music21_abc(texts):
    from music21 import abcFormat

    for text in texts:
        handler = abcFormat.ABCHandler()
        handler.process(text)
        abcFormat.translate.abcToStreamScore(handler)


def time_musicxml():
    import verovio
    from music21.musicxml import m21ToXml

    toolkit = verovio.toolkit()
    for name in PIECES:
        data = unzip_musicxml(find_files(f"music21:{name}")[0][1].read_bytes())
        text = data.decode()
        size = f"{name}, {len(data) // 1024} KB"
        peers = {
            "music21": milliseconds(lambda data=data: music21_reader(data)),
            "verovio": milliseconds(lambda text=text: toolkit.loadData(text)),
        }
        ours = milliseconds(lambda data=data: read_musicxml(data, Report()))
        row(f"read MusicXML {size}", ours, peers)
        score, stream = read_musicxml(data, Report()), music21_reader(data)
        export = m21ToXml.GeneralObjectExporter
        peers = {"music21": milliseconds(lambda stream=stream, e=export: e(stream).parse())}
        ours = milliseconds(lambda score=score: encode_musicxml(score, Report()))
        row(f"write MusicXML {name}", ours, peers)
        ours = milliseconds(lambda score=score: encode_midi(score, Report()))
        print(f"{'write MIDI ' + name:44} ours {ours:7.1f}", flush=True)


def time_abc():
    data = find_files("music21:airdsAirs/book4")[0][1].read_bytes()
    texts = ["X:" + text for text in data.decode("latin-1").split("X:")[1:31]]
    tunes = "".join(texts).encode("latin-1")
    ours = milliseconds(lambda: read_abc(tunes, Report()))
    row("read ABC, 30 tunes", ours, {"music21": milliseconds(lambda: music21_abc(texts))})


def time_kern():
    import verovio
    from music21.humdrum import spineParser

    def music21_kern(text):
        humdrum = spineParser.HumdrumDataCollection(text)
        humdrum.parse()
        return humdrum.stream

    toolkit = verovio.toolkit()
    toolkit.setInputFrom("humdrum")
    for name in ("bach/bwv281.krn", "beethoven/opus18no1/movement4.krn"):
        data = find_files(f"music21:{name}")[0][1].read_bytes()
        text = data.decode("latin-1")
        peers = {
            "music21": milliseconds(lambda text=text: music21_kern(text)),
            "verovio": milliseconds(lambda text=text: toolkit.loadData(text)),
        }
        ours = milliseconds(lambda data=data: read_kern(data, Report()))
        row(f"read kern {name}, {len(data) // 1024} KB", ours, peers)


def time_calls():
    path = find_files("music21:bwv66.6")[0][1]
    start = time.perf_counter()
    read(path)
    print(f"read(path), guarded: {time.perf_counter() - start:.2f} s of wall")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        for state in ("fresh", "cached"):
            start = time.perf_counter()
            corpus = read_corpus("music21:bach", n_jobs=2)
            wall = time.perf_counter() - start
            print(
                f"read_corpus('music21:bach', n_jobs=2), {state}: {corpus!r}, {wall:.1f} s of wall"
            )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    time_musicxml()
    time_abc()
    time_kern()
    time_calls()
