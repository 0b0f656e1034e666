"""The kernels' decorator."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from stats_composer.kernels import _jit


def test_a_cached_kernel_is_stale_when_any_kernel_source_changes(tmp_path):
    kernels = tmp_path / "package" / "kernels"
    kernels.mkdir(parents=True)
    shutil.copy(Path(_jit.__file__), kernels / "_jit.py")
    (kernels / "__init__.py").write_text("")
    (kernels / "outer.py").write_text(
        "from kernels._jit import jit\nfrom kernels.inner import PAIR, value\n\n\n"
        "@jit()\ndef call(pair):\n    return value() + pair.one\n"
    )
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    seen = []
    # The second version has no type by the name of the first one's argument.
    for number, name in ((1, "Former"), (2, "Latter")):
        (kernels / "inner.py").write_text(
            "from typing import NamedTuple\nfrom kernels._jit import inline\n\n\n"
            f"class {name}(NamedTuple):\n    one: int\n\n\nPAIR = {name}(0)\n\n\n"
            f"@inline\ndef value():\n    return {number}\n"
        )
        command = [sys.executable, "-c", "from kernels.outer import *; print(call(PAIR))"]
        run = subprocess.run(
            command, cwd=kernels.parent, env=env, capture_output=True, text=True, check=True
        )
        seen.append(run.stdout.strip())
    assert seen == ["1", "2"]


def test_without_a_folder_for_the_cache_kernels_run_and_one_warning_tells_what_helps(tmp_path):
    kernels = tmp_path / "kernels"
    kernels.mkdir()
    shutil.copy(Path(_jit.__file__), kernels / "_jit.py")
    (kernels / "__init__.py").write_text("")
    (kernels / "__pycache__").write_text("a file, so that no folder can be made here")
    (kernels / "some.py").write_text(
        "from kernels._jit import jit\n\n\n@jit()\ndef one():\n    return 1\n\n\n"
        "@jit()\ndef two():\n    return 2\n"
    )
    nowhere = str(tmp_path / "kernels" / "some.py" / "folder")
    env = {**os.environ, "HOME": nowhere, "XDG_CACHE_HOME": nowhere, "LOCALAPPDATA": nowhere}
    env.pop("NUMBA_CACHE_DIR", None)
    for variables in ({}, {"NUMBA_CACHE_DIR": nowhere}):
        command = [sys.executable, "-c", "from kernels.some import *; print(one() + two())"]
        run = subprocess.run(
            command, cwd=tmp_path, env=env | variables, capture_output=True, text=True, check=True
        )
        assert run.stdout == "3\n"
        assert run.stderr.count("set NUMBA_CACHE_DIR to a folder that can be written") == 1
