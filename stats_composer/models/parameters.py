"""What parameters of a model may be, and objects of parameters inside others.

A class says what its parameters may be in a table, `_parameters`, and `fit` checks them, as
scikit-learn does: a constructor only stores. A parameter may be any of several things:

    _parameters = {"gate": (None, Whole()), "l2": (Real(),), "kind": ("set", "full")}

Strategies, such as a smoothing, are frozen dataclasses: their parameters have names of their
own, `smoothing__alpha`, to whoever searches for the best ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Integral
from numbers import Real as RealNumber
from typing import Any, ClassVar, Protocol, Self

import numpy as np

__all__ = [
    "SEED",
    "Each",
    "Has",
    "OneOf",
    "Parameters",
    "Real",
    "Strategy",
    "Whole",
    "check_parameters",
    "nested_params",
]


class Rule(Protocol):
    """What a parameter may be; its text completes "expected ..."."""

    def allows(self, value: Any) -> bool:
        """Tell whether a value is such."""


Choice = Rule | type | str | None
Parameters = Mapping[str, tuple[Choice, ...]]


@dataclass(frozen=True)
class Whole:
    """An int, from `low` to `high`.

    Examples
    --------
    >>> Whole(1).allows(3), Whole(1).allows(0), str(Whole(1, 9))
    (True, False, 'an int in [1, 9]')
    """

    low: int = 0
    high: int | None = None

    def allows(self, value: Any) -> bool:
        """Tell whether a value is such; True and False are not."""
        if not isinstance(value, Integral) or isinstance(value, bool | np.bool_):
            return False
        return self.low <= int(value) and (self.high is None or int(value) <= self.high)

    def __str__(self) -> str:
        """Complete "expected ..."."""
        return (
            f"an int from {self.low}"
            if self.high is None
            else (f"an int in [{self.low}, {self.high}]")
        )


@dataclass(frozen=True)
class Real:
    """A finite number, from `low` to `high`; above `low` and below `high` where it is open.

    Examples
    --------
    >>> Real(0, 1, open=True).allows(0.5), Real(0, 1, open=True).allows(1.0)
    (True, False)
    """

    low: float = 0.0
    high: float | None = None
    open: bool = False

    def allows(self, value: Any) -> bool:
        """Tell whether a value is such; True and False are not."""
        if not isinstance(value, RealNumber) or isinstance(value, bool | np.bool_):
            return False
        number = float(value)
        high = np.inf if self.high is None else self.high
        inside = self.low < number < high if self.open else self.low <= number <= high
        return inside and bool(np.isfinite(number))

    def __str__(self) -> str:
        """Complete "expected ..."."""
        if self.high is None:
            return f"a number {'above' if self.open else 'from'} {self.low:g}"
        left, right = "()" if self.open else "[]"
        return f"a number in {left}{self.low:g}, {self.high:g}{right}"


@dataclass(frozen=True)
class Has:
    """An object, not a class, that has some `methods`; `text` tells of it in errors.

    Examples
    --------
    >>> Has(("fit",), "a model").allows([]), Has(("append",), "a list").allows([])
    (False, True)
    """

    methods: tuple[str, ...]
    text: str

    def allows(self, value: Any) -> bool:
        """Tell whether a value is such."""
        has = all(callable(getattr(value, method, None)) for method in self.methods)
        return has and not isinstance(value, type)

    def __str__(self) -> str:
        """Complete "expected ..."."""
        return self.text


@dataclass(frozen=True)
class Each:
    """A sequence of members that are each one of some things.

    Parameters
    ----------
    member : tuple
        What each may be.
    least : int
        How many there are at least.

    Examples
    --------
    >>> Each((Whole(),)).allows([1, 2]), Each((Whole(),)).allows([1, -2])
    (True, False)
    """

    member: tuple[Choice, ...]
    least: int = 0

    def allows(self, value: Any) -> bool:
        """Tell whether a value is such; a text is not."""
        if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
            return False
        return len(value) >= self.least and all(_allowed(self.member, each) for each in value)

    def __str__(self) -> str:
        """Complete "expected ..."."""
        some = f" of {self.least} or more" if self.least else ""
        return f"a sequence{some}, each {_tell(self.member)}"


@dataclass(frozen=True)
class OneOf:
    """One of some classes, the `types`, told as `text`.

    Examples
    --------
    >>> OneOf((list,), "a list").allows([]), str(OneOf((list,), "a list"))
    (True, 'a list')
    """

    types: tuple[type, ...]
    text: str

    def allows(self, value: Any) -> bool:
        """Tell whether a value is such."""
        return isinstance(value, self.types)

    def __str__(self) -> str:
        """Complete "expected ..."."""
        return self.text


SEED: tuple[Choice, ...] = (None, Whole(), np.random.Generator)
"""What a `random_state` may be."""


def _allowed(choices: Sequence[Choice], value: Any) -> bool:
    for choice in choices:
        if choice is None or isinstance(choice, str):
            if type(value) is type(choice) and value == choice:
                return True
        elif isinstance(choice, type):
            if choice is bool and isinstance(value, np.bool_):
                return True
            if isinstance(value, choice):
                return True
        elif choice.allows(value):
            return True
    return False


def _tell(choices: Sequence[Choice]) -> str:
    words = [
        repr(c)
        if c is None or isinstance(c, str)
        else c.__name__
        if isinstance(c, type)
        else str(c)
        for c in choices
    ]
    words = [f"a {word}" if word[:1].isupper() and word != "None" else word for word in words]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def check_parameters(owner: Any, table: Parameters, prefix: str = "") -> None:
    """Check the parameters of an object, and those of strategies among them.

    Parameters
    ----------
    owner : object
        With an attribute for each name of the table.
    table : mapping of str to tuple
        What each may be: a rule, a class, a text or None.
    prefix : str
        Of the names that an error tells.

    Raises
    ------
    ValueError
        As in `gate=9: expected None or an int in [0, 4]`.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> check_parameters(SimpleNamespace(gate=9), {"gate": (None, Whole(0, 4))})
    Traceback (most recent call last):
        ...
    ValueError: gate=9: expected None or an int in [0, 4]
    """
    for name, choices in table.items():
        value = getattr(owner, name)
        if not _allowed(choices, value):
            raise ValueError(f"{prefix}{name}={value!r}: expected {_tell(choices)}")
        members = {name: value}
        if isinstance(value, list | tuple):
            members = {f"{name}[{i}]": member for i, member in enumerate(value)}
        for inner, member in members.items():
            if isinstance(member, Strategy):
                check_parameters(member, member._parameters, f"{prefix}{inner}__")


def nested_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return `params` by name, those of parameters that have some among them.

    Examples
    --------
    >>> from stats_composer.models.ngram import Lidstone
    >>> nested_params({"smoothing": Lidstone(gamma=1.0)})
    {'smoothing': Lidstone(gamma=1.0), 'smoothing__gamma': 1.0}
    """
    found = dict(params)
    for name, value in params.items():
        if hasattr(value, "get_params") and not isinstance(value, type):
            found |= {f"{name}__{inner}": each for inner, each in value.get_params().items()}
    return found


@dataclass(frozen=True)
class Strategy:
    """Base of parameters that have parameters: frozen dataclasses.

    Examples
    --------
    >>> from stats_composer.models.ngram import KneserNey
    >>> KneserNey().with_params(discount=0.5).get_params()
    {'discount': 0.5}
    """

    _parameters: ClassVar[Parameters] = {}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, if `deep` those of nested ones as `name__inner`."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.init}
        return nested_params(own) if deep else own

    def with_params(self, **params: Any) -> Self:
        """Return the same with other parameters, `params`.

        Raises
        ------
        ValueError
            If a name is not a parameter.
        """
        return replace(self, **changed_params(self, params))


def changed_params(owner: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the own parameters of an object that change, nested names worked into their values.

    Raises
    ------
    ValueError
        If a name is not a parameter.
    """
    known = owner.get_params(deep=False)
    inner: dict[str, dict[str, Any]] = {}
    changed: dict[str, Any] = {}
    for name, value in params.items():
        own, _, rest = name.partition("__")
        if own not in known:
            raise ValueError(f"parameter {own!r}: expected one of {', '.join(known)}")
        if rest:
            inner.setdefault(own, {})[rest] = value
        else:
            changed[own] = value
    for own, values in inner.items():
        value = changed.get(own, known[own])
        change = getattr(value, "with_params", getattr(value, "set_params", None))
        if change is None or isinstance(value, type):
            raise ValueError(f"parameter {own}__{next(iter(values))}: {own}={value!r} has none")
        changed[own] = change(**values)
    return changed
