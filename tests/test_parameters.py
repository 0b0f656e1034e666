"""What every estimator shares: parameters, pieces, seeds, and the error of one not fitted."""

import pickle
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from stats_composer.errors import NotFittedError
from stats_composer.models.base import Estimator, check_lines, check_pieces, generator
from stats_composer.models.parameters import SEED, Each, Has, Real, Strategy, Whole


@dataclass(frozen=True)
class Discount(Strategy):
    amount: float = 0.5
    _parameters = {"amount": (Real(0, 1, open=True),)}  # noqa: RUF012


class Model(Estimator):
    """An estimator with a parameter of each kind."""

    _parameters = {  # noqa: RUF012
        "gate": (None, Whole(0, 4)),
        "kind": ("set", "full"),
        "smoothing": (Discount,),
        "solver": (None, Has(("fit",), "an object with a method fit")),
        "sizes": (Each((Whole(1),), least=1),),
        "random_state": SEED,
    }

    def __init__(
        self,
        gate=None,
        *,
        kind="set",
        smoothing=Discount(),
        solver=None,
        sizes=(1,),
        random_state=None,
    ):
        self.gate = gate
        self.kind = kind
        self.smoothing = smoothing
        self.solver = solver
        self.sizes = sizes
        self.random_state = random_state

    def fit(self, X, y=None):
        self._check_params()
        self.pieces_ = check_pieces(X)
        return self


PIECES = [np.array([[0, 1], [1, 2]])]


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        ("gate", 9, r"^gate=9: expected None or an int in \[0, 4\]$"),
        ("gate", True, "^gate=True: expected None or an int"),
        ("gate", 1.0, "^gate=1.0: expected None or an int"),
        ("kind", "sets", "^kind='sets': expected 'set' or 'full'$"),
        ("smoothing", 0.5, "^smoothing=0.5: expected a Discount$"),
        ("smoothing", Discount(1.0), r"^smoothing__amount=1.0: expected a number in \(0, 1\)$"),
        ("smoothing", Discount(float("nan")), "^smoothing__amount=nan: expected"),
        ("solver", "lbfgs", "^solver='lbfgs': expected None or an object with a method fit$"),
        ("solver", Model, "^solver=.*: expected None or an object with a method fit$"),
        ("sizes", (), r"^sizes=\(\): expected a sequence of 1 or more, each an int from 1$"),
        ("sizes", "12", "^sizes='12': expected a sequence"),
        ("random_state", -1, "^random_state=-1: expected None, an int from 0 or a Generator$"),
    ],
)
def test_fit_refuses_a_parameter_by_its_name(parameter, value, expected):
    with pytest.raises(ValueError, match=expected):
        Model(**{parameter: value}).fit(PIECES)


def test_parameters_of_parameters_have_names():
    model = Model(2)
    assert model.get_params()["smoothing__amount"] == 0.5
    assert "smoothing__amount" not in model.get_params(deep=False)
    before = model.smoothing
    assert model.set_params(smoothing__amount=0.25, gate=3) is model
    assert (model.smoothing, model.gate) == (Discount(0.25), 3)
    assert before == Discount(0.5)  # a strategy is a value: the old one may be another model's
    assert repr(model) == "Model(gate=3, smoothing=Discount(amount=0.25))"
    for name, known in (
        ("gates", "gate, kind"),
        ("smoothing__strength", "amount"),
        ("solver__rate", "solver=None has none"),
    ):
        with pytest.raises(ValueError, match=known):
            model.set_params(**{name: 1})


def test_scikit_learn_clones_and_sets_what_is_nested():
    from sklearn.base import clone

    model = Model(smoothing=Discount(0.75), solver=Model(1))
    again = clone(model)
    assert again.smoothing == Discount(0.75)
    assert again.solver is not model.solver
    again.set_params(solver__smoothing__amount=0.125)
    assert again.solver.smoothing.amount == 0.125
    assert model.solver.smoothing.amount == 0.5


def test_an_error_of_one_not_fitted_is_also_scikit_learns():
    from sklearn import exceptions

    with pytest.raises(exceptions.NotFittedError, match="call fit first") as caught:
        Model()._check_fitted("pieces_")
    assert isinstance(caught.value, NotFittedError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again).__name__, str(again)) == ("NotFittedError", str(caught.value))
    code = (
        "import sys; from stats_composer.errors import NotFittedError as E; e = E('no'); "
        "assert type(e) is E and str(e) == 'no' and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (PIECES[0], "expected a list of pieces: wrap it in a list"),
        (np.array([0, 1]), "expected a list of pieces: wrap it in a list"),
        ([], "no pieces"),
        ([[0, 1]], r"piece 0 of shape \(2,\): expected \(n_steps, 2\)"),
        ([[[0, 1], [0]]], "piece 0: expected rows of equal length"),
        ([np.zeros((0, 2), int)], r"piece 0 of shape \(0, 2\)"),
        ([*PIECES, [[0, 1, 2]]], r"piece 1 of shape \(1, 3\): expected \(n_steps, 2\)"),
        ([[[0.0, 1.0]]], "piece 0 of float64: expected symbols"),
        ([[[True, False]]], "piece 0 of bool: expected symbols"),
        ([[["0", "1"]]], "piece 0 of <U1: expected symbols"),
        ([*PIECES, [[0, 1], [0, -1]]], "piece 1, row 1, column 1: symbol -1, expected 0 to 2"),
        ([*PIECES, [[0, 1], [2, 1]]], "piece 1, row 1, column 0: symbol 2, expected 0 to 1"),
        ([np.array([[2**64 - 1, 0]], np.uint64)], "column 0: symbol 18446744073709551615"),
    ],
)
def test_a_piece_that_is_none_is_named(pieces, expected):
    with pytest.raises(ValueError, match=expected):
        check_pieces(pieces, 2, [2, 3])


def test_pieces_of_one_voice_have_one_axis_or_one_column():
    assert [line.tolist() for line in check_lines([[0, 1], np.array([[2], [0]])], 3)] == [
        [0, 1],
        [2, 0],
    ]
    with pytest.raises(ValueError, match="piece 1, row 1, column 0: symbol 3, expected 0 to 2"):
        check_lines([[0], [0, 3]], 3)
    for wrong in (np.array([0, 1]), [0, 1], [[]], [[[0, 1]]]):
        with pytest.raises(ValueError, match="expected"):
            check_lines(wrong)


def test_a_checked_piece_is_not_copied():
    assert check_pieces(PIECES)[0] is PIECES[0]


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True, np.random.RandomState(0)])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match="expected an int from 0, a Generator or None"):
        generator(seed)
