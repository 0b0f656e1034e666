"""Files that appear whole or not at all, and those that come with the package."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

__all__ = ["packaged", "packaged_names", "unused_path", "write_whole"]


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never a part.

    The bytes go to a temporary file beside it, to the disk, and only then under the name. A
    path that is no regular file, such as `/dev/stdout`, is written directly.

    Parameters
    ----------
    path : path
    data : bytes

    Raises
    ------
    OSError
        Where it cannot be written; nothing is left behind.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    path = path.resolve()  # the target of a link is replaced, not the link
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o7777)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    with contextlib.suppress(OSError):  # not every system lets a folder be synced
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def unused_path(stem: str, suffixes: tuple[str, ...], folder: str | Path = ".") -> Path:
    """Find a name that none of the suffixes has yet: `chorale`, `chorale-2`, ...

    Returns
    -------
    Path
        Without a suffix.
    """
    number, folder = 1, Path(folder)
    while True:
        name = stem if number == 1 else f"{stem}-{number}"
        if not any((folder / (name + suffix)).exists() for suffix in suffixes):
            return folder / name
        number += 1


def packaged_names(folder: str, suffix: str) -> list[str]:
    """List the data files of a folder of the package, sorted."""
    found = (resources.files("stats_composer") / folder).iterdir()
    return sorted(item.name for item in found if item.name.endswith(suffix))


@contextlib.contextmanager
def packaged(name: str) -> Iterator[Path]:
    """Give a data file of the package a path, for a while where the package lies in a zip.

    Parameters
    ----------
    name : str
        Below the package, with `/` between folders.
    """
    with resources.as_file(resources.files("stats_composer") / name) as path:
        yield path
