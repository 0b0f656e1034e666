"""Train the bundled model of roles from POP909.

`python -m benchmarks.train_roles --data DIR -o FILE`
"""

import argparse
import hashlib
from pathlib import Path

from benchmarks.pop909 import read_pop909, variants
from stats_composer.listening import RoleModel


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with pop909/")
    parser.add_argument("-o", "--output", required=True)
    asked = parser.parse_args()
    folder = asked.data / "pop909"
    songs = read_pop909(folder)
    taught = [one for song in songs for one in variants(song)]
    model = RoleModel().fit([one.score for one in taught], [one.roles for one in taught])
    licence = (folder / "LICENSE").read_bytes()
    manifest = {
        "name": "roles",
        "trained_on": f"{len(songs)} songs of POP909",
        "songs": [song.name for song in songs],
        "licence": "MIT",
        "notice": licence.decode("utf-8"),
        "licence_sha256": hashlib.sha256(licence).hexdigest(),
        "attribution": "POP909 dataset, Music X Lab",
    }
    model.save(asked.output, manifest)


if __name__ == "__main__":
    main()
