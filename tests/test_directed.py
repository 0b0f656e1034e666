"""The directed model: its law beside a twin, draws, files."""

import naive_directed as naive
import naive_directed_sites as sites
import naive_viewpoints
import numpy as np
import pytest
from directed_case import (
    CHAINS,
    COLUMNS,
    GRIDS,
    LABELS,
    N_STEPS,
    N_SYMBOLS,
    NAMES,
    fitted_model,
    log_likelihoods,
    pieces,
)
from enumerate import chi_square_p

from stats_composer.errors import NotFittedError
from stats_composer.factors import Factors
from stats_composer.models.directed import DirectedModel, Drawing


@pytest.fixture(scope="module")
def model():
    return fitted_model()


def twin_row(model, grids, look_at, t, i):
    """Return log P at a site by formula (2), counted from the pieces anew."""
    lines, own = model.lines_, int(model.lines_.order[i])
    n, compiled = N_SYMBOLS[own], model._compiled[i]
    known = np.flatnonzero(lines.known[i]).tolist()
    first = int(model.tables_.expert_first[i])

    def at(grid, s):
        page = sites.Page(grid.tolist(), LABELS, COLUMNS["half"])
        read = [sites.read_atom(page, s, a, NAMES, own, known, COLUMNS) for a in compiled.atoms]
        values = []
        for text in compiled.targets:
            kind, _, place = text.partition("-")
            base = 0
            if place:
                name, lag = place.split("@")
                base = page.label(page.row(s, lag), own if name == "own" else NAMES.index(name))
            row = [None if base is None else int(x) - base for x in LABELS[own, :n]]
            if base is not None and kind == "class":
                row = [x % 12 for x in row]
            if base is not None:
                row = ["rest" if x < 0 else y for x, y in zip(LABELS[own, :n], row, strict=True)]
            values.append(row)
        return read, values, page

    seen = [(*at(grid, s), int(grid[s, own])) for grid in grids for s in range(len(grid))]
    atoms, values, page = at(look_at, t)
    total, laws = np.zeros(n), []
    phase = int(look_at[t, COLUMNS["half"]])
    for e, template in enumerate(compiled.template):
        target, counts, true = compiled.target[e], {}, set()
        for other, cells, _, k in seen:
            cell = cells[target][k]
            if cell is None:
                continue
            true.add(cell)
            if all(other[a] == atoms[a] for a in template):
                counts[cell] = counts.get(cell, 0) + 1
        parent = compiled.parent[e]
        above = [1 / n] * n if parent < 0 else laws[parent]
        here = [x if x in true else ("never", k) for k, x in enumerate(values[target])]
        if values[target][0] is None:
            counts = {}
        found, bucket = naive_viewpoints.estimate(counts, here, above, *model.smoothing)
        laws.append(found)
        if bucket:
            weight = model.tables_.weights[phase, first + e, bucket]
            total += weight * np.log(np.array(found) / np.array(above))
    for k in range(n):
        said = sites.judge(page, t, own, known, k)
        total[k] += model.tables_.rule_weights[phase, i] @ said
    return total - np.log(np.exp(total).sum())


def test_the_law_of_a_site_equals_its_naive_twin(model):
    grid = pieces(1, 12, seed=7)[0]
    rows = model.site_log_probs(grid)
    for t in (0, 1, 5, 8, 11):
        for i, own in enumerate(model.lines_.order):
            ref = twin_row(model, pieces(), grid, t, i)
            np.testing.assert_allclose(rows[t, i, : N_SYMBOLS[own]], ref, atol=1e-12)


# ---- the law -------------------------------------------------------------------------------


def test_nothing_is_told_before_the_fit():
    model = DirectedModel(CHAINS, names=NAMES, labels=LABELS, n_symbols=N_SYMBOLS, columns=COLUMNS)
    with pytest.raises(NotFittedError, match="call fit"):
        model.sample(given=pieces()[0])


def test_the_likelihoods_of_all_lower_lines_add_up_to_one(model):
    assert abs(np.exp(log_likelihoods(model)).sum() - 1) < 1e-12


def test_what_comes_later_in_the_modelled_lines_changes_nothing(model):
    grid = pieces(1, 20, seed=3)[0]
    other = grid.copy()
    other[9:, 1:3] = (other[9:, 1:3] + 1) % np.array(N_SYMBOLS[1:])
    np.testing.assert_array_equal(model.site_log_probs(grid)[:9], model.site_log_probs(other)[:9])


def test_draws_follow_the_law(model):
    draws = model.sample(6_000, given=GRIDS[0], random_state=1)
    assert chi_square_p(draws, GRIDS, np.exp(log_likelihoods(model))) > 1e-3


def test_draws_under_a_mask_follow_the_law_of_each_site_given_the_mask(model):
    unary = Factors.free(N_STEPS, np.array(N_SYMBOLS)).unary.copy()
    unary[1, 1, 0] = unary[2, 2, 1] = -np.inf
    unary[0, 2, 1] = -0.7
    rows = np.array([model.site_log_probs(grid) for grid in GRIDS])
    total = np.zeros(len(GRIDS))
    for t in range(N_STEPS):
        for i, v in enumerate(model.lines_.order):
            weight = rows[:, t, i, : N_SYMBOLS[v]] + unary[t, v, : N_SYMBOLS[v]]
            weight -= np.log(np.exp(weight).sum(axis=1, keepdims=True))
            total += weight[np.arange(len(GRIDS)), GRIDS[:, t, v]]
    draws = model.sample(6_000, given=GRIDS[0], unary=unary, random_state=2)
    assert chi_square_p(draws, GRIDS, np.exp(total)) > 1e-3


def test_tempered_draws_follow_their_law(model):
    drawing = Drawing(staying=0.8, moving=0.6, min_p=0.3)
    grid = GRIDS[0][:1]
    drawn = model.sample(8_000, given=np.vstack([grid, grid]), drawing=drawing, random_state=3)
    drawn = np.array([piece for piece in drawn if (piece[0] == drawn[0][0]).all()])
    row = model.site_log_probs(drawn[0])[1, 0, : N_SYMBOLS[2]]
    ref = naive.draw_law(row.tolist(), int(drawn[0][0, 2]), *drawing)
    assert chi_square_p(drawn[:, 1, 2], np.arange(N_SYMBOLS[2]), np.array(ref)) > 1e-3
    same = drawn[drawn[:, 1, 2] == drawn[0][1, 2]]
    row = model.site_log_probs(same[0])[1, 1]
    ref = naive.draw_law(row.tolist(), int(same[0][0, 1]), *drawing)
    assert chi_square_p(same[:, 1, 1], np.arange(3), np.array(ref)) > 1e-3


def test_a_site_that_forbids_all_is_drawn_freely(model):
    unary = np.full((14, 3, 3), -np.inf)
    for before in pieces(3):
        (grid,) = model.sample(given=before, unary=unary, random_state=0)
        assert (grid[:, [1, 2]] < N_SYMBOLS[1:]).all() and (grid[:, 1:3] >= 0).all()
        np.testing.assert_array_equal(grid[:, [0, 3, 4]], before[:, [0, 3, 4]])


def test_symbols_never_seen_and_one_row_are_scored(model):
    few = [np.array([[0, 0, 0, 0, 0]])] * 2
    poor = DirectedModel(
        CHAINS, names=NAMES, labels=LABELS, n_symbols=N_SYMBOLS, columns=COLUMNS
    ).fit(few)
    strange = np.array([[2, 2, 1, 1, 5]] * 3)
    assert np.isfinite(poor.score([strange])) and np.isfinite(model.score([strange]))


# ---- files ---------------------------------------------------------------------------------


def test_a_model_comes_back_from_its_arrays(model):
    sizes, arrays = model.state()
    again = DirectedModel(**model.get_params()).restore(sizes, arrays)
    grids = pieces(3, seed=8)
    np.testing.assert_allclose(again.score(grids), model.score(grids), atol=1e-6)
    other = DirectedModel(**{**model.get_params(), "chains": {"B": ["symbol"], "T": ["symbol"]}})
    with pytest.raises(ValueError, match="another directed model"):
        other.restore(sizes, arrays)
