"""Plots of what models learned and samplers did, each from plain arrays.

* `coupling_maps` draws tables of couplings with the names of notes on their axes.
* `pair_scatter` sets the statistics of two collections of pieces against each other.
* `trace_plot` draws the chains of a sampler over their draws.
* `cluster_map` draws rows in the plane of their two main directions, coloured by cluster.
* `calibration_curve` asks whether what is said at .8 is right eight times in ten.
* `fifths_confusion` draws which roots are taken for which, in the order of fifths.
* `copied_runs` draws how long the runs are that a piece shares with a corpus.

References
----------
M. H. DeGroot, S. E. Fienberg (1983), The comparison and evaluation of forecasters, The
Statistician 32, section 2 (the calibration of probabilities).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stats_composer.render.figure import new_figure
from stats_composer.theory import fifths_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "calibration_curve",
    "cluster_map",
    "copied_runs",
    "coupling_maps",
    "fifths_confusion",
    "pair_scatter",
    "trace_plot",
]

Floats = NDArray[np.float64]
_FIFTHS = 7 * np.arange(-5, 7) % 12  # pitch classes from D flat to F sharp


def _panels(n: int = 1, size: tuple[float, float] = (4.5, 4.0)) -> tuple[Figure, list[Axes]]:
    """Return an empty picture of n plots in a row."""
    figure = new_figure(size[0] * n, size[1])
    return figure, list(figure.subplots(1, n, squeeze=False)[0])


def coupling_maps(tables: Mapping[str, ArrayLike], names: Sequence[str]) -> Figure:
    """Draw tables of couplings beside each other, on one scale of colours.

    Red attracts, blue repels, white does neither.

    Parameters
    ----------
    tables : mapping of str to array_like of shape (n_symbols, n_symbols)
        By title; entry [a, b] is the log-weight, in nats, of b after (or under) a.
    names : sequence of str, of the symbols, such as the names of notes

    Raises
    ------
    ValueError
        If a table is not square, or has not as many rows as names.

    Examples
    --------
    >>> figure = coupling_maps({"lag 1": [[0, 1], [1, 0]], "lag 2": [[1, 0], [0, 1]]}, "CG")
    >>> [axes.get_title() for axes in figure.axes[:2]]
    ['lag 1', 'lag 2']
    """
    arrays = {title: np.asarray(table, np.float64) for title, table in tables.items()}
    for title, table in arrays.items():
        if table.shape != (len(names), len(names)):
            raise ValueError(f"{title}: table of shape {table.shape}, expected {len(names)} each")
    most = max((float(np.abs(table).max(initial=0)) for table in arrays.values()), default=0) or 1
    figure, panels = _panels(len(arrays))
    for axes, (title, table) in zip(panels, arrays.items(), strict=True):
        image = axes.imshow(table, cmap="RdBu_r", vmin=-most, vmax=most)
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        axes.set_title(title)
    if panels:
        figure.colorbar(image, ax=panels, label="nats", shrink=0.8)
    return figure


def pair_scatter(
    corpus: ArrayLike, others: Mapping[str, ArrayLike], *, least: float = 1e-5
) -> Figure:
    """Draw the statistics of collections of pieces against those of a corpus.

    A plot for each collection, with the correlation of the frequencies in its title.

    Parameters
    ----------
    corpus : array_like, frequencies, as of `evaluation.pairs.pair_frequencies`
    others : mapping of str to array_like of the same shape
    least : float
        Frequencies below it are drawn there; the axes are logarithmic.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> figure = pair_scatter([0.1, 0.2, 0.7], {"model": [0.1, 0.2, 0.7]})
    >>> figure.axes[0].get_title()
    'model: correlation 1.000'
    """
    known = np.asarray(corpus, np.float64).ravel()
    figure, panels = _panels(len(others))
    for axes, (name, frequencies) in zip(panels, others.items(), strict=True):
        found = np.asarray(frequencies, np.float64).ravel()
        if found.shape != known.shape:
            raise ValueError(f"{name}: {found.size} frequencies, expected {known.size}")
        seen = (known > 0) | (found > 0)
        axes.plot([least, 1], [least, 1], color="0.7", linewidth=1)
        axes.scatter(np.maximum(known[seen], least), np.maximum(found[seen], least), s=4, alpha=0.4)
        title = f"{name}: correlation {np.corrcoef(known, found)[0, 1]:.3f}"
        axes.set(xscale="log", yscale="log", xlabel="corpus", ylabel=name, title=title)
    return figure


def trace_plot(traces: ArrayLike, *, label: str = "energy", caption: str = "") -> Figure:
    """Draw the chains of a sampler, and beside them how their values are spread.

    Parameters
    ----------
    traces : array_like of shape (n_chains, n_draws)
        One number a draw, as of `sampling.diagnostics.energy_traces`.
    label : str
        What the number is, and its unit.
    caption : str
        Set above, such as what `sampling.diagnostics.diagnose` says.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are not two axes, or no draws.

    Examples
    --------
    >>> figure = trace_plot([[1.0, 2.0, 1.5], [9.0, 9.5, 9.2]])
    >>> len(figure.axes[0].lines)
    2
    """
    rows = np.asarray(traces, np.float64)
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"traces of shape {rows.shape}: expected (n_chains, n_draws)")
    figure = new_figure(8.0, 3.2)
    time, spread = figure.subplots(1, 2, width_ratios=[4, 1], sharey=True)
    bins = np.linspace(rows.min(), rows.max() + 1e-9, 30).tolist()
    for row in rows:
        time.plot(row, linewidth=0.8)
        spread.hist(row, bins=bins, orientation="horizontal", histtype="step")
    time.set(xlabel="draw", ylabel=label)
    spread.set(xlabel="draws")
    figure.suptitle(caption, fontsize=10)
    return figure


def cluster_map(rows: ArrayLike, labels: ArrayLike) -> Figure:
    """Draw rows in the plane in which they differ most, coloured by cluster.

    The axes are the two first principal components, with their shares of the variance.
    ValueError is raised if there are not as many labels as rows, or fewer than two features.

    Parameters
    ----------
    rows : array_like of shape (n_rows, n_features)
    labels : array_like of shape (n_rows,), int, the cluster of each

    Examples
    --------
    >>> figure = cluster_map([[0, 0], [0, 1], [9, 9]], [0, 0, 1])
    >>> len(figure.axes[0].collections)
    2
    """
    table, cluster = np.asarray(rows, np.float64), np.asarray(labels)
    if table.ndim != 2 or table.shape[1] < 2 or cluster.shape != table.shape[:1]:
        found = f"rows of shape {table.shape}, {cluster.size} labels"
        raise ValueError(f"{found}: expected two features or more, and a label each")
    centred = table - table.mean(axis=0)
    _, size, direction = np.linalg.svd(centred, full_matrices=False)
    share = size**2 / max(float((size**2).sum()), 1e-300)
    x, y = (centred @ direction[:2].T).T
    figure, (axes,) = _panels(size=(6.0, 4.5))
    for number in np.unique(cluster):
        here = cluster == number
        axes.scatter(x[here], y[here], s=14, alpha=0.6, label=str(number))
    axes.set(xlabel=f"first component, {share[0]:.0%} of the variance")
    axes.set(ylabel=f"second, {share[1]:.0%}")
    axes.legend(title="cluster", frameon=False, fontsize=8, ncols=2)
    return figure


def _calibration(said: Floats, found: Floats, n_bins: int) -> tuple[Floats, Floats, float]:
    """Return the mean probability and the share right of each bin, and the expected error."""
    place = np.minimum((said * n_bins).astype(np.int64), n_bins - 1)
    size = np.bincount(place, minlength=n_bins)
    used = size > 0
    x = np.bincount(place, said, n_bins)[used] / size[used]
    y = np.bincount(place, found, n_bins)[used] / size[used]
    return x, y, float(np.abs(x - y) @ size[used]) / max(len(said), 1)


def calibration_curve(
    laws: Mapping[str, tuple[ArrayLike, ArrayLike]], *, n_bins: int = 10
) -> Figure:
    """Draw how often answers are right against how sure they were.

    On the diagonal the probabilities mean what they say. The legend has the expected
    calibration error, the mean gap weighted by the answers.
    ValueError is raised if probabilities and answers differ in number, or one is outside [0, 1].

    Parameters
    ----------
    laws : mapping of str to (confidence, right)
        By name: the probability given to each answer, in [0, 1], and whether it was right.
    n_bins : int
        Bins of equal width; those without answers are left out.

    Examples
    --------
    >>> figure = calibration_curve({"coin": ([0.5] * 4, [True, False, True, False])})
    >>> figure.axes[0].get_legend().get_texts()[0].get_text()
    'coin: error 0.000'
    """
    figure, (axes,) = _panels()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, (confidence, right) in laws.items():
        said, found = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
        if said.shape != found.shape or said.ndim != 1 or ((said < 0) | (said > 1)).any():
            raise ValueError(f"{name}: expected a probability in [0, 1] for each answer")
        x, y, error = _calibration(said, found, n_bins)
        axes.plot(x, y, marker="o", markersize=4, label=f"{name}: error {error:.3f}")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability given", ylabel="share right")
    axes.legend(frameon=False)
    return figure


def fifths_confusion(true: ArrayLike, predicted: ArrayLike) -> Figure:
    """Draw which roots are taken for which, as arrows on the circle of fifths.

    Parameters
    ----------
    true, predicted : array_like of shape (n,), int
        Pitch classes, 0 to 11.

    Returns
    -------
    matplotlib.figure.Figure
        A disc is as large as its root is frequent; an arrow as wide as its mistake is; mistakes
        under a hundredth of all are left out.

    Raises
    ------
    ValueError
        If they are not as many, or not pitch classes.

    Examples
    --------
    >>> figure = fifths_confusion([0, 0, 7, 7], [0, 7, 7, 7])
    >>> len(figure.axes[0].patches), figure.axes[0].get_title()
    (1, 'right: 75.0 %')
    """
    from matplotlib.patches import FancyArrowPatch

    heard, said = np.asarray(true), np.asarray(predicted)
    both = np.concatenate([heard.ravel(), said.ravel()])
    if heard.shape != said.shape or heard.ndim != 1 or not np.isin(both, range(12)).all():
        raise ValueError("roots: expected as many predicted as true ones, pitch classes 0 to 11")
    table = np.zeros((12, 12))
    np.add.at(table, (heard, said), 1 / max(len(heard), 1))
    angle = np.pi / 2 - 2 * np.pi * np.arange(12) / 12
    spots = {
        int(p): (float(np.cos(a)), float(np.sin(a))) for p, a in zip(_FIFTHS, angle, strict=True)
    }
    figure, (axes,) = _panels(size=(5.0, 5.0))
    for i, j in np.argwhere(table >= 0.01):
        if i != j:
            axes.add_patch(
                FancyArrowPatch(
                    spots[int(i)], spots[int(j)], connectionstyle="arc3,rad=0.15",
                    arrowstyle="-|>", mutation_scale=10, shrinkA=12, shrinkB=12,
                    linewidth=0.5 + 60 * float(table[i, j]), color="C3", alpha=0.6,
                )
            )  # fmt: skip
    for number, pitch_class in enumerate(_FIFTHS.tolist()):
        axes.scatter(*spots[pitch_class], s=150 + 4000 * table[pitch_class].sum(), alpha=0.25)
        axes.annotate(
            fifths_name(number - 5), spots[pitch_class], ha="center", va="center", fontsize=9
        )
    axes.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), title=f"right: {100 * np.trace(table):.1f} %")
    axes.set_aspect("equal")
    axes.set_axis_off()
    return figure


def copied_runs(lengths: Mapping[str, ArrayLike]) -> Figure:
    """Draw how long the runs are that pieces share with a corpus.

    Parameters
    ----------
    lengths : mapping of str to array_like of int, at least 0
        By name of the collection: the longest run of each piece, in notes.

    Returns
    -------
    matplotlib.figure.Figure
        For each collection the share of its pieces with a run of that length or a longer one.

    Raises
    ------
    ValueError
        If a collection is empty, or a length negative.

    Examples
    --------
    >>> figure = copied_runs({"model": [3, 5, 5, 9], "others": [2, 2, 3, 4]})
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['model', 'others']
    """
    figure, (axes,) = _panels(size=(6.0, 3.5))
    for name, runs in lengths.items():
        found = np.asarray(runs)
        if found.ndim != 1 or not found.size or (found < 0).any():
            raise ValueError(f"{name}: expected lengths of runs, one or more, from 0")
        ranks = np.arange(int(found.max()) + 2)
        axes.step(ranks, (found[:, None] >= ranks).mean(axis=0), where="mid", label=name)
    axes.set(xlabel="notes in a row that stand in the corpus", ylabel="share of pieces, at least")
    axes.legend(frameon=False)
    return figure
