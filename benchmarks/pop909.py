"""Read the songs of POP909: parts without their names, roles, beats and chords."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stats_composer.errors import ScoreWarning
from stats_composer.io import read
from stats_composer.listening.roles import FEATURES, describe_parts
from stats_composer.score import Part, Score, merge_parts, seconds

ROLES = {"MELODY": "melody", "BRIDGE": "other", "PIANO": "chords"}
BASS_BELOW = 50


@dataclass(frozen=True, eq=False)
class Song:
    """A song: its score, the roles of its parts, and its beats: seconds, whether a downbeat."""

    name: str
    score: Score
    roles: list[str]
    beats: np.ndarray
    downbeats: np.ndarray


def read_pop909(folder: Path, n: int | None = None) -> list[Song]:
    """Read the first n songs, in the order of their numbers."""
    songs = []
    for path in sorted(folder.glob("*/*.mid"))[:n]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ScoreWarning)
            score = read(path)
        played = np.unique(score.notes["part"]).tolist()
        roles = [_role(score, part) for part in played]
        bare = merge_parts([score.select(part) for part in played])
        bare = bare.replace(parts=tuple(Part("", part.program) for part in bare.parts))
        table = np.loadtxt(path.with_name("beat_midi.txt"))
        songs.append(Song(path.stem, bare, roles, table[:, 0], table[table[:, 2] == 1, 0]))
    return songs


def _role(score: Score, part: int) -> str:
    """Return the role of a part by its name; a bridge that is mostly chords is chords."""
    role = ROLES[score.parts[part].name]
    (alone,) = describe_parts(score.select(part), [0])[:, FEATURES.index("alone")]
    return "chords" if role == "other" and alone < 0.5 else role


def with_bass(song: Song) -> Song:
    """Give the lowest notes of the accompaniment to a part of their own."""
    notes = song.score.notes.copy()
    piano = song.score.n_parts - 1
    mine = np.flatnonzero(notes["part"] == piano)
    onset = notes["onset"][mine] // 1260
    order = np.lexsort([notes["pitch"][mine], onset])
    first = order[np.append(True, np.diff(onset[order]) > 0)]
    low = mine[first[notes["pitch"][mine[first]] < BASS_BELOW]]
    if not 0 < len(low) < len(mine):
        return song
    notes["part"][low] = song.score.n_parts
    score = song.score.replace(notes=notes, parts=(*song.score.parts, Part()))
    return Song(song.name, score, [*song.roles, "bass"], song.beats, song.downbeats)


def two_hands(song: Song) -> Song:
    """Put the melody and what lies above middle C into one part, the rest into another."""
    notes = song.score.notes.copy()
    melody, piano = song.roles.index("melody"), song.score.n_parts - 1
    notes = notes[np.isin(notes["part"], (melody, piano))]
    right = (notes["part"] == melody) | (notes["pitch"] >= 60)
    notes["part"] = np.where(right, 0, 1)
    kept = song.score.replace(notes=notes)
    score = merge_parts([kept.select(0), kept.select(1)])
    return Song(song.name, score, ["melody", "chords"], song.beats, song.downbeats)


def lead_and_bass(song: Song) -> Song:
    """Keep the melody and the lowest notes of the accompaniment, as a duo."""
    more = with_bass(song)
    if "bass" not in more.roles:
        return song
    wanted = [more.roles.index("melody"), more.roles.index("bass")]
    score = merge_parts([more.score.select(part) for part in wanted])
    return Song(song.name, score, ["melody", "bass"], song.beats, song.downbeats)


def merged(song: Song) -> tuple[np.ndarray, np.ndarray]:
    """Return the notes of melody and accompaniment as of one part, and which are the melody."""
    melody = song.roles.index("melody")
    notes = song.score.notes
    notes = notes[np.isin(notes["part"], (melody, song.score.n_parts - 1))]
    return notes, notes["part"] == melody


def variants(song: Song) -> list[Song]:
    """Return a song as it is and in other layouts."""
    return [song, with_bass(song), two_hands(song), lead_and_bass(song)]


def comped(song: Song) -> np.ndarray:
    """Return when the piano strikes chords in bars of four beats: (n_bars, 8 halves of beats).

    Bars without a chord are left out. A chord is two notes or more; songs whose chords mostly
    stand between the beats are counted as half a beat late.
    """
    notes = song.score.notes[song.score.notes["part"] == song.score.n_parts - 1]
    notes = notes[notes["pitch"] >= BASS_BELOW]
    beat = np.interp(
        seconds(song.score, notes["onset"]), song.beats, np.arange(len(song.beats), dtype=float)
    )
    half = np.bincount(np.round(2 * beat).astype(int), minlength=2 * len(song.beats) + 8) >= 2
    if half[1::2].sum() > half[::2].sum():
        half = half[1:]
    first = np.searchsorted(song.beats, song.downbeats)
    whole = first[:-1][np.diff(first) == 4]
    bars = half[2 * whole[:, None] + np.arange(8)]
    return bars[bars.any(axis=1)]
