"""What an installation takes on the disk: the core that composes, and everything.

    python -m benchmarks.bench_size

The core is numpy and numba alone: composing, harmonizing, chords, reading and writing need no
more. Each other distribution that `pip install` brings is listed with its size, its own
requirements aside. The peer is the whole: the ratio printed is whole over core.
"""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

CORE = ("numpy", "numba")
NAME = re.compile(r"[A-Za-z0-9._-]+")


def closure(
    names: list[str], found: dict[str, Distribution] | None = None
) -> dict[str, Distribution]:
    """Find distributions and all that they require without an extra."""
    found = {} if found is None else found
    for name in names:
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:  # of another platform or another Python
            continue
        asked = [text for text in found[key].requires or () if "extra ==" not in text]
        closure([NAME.match(text).group() for text in asked], found)
    return found


def megabytes(distributed: Distribution) -> float:
    """Return the size of the files of a distribution; of an editable one those of the package."""
    files = [Path(str(distributed.locate_file(file))) for file in distributed.files or ()]
    if distributed.name == "stats-composer":
        import stats_composer

        folder = Path(stats_composer.__file__).parent
        files = [file for file in folder.rglob("*") if file.suffix not in (".nbi", ".nbc", ".pyc")]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def main() -> None:
    whole = {name: megabytes(d) for name, d in closure(["stats-composer"]).items()}
    core = {name: megabytes(d) for name, d in closure(list(CORE)).items()}
    core["stats-composer"] = whole["stats-composer"]
    for name, size in sorted(whole.items(), key=lambda item: -item[1]):
        print(f"{name:24} {size:7.1f} MB  {'core' if name in core else ''}")
    a, b = sum(core.values()), sum(whole.values())
    print(f"core {a:.0f} MB, whole {b:.0f} MB: {b / a:.2f} times the core")


if __name__ == "__main__":
    main()
