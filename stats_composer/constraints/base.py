"""What every constraint is and does, and how several are compiled together.

Conventions
-----------
* A constraint is a value: what it asks, and a `weight`, the log-weight of breaking it once.
  -inf makes it hard; a finite number makes it a preference in nats.
* In a grid with HOLD symbols an onset is any other symbol. In a grid of sounding pitches a
  repeated pitch may be held or struck again; where notes start beyond the changes of pitch is
  decided by whoever decodes it, within `Onsets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stats_composer.constraints.fields import WEIGHT, asks, kind_of
from stats_composer.constraints.known import Known
from stats_composer.constraints.where import VoiceSymbols, chosen_lines
from stats_composer.encoding import GridFrame
from stats_composer.errors import ConstraintError
from stats_composer.factors import Automaton, Factors
from stats_composer.score import Score
from stats_composer.views import HOLD, REST

__all__ = [
    "Constraint",
    "Onsets",
    "check_given",
    "compile_constraints",
    "hold_steps",
    "on_line",
    "onsets_asked",
    "sounding",
    "weigh",
    "with_automaton",
]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Onsets:
    """Where hard constraints ask for a note to start, each bool of shape (n_steps, n_lines).

    Attributes
    ----------
    must : ndarray
        What sounds here starts here, also where the pitch is the one before.
    never : ndarray
        What sounds here is held from the step before.
    changes : ndarray
        A note starts here only where the pitch changes, or where `must` says so.

    Examples
    --------
    >>> from stats_composer.encoding import Alphabet, GridFrame
    >>> from stats_composer.score import Score, make_notes
    >>> page = Score(make_notes(onset=[0]), end=40320)
    >>> frame = GridFrame(page, 10080, (Alphabet.of([60, 62, 64, 65]),), n_lines=1)
    >>> Onsets.free(frame).must.shape
    (4, 1)
    """

    must: Bools
    never: Bools
    changes: Bools

    @classmethod
    def free(cls, frame: GridFrame) -> Onsets:
        """Ask for nothing of the notes of a `frame`."""
        shape = (frame.n_steps, frame.n_lines)
        return cls(*(np.zeros(shape, bool) for _ in range(3)))

    def __or__(self, other: Onsets) -> Onsets:
        """Ask for both."""
        return Onsets(
            self.must | other.must, self.never | other.never, self.changes | other.changes
        )

    def settle(self, pitch: NDArray[np.int64], onset: Bools) -> Bools:
        """Make proposed onsets lawful.

        Parameters
        ----------
        pitch : ndarray of shape (n_steps, n_lines), int64, negative for a rest
            What sounds, as sampled under the compiled constraints.
        onset : ndarray of shape (n_steps, n_lines), bool
            Where notes shall start, changes of pitch included or not.

        Returns
        -------
        ndarray of shape (n_steps, n_lines), bool
            Changes of pitch included.
        """
        change = np.ones(pitch.shape, bool)
        change[1:] = pitch[1:] != pitch[:-1]
        settled: Bools = (change | self.must | (onset & ~self.changes)) & ~(self.never & ~change)
        return settled & (pitch >= 0)


@dataclass(frozen=True)
class Constraint:
    """A musical wish.

    Attributes
    ----------
    weight : float
        The log-weight of breaking it once: -inf is hard, a number of 0 or less a preference.
    types : dict of str to class
        All kinds of constraints by name; a subclass puts itself here.
    alternatives : tuple of str
        Fields of which exactly one is given.
    known : Known or None
        What a composer knows of the music at hand; no part of the text.

    Notes
    -----
    A field tells its kind (`fields.Kind`): from that come its check, its text, its JSON and its
    schema.

    Examples
    --------
    >>> from stats_composer.constraints import Range
    >>> print(Range("soprano", "C4", "G5", weight=-2), Range("soprano", "C4", "G5").hard)
    Range(voice=soprano, low=C4, high=G5, weight=-2.0) True
    >>> sorted(Constraint.types)[:3]
    ['Cadence', 'Changes', 'ChordAt']
    """

    weight: float = field(default=-np.inf, kw_only=True, metadata=asks(WEIGHT))

    types: ClassVar[dict[str, type[Constraint]]] = {}
    alternatives: ClassVar[tuple[str, ...]] = ()
    known: ClassVar[Known | None] = None

    def __init_subclass__(cls) -> None:
        """Keep a kind of constraint under its name, so that texts find it."""
        if not cls.__name__.startswith("_"):
            Constraint.types[cls.__name__] = cls

    def __post_init__(self) -> None:
        """Check the fields and store them as what they mean."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.alternatives and sum(given[name] is not None for name in self.alternatives) != 1:
            raise ConstraintError(f"expected either {' or '.join(self.alternatives)}")
        for f in fields(self):
            object.__setattr__(self, f.name, kind_of(f.metadata).read(given[f.name]))
        self._check(given)

    def _check(self, given: Mapping[str, Any]) -> None:
        """Check what relates one field to another, and name it as it was given."""

    @property
    def hard(self) -> bool:
        """Whether it must not be broken."""
        return self.weight == -np.inf

    def ask_onsets(self, frame: GridFrame) -> Onsets:
        """Return where a hard constraint asks for notes of a `frame` to start or not."""
        return Onsets.free(frame)

    def reads_onsets(self, frame: GridFrame) -> int | None:
        """Return the voice of a `frame` whose onsets change what it compiles to, or None."""
        return None

    def factors(self, frame: GridFrame, onsets: Onsets) -> Factors:
        """Return what it asks of the symbols of a `frame`.

        It may depend on the `onsets` that all constraints ask for in the voice `reads_onsets`.
        """
        raise NotImplementedError

    def compile(self, frame: GridFrame) -> Factors:
        """Return all that it asks of a grid.

        Raises
        ------
        ConstraintError
            Where the frame cannot express it: no such bar, beat, voice or pitch.
        """
        return compile_constraints([self], frame)

    def violations(self, score: Score) -> list[str]:
        """Say where a finished score breaks it; always empty for a preference."""
        return [f"{self}: {where}" for where in self._broken(score)] if self.hard else []

    def _broken(self, score: Score) -> list[str]:
        raise NotImplementedError

    def _contradicted(self, known: Known) -> str:
        """Say what is given that it cannot hold with; nothing where it cannot tell."""
        return ""

    def __str__(self) -> str:
        """Return its text: its name and the fields that are not as by default."""
        return f"{type(self).__name__}({', '.join(self._words())})"

    def _words(self) -> list[str]:
        shown = [f for f in fields(self) if f.name != "weight"]
        if self.weight != next(f.default for f in fields(self) if f.name == "weight"):
            shown += [f for f in fields(self) if f.name == "weight"]
        words = {f.name: kind_of(f.metadata).word for f in shown}
        values = [(f.name, getattr(self, f.name), f.default) for f in shown]
        return [f"{name}={words[name](v)}" for name, v, default in values if v != default]


def onsets_asked(constraints: Iterable[Constraint], frame: GridFrame) -> Onsets:
    """Collect where the hard ones of some constraints ask for notes to start.

    Parameters
    ----------
    constraints : iterable of Constraint
    frame : GridFrame

    Examples
    --------
    >>> from stats_composer.encoding import Alphabet, GridFrame
    >>> from stats_composer.score import Score, make_notes
    >>> page = Score(make_notes(onset=[0]), end=40320)
    >>> frame = GridFrame(page, 10080, (Alphabet.of([60, 62, 64, 65]),), n_lines=1)
    >>> from stats_composer.constraints import Pin
    >>> onsets_asked([Pin(0, bar=1, beat=2, pitch="D4", duration=1)], frame).must[:, 0].tolist()
    [False, True, True, False]
    """
    asked = Onsets.free(frame)
    for constraint in constraints:
        if constraint.hard:
            with _named(constraint):
                asked |= constraint.ask_onsets(frame)
    return asked


def compile_constraints(
    constraints: Iterable[Constraint], frame: GridFrame,
    *, known: dict[tuple[int, bytes], Factors] | None = None,
) -> Factors:  # fmt: skip
    """Compile constraints to factors that forbid and weigh what all of them do.

    Parameters
    ----------
    constraints : iterable of Constraint
    frame : GridFrame
    known : dict, optional
        Filled with what each one compiles to, for another call with some of the same.

    Raises
    ------
    ConstraintError
        Where the frame cannot express one of them; the message starts with its text.

    Examples
    --------
    >>> from stats_composer.encoding import Alphabet, GridFrame
    >>> from stats_composer.score import Score, make_notes
    >>> page = Score(make_notes(onset=[0]), end=40320)
    >>> frame = GridFrame(page, 10080, (Alphabet.of([60, 62, 64, 65]),), n_lines=1)
    >>> from stats_composer.constraints import Range
    >>> (compile_constraints([Range(0, 60, 62)], frame).unary[0, 0] == 0).tolist()
    [True, True, False, False]
    """
    constraints = list(constraints)
    onsets = onsets_asked(constraints, frame)
    total = Factors.free(frame.n_steps, frame.n_symbols)
    known = {} if known is None else known
    for constraint in constraints:
        with _named(constraint):
            voice = constraint.reads_onsets(frame)
            key = id(constraint), b"" if voice is None else onsets.must[:, voice].tobytes()
            if key not in known:
                known[key] = constraint.factors(frame, onsets)
        total &= known[key]
    return _with_onsets(total, frame, onsets)


def _with_onsets(total: Factors, frame: GridFrame, onsets: Onsets) -> Factors:
    """Add where lines must or must not begin a note."""
    for line in chosen_lines(frame):
        must, never = onsets.must[:, line.index], onsets.never[:, line.index]
        if (must & never).any():
            total &= on_line(frame, line, np.where(must & never, -np.inf, 0.0)[:, None])
        if line.hold >= 0 and must.any():
            total &= on_line(frame, line, weigh(must, line.pitch == HOLD))
        if never.any():
            total &= hold_steps(frame, line, never, -np.inf)
    return total


class _named:
    """Put a constraint's text before the message of an error."""

    def __init__(self, constraint: Constraint) -> None:
        self.constraint = constraint

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, ConstraintError):
            raise ConstraintError(f"{self.constraint}: {error}") from error


def check_given(constraints: Iterable[Constraint], known: Known) -> None:
    """Make sure that no hard constraint is contradicted by what is given.

    Raises
    ------
    ConstraintError
        Saying what is given there.
    """
    for constraint in constraints:
        if constraint.hard:
            with _named(constraint):
                told = constraint._contradicted(known)
            if told:
                raise ConstraintError(f"{constraint}: {told}", (str(constraint),))


# ---- pieces that constraints compile to ---------------------------------------------------


def weigh(steps: Bools, broken: Bools, weight: float = -np.inf) -> Floats:
    """Weigh symbols at steps: `weight` where both are marked."""
    return np.where(steps[:, None] & broken[None, :], weight, 0.0)


def on_line(frame: GridFrame, line: VoiceSymbols, log_weight: Floats) -> Factors:
    """Return factors of one voice from log-weights that broadcast to (n_steps, its symbols)."""
    unary = np.zeros((frame.n_steps, len(frame.alphabets), int(frame.n_symbols.max())))
    unary[:, line.index, : len(line.pitch)] = log_weight
    return Factors(unary)


def sounding(frame: GridFrame, line: VoiceSymbols, log_weight: Floats) -> Factors:
    """Weigh what sounds at each step, also where it is held by a HOLD symbol.

    Parameters
    ----------
    frame : GridFrame
    line : VoiceSymbols
    log_weight : ndarray of shape (n_steps, n_symbols of the line), float64
        By step and the symbol that started what sounds; the column of HOLD is not looked at.
    """
    hold = line.hold
    if hold < 0:
        return on_line(frame, line, log_weight)
    log_weight = log_weight.copy()
    log_weight[:, hold] = 0.0
    silent = line.rest if line.rest >= 0 else hold
    if (log_weight == log_weight[:1]).all() and log_weight[0, silent] in (0, -np.inf):
        log_weight[0, hold] = log_weight[0, silent]  # Held from before the page: silence.
        return on_line(frame, line, log_weight)
    rows, kind = np.unique(log_weight, axis=0, return_inverse=True)

    def rule(k: int, state: int, symbol: int) -> tuple[int, float]:
        state = state if symbol == hold else symbol
        return state, float(rows[k, state])

    automaton = Automaton.from_rule(rule, kind.ravel(), len(line.pitch), silent)
    return with_automaton(frame, line, automaton)


def with_automaton(frame: GridFrame, line: VoiceSymbols, automaton: Automaton) -> Factors:
    """Return factors of an automaton that reads one voice."""
    unary = np.zeros((frame.n_steps, len(frame.alphabets), int(frame.n_symbols.max())))
    return Factors(unary, {line.index: (automaton,)})


def hold_steps(frame: GridFrame, line: VoiceSymbols, steps: Bools, weight: float) -> Factors:
    """Weigh every marked step at which what sounds is not held from the step before.

    Parameters
    ----------
    frame : GridFrame
    line : VoiceSymbols
    steps : ndarray of shape (n_steps,), bool
        At step 0 only silence counts as held.
    weight : float
    """
    hold, rest = line.hold, line.rest
    first = np.zeros((frame.n_steps, len(line.pitch)))
    if steps[0]:
        first[0] = np.where(line.pitch == REST, 0.0, weight)
    later = steps.copy()
    later[0] = False

    def plain(k: int, state: int, symbol: int) -> tuple[int, float]:
        return symbol, weight if k and symbol != state else 0.0

    def with_hold(k: int, silent: bool, symbol: int) -> tuple[bool, float]:
        held = symbol == hold or (silent and symbol == rest)
        return symbol == rest or (silent and symbol == hold), 0.0 if held or not k else weight

    rule, start = (plain, -1) if hold < 0 else (with_hold, True)
    kind = later.astype(np.int64)
    automaton = Automaton.from_rule(rule, kind, len(line.pitch), start)
    return on_line(frame, line, first) & with_automaton(frame, line, automaton)
