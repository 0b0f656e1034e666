"""The way into the shell and out of it: what becomes of errors, warnings and interruptions.

Conventions
-----------
An error is one line on standard error, `stats-composer: file: what is wrong`, and status 1;
wrong usage is status 2, Ctrl-C 130. Warnings are lines of the same kind. Facts asked for with
`--json` go to standard output, and every message to standard error. A verb imports what it
needs when it runs, so that composing does not wait for reading's or plotting's libraries.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from stats_composer.errors import StatsComposerError

__all__ = ["main"]

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the shell's command and leave with its status.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process; without any, the help is shown.
    """
    warnings.showwarning = _show_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # no name is worth an error of encoding
            stream.reconfigure(errors="replace")
    arguments = sys.argv[1:] if arguments is None else arguments
    status = _run(list(arguments) or ["--help"])
    if status == INTERRUPTED:  # threads may still be in a kernel, and no file is half written
        sys.stdout.flush()
        os._exit(status)
    try:
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            status = _fail(f"standard output: {error.strerror}")
        # The interpreter flushes once more when it ends: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    try:
        from stats_composer.cli.app import UsageError, app

        try:
            status = int(app(arguments, prog_name="stats-composer", standalone_mode=False) or 0)
        except UsageError as error:
            message = error.format_message().replace("Value error, ", "")
            return _fail(f"{message} (see --help)", error.exit_code)
        return _fail("stopped", status) if status == INTERRUPTED else status
    except KeyboardInterrupt:
        return _fail("stopped", INTERRUPTED)
    except StatsComposerError as error:
        return _fail(str(error))
    except BrokenPipeError:
        return 1
    except OSError as error:
        return _fail(f"{error.filename or 'system'}: {error.strerror or error}")
    except MemoryError:
        return _fail("out of memory")


def _fail(message: str, status: int = 1) -> int:
    print(f"stats-composer: {' '.join(message.split())}", file=sys.stderr)
    return status


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"stats-composer: warning: {' '.join(str(message).split())}", file=sys.stderr)
