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
        "from kernels._jit import jit\nfrom kernels.inner import value\n\n\n"
        "@jit()\ndef call():\n    return value()\n"
    )
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    seen = []
    for number in (1, 2):
        (kernels / "inner.py").write_text(
            f"from kernels._jit import inline\n\n\n@inline\ndef value():\n    return {number}\n"
        )
        command = [sys.executable, "-c", "from kernels.outer import call; print(call())"]
        run = subprocess.run(
            command, cwd=kernels.parent, env=env, capture_output=True, text=True, check=True
        )
        seen.append(run.stdout.strip())
    assert seen == ["1", "2"]
