"""Reading many files: music21's corpus, folders, lists, and bad files among them."""

import hashlib

import pytest

from stats_composer.errors import ScoreFileError
from stats_composer.io import find_files, read_corpus


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_chorale_by_name(cache):
    corpus = read_corpus("music21:bwv66.6")
    (score,) = corpus
    assert corpus.names == ("bach/bwv66.6.mxl",)
    assert [part.name for part in score.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert score.pickup == 10080
    assert score.key_signatures.tolist() == [(0, 3, 1)]
    assert score.time_signatures.tolist() == [(0, 4, 4)]
    soprano = score.fermatas[score.fermatas["part"] == 0]
    assert [score.bar_at(onset) for onset in soprano["onset"]] == [1, 2, 3, 5, 7, 9]
    assert score.notes["pitch"][score.notes["part"] == 0][:4].tolist() == [73, 71, 69, 71]


def test_cached_scores_equal_fresh_ones(cache):
    names = ["music21:bwv66.6", "music21:bwv269", "music21:bwv10.7"]
    fresh = read_corpus(names, cache=False)
    first, second = read_corpus(names, n_jobs=2), read_corpus(names)
    assert list(fresh) == list(first) == list(second)
    assert fresh.manifest == second.manifest
    assert len(list(cache.rglob("*.npz"))) == 3


def test_a_damaged_cache_entry_is_read_anew(cache):
    first = read_corpus("music21:bwv66.6")
    (kept,) = cache.rglob("*.npz")
    kept.write_bytes(kept.read_bytes()[:-100])
    assert list(read_corpus("music21:bwv66.6")) == list(first)


def test_one_bad_file_costs_that_file(cache, tmp_path):
    folder = tmp_path / "tunes"
    (folder / "more").mkdir(parents=True)
    good = find_files("music21:bwv66.6")[0][1].read_bytes()
    (folder / "b.mxl").write_bytes(good)
    (folder / "more" / "a.mxl").write_bytes(good)
    (folder / "a.mxl").write_bytes(good[:500])
    (folder / "empty.mid").touch()
    (folder / "notes.txt").write_text("no score")
    corpus = read_corpus(folder, n_jobs=2)
    assert corpus.names == ("b.mxl", "more/a.mxl")
    assert {row.name: row.reason for row in corpus.refused} == {
        "a.mxl": "a damaged MXL archive: File is not a zip file",
        "empty.mid": "the file is empty",
    }
    assert corpus.manifest[1].sha256 == hashlib.sha256(good).hexdigest()
    assert [name for name, _ in find_files(str(folder / "**" / "*.mxl"))] == [
        "a.mxl",
        "a.mxl",
        "b.mxl",
    ]


@pytest.mark.parametrize("source", ["music21:nobody", "nowhere/*.abc", "nowhere"])
def test_a_source_without_files_is_an_error(source):
    with pytest.raises(ScoreFileError, match=source.replace("*", r"\*")):
        read_corpus(source)
