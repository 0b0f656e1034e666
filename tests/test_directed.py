"""The directed model: its language and kernels beside twins, its law, draws, and as an expert."""

import naive_directed as naive
import naive_viewpoints
import numpy as np
import pytest
from enumerate import all_grids, chi_square_p, law

from stats_composer.errors import NotFittedError
from stats_composer.factors import Factors
from stats_composer.kernels.directed import N_RULES, read_sites
from stats_composer.kernels.expert import sweep_judged
from stats_composer.models.directed import DirectedModel, Drawing
from stats_composer.models.directed_atoms import compile_chains, parse_chain
from stats_composer.models.maxent import MaxEnt
from stats_composer.models.terms import Field, Motion, Pair
from stats_composer.sampling.expert import ExpertSampler

NAMES = ("S", "T", "B")
LABELS = np.array([[60, 64, 67], [-1, 55, 60], [43, 48, -9]])
N_SYMBOLS = (3, 3, 2)
COLUMNS = {"half": 3, "place": 4}
CHAINS = {
    "B": (
        "symbol: half place | own@1 | before:own@1 run:own@1",
        "symbol: S@0 | S@-1 | ahead:S@0 next:S@0",
        "symbol-own@1: half | moved:S@0 | class:S@-1b",
        "class-S@0: set@1 | set@1b/S@0",
    ),
    "T": (
        "symbol: half | S@0 B@0 | own@1 own@2 | S@1b B@2b",
        "symbol-B@0: S@0-B@0 | S@1-own@1 class:B@0",
        "class: set@0/B@0 | nextclass:S@0 | turn:own@1 | S@0-own@1 B@0-B@1",
    ),
}
N_STEPS = 3


def pieces(n=10, length=14, seed=0):
    """Draw grids in which lines like to stay and to move together."""
    rng = np.random.default_rng(seed)
    grids = []
    for _ in range(n):
        lines = rng.integers(0, N_SYMBOLS, (length, 3))
        stays = rng.random((length, 3)) < 0.5
        for t in range(1, length):
            lines[t] = np.where(stays[t], lines[t - 1], lines[t])
        beats = np.arange(length)
        grids.append(np.column_stack([lines, beats % 2, beats // 2 % 2]))
    return grids


@pytest.fixture(scope="module")
def model():
    return DirectedModel(
        CHAINS, names=NAMES, labels=LABELS, n_symbols=N_SYMBOLS, columns=COLUMNS, penalty=5.0
    ).fit(pieces())


# ---- language and twins --------------------------------------------------------------------


def test_a_chain_and_its_experts_by_hand():
    assert parse_chain("class-S@0").target == "class-S@0"
    experts = compile_chains(["symbol: half | own@1 S@0", "class: half"])
    assert experts.names == [
        "symbol",
        "symbol: half",
        "symbol: half own@1 S@0",
        "class",
        "class: half",
    ]
    assert experts.template == [(), (0,), (0, 1, 2), (), (0,)]
    assert experts.parent == [-1, 0, 1, 0, 3]


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ("symbol: own@0", "not known when 'B' is predicted"),
        ("symbol: T@0", "not known when 'B' is predicted"),
        ("symbol: T@-1", "not known when 'B' is predicted"),
        ("symbol: next:T@1", "given lines alone"),
        ("symbol: sort:S@0", "operation 'sort'"),
        ("symbol: S0", "expected a column's name"),
        ("interval: S@0", "target 'interval'"),
    ],
)
def test_what_cannot_be_read_is_refused(chain, message):
    chains = {"B": [chain], "T": ["symbol"]}
    model = DirectedModel(chains, names=NAMES, labels=LABELS, n_symbols=N_SYMBOLS, columns=COLUMNS)
    with pytest.raises(ValueError, match=message):
        model.fit(pieces())


def test_nothing_is_told_before_the_fit():
    model = DirectedModel(CHAINS, names=NAMES, labels=LABELS, n_symbols=N_SYMBOLS, columns=COLUMNS)
    with pytest.raises(NotFittedError, match="call fit"):
        model.sample(pieces())


def test_atoms_and_rules_equal_their_naive_twins(model):
    grid = pieces(1, 20, seed=4)[0]
    page = naive.Page(grid.tolist(), LABELS, COLUMNS["half"])
    lines = model.lines_
    for i, own in enumerate(lines.order):
        first, last = lines.atom_first[i : i + 2]
        atoms = np.zeros((len(grid), len(lines.atoms.size)), np.int64)
        rules = np.zeros((len(grid), N_RULES, LABELS.shape[1]))
        read_sites(grid, lines, i, atoms, np.zeros((len(grid), len(lines.place)), int), rules)
        known = np.flatnonzero(lines.known[i]).tolist()
        texts = model._compiled[i].atoms
        for t in range(len(grid)):
            ref = [naive.read_atom(page, t, a, NAMES, own, known, COLUMNS) for a in texts]
            assert atoms[t, first:last].tolist() == ref
            for k in range(N_SYMBOLS[own]):
                assert rules[t, :, k].tolist() == naive.judge(page, t, own, known, k)


def twin_row(model, grids, look_at, t, i):
    """Return log P at a site by formula (2), counted from the pieces anew."""
    lines, own = model.lines_, int(model.lines_.order[i])
    n, compiled = N_SYMBOLS[own], model._compiled[i]
    known = np.flatnonzero(lines.known[i]).tolist()
    first = int(model.tables_.expert_first[i])

    def at(grid, s):
        page = naive.Page(grid.tolist(), LABELS, COLUMNS["half"])
        read = [naive.read_atom(page, s, a, NAMES, own, known, COLUMNS) for a in compiled.atoms]
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
        said = naive.judge(page, t, own, known, k)
        total[k] += model.tables_.rule_weights[phase, i] @ said
    return total - np.log(np.exp(total).sum())


def test_the_law_of_a_site_equals_its_naive_twin(model):
    grid = pieces(1, 12, seed=7)[0]
    rows = model.log_probs(grid)
    for t in (0, 1, 5, 8, 11):
        for i, own in enumerate(model.lines_.order):
            ref = twin_row(model, pieces(), grid, t, i)
            np.testing.assert_allclose(rows[t, i, : N_SYMBOLS[own]], ref, atol=1e-12)


# ---- the law -------------------------------------------------------------------------------

GIVEN = np.array([0, 1, 1])
LOWER = all_grids(N_STEPS, N_SYMBOLS[1:])
CONTEXT = np.array([[0, 0], [1, 0], [0, 1]])
GRIDS = np.array([np.hstack([GIVEN[:, None], lower, CONTEXT]) for lower in LOWER])


def log_likelihoods(model):
    return np.array([scores.sum() for scores in model.score_samples(GRIDS)])


def test_the_likelihoods_of_all_lower_lines_add_up_to_one(model):
    assert abs(np.exp(log_likelihoods(model)).sum() - 1) < 1e-12


def test_what_comes_later_in_the_modelled_lines_changes_nothing(model):
    grid = pieces(1, 20, seed=3)[0]
    other = grid.copy()
    other[9:, 1:3] = (other[9:, 1:3] + 1) % np.array(N_SYMBOLS[1:])
    np.testing.assert_array_equal(model.log_probs(grid)[:9], model.log_probs(other)[:9])


def test_draws_follow_the_law(model):
    draws = model.sample([GRIDS[0]] * 6_000, random_state=1)
    assert chi_square_p(draws, GRIDS, np.exp(log_likelihoods(model))) > 1e-3


def test_draws_under_a_mask_follow_the_law_of_each_site_given_the_mask(model):
    unary = Factors.free(N_STEPS, np.array(N_SYMBOLS)).unary.copy()
    unary[1, 1, 0] = unary[2, 2, 1] = -np.inf
    unary[0, 2, 1] = -0.7
    rows = np.array([model.log_probs(grid) for grid in GRIDS])
    total = np.zeros(len(GRIDS))
    for t in range(N_STEPS):
        for i, v in enumerate(model.lines_.order):
            weight = rows[:, t, i, : N_SYMBOLS[v]] + unary[t, v, : N_SYMBOLS[v]]
            weight -= np.log(np.exp(weight).sum(axis=1, keepdims=True))
            total += weight[np.arange(len(GRIDS)), GRIDS[:, t, v]]
    draws = model.sample([GRIDS[0]] * 6_000, unary=unary, random_state=2)
    assert chi_square_p(draws, GRIDS, np.exp(total)) > 1e-3


def test_tempered_draws_follow_their_law(model):
    drawing = Drawing(staying=0.8, moving=0.6, min_p=0.3)
    grid = GRIDS[0][:1]
    drawn = model.sample([np.vstack([grid, grid])] * 8_000, drawing=drawing, random_state=3)
    drawn = np.array([piece for piece in drawn if (piece[0] == drawn[0][0]).all()])
    row = model.log_probs(drawn[0])[1, 0, : N_SYMBOLS[2]]
    ref = naive.draw_law(row.tolist(), int(drawn[0][0, 2]), *drawing)
    assert chi_square_p(drawn[:, 1, 2], np.arange(N_SYMBOLS[2]), np.array(ref)) > 1e-3
    same = drawn[drawn[:, 1, 2] == drawn[0][1, 2]]
    row = model.log_probs(same[0])[1, 1]
    ref = naive.draw_law(row.tolist(), int(same[0][0, 1]), *drawing)
    assert chi_square_p(same[:, 1, 1], np.arange(3), np.array(ref)) > 1e-3


def test_a_site_that_forbids_all_is_drawn_freely(model):
    unary = np.full((14, 3, 3), -np.inf)
    drawn = model.sample(pieces(3), unary=unary, random_state=0)
    for grid, before in zip(drawn, pieces(3), strict=True):
        assert (grid[:, [1, 2]] < N_SYMBOLS[1:]).all() and (grid[:, 1:3] >= 0).all()
        np.testing.assert_array_equal(grid[:, [0, 3, 4]], before[:, [0, 3, 4]])


def test_symbols_never_seen_and_one_row_are_scored(model):
    few = [np.array([[0, 0, 0, 0, 0]])] * 2
    poor = DirectedModel(
        CHAINS, names=NAMES, labels=LABELS, n_symbols=N_SYMBOLS, columns=COLUMNS
    ).fit(few)
    strange = np.array([[2, 2, 1, 1, 5]] * 3)
    assert np.isfinite(poor.score([strange])) and np.isfinite(model.score([strange]))


# ---- as an expert --------------------------------------------------------------------------

WEIGHT, TEMPERATURE = 0.6, 1.5


@pytest.fixture(scope="module")
def maxent():
    rng = np.random.default_rng(1)
    maxent = MaxEnt(
        [Field(), Pair(max_lag=2, max_diagonal=1), Motion()],
        n_lines=3, labels=np.where(LABELS < 0, -1, LABELS), n_symbols=N_SYMBOLS, gate=3,
        sonority_context=4, place=4,
    )  # fmt: skip
    maxent._set_up(pieces())
    maxent.weights_.vector[:] = rng.normal(0, 0.5, len(maxent.weights_.vector))
    maxent.weights_.fold()
    return maxent


FREE = np.array([[False, True, True]] * N_STEPS)


def factors():
    unary = Factors.free(N_STEPS, np.array([*N_SYMBOLS, 2, 2])).unary.copy()
    unary[1, 1, 0] = -np.inf
    unary[:, 2, 1] += 0.4
    return Factors(unary)


def sampler_of(model, maxent, grid=GRIDS[20], seed=0):
    return ExpertSampler(
        maxent, grid, factors(), expert=(model, WEIGHT), free=FREE, random_state=seed
    )


def product(model, maxent):
    """Return the log-weights of all grids: of the maximum-entropy side, and of the expert."""
    one = np.array([maxent.log_weight(grid) + factors().log_weight(grid) for grid in GRIDS])
    return one, log_likelihoods(model)


def transitions(model, maxent, planted=0.0):
    """Return the kernel of one move by the definitions, (n, n); `planted` spoils (2)."""
    one, other = product(model, maxent)
    n, kernel = len(GRIDS), np.zeros((len(GRIDS), len(GRIDS)))
    place = {lower.tobytes(): i for i, lower in enumerate(LOWER)}
    sites = [(t, v) for t in range(N_STEPS) for v in range(2)]
    for x in range(n):
        for t, v in sites:
            found = []
            for a in range(N_SYMBOLS[1 + v]):
                lower = LOWER[x].copy()
                lower[t, v] = a
                found.append(place[lower.tobytes()])
            proposal = law(one[found] / TEMPERATURE)[0]
            for y, q in zip(found, proposal, strict=True):
                ratio = (WEIGHT + planted) * (other[y] - other[x]) / TEMPERATURE
                move = q * min(1.0, np.exp(ratio))
                kernel[x, y] += move / len(sites)
                kernel[x, x] += (q - move) / len(sites)
    return kernel


def test_the_kernel_of_the_product_is_in_detailed_balance(model, maxent):
    one, other = product(model, maxent)
    pi = law((one + WEIGHT * other) / TEMPERATURE)[0]
    flow = pi[:, None] * transitions(model, maxent)
    assert np.abs(flow - flow.T).max() < 1e-12
    assert np.abs(flow.sum(axis=0) - pi).max() < 1e-12
    spoiled = pi[:, None] * transitions(model, maxent, planted=0.1)
    assert np.abs(spoiled - spoiled.T).max() > 1e-5


def compiled_row(sampler, x):
    """Return the law of one compiled move from a state, by where it steps with its uniforms."""
    place = {lower.tobytes(): i for i, lower in enumerate(LOWER)}
    row, scale, n_sites = np.zeros(len(GRIDS)), np.array([1 / TEMPERATURE], np.float32), 6
    sampler.grid[:] = GRIDS[x]
    fresh = sampler.expert.judged(sampler.grid, WEIGHT)

    def move(site, u, accept):
        sampler.grid[:] = GRIDS[x]
        sampler._judged.log_prob[:], sampler._judged.atoms[:] = fresh.log_prob, fresh.atoms
        sweep(sampler, scale, np.array([[[(site + 0.5) / n_sites, u, accept]]]))
        return place[np.ascontiguousarray(sampler.grid[:, 1:3]).tobytes()]

    def step(outcome, low):
        """Return where from `low` on the outcome is another one."""
        here, high = outcome(low), 1.0
        if outcome(1 - 1e-9) == here:
            return 1.0
        for _ in range(24):
            middle = (low + high) / 2
            low, high = (middle, high) if outcome(middle) == here else (low, middle)
        return high

    for site in range(n_sites):
        low = 0.0
        while low < 1.0:
            high = step(lambda u, site=site: move(site, u, 0.0), low)
            y, inside = move(site, low, 0.0), (low + high) / 2
            share = step(lambda a, site=site, u=inside: move(site, u, a), 0.0)
            row[y] += (high - low) * share / n_sites
            row[x] += (high - low) * (1 - share) / n_sites
            low = high
    return row


def sweep(sampler, scale, u):
    return sweep_judged(
        sampler.grid, sampler._sites, sampler.model.layout_, sampler._pieces.rows,
        sampler._field, sampler._weights, sampler._steps, sampler._judged, scale, u,
    )  # fmt: skip


def test_the_compiled_move_is_that_of_the_definitions(model, maxent):
    ref = transitions(model, maxent)
    for x in (20, 100, 213):
        np.testing.assert_allclose(compiled_row(sampler_of(model, maxent), x), ref[x], atol=1e-6)


def test_what_the_expert_says_is_kept_up_to_date(model, maxent):
    long = pieces(1, 24, seed=5)[0]
    free = np.array([[False, True, True]] * len(long))
    sampler = ExpertSampler(maxent, long, expert=(model, WEIGHT), free=free, random_state=0)
    before = sampler.grid.copy()
    sampler.run(np.ones(5))
    assert (before[:, 1:3] != sampler.grid[:, 1:3]).any()
    fresh = model.judged(sampler.grid, WEIGHT)
    np.testing.assert_allclose(sampler._judged.log_prob, fresh.log_prob, atol=1e-12)
    np.testing.assert_array_equal(sampler._judged.atoms, fresh.atoms)
    np.testing.assert_array_equal(before[:, 0], sampler.grid[:, 0])


def test_draws_of_the_product_follow_its_law(model, maxent):
    one, other = product(model, maxent)
    pi = law((one + WEIGHT * other) / TEMPERATURE)[0]
    sampler = sampler_of(model, maxent)
    draws = []
    for _ in range(3_000):
        draws.append(sampler.run(np.full(6, TEMPERATURE)))
    assert chi_square_p(draws, GRIDS, pi) > 1e-3
    spoiled = law((one + (WEIGHT + 0.25) * other) / TEMPERATURE)[0]
    assert chi_square_p(draws, GRIDS, spoiled) < 1e-3


def test_a_line_that_the_expert_is_given_cannot_be_free(model, maxent):
    with pytest.raises(ValueError, match="line 0 is free"):
        ExpertSampler(maxent, GRIDS[0], expert=(model, 1.0))


# ---- files ---------------------------------------------------------------------------------


def test_a_model_comes_back_from_its_arrays(model):
    sizes, arrays = model.state()
    again = DirectedModel(**model.get_params()).restore(sizes, arrays)
    grids = pieces(3, seed=8)
    np.testing.assert_allclose(again.score(grids), model.score(grids), atol=1e-6)
    other = DirectedModel(**{**model.get_params(), "chains": {"B": ["symbol"], "T": ["symbol"]}})
    with pytest.raises(ValueError, match="another directed model"):
        other.restore(sizes, arrays)
