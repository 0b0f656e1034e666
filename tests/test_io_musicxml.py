"""MusicXML: what is written is read back, by us and by others."""

from hypothesis import given, settings
from strategies import marked_scores

from stats_composer.io.musicxml_reader import read_musicxml
from stats_composer.io.musicxml_writer import encode_musicxml
from stats_composer.io.report import Report


def round_trip(score):
    report = Report()
    again = read_musicxml(encode_musicxml(score, report), report)
    assert not report, str(report)
    return again


@settings(max_examples=150, deadline=None)
@given(marked_scores())
def test_any_score_comes_back(score):
    again = round_trip(score)
    assert score.differences(again) == []
