"""Reading in a child process whose time and memory are limited.

A score from a stranger may be made to hang or to fill the memory of whoever opens it. So the
bytes go to a child, `python -m stats_composer.io.guard`, which answers with plain arrays;
`arrays.load_arrays` checks them here. The child may use `MAX_SECONDS` of processor time a file
and `MAX_MEMORY_BYTES` of address space where the system has such limits; where it cannot
count processor time, that is wall time. A child reads any number of files, one after the
other, and `read_guarded` keeps some for the next call until the program ends.

Small files are read here: what they can cost is bounded by their size, to seconds for the
worst that is known. So is everything where there is no Python to start, as in a frozen
application: its executable would start the application itself.

A message is a length (8 bytes), a JSON header of that length, and the blocks of bytes whose
sizes the header lists.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from stats_composer.errors import ScoreError, ScoreFileError
from stats_composer.io.arrays import load_arrays, save_arrays
from stats_composer.io.limits import MAX_MEMORY_BYTES, MAX_SECONDS
from stats_composer.io.parse import parse
from stats_composer.io.report import Report
from stats_composer.score import Score

__all__ = ["GuardedReader", "pack_answer", "read_guarded", "read_here", "unpack_answer"]

_SMALL = {"abc": 1 << 13, "kern": 1 << 13, "midi": 1 << 16, "musicxml": 1 << 18, "mxl": 1 << 18}
"""Bytes; of a zipped score those that it unpacks to."""
_MAX_IDLE = 2
_PATIENCE = 10  # times its processor time a child may take on a busy machine
_MAX_HEADER = 1 << 24
_MAX_BLOCK = 1 << 29


class GuardedReader:
    """A child process that reads scores; used as a context manager, ended with it.

    Examples
    --------
    >>> with GuardedReader() as reader:
    ...     scores, note = reader.read(b"<score-partwise/>", "musicxml")
    Traceback (most recent call last):
    stats_composer.errors.ScoreFileError: a score of 0 parts: expected at least one
    """

    def __init__(
        self, max_seconds: float = MAX_SECONDS, max_memory_bytes: int = MAX_MEMORY_BYTES
    ) -> None:
        self.max_seconds = max_seconds
        self.max_memory_bytes = max_memory_bytes
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> GuardedReader:
        """Return itself; the child starts with the first file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the child."""
        self.close()

    def read(self, data: bytes, format: str) -> tuple[list[Score], str]:
        """Read the pieces in a file.

        Parameters
        ----------
        data : bytes
        format : str

        Returns
        -------
        scores : list of Score
        note : str
            What could not be kept, or nothing.

        Raises
        ------
        ScoreFileError, ScoreError
            What is wrong with the file, without its name.
        """
        return unpack_answer(self.answer(data, format))

    def answer(self, data: bytes, format: str) -> bytes:
        """Return what the child answers: the packed form of `read`'s result."""
        if self._child is None:
            python = _python()
            if python is None:
                return _answer(data, format)
            self._child = _start(python, self.max_memory_bytes)
        child = self._child
        late = threading.Event()

        def stop() -> None:
            late.set()
            child.kill()

        patience = _PATIENCE if hasattr(signal, "setitimer") else 1
        timer = threading.Timer(self.max_seconds * patience, stop)
        timer.daemon = True
        timer.start()
        try:
            _send(child.stdin, {"format": format, "seconds": self.max_seconds}, [data])
            return _receive_bytes(child.stdout)
        except (OSError, EOFError, ValueError) as error:
            self.close(kill=True)
            if late.is_set() or child.returncode == -getattr(signal, "SIGPROF", 0):
                raise ScoreFileError(
                    f"reading it took more than {self.max_seconds:g} s: given up"
                ) from error
            raise ScoreFileError(
                f"its reader died (status {child.returncode}): too large or malicious"
            ) from error
        except BaseException:
            self.close(kill=True)
            raise
        finally:
            timer.cancel()

    def forget(self) -> None:
        """Let go of a child that another process has started, and leave it running."""
        child, self._child = self._child, None
        if child is not None:
            child.returncode = 0  # not ours to wait for
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    stream.close()

    def close(self, kill: bool = False) -> None:
        """End the child, at once or when it has read that there is no more."""
        child, self._child = self._child, None
        if child is None:
            return
        if kill:
            child.kill()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


# ---- who reads ------------------------------------------------------------------------


def read_here(data: bytes, format: str) -> tuple[list[Score], str]:
    """Read the pieces in a file in this process, without a limit of time or memory.

    Parameters, result and errors are those of `GuardedReader.read`.
    """
    report = Report()
    try:
        return parse(data, format, report), str(report)
    except (ScoreFileError, ScoreError) as error:
        raise ScoreFileError(" ".join(str(error).split())) from error
    except MemoryError as error:
        raise ScoreFileError("reading it takes more memory than is allowed") from error
    except RecursionError as error:
        raise ScoreFileError("nested too deeply") from error
    except Exception as error:
        reason = " ".join(str(error)[:120].split())
        raise ScoreFileError(f"malformed ({type(error).__name__}: {reason})") from error


def read_guarded(data: bytes, format: str) -> tuple[list[Score], str]:
    """Read the pieces in a file: a small one here, others in a child that is kept.

    Parameters, result and errors are those of `GuardedReader.read`.
    """
    if _is_small(data, format):
        return read_here(data, format)
    with _POOL.lent() as reader:
        return reader.read(data, format)


def _is_small(data: bytes, format: str) -> bool:
    """Whether reading costs seconds at most."""
    size = len(data)
    if format == "mxl":  # no archive at all is small: its reader says so
        with contextlib.suppress(Exception), zipfile.ZipFile(io.BytesIO(data)) as archive:
            size += sum(member.file_size for member in archive.infolist())
    return size <= _SMALL[format]


class _Pool:
    """Readers that wait for the next file; a forked process starts its own."""

    def __init__(self) -> None:
        self.idle: list[GuardedReader] = []
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    @contextlib.contextmanager
    def lent(self) -> Iterator[GuardedReader]:
        """Lend a reader to one thread."""
        try:
            reader = self.idle.pop()
        except IndexError:
            reader = GuardedReader()
        try:
            yield reader
        finally:
            if len(self.idle) < _MAX_IDLE:
                self.idle.append(reader)
            else:
                reader.close()

    def close(self) -> None:
        """End all that wait."""
        while self.idle:
            self.idle.pop().close()

    def forget(self) -> None:
        """Leave the readers of the process that forked to it."""
        while self.idle:
            self.idle.pop().forget()


_POOL = _Pool()


def _python() -> str | None:
    """Return the interpreter to start, if this process is one."""
    name = Path(sys.executable or "").stem.lower()
    is_python = name.startswith(("python", "pypy")) and not getattr(sys, "frozen", False)
    return sys.executable if is_python else None


def _start(python: str, max_memory_bytes: int) -> subprocess.Popen[bytes]:
    """Start a child that imports what this process would, but nothing from its working folder."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *(entry for entry in sys.path if os.path.isabs(entry))])
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    try:
        return subprocess.Popen(
            [python, "-P", "-m", "stats_composer.io.guard", str(max_memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **one_thread, "PYTHONPATH": path},
        )
    except OSError as error:
        raise ScoreFileError(f"no process to read it in: {error.strerror}") from error


def _send(stream: Any, header: dict[str, Any], blocks: Sequence[bytes]) -> None:
    text = json.dumps({**header, "sizes": [len(block) for block in blocks]}).encode()
    stream.write(len(text).to_bytes(8, "big") + text)
    for block in blocks:
        stream.write(block)
    stream.flush()


def _receive_bytes(stream: Any) -> bytes:
    """Read one message as it is."""
    start = _exactly(stream, 8)
    length = int.from_bytes(start, "big")
    if length > _MAX_HEADER:
        raise ValueError("header too long")
    text = _exactly(stream, length)
    size = sum(json.loads(text)["sizes"])
    if size > _MAX_BLOCK:
        raise ValueError("answer too long")
    return start + text + _exactly(stream, size)


def _exactly(stream: Any, size: int) -> bytes:
    data: bytes = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _unpack(message: bytes) -> tuple[dict[str, Any], list[bytes]]:
    start = 8 + int.from_bytes(message[:8], "big")
    header = json.loads(message[8:start])
    blocks = []
    for size in header["sizes"]:
        blocks.append(message[start : start + size])
        start += size
    return header, blocks


def pack_answer(scores: Sequence[Score], note: str) -> bytes:
    """Pack what `GuardedReader.read` returns."""
    blocks = [save_arrays(score) for score in scores]
    text = json.dumps({"note": note, "sizes": [len(block) for block in blocks]}).encode()
    return len(text).to_bytes(8, "big") + text + b"".join(blocks)


def unpack_answer(message: bytes) -> tuple[list[Score], str]:
    """Unpack and check what `pack_answer` packed.

    Raises
    ------
    ScoreFileError, ScoreError
        What the child found wrong, or that the answer is damaged.
    """
    try:
        header, blocks = _unpack(message)
        error, note = header.get("error"), str(header.get("note", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as damage:
        raise ScoreFileError("arrays of a score: damaged") from damage
    if error:
        raise ScoreFileError(str(error))
    return [load_arrays(block) for block in blocks], note


# ---- the child ------------------------------------------------------------------------


def _limit_memory(max_memory_bytes: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (max_memory_bytes, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: float) -> None:
    """Be killed after so much more processor time, which a busy machine does not use up."""
    with contextlib.suppress(AttributeError, OSError):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _answer(data: bytes, format: str) -> bytes:
    try:
        return pack_answer(*read_here(data, format))
    except ScoreFileError as error:
        text = json.dumps({"error": str(error), "sizes": []}).encode()
    except MemoryError:
        text = json.dumps({"error": "its arrays take too much memory", "sizes": []}).encode()
    return len(text).to_bytes(8, "big") + text


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer one request after the other until there is no more."""
    while True:
        try:
            header, (data,) = _unpack(_receive_bytes(requests))
        except EOFError:
            return
        _limit_time(float(header["seconds"]))
        answer = _answer(data, header["format"])
        _limit_time(0)
        answers.write(answer)
        answers.flush()


def main() -> None:
    """Serve on the standard streams; what a library prints goes to the errors."""
    _limit_memory(int(sys.argv[1]))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
