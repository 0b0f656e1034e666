"""Train the bundled model of jazz from the Weimar Jazz Database and the chords of POP909.

`python -m benchmarks.train_jazz --data DIR -o FILE`
"""

import argparse
import hashlib
from pathlib import Path

from benchmarks.pop909 import comped, read_pop909
from benchmarks.weimar import read_weimar
from stats_composer._version import __version__
from stats_composer.composers.jazz import JazzComposer
from stats_composer.composers.jazz.band import BassModel
from stats_composer.composers.jazz.comping import CompingModel

ATTRIBUTION = (
    "Statistics of the Weimar Jazz Database, Jazzomat Research Project, Hochschule fuer Musik "
    "Franz Liszt Weimar"
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder with jazz/ and pop909/"
    )
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--every", type=int, default=1, help="take each so-manieth solo alone")
    asked = parser.parse_args()
    folder = asked.data / "jazz"
    found = read_weimar(folder)[:: asked.every]
    solos = [one.solo for one in found]
    bass = BassModel().fit([(one.bass, one.solo.chart) for one in found])
    songs = read_pop909(asked.data / "pop909")
    comping = CompingModel().fit([bars for bars in map(comped, songs) if len(bars)])
    composer = JazzComposer().fit_solos(solos, bass, comping)
    files = sorted(folder.glob("wjd_*.csv.gz"))
    manifest = {
        "name": "jazz",
        "trained_on": f"{len(solos)} solos in 4/4 of the Weimar Jazz Database",
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "licence": "ODbL-1.0",
        "attribution": ATTRIBUTION,
        "comping": f"piano rhythms of {len(songs)} songs of POP909, Music X Lab, MIT",
        "notice": (asked.data / "pop909/LICENSE").read_text("utf-8"),
        "versions": {"stats_composer": __version__},
    }
    composer.save(asked.output, manifest)


if __name__ == "__main__":
    main()
