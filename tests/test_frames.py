"""The frame model: its law is a law, its past does not know its future, its kernels do as told."""

import itertools

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone

from stats_composer import modelfile
from stats_composer.errors import NotFittedError
from stats_composer.kernels.atoms import ATOMS
from stats_composer.kernels.mixer import Mixer
from stats_composer.models.frames import (
    GAP_TEMPLATES,
    GATES,
    KEY_TEMPLATES,
    ORDERS,
    Design,
    FrameChain,
    FrameModel,
    Template,
)
from stats_composer.models.frames.model import mixture_weights
from tests import naive_frames as naive

N_KEYS = 14


def random_rolls(rng, n_pieces=5, n_frames=24, n_keys=N_KEYS):
    """Draw pieces that hold notes, have chords, and repeat some of what they had."""
    rolls = []
    for _ in range(n_pieces):
        roll = np.zeros((n_frames, n_keys), bool)
        for t in range(n_frames):
            if t > 8 and rng.random() < 0.5:
                roll[t] = roll[t - 8]
            else:
                roll[t, rng.integers(1, n_keys - 1, rng.integers(0, 6))] = True
                if t:
                    roll[t] |= roll[t - 1] & (rng.random(n_keys) < 0.4)
        rolls.append(roll)
    return rolls


@pytest.fixture(scope="module")
def rolls():
    return random_rolls(np.random.default_rng(3))


@pytest.fixture(scope="module")
def model(rolls):
    return FrameModel(("up", "top-up", "bottom-down"), log2_slots=18).fit(rolls)


# ---- the law -------------------------------------------------------------------------------


def all_frames(n_keys):
    return [np.array(bits) for bits in itertools.product([False, True], repeat=n_keys)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("memory", [True, False])
def test_the_chance_of_all_frames_is_one(order, memory):
    rng = np.random.default_rng(5)
    small = random_rolls(rng, n_pieces=3, n_frames=12, n_keys=6)
    model = FrameModel((order,), memory=memory, log2_slots=16).fit(small)
    for n_given in (0, 1, 10):
        opening = small[0][:n_given]
        totals = [
            np.exp(model.log_probs(np.concatenate([opening, [frame]]))[-1])
            for frame in all_frames(6)
        ]
        assert sum(totals) == pytest.approx(1.0, abs=1e-9)


def test_several_orders_are_one_law():
    small = random_rolls(np.random.default_rng(6), n_pieces=3, n_frames=10, n_keys=5)
    model = FrameModel(tuple(ORDERS), log2_slots=16).fit(small)
    rolls = [np.concatenate([small[1][:7], [frame]]) for frame in all_frames(5)]
    total = sum(np.exp(model.log_probs(roll)[-1]) for roll in rolls)
    assert total == pytest.approx(1.0, abs=1e-9)
    assert model.weights_.sum() == pytest.approx(1.0)
    threads = FrameModel(tuple(ORDERS), log2_slots=16, n_jobs=2).fit(small)
    assert (threads.log_probs(small[2]) == model.log_probs(small[2])).all()


@pytest.mark.parametrize("adapt", [False, True])
def test_the_past_does_not_know_the_future(model, rolls, adapt):
    rng = np.random.default_rng(0)
    model = clone(model).set_params(adapt=adapt).fit(rolls)
    roll = rolls[1]
    before = model.surprise(roll)
    for t in (0, 1, 9, 20):
        other = roll.copy()
        other[t:] = rng.random(other[t:].shape) < 0.4
        after = model.surprise(other)
        np.testing.assert_array_equal(after[:t], before[:t])
        np.testing.assert_array_equal(model.log_probs(other)[:t], model.log_probs(roll)[:t])


def test_scoring_leaves_no_trace(model, rolls):
    model = clone(model).set_params(adapt=True).fit(rolls)
    first = model.log_probs(rolls[0])
    model.log_probs(rolls[1])
    np.testing.assert_array_equal(model.log_probs(rolls[0]), first)


def test_surprises_of_one_order_are_its_likelihood(rolls):
    model = FrameModel(log2_slots=18).fit(rolls)
    np.testing.assert_allclose(
        model.surprise(rolls[2]).sum(axis=1), -model.log_probs(rolls[2]), rtol=1e-12
    )
    lengths = [len(roll) for roll in rolls]
    mean = np.average([model.score([roll]) for roll in rolls], weights=lengths)
    assert model.score(rolls) == pytest.approx(mean)


# ---- kernels beside their twins ------------------------------------------------------------


def naive_plan(chain, order, gaps, keys, gates):
    """Describe a chain to its twin."""
    plan = chain.plan

    def rows(templates, first):
        return [
            {
                "atoms": t.atoms.split(),
                "relative_to": t.relative_to,
                "long": plan.long[first + i],
                "short": plan.short[first + i],
            }
            for i, t in enumerate(templates.values())
        ]

    return {
        "gaps": rows(gaps, 0),
        "keys": rows(keys, plan.n_gap),
        "parent": plan.parent,
        "gates": [g.split() for g in gates],
        "sizes": [
            row[row > 0][: len(g.split())] for g, row in zip(gates, plan.gate_size, strict=True)
        ],
        "top_first": bool(plan.order[0]),
        "reach": tuple(plan.order[1:]),
        "profiles": plan.profiles,
        "smoothing": plan.smoothing[:2],
        "chance": plan.smoothing[2],
    }


@pytest.mark.parametrize("order", ["up", "top-up"])
def test_chains_do_what_their_twins_do(order):
    rolls = random_rolls(np.random.default_rng(8), n_pieces=3, n_frames=14)
    design = Design(
        gaps=GAP_TEMPLATES, keys=KEY_TEMPLATES, gates=GATES, memory=True,
        smoothing=(0.5, 1.0), caution=1.0, decay=0.1, log2_slots=18,
    )  # fmt: skip
    chain = FrameChain(order, N_KEYS, design)
    chain.count(rolls[:2])
    mixer = {name: getattr(chain.mixer, name).copy() for name in Mixer._fields}
    twin = naive.NaiveChain(naive_plan(chain, order, GAP_TEMPLATES, KEY_TEMPLATES, GATES), mixer)
    for roll in rolls[:2]:
        twin.count(roll)
    for roll, rate in ((rolls[0], 0.0), (rolls[1], 0.05), (rolls[2], 0.0)):
        ref = twin.score(roll, rate=rate, decay=0.1)
        comp = chain._run(roll, rate=rate)
        np.testing.assert_allclose(comp, ref, rtol=2e-4, atol=1e-6)


def test_every_atom_is_known_to_the_twin():
    frames = [[1, 5], [2]]
    atoms, voices, places = naive.frame_atoms(frames, 1, np.zeros((2, 12)), N_KEYS)
    atoms = naive.gap_atoms(frames, 1, [], -1, False, [0, 0, 0], atoms, voices, places)
    atoms = naive.key_atoms(frames, 1, 3, [0] * 4, [0] * 3, False, atoms, places, N_KEYS)
    assert set(atoms) == {*ATOMS, "passed"}


def test_counts_that_are_taken_back_leave_the_weights_alone(rolls):
    model = FrameModel(log2_slots=18).fit(rolls)
    chain = model.chains_[0]
    before = chain.long & ((1 << 28) - 1)
    chain._run(rolls[0], amount=-1)
    assert (chain.long & ((1 << 28) - 1)).sum() < before.sum()
    chain._run(rolls[0], amount=1)
    np.testing.assert_array_equal(chain.long & ((1 << 28) - 1), before)


# ---- draws ---------------------------------------------------------------------------------


@pytest.mark.parametrize("orders", [("top-up",), ("up", "bottom-down")])
def test_draws_follow_the_law(orders):
    small = random_rolls(np.random.default_rng(9), n_pieces=4, n_frames=10, n_keys=4)
    model = FrameModel(orders, log2_slots=16).fit(small)
    opening = small[0][:5]
    frames = all_frames(4)
    law = [np.exp(model.log_probs(np.concatenate([opening, [frame]]))[-1]) for frame in frames]
    rng = np.random.default_rng(1)
    counts = np.zeros(16)
    n_draws = 1000
    for _ in range(n_draws):
        drawn = model.sample(n_steps=1, given=opening, random_state=rng)[0][0]
        counts[int(drawn @ (1 << np.arange(3, -1, -1)))] += 1
    expected = np.array(law) * n_draws
    rare = expected < 5
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    if expected[-1] < 1e-6:
        observed, expected = observed[:-1], expected[:-1]
    assert stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3


def test_draws_begin_as_asked_and_repeat_with_their_seed(model, rolls):
    opening = rolls[0][:6]
    draws = model.sample(3, n_steps=5, given=opening, random_state=4)
    assert [drawn.shape for drawn in draws] == [(5, N_KEYS)] * 3
    again = model.sample(n_steps=5, given=opening, random_state=4)
    np.testing.assert_array_equal(again, draws[:1])
    assert np.isfinite(model.log_probs(np.concatenate([opening, draws[2]]))).all()
    assert model.score_samples(draws)[1] == model.log_probs(draws[1]).sum()


# ---- learning ------------------------------------------------------------------------------


def test_what_repeats_is_expected():
    roll = np.zeros((32, 12), bool)
    roll[::2, [0, 4, 7]] = roll[1::2, [2, 5, 9]] = True
    model = FrameModel(log2_slots=16).fit([roll] * 8)
    surprise = -model.log_probs(roll)
    assert surprise[8:].mean() < 0.5
    other = roll.copy()
    other[20, 11] = True
    assert model.surprise(other)[20, 11] > 3.0


def test_mixture_weights_are_shares_where_each_frame_has_one_law():
    certain = np.full((2, 4), -700.0)
    certain[0, :3] = certain[1, 3] = 0.0
    np.testing.assert_allclose(mixture_weights(certain), [0.75, 0.25], atol=1e-12)


def test_mixture_weights_prefer_what_predicts():
    weights = mixture_weights(np.log([[0.9, 0.8, 0.9], [0.1, 0.2, 0.3]]))
    assert weights[0] > 0.99


# ---- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        [np.zeros((6, 5), bool)],
        [np.ones((6, 5), bool)],
        [np.eye(5, dtype=bool)[:1]],
    ],
    ids=["silence", "all keys", "one frame"],
)
def test_odd_corpora_give_numbers(pieces):
    model = FrameModel(("up", "bottom-down"), log2_slots=12).fit(pieces)
    for roll in (np.zeros((4, 5), bool), np.ones((4, 5), bool), np.eye(5, dtype=bool)):
        assert np.isfinite(model.log_probs(roll)).all()
    assert model.sample(n_steps=3, random_state=1)[0].shape == (3, 5)


def test_a_full_table_forgets_and_stays_a_law(rolls):
    model = FrameModel(log2_slots=6).fit(rolls)
    assert np.isfinite(model.score(rolls))


def test_bad_input_is_named(model):
    with pytest.raises(ValueError, match="no pieces"):
        FrameModel().fit([])
    with pytest.raises(ValueError, match=r"piece 0 of shape \(0, 5\): expected .* one frame"):
        FrameModel(log2_slots=8).fit([np.zeros((0, 5), bool)])
    with pytest.raises(ValueError, match=r"piece 1 of shape \(2, 4\)"):
        FrameModel(log2_slots=8).fit([np.zeros((2, 5), bool), np.zeros((2, 4), bool)])
    with pytest.raises(ValueError, match="booleans"):
        FrameModel(log2_slots=8).fit([np.full((2, 5), 2)])
    with pytest.raises(ValueError, match=r"orders=\('sideways',\): expected"):
        FrameModel(("sideways",), log2_slots=8).fit([np.zeros((2, 5), bool)])
    with pytest.raises(ValueError, match="expected \\(n_frames, 14\\)"):
        model.log_probs(np.zeros((2, 5), bool))
    with pytest.raises(ValueError, match="n_steps=-1: expected an int from 0"):
        model.sample(n_steps=-1)
    with pytest.raises(NotFittedError):
        FrameModel().sample(n_steps=1)
    with pytest.raises(ValueError, match="wrap it in a list"):
        model.score(np.zeros((2, 14), bool))
    with pytest.raises(ValueError, match="frame 1, key 0: 2, expected booleans"):
        model.log_probs(np.outer([0, 2, 0], np.eye(1, 14, dtype=int)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key_templates": {}}, "key_templates: expected one or more"),
        ({"key_templates": {"a": Template("pitch nothing")}}, "'a': atom 'nothing'"),
        ({"gap_templates": {"a": Template("rank", "", "b")}}, "'a': parent 'b'"),
        ({"gap_templates": {"a": Template("rank", sides="x")}}, "'a': sides 'x'"),
        ({"gates": ["run nothing"]}, "gate 'run nothing': 'nothing'"),
        ({"smoothing": (1.0, 1.0, 1.0)}, "smoothing=.*: expected two numbers"),
        ({"caution": 0.0}, "caution=0.0: expected a number above 0"),
        ({"n_jobs": 0}, "n_jobs=0: expected"),
    ],
)
def test_parameters_that_mean_nothing_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        FrameModel(**{"log2_slots": 8, **change}).fit([np.zeros((2, 5), bool)])


def test_history_tells_each_pass_of_each_order(rolls):
    told = []
    model = FrameModel(("up", "down"), log2_slots=16, rates=(0.02, 0.01, 0.005))
    model.fit(rolls, callback=lambda *args: told.append(args))
    assert [(row["stage"], row["step"]) for row in model.history_] == [
        (order, step) for order in ("up", "down") for step in (1, 2, 3)
    ]
    assert sorted(told) == sorted((row["stage"], row["step"], 3) for row in model.history_)
    n_keys = rolls[0].shape[1]
    assert all(-n_keys * np.log(2) < row["objective"] < 0 for row in model.history_)


# ---- files ---------------------------------------------------------------------------------


def test_a_saved_model_is_the_same(model, rolls, tmp_path):
    sizes, arrays = model.state()
    modelfile.save(tmp_path / "model.npz", {"sizes": sizes}, arrays)
    header, read = modelfile.load(tmp_path / "model.npz")
    again = clone(model).restore(header["sizes"], read)
    np.testing.assert_array_equal(again.log_probs(rolls[0]), model.log_probs(rolls[0]))
    for name, value, message in (
        ("0.reach", [0, 999], "keys 0 to 999"),
        ("0.slot", [-1], "slots of counts"),
        ("0.bucket", read["0.bucket"][:3], "bucket of shape"),
    ):
        wrong = {**read, name: np.array(value)}
        if name == "0.slot":
            wrong["0.count"] = np.array([1])
        with pytest.raises(ValueError, match=message):
            clone(model).restore(header["sizes"], wrong)
    read["0.bucket"] = read["0.bucket"][:3]
    with pytest.raises(ValueError, match="bucket of shape"):
        clone(model).restore(header["sizes"], read)
