"""Pictures for teaching: what a model counted, where it may go, and what surprises it.

* `surprise_pages` draws under every note of an engraved line how many bits it tells.
* `context_tree` draws which symbols came after which, and after those, with their shares.
* `transition_graph` draws the states of a Markov chain and where each goes from there.
* `cluster_pages` engraves the bars of each cluster of a clustering.

Bits are -log2 of a probability: one bit for the fall of a coin, 3.6 for one note in twelve.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stats_composer.ngrams import FIRST_SYMBOL, ContextTree
from stats_composer.render.engraving import engrave, lay_out, page_svg
from stats_composer.render.figure import new_figure
from stats_composer.score import Score
from stats_composer.theory import TICKS_PER_QUARTER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["cluster_pages", "context_tree", "surprise_pages", "transition_graph"]

_SVG = "{http://www.w3.org/2000/svg}"
_NOTEHEAD = re.compile(r"translate\((-?\d+), ?(-?\d+)\)")
_LINE = re.compile(r"M\d+ (\d+) L")
_PAGE = re.compile(r'<svg width="(\d+)px" height="(\d+)px"')
_BOX = re.compile(r'viewBox="0 0 (\d+) (\d+)"')
# In verovio's units, of which a staff is 720 high.
_BASE, _BIT, _WIDTH, _TEXT = 700, 110, 170, 190
_MOST_BITS = 10.0
_ROOM = 24  # between systems, in half spaces
_COLOUR = "#c0392b"


# ---- surprise --------------------------------------------------------------------------------


def surprise_pages(
    score: Score, bits: ArrayLike, part: int = 0, voice: int = 0, *, width: int = 2100
) -> list[str]:
    """Engrave one voice with the surprise of each note as a bar under it.

    Parameters
    ----------
    score : Score
    bits : array_like of shape (n_notes,), at least 0
        One number for each note of the voice in the order of onsets, as of
        `-ViewpointModel.log_probs / log(2)`; tied notes that a table joins count once.
    part, voice : int
    width : int
        Of the page, in tenths of a millimetre.

    Returns
    -------
    list of str
        One SVG a page; `rasterize` makes a PNG of it.

    Raises
    ------
    ValueError
        Where there are not as many numbers as notes, or one is negative or no number.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> score = Score(make_notes(onset=[0, 10080], pitch=[60, 64]))
    >>> page, = surprise_pages(score, [3.5, 0.4])
    >>> page.count('class="surprise"')
    2
    """
    line = score.select(part, voice)
    onsets = np.unique(line.notes["onset"][~line.notes["tied"]])
    numbers = np.asarray(bits, np.float64)
    if numbers.shape != onsets.shape:
        raise ValueError(
            f"bits of shape {numbers.shape}: expected one for each of {len(onsets)} notes"
        )
    if not (np.isfinite(numbers) & (numbers >= 0)).all():
        raise ValueError("bits: expected numbers from 0")
    line = line.replace(lyrics=line.lyrics[:0])  # their place is the bars'
    toolkit = lay_out(line, width=width, spacingSystem=_ROOM, expandNever=True)
    by_onset = dict(zip(onsets.tolist(), numbers.tolist(), strict=True))
    by_id = {}
    for moment in toolkit.renderToTimemap():
        onset = round(moment["qstamp"] * TICKS_PER_QUARTER)
        if moment.get("on") and onset in by_onset:
            by_id[moment["on"][0]] = by_onset.pop(onset)
    pages = range(1, toolkit.getPageCount() + 1)
    return [_draw_surprise(page_svg(toolkit, page), by_id) for page in pages]


def _draw_surprise(svg: str, bits: dict[str, float]) -> str:
    """Add the bars to a page, and make it longer by what the last ones need."""
    bars = []
    tree = ElementTree.fromstring(svg)
    for staff in tree.iter(f"{_SVG}g"):
        if staff.get("class") != "staff":
            continue
        lines = [_LINE.match(path.get("d", "")) for path in staff.findall(f"{_SVG}path")]
        floor = max(int(found[1]) for found in lines if found)
        for note in staff.iter(f"{_SVG}g"):
            head = note.find(f".//{_SVG}use")
            if note.get("id") in bits and head is not None:
                found = _NOTEHEAD.match(head.get("transform", ""))
                if found:
                    bars.append(_bar(int(found[1]), floor + _BASE, bits[note.get("id", "")]))
    extra = math.ceil(_BASE + _BIT * min(max(bits.values(), default=0.0), _MOST_BITS))
    svg = _lengthened(svg, extra)
    end = svg.rindex("</g></svg>")  # of the group whose coordinates are the notes'
    return svg[:end] + "".join(bars) + svg[end:]


def _bar(x: int, y: int, bits: float) -> str:
    height = round(_BIT * min(bits, _MOST_BITS))
    shade = 0.25 + 0.75 * min(bits / 6, 1.0)
    return (
        f'<g class="surprise"><rect x="{x + 20}" y="{y}" width="{_WIDTH}" height="{height}" '
        f'fill="{_COLOUR}" fill-opacity="{shade:.2f}"/><text x="{x + 20 + _WIDTH // 2}" '
        f'y="{y - 40}" font-size="{_TEXT}px" text-anchor="middle">{bits:.1f}</text></g>'
    )


def _lengthened(svg: str, extra: int) -> str:
    """Make a page higher by some of verovio's units."""
    page, box = _PAGE.search(svg), _BOX.search(svg)
    if page is None or box is None:
        return svg
    height = int(box[2]) + extra
    pixels = round(int(page[2]) * height / int(box[2]))
    svg = svg.replace(page[0], f'<svg width="{page[1]}px" height="{pixels}px"', 1)
    return svg.replace(box[0], f'viewBox="0 0 {box[1]} {height}"', 1)


# ---- context tree ----------------------------------------------------------------------------


def context_tree(
    tree: ContextTree,
    *,
    labels: Sequence[str] | None = None,
    depth: int = 3,
    max_children: int = 4,
) -> Figure:
    """Draw what came after what: each branch a context one symbol longer.

    Parameters
    ----------
    tree : ContextTree
        Such as `NGram.tree_`.
    labels : sequence of str, optional
        Name of each symbol, or ValueError is raised; by default its number.
    depth : int
        Symbols from the root to the leaves.
    max_children : int
        Of each context its most frequent symbols are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        From left to right; a dot's area is the count, the number its share of its context.

    Examples
    --------
    >>> from stats_composer.models.ngram import NGram
    >>> model = NGram(n=3).fit([[0, 1, 0, 1, 1]])
    >>> figure = context_tree(model.tree_, labels="AB", depth=2)
    >>> sorted(text.get_text() for text in figure.axes[0].texts if "A" in text.get_text())
    ['A 0.40', 'A 0.50']
    """
    if depth < 1 or max_children < 1:
        raise ValueError(f"depth {depth}, max_children {max_children}: expected 1 or more")
    leaves: list[float] = []
    drawn: list[tuple[float, float, int, str]] = []
    lines: list[tuple[tuple[int, float], tuple[int, float]]] = []

    def place(node: int, level: int, label: str) -> float:
        chosen = _children(tree, node, max_children) if level < depth else []
        total = sum(tree.count[child] for child in _children(tree, node, len(tree.code)))
        below = []
        for child in chosen:
            symbol = int(tree.code[child]) - FIRST_SYMBOL
            name = str(symbol) if labels is None else str(labels[symbol])
            below.append(place(child, level + 1, f"{name} {tree.count[child] / total:.2f}"))
        if not below:
            leaves.append(-float(len(leaves)))
        y = sum(below) / len(below) if below else leaves[-1]
        lines.extend(((level, y), (level + 1, end)) for end in below)
        drawn.append((level, y, int(tree.count[node]), label))
        return y

    place(0, 0, "")
    figure = new_figure(2.2 * depth + 1, max(2.0, 0.28 * len(leaves)))
    axes = figure.add_subplot()
    _draw_tree(axes, drawn, lines)
    return figure


def _children(tree: ContextTree, node: int, n_most: int) -> list[int]:
    """Return the nodes one symbol longer, the most frequent ones first."""
    if node + 1 >= len(tree.first):
        return []
    nodes = np.arange(tree.first[node], tree.first[node + 1])
    nodes = nodes[tree.code[nodes] >= FIRST_SYMBOL]
    return [int(i) for i in nodes[np.argsort(-tree.count[nodes], kind="stable")[:n_most]]]


def _draw_tree(axes: Axes, drawn: list[Any], lines: list[Any]) -> None:
    from matplotlib.collections import LineCollection

    axes.add_collection(LineCollection(lines, colors="0.75", linewidths=0.8, zorder=1))
    most = max(count for _, _, count, _ in drawn)
    x, y, count, _ = zip(*drawn, strict=True)
    axes.scatter(x, y, [12 + 160 * c / most for c in count], color="C0", zorder=2)
    for level, height, _, label in drawn:
        axes.annotate(label, (level, height), (7, 0), textcoords="offset points", va="center")
    axes.set_xlim(-0.2, max(x) + 0.7)
    axes.set_axis_off()


# ---- transition graph ------------------------------------------------------------------------


def transition_graph(
    probabilities: ArrayLike, *, labels: Sequence[str] | None = None, least: float = 0.05
) -> Figure:
    """Draw a Markov chain: its states on a circle, an arrow for each likely step.

    Parameters
    ----------
    probabilities : array_like of shape (n_states, n_states)
        Rows sum to 1; entry [i, j] is the probability of j after i.
    labels : sequence of str, optional
        Name of each state; by default its number.
    least : float
        Less probable steps are left out.

    Returns
    -------
    matplotlib.figure.Figure
        An arrow's width is its probability; a ring around a state that of staying in it.

    Raises
    ------
    ValueError
        If the table is not square, or a row does not sum to 1.

    Examples
    --------
    >>> figure = transition_graph([[0.5, 0.5], [1.0, 0.0]], labels="AB")
    >>> len(figure.axes[0].patches)
    3
    """
    table: NDArray[np.float64] = np.asarray(probabilities, np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not len(table):
        raise ValueError(f"probabilities of shape {table.shape}: expected a square table")
    if (table < 0).any() or not np.allclose(table.sum(axis=1), 1.0, atol=1e-6):
        raise ValueError("probabilities: expected rows that sum to 1")
    n = len(table)
    angle = np.pi / 2 - 2 * np.pi * np.arange(n) / n
    spots = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    figure = new_figure(5.5, 5.5)
    axes = figure.add_subplot(aspect="equal")
    for i, j in np.argwhere(table >= least):
        _draw_step(axes, spots[i], spots[j], float(table[i, j]))
    axes.scatter(spots[:, 0], spots[:, 1], s=420, color="white", edgecolor="C0", zorder=3)
    for i, spot in enumerate(spots):
        name = str(i) if labels is None else str(labels[i])
        axes.annotate(name, spot, ha="center", va="center", zorder=4)
    axes.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35))
    axes.set_axis_off()
    return figure


def _draw_step(
    axes: Axes, start: NDArray[np.float64], stop: NDArray[np.float64], probability: float
) -> None:
    """Add an arrow, bent so that the way back lies beside it, or the ring of staying."""
    from matplotlib.patches import Circle, FancyArrowPatch

    width = 0.5 + 4 * probability
    if np.array_equal(start, stop):
        axes.add_patch(
            Circle(tuple(start * 1.16), 0.13, fill=False, linewidth=width, color="C0", alpha=0.6)
        )
        return
    axes.add_patch(
        FancyArrowPatch(
            tuple(start),
            tuple(stop),
            connectionstyle="arc3,rad=0.12",
            arrowstyle="-|>",
            mutation_scale=8 + 8 * probability,
            shrinkA=11,
            shrinkB=11,
            linewidth=width,
            color="C0",
            alpha=0.6,
        )
    )


# ---- clusters --------------------------------------------------------------------------------


def cluster_pages(bars: Sequence[Score], labels: ArrayLike, *, n_each: int = 4) -> list[str]:
    """Engrave the first bars of each cluster, one after the other.

    Parameters
    ----------
    bars : sequence of Score
        Such as `score[3:4]`: each a whole bar of the same metre, the typical ones first.
    labels : array_like of shape (n_bars,), int
    n_each : int, at most, of each cluster

    Returns
    -------
    list of str, one SVG a cluster, by rising label, which its title names

    Raises
    ------
    ValueError
        If there are not as many labels as bars, or none.

    Examples
    --------
    >>> from stats_composer.score import make_notes
    >>> low, high = (Score(make_notes(onset=[0], duration=[40320], pitch=[p])) for p in (60, 72))
    >>> [page.count('class="note"') for page in cluster_pages([low, high, low], [1, 0, 1])]
    [1, 2]
    """
    number = np.asarray(labels)
    if not len(bars) or number.shape != (len(bars),):
        raise ValueError(f"{number.size} labels of {len(bars)} bars: expected one each")
    pages = []
    for label in np.unique(number).tolist():
        chosen = [bars[i] for i in np.flatnonzero(number == label)[:n_each]]
        starts = np.cumsum([0, *(bar.end for bar in chosen)])
        notes = [bar.notes.copy() for bar in chosen]
        for table, start in zip(notes, starts, strict=False):
            table["onset"] += start
        told = {"title": f"cluster {label}", "composer": ""}
        bare = {"notes": np.concatenate(notes), "bars": chosen[0].bars[:0]}
        pages += engrave(chosen[0].replace(**bare, **told, end=int(starts[-1])))
    return pages
