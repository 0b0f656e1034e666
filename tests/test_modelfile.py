"""Model files: what is written is read back, and nothing else is."""

import json
import os
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy

from stats_composer import modelfile
from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.errors import ModelFileError, NotFittedError

ARRAYS = {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "b": np.array([0.5], np.float16)}
HEADER = {"model": "Toy", "random_state": 3, "licence": "none"}


@pytest.fixture
def path(tmp_path):
    """Write a good file."""
    modelfile.save(tmp_path / "toy.npz", HEADER, ARRAYS)
    return tmp_path / "toy.npz"


def refuse(path, match):
    """Check that a file is refused in one line that names it."""
    with pytest.raises(ModelFileError, match=match) as error:
        modelfile.load(path)
    text = str(error.value)
    assert text.startswith(f"{path}: ") and "\n" not in text and len(text) < 400


def rewrite(path, change_header=None, arrays=ARRAYS, compression=zipfile.ZIP_STORED):
    """Write the file anew with another header or arrays, the sha256 left as it was."""
    header = modelfile.read_header(path)
    if change_header:
        change_header(header)
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, array in {"header": text, **arrays}.items():
            with archive.open(f"{name}.npy", "w") as member:
                npy.write_array(member, np.asarray(array))


def test_a_file_comes_back(path):
    header, arrays = modelfile.load(path)
    assert {k: header[k] for k in HEADER} == HEADER and sorted(arrays) == ["a", "b"]
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype
    assert modelfile.read_header(path) == header


def test_the_same_content_gives_the_same_bytes(path, tmp_path):
    modelfile.save(tmp_path / "again.npz", HEADER, dict(reversed(ARRAYS.items())))
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_file_cut_short(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refuse(path, "not a model file, or cut short")


def test_every_byte_of_the_arrays_counts(path):
    data = bytearray(path.read_bytes())
    place = data.index(ARRAYS["a"].tobytes())
    data[place + 2] ^= 1
    path.write_bytes(data)
    refuse(path, "damaged: ")


@pytest.mark.parametrize("content", [b"", b"RIFF" * 100, b"PK\x03\x04" * 30])
def test_foreign_files(path, content):
    path.write_bytes(content)
    refuse(path, "not a model file")


def test_a_foreign_npz(path):
    np.savez(path, weights=np.ones(3))
    refuse(path, "not a model file: it has no header")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda h: h.update(schema=2), "schema 2: this version reads 1"),
        (lambda h: h.pop("schema"), "schema None: this version reads 1"),
        (lambda h: h.pop("arrays"), "damaged"),
        (lambda h: h.pop("sha256"), "damaged"),
        (lambda h: h.update(arrays=[]), "damaged"),
        (lambda h: h.update(arrays=None), "damaged"),
        (lambda h: h["arrays"].update(a=3), "damaged"),
        (lambda h: h["arrays"].pop("a"), "damaged"),
        (lambda h: h["arrays"].update(c={"shape": [1], "dtype": "<f4"}), "damaged"),
        (lambda h: h["arrays"]["a"].update(shape=[-1, 3]), "shape"),
        (lambda h: h["arrays"]["a"].update(shape="ab"), "shape|damaged"),
        (lambda h: h["arrays"]["a"].update(shape=[1 << 40, 1 << 40]), "bytes: expected at most"),
        (lambda h: h["arrays"]["a"].update(shape=[3, 2]), "its header says"),
        (lambda h: h["arrays"]["a"].update(dtype="|O"), "type \\|O"),
        (lambda h: h["arrays"]["a"].update(dtype="nonsense"), "damaged"),
        (lambda h: h["arrays"]["a"].update(dtype="<f8"), "its header says"),
    ],
)
def test_headers_that_lie(path, change, match):
    rewrite(path, change)
    refuse(path, match)


def test_a_header_that_is_no_json(path):
    with zipfile.ZipFile(path, "w") as archive, archive.open("header.npy", "w") as member:
        npy.write_array(member, np.frombuffer(b"{not json", np.uint8))
    refuse(path, "damaged")


def test_an_array_tampered_with(path):
    rewrite(path, arrays={**ARRAYS, "b": np.array([0.25], np.float16)})
    refuse(path, "do not have the header's sha256")


def test_an_array_larger_than_its_header_says(path):
    rewrite(path, arrays={**ARRAYS, "b": np.zeros(9000, np.float16)})
    refuse(path, "larger than its header says")


def test_compressed_arrays_are_not_opened(path):
    rewrite(path, arrays={**ARRAYS, "b": np.array([0.5], np.float16)}, compression=8)
    refuse(path, "header|larger")


def test_a_file_that_is_missing(tmp_path):
    refuse(tmp_path / "none.npz", "No such file")
    refuse(tmp_path, "Is a directory")


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_a_folder_that_cannot_be_written(tmp_path, folder):
    (tmp_path / "file").write_text("x")
    target = tmp_path / folder / "toy.npz"
    with pytest.raises(ModelFileError, match=f"^{target}: cannot be written: "):
        modelfile.save(target, HEADER, ARRAYS)
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_disk_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelFileError, match="cannot be written: No space left on device"):
        modelfile.save(path, HEADER, {"a": np.zeros(9)})
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


def test_what_json_cannot_hold_is_an_error_before_anything_is_written(tmp_path):
    with pytest.raises((TypeError, ModelFileError)):
        modelfile.save(tmp_path / "toy.npz", {"x": object()}, ARRAYS)
    assert not os.listdir(tmp_path)


def test_a_file_is_read_as_one_kind_of_model_alone(path):
    header, arrays = modelfile.load_as("Toy", path)
    assert header["model"] == "Toy" and set(arrays) == set(ARRAYS)
    with pytest.raises(ModelFileError, match="holds Toy: expected Game"):
        modelfile.load_as("Game", path)
    with pytest.raises(ModelFileError, match="a Toy of other classes than this version's"):
        modelfile.load_as("Toy", path, classes=["major"])


def test_a_composer_refuses_what_is_no_composer(path):
    with pytest.raises(ModelFileError, match="holds Toy: expected ChoraleComposer"):
        ChoraleComposer.load(path)
    modelfile.save(path, {**HEADER, "model": "ChoraleComposer"}, ARRAYS)
    with pytest.raises(ModelFileError, match="not as this version writes it"):
        ChoraleComposer.load(path)
    with pytest.raises(NotFittedError, match="call fit, load or bundled first"):
        ChoraleComposer().save(path)


def test_a_composer_comes_back(tmp_path):
    composer = ChoraleComposer.bundled()
    composer.save(tmp_path / "copy.npz")
    other = ChoraleComposer.load(tmp_path / "copy.npz")
    assert other.manifest_ == composer.manifest_
    scores = [c.compose(bars=2, random_state=1) for c in (composer, other)]
    assert scores[0] == scores[1]
