"""Plots for teaching: what they hold, and what they refuse."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from stats_composer.models.ngram import NGram
from stats_composer.render import (
    cluster_pages,
    context_tree,
    rasterize,
    surprise_pages,
    transition_graph,
)
from stats_composer.score import BAR_DTYPE, LYRIC_DTYPE, REPEAT_END, Score, make_notes, make_table
from stats_composer.theory import TICKS_PER_QUARTER

QUARTER = TICKS_PER_QUARTER


def labels(svg):
    """Read each bar: x, y, height, and the number written at it."""
    found = re.findall(
        r'class="surprise"><rect x="(\d+)" y="(\d+)" .*?height="(\d+)".*?>([\d.]+)</text>', svg
    )
    return [(int(x), int(y), int(height), float(bits)) for x, y, height, bits in found]


def test_each_note_has_its_bar_under_it():
    score = Score(
        make_notes(
            onset=[0, QUARTER, 3 * QUARTER, 5 * QUARTER, 0],
            duration=[QUARTER, QUARTER, 2 * QUARTER, QUARTER, QUARTER],  # one over the bar line
            pitch=[60, 62, 64, 57, 48],
            part=[0, 0, 0, 0, 1],
        ),
        lyrics=make_table(LYRIC_DTYPE, [(0, 0, 0, 0, "single", "word")]),
    )
    (page,) = surprise_pages(score, [3.0, 0.0, 1.5, 6.25])
    bars = labels(page)
    assert [bits for *_, bits in bars] == [3.0, 0.0, 1.5, 6.2]
    assert bars == sorted(bars), "bars rise from left to right on one system"
    assert bars[0][2] == 2 * bars[2][2] and bars[1][2] == 0
    assert "word" not in page
    ET.fromstring(page)
    assert rasterize(page).startswith(b"\x89PNG")


def test_bars_inside_the_page_and_after_a_repeat():
    bars = make_table(BAR_DTYPE, onset=[0, 4 * QUARTER], repeat=[REPEAT_END, 0])
    score = Score(make_notes(onset=np.arange(8) * QUARTER, pitch=np.arange(60, 68)), bars=bars)
    (page,) = surprise_pages(score, np.arange(8.0))
    assert [bits for *_, bits in labels(page)] == list(np.arange(8.0))
    height = int(re.search(r'viewBox="0 0 \d+ (\d+)"', page)[1])
    assert max(y + tall for _, y, tall, _ in labels(page)) + 500 <= height


@pytest.mark.parametrize(
    ("bits", "message"), [([1.0], "each of 2 notes"), ([1, -1], "from 0"), ([1, np.nan], "from 0")]
)
def test_other_numbers_are_refused(bits, message):
    score = Score(make_notes(onset=[0, QUARTER], pitch=[60, 62]))
    with pytest.raises(ValueError, match=message):
        surprise_pages(score, bits)


def test_shares_of_a_context_tree_by_hand():
    tree = NGram(n=3).fit([[0, 1, 0, 1, 1, 2]]).tree_
    figure = context_tree(tree, labels="abc", depth=2)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(filter(None, texts)) == sorted(
        ["b 0.50", "a 0.33", "c 0.17", "a 0.33", "b 0.33", "c 0.33", "b 1.00"]
    )
    few = context_tree(tree, depth=1, max_children=1)
    assert [t.get_text() for t in few.axes[0].texts if t.get_text()] == ["1 0.50"]
    with pytest.raises(ValueError, match="expected 1 or more"):
        context_tree(tree, depth=0)


def test_arrows_of_a_transition_graph():
    table = [[0.1, 0.9, 0.0], [0.0, 0.0, 1.0], [0.98, 0.02, 0.0]]
    figure = transition_graph(table, labels=["I", "IV", "V"])
    assert len(figure.axes[0].patches) == 4  # a ring and three arrows; .02 is left out
    assert [text.get_text() for text in figure.axes[0].texts] == ["I", "IV", "V"]
    for wrong, message in (([[1, 0]], "square"), ([[0.5, 0.4], [0, 1]], "sum to 1")):
        with pytest.raises(ValueError, match=message):
            transition_graph(wrong)


def test_bars_of_a_cluster_stand_side_by_side():
    tune = Score(make_notes(onset=np.arange(12) * QUARTER, pitch=np.arange(60, 72)), title="a tune")
    bars = [tune[i : i + 1] for i in range(3)]
    first, second = cluster_pages(bars, [5, 2, 5])
    assert "cluster 2" in first and first.count('class="note"') == 4
    assert "cluster 5" in second and second.count('class="note"') == 8
    assert second.count('class="measure"') == 2 and "a tune" not in second
    assert len(cluster_pages(bars, [0, 0, 0], n_each=1)) == 1
    with pytest.raises(ValueError, match="2 labels of 3 bars"):
        cluster_pages(bars, [0, 1])
