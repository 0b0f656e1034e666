"""What a directed model reads of a site: its language, and its kernels beside twins."""

import naive_directed_sites as naive
import numpy as np
import pytest
from directed_case import COLUMNS, LABELS, N_SYMBOLS, NAMES, fitted_model, pieces

from stats_composer.kernels.directed_sites import N_RULES, read_sites
from stats_composer.models.directed import DirectedModel, compile_chains, parse_chain


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


def test_atoms_and_rules_equal_their_naive_twins():
    model = fitted_model()
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
