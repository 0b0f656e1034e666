"""Train the bundled model of jazz from the Weimar Jazz Database.

`python -m benchmarks.train_jazz --data DIR -o FILE`
"""

import argparse
import hashlib
from pathlib import Path

from benchmarks.weimar import read_weimar
from stats_composer._version import __version__
from stats_composer.composers.jazz import JazzComposer

ATTRIBUTION = (
    "Statistics of the Weimar Jazz Database, Jazzomat Research Project, Hochschule fuer Musik "
    "Franz Liszt Weimar"
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with jazz/")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--every", type=int, default=1, help="take each so-manieth solo alone")
    asked = parser.parse_args()
    folder = asked.data / "jazz"
    found = read_weimar(folder)[:: asked.every]
    solos = [one.solo for one in found]
    composer = JazzComposer().fit_solos(solos, [(one.bass, one.solo.chart) for one in found])
    files = sorted(folder.glob("wjd_*.csv.gz"))
    manifest = {
        "name": "jazz",
        "trained_on": f"{len(solos)} solos in 4/4 of the Weimar Jazz Database",
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "licence": "ODbL-1.0",
        "attribution": ATTRIBUTION,
        "versions": {"stats_composer": __version__},
    }
    composer.save(asked.output, manifest)


if __name__ == "__main__":
    main()
