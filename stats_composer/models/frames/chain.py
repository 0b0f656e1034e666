"""One order of the keys of a frame: its plan, its counts, its weights.

What `FrameModel` averages. A chain that goes down sees every roll upside down; the rest is the
same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels.atoms import ATOMS, GATE_SIZE, MEMORY
from stats_composer.kernels.frames import Job, Model, Piece, Plan, Scratch, run_frames
from stats_composer.kernels.mixer import N_BUCKETS, Mixer
from stats_composer.kernels.past import MAX_LAG, N_PACES, N_VOICES, PERIODS, Past
from stats_composer.models.frames.templates import Template

__all__ = ["ORDERS", "Design", "FrameChain", "Reader"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Upside down, and the outermost note first.
ORDERS = {
    "up": (False, False),
    "down": (True, False),
    "top-up": (False, True),
    "bottom-down": (True, True),
}
FIRST_WEIGHT = 0.08
MAX_LOG2_SHORT = 22
NO_DRAWS = np.zeros((0, 0))
# C. Krumhansl, Cognitive Foundations of Musical Pitch (1990), table 2.1: major, minor.
PROFILES = np.array(
    [
        [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
        [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
    ]
)


class Design(NamedTuple):
    """What all orders share: the parameters of `FrameModel` that bear these names.

    They are `gaps`, `keys`, `gates`, `memory`, `smoothing`, `caution`, `decay` and `log2_slots`.

    Examples
    --------
    >>> Design._fields[:3]
    ('gaps', 'keys', 'gates')
    """

    gaps: Mapping[str, Template]
    keys: Mapping[str, Template]
    gates: Sequence[str]
    memory: bool
    smoothing: Sequence[float]
    caution: float
    decay: float
    log2_slots: int


class FrameChain:
    """Keys asked in one order.

    Parameters
    ----------
    order : str
        Of `ORDERS`.
    n_keys : int
    design : Design

    Examples
    --------
    >>> from stats_composer.models.frames import GAP_TEMPLATES, GATES, KEY_TEMPLATES
    >>> design = Design(GAP_TEMPLATES, KEY_TEMPLATES, GATES, True, (0.5, 0.5), 1.0, 0.0, 12)
    >>> chain = FrameChain(list(ORDERS)[0], 88, design)
    >>> chain.n_keys, len(chain.long)
    (88, 4096)
    """

    def __init__(self, order: str, n_keys: int, design: Design) -> None:
        gaps, keys, gates, memory, smoothing, caution, decay, log2_slots = design
        self.n_keys, self.decay = n_keys, decay
        self.flipped, top_first = ORDERS[order]
        chosen = [
            {n: t for n, t in table.items() if memory or not MEMORY & _atoms(t)}
            for table in (gaps, keys)
        ]
        gates = [g for g in gates if memory or not MEMORY & set(g.split())]
        rows, experts = _lay_out(chosen[0], chosen[1], memory)
        self.plan = Plan(
            *rows,
            *experts,
            *_gate_table(gates),
            np.array([int(top_first), 0, n_keys]),
            _profiles(self.flipped),
            np.array([*smoothing, 1e-6]),
        )
        self.mixer = _new_mixer(self.plan, caution)
        self.long = np.zeros(1 << log2_slots, np.int64)

    def count(self, rolls: Sequence[Bools]) -> None:
        """Count the training pieces, `rolls` of keys, and keep to the keys that they use."""
        used = np.flatnonzero(np.any([roll.any(axis=0) for roll in rolls], axis=0))
        if len(used):
            reach = (int(used[0]), int(used[-1]) + 1)
            if self.flipped:
                reach = (self.n_keys - reach[1], self.n_keys - reach[0])
            self.plan.order[1:] = reach
        self.plan.smoothing[2] = 0.1 / max(1, sum(len(roll) for roll in rolls))
        for roll in rolls:
            self._run(roll, amount=1)

    def learn(
        self, rolls: Sequence[Bools], rate: float, rng: np.random.Generator, most: int
    ) -> Floats:
        """Learn from `rolls` in an order drawn from `rng`, of `most` frames at most but the first.

        Each has its own counts taken out meanwhile. The weights, moved at a `rate`, are left at
        their mean over the second half of the pass, which wavers less than the last ones.

        Returns
        -------
        ndarray of shape (n_frames,), float64
            The surprise of the frames, as they were met.
        """
        order = rng.permutation(len(rolls))
        n_frames = np.cumsum([len(rolls[i]) for i in order])
        order = order[: max(1, int((n_frames <= most).sum()))]
        moving = self.mixer.bucket, self.mixer.gate
        total = [np.zeros(array.shape) for array in moving]
        seen: list[Floats] = []
        half = len(order) // 2
        for i in order:
            self._run(rolls[i], amount=-1)
            seen.append(self._run(rolls[i], rate=rate).sum(axis=1))
            self._run(rolls[i], amount=1)
            if len(seen) > half:
                for array, mean in zip(moving, total, strict=True):
                    mean += array
        for array, mean in zip(moving, total, strict=True):
            array[:] = mean / (len(order) - half)
        return np.concatenate(seen)

    def score(self, roll: Bools, *, adapt: float = 0.0) -> Floats:
        """Return the surprise of every key of a `roll`, (n_frames, n_keys); `adapt` is a rate."""
        kept = self.mixer
        if adapt:
            self.mixer = Mixer(*(array.copy() for array in kept))
        try:
            surprise = self._run(roll, rate=adapt)
        finally:
            self.mixer = kept
        return surprise[:, ::-1] if self.flipped else surprise

    def _run(self, roll: Bools, *, amount: int = 0, rate: float = 0.0) -> Floats:
        reader = Reader(self, roll)
        reader.run(len(roll), amount=amount, rate=rate)
        return reader.surprise

    # ---- files --------------------------------------------------------------------------

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what was learned: the slots in use, the weights, the reach."""
        slot = np.flatnonzero(self.long)
        return {
            "slot": slot.astype(np.int32),
            "count": self.long[slot],
            "reach": self.plan.order[1:].copy(),
            "chance": self.plan.smoothing[2:].copy(),
            **{name: getattr(self.mixer, name) for name in Mixer._fields},
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take back the `arrays` that `state` gave; raise ValueError where they do not fit."""
        slot = arrays["slot"]
        if slot.shape != arrays["count"].shape or ((slot < 0) | (slot >= len(self.long))).any():
            raise ValueError(f"slots of counts: expected 0 to {len(self.long) - 1}")
        low, high = (int(k) for k in arrays["reach"])
        chance = float(arrays["chance"][0])
        if not (0 <= low <= high <= self.n_keys and 0 < chance < 1):
            raise ValueError(f"keys {low} to {high}, a chance of {chance}: of another frame model")
        self.long[slot] = arrays["count"]
        self.plan.order[1:] = low, high
        self.plan.smoothing[2] = chance
        for name in Mixer._fields:
            own = getattr(self.mixer, name)
            if arrays[name].shape != own.shape:
                raise ValueError(f"{name} of shape {arrays[name].shape}: expected {own.shape}")
            own[:] = arrays[name]
        return self


class Reader:
    """A chain on its way through a piece.

    Parameters
    ----------
    chain : FrameChain
    roll : ndarray of shape (n_frames, n_keys), bool
    """

    def __init__(self, chain: FrameChain, roll: Bools) -> None:
        self.chain = chain
        self.roll = (roll[:, ::-1] if chain.flipped else roll).copy()
        n_short = int((chain.plan.short >= 0).sum())
        entries = 4 * n_short * roll.size + 1
        bits = min(max(10, math.ceil(math.log2(entries))), MAX_LOG2_SHORT)
        short = np.zeros(1 << bits if n_short else 1, np.int64)
        self.piece = Piece(_new_past(*roll.shape), short, _new_scratch(chain.plan))
        self.surprise = np.zeros(roll.shape)
        self.at = 0

    def run(self, stop: int, *, amount: int = 0, rate: float = 0.0, u: Floats = NO_DRAWS) -> None:
        """Go on to a frame."""
        chain = self.chain
        model = Model(chain.plan, chain.long, chain.mixer)
        job = Job(self.at, stop, amount, rate, chain.decay)
        run_frames(self.roll, u, model, self.piece, job, self.surprise)
        self.at = stop

    def frame(self, t: int) -> Bools:
        """Return frame t as the model sees it."""
        return self.roll[t, ::-1] if self.chain.flipped else self.roll[t]

    def draw(self, u: Floats) -> None:
        """Draw the next frame with one uniform a key."""
        rows = np.zeros(self.roll.shape)
        rows[self.at] = u
        self.run(self.at + 1, u=rows)

    def show(self, frame: Bools) -> None:
        """Go on through a frame that is given."""
        self.roll[self.at] = frame[::-1] if self.chain.flipped else frame
        self.run(self.at + 1)


def _atoms(template: Template) -> set[str]:
    return {*template.atoms.split(), template.relative_to}


def _lay_out(
    gaps: Mapping[str, Template], keys: Mapping[str, Template], memory: bool
) -> tuple[tuple[Ints, int, Ints], tuple[Ints, Ints, Ints]]:
    """Give templates and their experts their numbers.

    Returns
    -------
    (template, n_gap, reference), (long, short, parent)
        As of `Plan`.
    """
    templates = [*gaps.items(), *keys.items()]
    n_most = max(len(t.atoms.split()) for _, t in templates)
    table = np.full((len(templates), n_most), -1, np.int64)
    reference, long, short = np.full((3, len(templates)), -1, np.int64)
    for i, (_, t) in enumerate(templates):
        numbers = [ATOMS.index(name) for name in t.atoms.split()]
        table[i, : len(numbers)] = numbers
        if t.relative_to:
            reference[i] = ATOMS.index(t.relative_to)
    root = len(gaps)
    long[root] = 0
    parent = [1, 1]
    numbered: dict[tuple[bool, str], int] = {}
    for i in [*range(root, len(templates)), *range(root)]:
        name, t = templates[i]
        above = numbered.get((i < root, t.parent), 0)
        if i != root and "l" in t.sides:
            long[i] = len(parent)
            parent.append(above)
        if "s" in t.sides and memory:
            short[i] = len(parent)
            parent.append(int(long[i]) if long[i] >= 0 else above)
        numbered[i < root, name] = int(long[i]) if long[i] >= 0 else above
    return (table, root, reference), (long, short, np.array(parent, np.int64))


def _gate_table(gates: Sequence[str]) -> tuple[Ints, Ints]:
    """Return the atoms of each gate and how many values each has."""
    names = [gate.split() for gate in gates] or [["one"]]
    table = np.full((len(names), max(map(len, names))), -1, np.int64)
    size = np.ones_like(table)
    for g, atoms in enumerate(names):
        table[g, : len(atoms)] = [ATOMS.index(name) for name in atoms]
        size[g, : len(atoms)] = [GATE_SIZE[name] for name in atoms]
    return table, size


def _profiles(flipped: bool) -> Floats:
    """Return the key profiles, centred and of unit length; mirrored for a flipped roll."""
    profiles: Floats = PROFILES - PROFILES.mean(axis=1, keepdims=True)
    profiles /= np.sqrt((profiles**2).sum(axis=1, keepdims=True))
    return np.ascontiguousarray(profiles[:, -np.arange(12) % 12]) if flipped else profiles


def _new_mixer(plan: Plan, caution: float) -> Mixer:
    n_experts, shown = len(plan.parent), int(plan.gate_size.prod(axis=1).max())
    bucket = np.full((n_experts, N_BUCKETS), FIRST_WEIGHT, np.float32)
    bucket[0], bucket[1] = 1.0, 0.0
    gate = np.zeros((len(plan.gate), shown, n_experts), np.float32)
    square = (np.full(table.shape, caution, np.float32) for table in (bucket, gate))
    return Mixer(bucket, next(square), gate, next(square))


def _new_past(n_frames: int, n_keys: int) -> Past:
    def ints(*shape: int) -> Ints:
        return np.zeros(shape, np.int64)

    return Past(
        words=ints(n_frames, 4),
        hashes=ints(n_frames),
        classes=ints(n_frames),
        n_notes=ints(n_frames),
        begun=ints(n_frames),
        voices=ints(n_frames, 4),
        history=ints(n_keys),
        run=ints(n_keys),
        duration=ints(n_keys),
        used=np.zeros(n_keys),
        vote=np.zeros(n_keys),
        used_class=np.zeros(12),
        fresh=np.zeros(n_keys),
        fresh_class=np.zeros(12),
        heard=ints(12),
        pace=np.zeros(N_PACES),
        distance=np.zeros(n_frames + 1),
        length=ints(n_frames + 1),
        lag_error=np.zeros(MAX_LAG + 1),
        lines=ints(N_VOICES, 2, n_frames + 1),
        line_place=ints(N_VOICES, 4),
        line_hash=ints(N_VOICES, 3),
        moved_distance=np.zeros(n_frames + 1),
        moved_shift=ints(n_frames + 1),
        moved=ints(3),
        moved_vote=np.zeros(n_keys + 2),
        changes=np.zeros((len(PERIODS), max(PERIODS))),
        fit=np.zeros(len(PERIODS)),
        bar=ints(6),
        place=ints(5),
        notes=ints(n_keys + 2),
        found=ints(8),
    )


def _new_scratch(plan: Plan) -> Scratch:
    n_templates, n_experts = len(plan.template), len(plan.parent)
    return Scratch(
        atoms=np.zeros(len(ATOMS), np.int64),
        context=np.zeros(n_templates, np.int64),
        left=np.zeros((2, n_templates), np.int64),
        belief=np.zeros((n_experts, 2)),
        said=np.zeros(n_experts, np.float32),
        weight=np.zeros(n_experts, np.float32),
        bucket=np.zeros(n_experts, np.int64),
        shown=np.zeros(len(plan.gate), np.int64),
    )
