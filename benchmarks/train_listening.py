"""Train the bundled models of roles, lines and beats from POP909 and chorales.

`python -m benchmarks.train_listening --data DIR -o FOLDER`: writes roles, lines and beats.npz.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.pop909 import merged, read_pop909, variants
from stats_composer.io import read_corpus
from stats_composer.listening import BeatModel, LineModel, RoleModel
from stats_composer.listening.onsets import onsets_of_score


def of_four(source):
    """Return the scores of a corpus that have four parts, all of which play."""
    scores = read_corpus(source).scores
    return [s for s in scores if s.n_parts == len(np.unique(s.notes["part"])) == 4]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with pop909/")
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args()
    folder = asked.data / "pop909"
    songs = read_pop909(folder)
    manifest = {
        "trained_on": f"{len(songs)} songs of POP909",
        "songs": [song.name for song in songs],
        "licence": "MIT",
        "notice": (folder / "LICENSE").read_text("utf-8"),
        "attribution": "POP909 dataset, Music X Lab",
    }
    taught = [one for song in songs for one in variants(song)]
    choirs = (
        of_four("music21:bach")[:80] + of_four("music21:haydn")[::2] + of_four("music21:mozart")
    )
    voices = ["melody", "other", "other", "bass"]
    scores = [one.score for one in taught] + choirs
    roles = RoleModel().fit(scores, [one.roles for one in taught] + [voices] * len(choirs))
    manifest["trained_on"] += f", roles on {len(choirs)} of music21's chorales and quartets too"
    roles.save(asked.output / "roles.npz", {"name": "roles", **manifest})
    lines = LineModel().fit(*zip(*map(merged, songs), strict=True))
    lines.save(asked.output / "lines.npz", {"name": "lines", **manifest})
    onsets = [onsets_of_score(song.score) for song in songs]
    beats = BeatModel().fit(onsets, [s.beats for s in songs], [s.downbeats for s in songs])
    beats.save(asked.output / "beats.npz", {"name": "beats", **manifest})


if __name__ == "__main__":
    main()
