"""Folk tunes: validity, and distances to unseen ones. See `benchmarks/folk.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.folk import main

if __name__ == "__main__":
    main()
