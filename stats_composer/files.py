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

    The bytes go to a temporary file beside it first. What is no file is written directly.

    Parameters
    ----------
    path, data : path and bytes

    Raises
    ------
    OSError

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "tune.abc", b"X:1")
    ...     (Path(folder) / "tune.abc").read_bytes()
    b'X:1'
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
    _sync(path.parent)


def _sync(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every system lets a folder be synced
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def unused_path(stem: str, suffixes: tuple[str, ...], folder: str | Path = ".") -> Path:
    """Find a name that none of the suffixes has yet: `chorale`, `chorale-2`, ...

    Parameters
    ----------
    stem : str
    suffixes : tuple of str
        With their dots.
    folder : path
        Where the names are looked up.

    Returns
    -------
    Path
        Without a suffix.

    Examples
    --------
    >>> str(unused_path("chorale", (".mid", ".musicxml"), "no-such-folder"))
    'no-such-folder/chorale'
    """
    number, folder = 1, Path(folder)
    while True:
        name = stem if number == 1 else f"{stem}-{number}"
        if not any((folder / (name + suffix)).exists() for suffix in suffixes):
            return folder / name
        number += 1


def packaged_names(folder: str, suffix: str) -> list[str]:
    """List the data files of a folder of the package, sorted.

    Parameters
    ----------
    folder : str
        Below the package.
    suffix : str
        Of the names that are wanted, such as `".npz"`.

    Examples
    --------
    >>> packaged_names("pretrained", "folk.npz")
    ['folk.npz']
    """
    found = (resources.files("stats_composer") / folder).iterdir()
    return sorted(item.name for item in found if item.name.endswith(suffix))


@contextlib.contextmanager
def packaged(name: str) -> Iterator[Path]:
    """Give a data file of the package a path, for a while where the package lies in a zip.

    Parameters
    ----------
    name : str
        Below the package, with `/` between folders.

    Examples
    --------
    >>> with packaged("pretrained/jazz.npz") as path:
    ...     path.name, path.exists()
    ('jazz.npz', True)
    """
    with resources.as_file(resources.files("stats_composer") / name) as path:
        yield path
