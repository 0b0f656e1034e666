#!/usr/bin/env bash
# Make the pictures of the README again, in sixteen greys: what its commands write as PNG.
set -euo pipefail
cd "$(dirname "$0")"
corpus=$(python -c 'from importlib.util import find_spec; print(*find_spec("music21").submodule_search_locations)')/corpus

stats-composer compose --seed 12 --force -o chorale.png
stats-composer harmonize scores/melody.abc --seed 11 --force -o harmonized.png
stats-composer compose --style folk --time-signature 6/8 --key D --seed 4 --force -o tune.png
stats-composer improvise --key C --changes 'Dm7 | G7 | C^7 | % | Dm7 | G7 | C6 | %' \
  --seed 2 --force -o solo.png
stats-composer chords "$corpus/mozart/k545/movement1_exposition.mxl" --force -o chords.png > /dev/null

python - chorale.png harmonized.png tune.png solo.png chords.png <<'PYTHON'
import sys

from PIL import Image

for name in sys.argv[1:]:
    with Image.open(name) as page:
        page.convert("L").quantize(16).save(name, optimize=True)
PYTHON
