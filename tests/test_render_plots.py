"""Plots of statistics: the data they show, worked out by hand, and what they refuse."""

import numpy as np
import pytest

from stats_composer.render import (
    calibration_curve,
    cluster_map,
    copied_runs,
    coupling_maps,
    fifths_confusion,
    pair_scatter,
    piano_roll,
    trace_plot,
)
from stats_composer.score import Score, make_notes


def test_couplings_share_one_scale_and_name_their_axes():
    figure = coupling_maps({"lag 1": [[0, -2], [1, 0]], "lag 2": [[0, 0], [0.5, 0]]}, ["C4", "G4"])
    images = [axes.images[0] for axes in figure.axes[:2]]
    assert images[0].get_array().tolist() == [[0, -2], [1, 0]]
    assert {image.get_clim() for image in images} == {(-2.0, 2.0)}
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["C4", "G4"]
    with pytest.raises(ValueError, match=r"lag 1: table of shape \(1, 2\)"):
        coupling_maps({"lag 1": [[0, 1]]}, "CG")


def test_pairs_of_both_sides_are_drawn_and_correlated():
    figure = pair_scatter([0.5, 0.5, 0.0, 0.0], {"one": [0.5, 0.0, 0.5, 0.0]}, least=0.001)
    (axes,) = figure.axes
    drawn = axes.collections[0].get_offsets().tolist()
    assert drawn == [[0.5, 0.5], [0.5, 0.001], [0.001, 0.5]]  # what nobody has is left out
    assert axes.get_title() == "one: correlation 0.000"
    with pytest.raises(ValueError, match="3 frequencies, expected 4"):
        pair_scatter([0.5, 0.5, 0, 0], {"one": [1, 0, 0]})


def test_a_line_and_an_outline_for_each_chain():
    figure = trace_plot([[1, 2, 3], [4, 5, 6]], label="energy, nats", caption="two chains")
    time, spread = figure.axes
    assert [line.get_ydata().tolist() for line in time.lines] == [[1, 2, 3], [4, 5, 6]]
    assert time.get_ylabel() == "energy, nats" and len(spread.patches) == 2
    with pytest.raises(ValueError, match=r"traces of shape \(3,\)"):
        trace_plot([1, 2, 3])


def test_clusters_lie_in_the_plane_of_most_variance():
    rows = [[0, 0, 5], [4, 0, 5], [0, 1, 5], [4, 1, 5]]  # variances 4, 1/4 and 0
    axes = cluster_map(rows, [0, 1, 0, 1]).axes[0]
    assert axes.get_xlabel() == "first component, 94% of the variance"  # 16 / 17
    places = [np.abs(c.get_offsets()).round(9).tolist() for c in axes.collections]
    assert places == [[[2, 0.5], [2, 0.5]]] * 2
    with pytest.raises(ValueError, match="3 labels"):
        cluster_map(rows, [0, 1, 1])


def test_calibration_by_hand():
    said = [0.15, 0.15, 0.95, 0.95]
    figure = calibration_curve({"svm": (said, [False, True, True, True])})
    line = figure.axes[0].lines[1]
    np.testing.assert_allclose(line.get_xdata(), [0.15, 0.95])
    np.testing.assert_allclose(line.get_ydata(), [0.5, 1.0])
    assert line.get_label() == "svm: error 0.200"  # (.35 + .05) / 2
    for wrong in ([1.5], [0.5, 0.5]):
        with pytest.raises(ValueError, match=r"svm: expected a probability in \[0, 1\]"):
            calibration_curve({"svm": (wrong, [True])})


def test_arrows_are_the_mistakes():
    figure = fifths_confusion([0, 0, 0, 7, 9], [0, 7, 9, 7, 9])
    axes = figure.axes[0]
    assert len(axes.patches) == 2 and axes.get_title() == "right: 60.0 %"
    names = [text.get_text() for text in axes.texts]
    assert names == ["Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#"]
    top = axes.collections[0].get_offsets()[0]
    np.testing.assert_allclose(top, [0, 1], atol=1e-12)
    with pytest.raises(ValueError, match="pitch classes 0 to 11"):
        fifths_confusion([12], [0])


def test_runs_fall_from_all_to_none():
    line = copied_runs({"model": [2, 2, 4]}).axes[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), [1, 1, 1, 1 / 3, 1 / 3, 0])
    for wrong in ([], [-1]):
        with pytest.raises(ValueError, match="lengths of runs"):
            copied_runs({"model": wrong})


def test_a_picture_shows_itself():
    roll = piano_roll(Score(make_notes(onset=[0], pitch=[60])))
    assert roll._repr_png_().startswith(b"\x89PNG")
