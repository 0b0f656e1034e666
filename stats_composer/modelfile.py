"""One file format for every fitted model: an uncompressed npz with a JSON header, no pickle.

The member `header` holds JSON: the schema's version, the model's class and parameters, the
name, shape and type of every array, the sha256 of their bytes, and the manifest: what the
model was trained on, versions, licence, attribution. Whoever opens a file checks the header
first, then each array against it before it is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from stats_composer.errors import ModelFileError
from stats_composer.files import write_whole

__all__ = ["SCHEMA", "load", "load_as", "read_header", "restoring", "save"]

SCHEMA = 1
MAX_HEADER = 4 << 20
MAX_ARRAYS = 1 << 29
KINDS = "biufU"

Arrays = Mapping[str, NDArray[Any]]


def save(path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a model file, whole or not at all.

    Parameters
    ----------
    path : path
    header : mapping
        Whatever JSON can hold; `schema`, `arrays` and `sha256` are added.
    arrays : mapping of str to ndarray
        Numbers or text, no objects.

    Raises
    ------
    ModelFileError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/model.npz", {"kind": "a table"}, {"counts": np.arange(3)})
    ...     header, arrays = load(f"{folder}/model.npz")
    >>> header["kind"], arrays["counts"].tolist(), header["arrays"]
    ('a table', [0, 1, 2], {'counts': {'dtype': '<i8', 'shape': [3]}})
    """
    if not isinstance(path, str | os.PathLike):
        raise ModelFileError(f"{path!r}: expected the name of a file")
    arrays = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    described = {n: {"shape": list(a.shape), "dtype": a.dtype.str} for n, a in arrays.items()}
    full = {**header, "schema": SCHEMA, "arrays": described, "sha256": _digest(arrays)}
    text = json.dumps(full, sort_keys=True, indent=1).encode()
    members = {"header": np.frombuffer(text, np.uint8), **arrays}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **members)
    try:
        write_whole(Path(path), buffer.getvalue())
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be written: {error.strerror or error}") from error


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what a model file says of itself.

    Parameters
    ----------
    path : str or path

    Raises
    ------
    ModelFileError
        If it is missing, damaged, foreign, or of another schema.

    Examples
    --------
    >>> from stats_composer.files import packaged
    >>> with packaged("pretrained/folk.npz") as path:
    ...     read_header(path)["licence"]
    'Unlicense'
    """
    with _opened(path) as archive:
        return _header(path, archive)


def load(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a model file.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    header : dict
    arrays : dict of str to ndarray

    Raises
    ------
    ModelFileError
        As of `read_header`, or where an array does not agree with the header.

    Examples
    --------
    >>> from stats_composer.files import packaged
    >>> with packaged("pretrained/folk.npz") as path:
    ...     header, arrays = load(path)
    >>> sorted(arrays) == sorted(header["arrays"])
    True
    """
    with _opened(path) as archive:
        header = _header(path, archive)
        total = sum(
            math.prod(entry["shape"]) * np.dtype(entry["dtype"]).itemsize
            for entry in header["arrays"].values()
        )
        if total > MAX_ARRAYS:
            raise ModelFileError(f"{path}: arrays of {total} bytes: expected at most {MAX_ARRAYS}")
        arrays = {}
        for name, entry in header["arrays"].items():
            array = _read_array(path, archive, name, entry)
            arrays[name] = array
    if _digest(arrays) != header["sha256"]:
        raise ModelFileError(f"{path}: damaged: the arrays do not have the header's sha256")
    return header, arrays


def load_as(
    model: str, path: str | os.PathLike[str], **told: Any
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a file of one kind of model, as `load` does.

    Parameters
    ----------
    model : str
        What the header names as its `model`.
    path : path
    **told
        What else the header must say, such as the names of its classes.

    Raises
    ------
    ModelFileError
        As of `load`, or where the header says otherwise.

    Examples
    --------
    >>> from stats_composer.files import packaged
    >>> with packaged("pretrained/folk.npz") as path:
    ...     header, _ = load_as("MelodyComposer", path)
    >>> header["licence"]
    'Unlicense'
    """
    header, arrays = load(path)
    if header.get("model") != model:
        raise ModelFileError(f"{path}: holds {header.get('model')}: expected {model}")
    for name, expected in told.items():
        if header.get(name) != expected:
            raise ModelFileError(f"{path}: a {model} of other {name} than this version's")
    return header, arrays


@contextlib.contextmanager
def restoring(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say in one line, as a ModelFileError, that what was loaded does not make the model.

    Parameters
    ----------
    path : str or path
        The file's name, for the message.

    Raises
    ------
    ModelFileError
        Where the block looked for what is not there, or made something of the wrong kind.

    Examples
    --------
    >>> with restoring("mine.npz"):
    ...     {"counts": 3}["weights"]
    Traceback (most recent call last):
        ...
    stats_composer.errors.ModelFileError: mine.npz: not as this version writes it: no weights
    """
    try:
        yield
    except ModelFileError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        what = f"no {error.args[0]}" if isinstance(error, KeyError) else str(error)
        raise ModelFileError(f"{path}: not as this version writes it: {what}") from error


class _opened:
    """A zip archive whose every fault is a ModelFileError."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def __enter__(self) -> zipfile.ZipFile:
        try:
            self.archive = zipfile.ZipFile(os.fspath(self.path))
        except OSError as error:
            raise ModelFileError(f"{self.path}: {error.strerror or error}") from error
        except TypeError as error:
            raise ModelFileError(f"{self.path!r}: expected the name of a file") from error
        except zipfile.BadZipFile as error:
            raise ModelFileError(f"{self.path}: not a model file, or cut short") from error
        return self.archive

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.archive.close()
        if isinstance(error, zipfile.BadZipFile | ValueError | LookupError | EOFError | TypeError):
            if isinstance(error, ModelFileError):
                return
            raise ModelFileError(f"{self.path}: damaged: {error}") from error


def _header(path: str | os.PathLike[str], archive: zipfile.ZipFile) -> dict[str, Any]:
    names = archive.namelist()
    if "header.npy" not in names:
        raise ModelFileError(f"{path}: not a model file: it has no header")
    if archive.getinfo("header.npy").file_size > MAX_HEADER:
        raise ModelFileError(f"{path}: a header of more than {MAX_HEADER} bytes")
    with archive.open("header.npy") as member:
        text = npy.read_array(member, allow_pickle=False)
    header = json.loads(bytes(text))
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        found = header.get("schema") if isinstance(header, dict) else None
        raise ModelFileError(f"{path}: schema {found}: this version reads {SCHEMA}")
    if not isinstance(header.get("arrays"), dict) or not isinstance(header.get("sha256"), str):
        raise ModelFileError(f"{path}: damaged: a header without arrays or sha256")
    for entry in header["arrays"].values():
        shape, kind = entry["shape"], np.dtype(entry["dtype"]).kind
        if kind not in KINDS or any(not isinstance(n, int) or n < 0 for n in shape):
            raise ModelFileError(f"{path}: an array of type {entry['dtype']}, shape {shape}")
    return header


def _read_array(
    path: str | os.PathLike[str], archive: zipfile.ZipFile, name: str, entry: dict[str, Any]
) -> NDArray[Any]:
    size = math.prod(entry["shape"]) * np.dtype(entry["dtype"]).itemsize
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > size + 4096 or info.compress_type != zipfile.ZIP_STORED:
        raise ModelFileError(f"{path}: array {name}: larger than its header says")
    with archive.open(info) as member:
        array: NDArray[Any] = npy.read_array(member, allow_pickle=False)
    if list(array.shape) != entry["shape"] or array.dtype.str != entry["dtype"]:
        raise ModelFileError(
            f"{path}: array {name} of shape {array.shape}: its header says {entry['shape']}"
        )
    return array


def _digest(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
