"""Read the solos of the Weimar Jazz Database from its tables."""

from __future__ import annotations

import csv
import gzip
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stats_composer.composers.jazz.chart import Chart, quality_of
from stats_composer.composers.jazz.solo import STEPS, Solo
from stats_composer.theory import name_fifths

LENGTHS = {"-2": 3, "-1": 6, "0": 12, "1": 24, "2": 48}
SLOWEST = 1.5
TRIADS = {"maj": (0, 4, 7), "min": (0, 3, 7), "m7b5": (0, 3, 6, 10), "dim": (0, 3, 6, 9)}


@dataclass(frozen=True, eq=False)
class Weimar:
    """A solo, the tune it is on, its number, and the bass at each beat (0 where none is told)."""

    name: str
    tune: str
    solo: Solo
    bass: np.ndarray
    swings: bool


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a table."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_symbol(text: str) -> tuple[int, int]:
    """Read a chord of the database: root pitch class and quality; -1 and 0 for none."""
    found = re.fullmatch(r"([A-G][b#]?)(.*?)(/.*)?", text)
    if text in ("", "NC") or not found:
        return -1, 0
    root, rest = 7 * name_fifths(found[1]) % 12, found[2]
    if rest.startswith("m7b5"):
        tones: tuple[int, ...] = (0, 3, 6, 10)
    elif rest.startswith("-"):
        tones = (0, 3, 7, 10)
    elif rest.startswith("o"):
        tones = (0, 3, 6, 9)
    elif "sus" in rest:
        tones = (0, 5, 7, 10)
    elif rest.startswith("+"):
        tones = (0, 4, 8, 10)
    else:
        tones = (0, 4, 7, 10) if rest[:1] == "7" else (0, 4, 7, 11)
    return root, quality_of(tones)


def read_weimar(folder: Path) -> list[Weimar]:
    """Read the solos that stand in 4/4, each on its own chart."""
    notes, beats = defaultdict(list), defaultdict(list)
    for row in rows_of(folder / "wjd_notes.csv.gz"):
        notes[row["id"]].append(row)
    for row in rows_of(folder / "wjd_beats.csv.gz"):
        beats[row["id"]].append(row)
    found = []
    for meta in rows_of(folder / "wjd_meta.csv.gz"):
        name = meta["id"]
        if meta["signature"] == "4/4" and any(
            row["chord"] not in ("", "NC") for row in notes[name]
        ):
            found.append(_solo(meta, notes[name], beats[name]))
    return found


def even(onset: np.ndarray) -> np.ndarray:
    """Write the long and short eighths of swing as even ones: a late second half goes to 6."""
    beat, step = np.divmod(onset, STEPS)
    steps = defaultdict(set)
    for b, s in zip(beat.tolist(), step.tolist(), strict=True):
        steps[b].add(s)
    pairs = [b for b, s in steps.items() if len(s - {0}) == 1 and s <= {0, 7, 8, 9}]
    return np.where(np.isin(beat, pairs) & (step > 0), beat * STEPS + STEPS // 2, onset)


def _solo(meta: dict[str, str], notes: list[dict[str, str]], beats: list[dict[str, str]]) -> Weimar:
    first = min(int(row["bar"]) for row in notes)
    last = max(int(row["bar"]) for row in notes)
    n_beats = 4 * (last - first + 1)
    symbols, bass = [""] * n_beats, np.zeros(n_beats, np.int64)
    for row in beats:
        at = 4 * (int(row["bar"]) - first) + int(row["beat"]) - 1
        if 0 <= at < n_beats and row["period"] == "4":
            symbols[at] = row["chord"]
            bass[at] = int(float(row["bass"] or 0))
    for at in range(1, n_beats):
        symbols[at] = symbols[at] or symbols[at - 1]
    root, quality = np.array([read_symbol(text) for text in symbols]).T
    key = re.match(r"([A-G][b#]?)-", meta["key"] or "")
    tonic = 7 * name_fifths(key[1]) % 12 if key else int(np.bincount(root[root >= 0]).argmax())
    chart = Chart(root, quality, np.arange(n_beats) % 4, tonic)
    onset = np.array(
        [
            STEPS * (4 * (int(row["bar"]) - first) + int(row["beat"]) - 1)
            + (int(row["tatum"]) - 1) * STEPS // int(row["division"])
            for row in notes
        ]
    )
    swings = "SWING" in meta["rhythmfeel"] or meta["rhythmfeel"] in ("TWOBEAT", "BALLAD")
    onset = even(onset) if swings else onset
    pitch = np.array([int(row["pitch_raw"]) for row in notes])
    nominal = np.array([LENGTHS[row["durclass_rel_raw"]] for row in notes])
    ends = np.array([row["phrase_end"] == "1.0" for row in notes])
    order = np.argsort(onset, kind="stable")
    kept = order[np.diff(onset[order], prepend=-1) > 0]
    onset, nominal, ends = onset[kept], nominal[kept], ends[kept]
    gaps = np.diff(onset, append=onset[-1] + 2 * STEPS)
    short = (gaps > SLOWEST * nominal) & (gaps > STEPS // 2) | (ends & (gaps > nominal))
    length = np.where(short, np.minimum(nominal, gaps), gaps)
    tempo = float(meta["avgtempo"] or 120)
    solo = Solo(onset, length, pitch[kept], chart, tempo)
    return Weimar(meta["id"], meta["title"], solo, bass, swings)
