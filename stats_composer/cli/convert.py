"""`convert` and `play`: a score in another format, and to the ear."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from stats_composer.cli.options import Force, Parts, ScoreFile, Tempo
from stats_composer.cli.output import STANDARD, check_outputs, read_input, save
from stats_composer.cli.speech import say
from stats_composer.errors import ScoreError, ScoreFileError
from stats_composer.files import write_whole
from stats_composer.score import TEMPO_DTYPE, Score, make_table

__all__ = ["convert", "play"]

PLAYERS = (
    ("afplay",), ("pw-play",), ("paplay",), ("aplay", "-q"), ("play", "-q"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
)  # fmt: skip
"""Programs that play a sound file and end; the first that is there is taken."""

Transpose = Annotated[int, typer.Option(min=-48, max=48, help="Semitones up, or down if negative.")]
Unfold = Annotated[
    bool, typer.Option("--unfold", help="Write repeats out; MIDI and sound always have them so.")
]


def convert(
    file: Annotated[str, typer.Argument(metavar="IN", help="A score; '-' is standard input.")],
    target: Annotated[
        str, typer.Argument(metavar="OUT", help="Its suffix says as what; '-' is MusicXML.")
    ],
    part: Parts = None,
    transpose: Transpose = 0,
    tempo: Tempo = None,
    unfold: Unfold = False,
    force: Force = False,
) -> None:
    """Write a score in another format: MusicXML, MIDI, ABC, a picture or a sound."""
    check_outputs([target], force=force)
    score = _changed(file, read_input(file, part), transpose, tempo)
    if unfold:
        from stats_composer.score import unfold as written_out

        score = written_out(score)
    save(score, target)
    if target != STANDARD:
        say(f"Wrote {target}.")


def play(
    file: ScoreFile,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the sound here, as .wav."),
    ] = None,
    part: Parts = None,
    transpose: Transpose = 0,
    tempo: Tempo = None,
    force: Force = False,
) -> None:
    """Play a score through the system's player, or write its sound."""
    if output is not None:
        check_outputs([output], suffixes=(".wav",), force=force)
    score = _changed(file, read_input(file, part), transpose, tempo)
    if output is not None:
        save(score, output)
        say(f"Wrote {output}.")
        return
    from stats_composer.render import wav_bytes

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "score.wav"
        write_whole(path, wav_bytes(score))
        _play_file(str(path))


def _changed(name: str, score: Score, semitones: int, tempo: float | None) -> Score:
    """Transpose a score and set one tempo for all of it, where that is asked for."""
    try:
        score = score.transpose(semitones) if semitones else score
    except ScoreError as error:
        raise ScoreError(f"{name}: {error}") from None
    return score if tempo is None else score.replace(tempos=make_table(TEMPO_DTYPE, [(0, tempo)]))


def _play_file(path: str) -> None:
    if sys.platform == "win32":
        import winsound

        winsound.PlaySound(path, winsound.SND_FILENAME)
        return
    players = (player for player in PLAYERS if shutil.which(player[0]))
    player = next(players, None)
    if player is None:
        known = ", ".join(player[0] for player in PLAYERS)
        raise ScoreFileError(f"no player found, of {known}: write the sound with -o NAME.wav")
    done = subprocess.run([*player, path], stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        what = f"status {done.returncode}" if done.returncode > 0 else "a signal"
        raise ScoreFileError(f"{os.path.basename(player[0])}: ended with {what}")
