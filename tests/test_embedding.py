"""The core: what composes, names chords, reads and writes with numpy and numba alone."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import stats_composer

CORE = textwrap.dedent(
    """
    import importlib.abc, io, sys

    class Blocked(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            top = name.partition(".")[0]
            known = top in sys.stdlib_module_names or top.startswith(("_", "sitecustomize"))
            if not known and top not in ("numpy", "numba", "llvmlite", "stats_composer"):
                raise ImportError(f"{name} is blocked")

    sys.meta_path.insert(0, Blocked())
    import stats_composer as sc

    chorales, tunes = sc.ChoraleComposer.bundled(), sc.MelodyComposer.bundled()
    chorale = chorales.compose(bars=2, random_state=1)
    given = chorale.select(0)
    setting = chorales.harmonize(given, random_state=1)
    tune = tunes.compose(bars=8, random_state=1)
    assert setting.select(0).notes["pitch"].tolist() == given.notes["pitch"].tolist()
    assert len(sc.ChordRecognizer.bundled().recognize(setting)) > 1
    for score in (setting, tune):
        for format in ("musicxml", "mxl", "midi", "abc"):
            if format == "abc" and score is setting:
                continue
            file = io.BytesIO()
            sc.write(score, file, format=format)
            file.seek(0)
            back = sc.read(file, format=format)
            assert sorted(back.notes["pitch"]) == sorted(score.notes["pitch"]), format
    kern = b"**kern\\n*M4/4\\n4c\\n4e\\n2g\\n==\\n*-\\n"
    assert sc.read(io.BytesIO(kern), format="kern").notes["pitch"].tolist() == [60, 64, 67]
    print("whole")
    """
)


def test_numpy_and_numba_are_enough():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CORE], capture_output=True, text=True
    )
    assert done.stdout == "whole\n", done.stderr


FROZEN = textwrap.dedent(
    """
    import sys
    import stats_composer as sc

    score = sc.ChoraleComposer.bundled().compose(bars=64, random_state=1)
    sc.write(score, sys.argv[1])
    assert sc.read(sys.argv[1]).notes["pitch"].tolist() == score.notes["pitch"].tolist()
    print("once")
    """
)


@pytest.mark.frozen
def test_a_frozen_application_composes_and_reads_and_starts_once(tmp_path):
    pytest.importorskip("PyInstaller", reason="PyInstaller is not installed")
    (tmp_path / "app.py").write_text(FROZEN)
    names = ("matplotlib", "sklearn", "music21", "scipy", "verovio", "IPython")
    left_out = [word for name in names for word in ("--exclude-module", name)]
    package = ["--collect-submodules", "stats_composer", "--collect-data", "stats_composer"]
    paths = ["--paths", str(Path(stats_composer.__file__).parent.parent)]
    command = [sys.executable, "-m", "PyInstaller", *package, *paths, *left_out, "app.py"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    run = [tmp_path / "dist" / "app" / "app", tmp_path / "score.musicxml"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "once\n"), done.stderr
