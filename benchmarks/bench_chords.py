"""Chords: accuracy by fold, calibration, and times. See `benchmarks/chords.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.chords import main

if __name__ == "__main__":
    main()
