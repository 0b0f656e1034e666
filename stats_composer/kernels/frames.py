"""Polyphonic frames by the chain rule over keys and time: count, score, learn, draw.

    P(frames) = product over t, k of P(key k of frame t | frames before t, keys passed in t),    (1)

each factor a Bernoulli by the mixture of `kernels/mixer.py`, under the contexts of
`kernels/atoms.py`; so it is normalised over all frames exactly. The probability of a key is
computed before the key is read: what comes later cannot have a part in it.

Conventions
-----------
A template is a list of atoms, hashed into a context. Templates of *gaps* predict the next note:
their context is looked up once after each note, and of its n continuations those that were
passed are taken off, so that n is what is left and n1 how often key k came next, either as such
or relative to a reference. Templates of *keys* count how often a key sounded under the context.
A template has up to two experts: one of the training pieces (`long`), one of this piece so far
(`short`).

References
----------
N. Boulanger-Lewandowski, Y. Bengio, P. Vincent (2012), Modeling temporal dependencies in
high-dimensional sequences (the protocol). D. Conklin, I. Witten (1995), Multiple viewpoint
systems for music prediction (long-term and short-term models).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from stats_composer.kernels._jit import inline, jit, shared
from stats_composer.kernels.arrays import Bools, Float32s, Floats, Ints
from stats_composer.kernels.atoms import TOP, fill_frame, fill_gap
from stats_composer.kernels.key_atoms import fill_key
from stats_composer.kernels.mixer import (
    Mixer,
    add_count,
    bucket_of,
    first_slot,
    fold,
    get_count,
    learn,
    mix,
)
from stats_composer.kernels.past import Past

__all__ = ["Job", "Model", "Piece", "Plan", "Scratch", "run_frames"]

TOTAL, HIT = 0, 1  # symbols of a context: that it was met; that the key sounded
FIRST_KEY = 256  # the next note is key 0, or the reference itself
ROOT = 0.05  # the chance of a key where nothing was counted: four notes of some 88 keys
LEAST = 1e-9  # and 1 less this bound the chances that experts take for it, so that log-odds are
LEAST_ERROR = 1e-3  # smaller ones are most of all and teach little


class Plan(NamedTuple):
    """What a model looks at.

    Attributes
    ----------
    template : ndarray of shape (n_templates, n_most), int64
        The atoms of each template, -1 past the last; those of gaps come first.
    n_gap : int
    reference : ndarray of shape (n_templates,), int64
        The atom that a gap's continuations are relative to, -1: to nothing.
    long, short : ndarray of shape (n_templates,), int64
        Their experts, -1: none.
    parent : ndarray of shape (n_experts,), int64
        A lower expert each; expert 0 is the root, expert 1 a constant, which is its parent.
    gate, gate_size : ndarray of shape (n_gates, n_most), int64
        The atoms that each gate shows, and how many values each has.
    order : ndarray of shape (3,), int64
        Whether the top note comes first; the lowest key, and the one past the highest.
    profiles : ndarray of shape (2, 12), float64
    smoothing : ndarray of shape (3,), float64
        s of (1) in `mixer`, of long and short experts; the chance of a key out of reach.
    """

    template: Ints
    n_gap: int
    reference: Ints
    long: Ints
    short: Ints
    parent: Ints
    gate: Ints
    gate_size: Ints
    order: Ints
    profiles: Floats
    smoothing: Floats


class Scratch(NamedTuple):
    """Rows of a decision.

    Attributes
    ----------
    atoms : ndarray of shape (n_atoms,), int64
    context : ndarray of shape (n_templates,), int64
        The hashes in force.
    left : ndarray of shape (2, n_templates), int64
        The continuations of each gap that are not passed, long and short.
    belief : ndarray of shape (n_experts, 2), float64
        What each expert takes for the chance of the key, and its log-odds.
    said, weight : ndarray of shape (n_experts,), float32
    bucket : ndarray of shape (n_experts,), int64
    shown : ndarray of shape (n_gates,), int64
    """

    atoms: Ints
    context: Ints
    left: Ints
    belief: Floats
    said: Float32s
    weight: Float32s
    bucket: Ints
    shown: Ints


class Model(NamedTuple):
    """What was learned: `long` is the table of counts over the training pieces."""

    plan: Plan
    long: Ints
    mixer: Mixer


class Piece(NamedTuple):
    """What is known of the piece: `short` is the table of counts over it so far."""

    past: Past
    short: Ints
    scratch: Scratch


class Job(NamedTuple):
    """What to do: frames start to stop; where amount is not 0, count them, else score them.

    The weights follow the gradient with step size `rate`; those of gates decay.
    """

    start: int
    stop: int
    amount: int
    rate: float
    decay: float


class Frames(NamedTuple):
    """What sounds, the uniforms to draw it with, and minus log P of each key's state."""

    roll: Bools
    u: Floats
    out: Floats


@inline
def hash_template(template, c, descending, atoms):  # type: ignore[no-untyped-def]
    """Return the context of template c."""
    h = fold(c + 1, 1 if descending else 0)
    for i in range(template.shape[1]):
        a = template[c, i]
        if a < 0:
            break
        h = fold(h, atoms[a])
    return h


@inline
def symbol_of(reference, k, atoms):  # type: ignore[no-untyped-def]
    """Return what names key k after a gap with this reference."""
    return FIRST_KEY + k - (atoms[reference] if reference >= 0 else 0)


@shared
def open_gap(plan, long, short, mixing, descending, scratch):  # type: ignore[no-untyped-def]
    """Look up the contexts of the gap."""
    template, context, left, atoms = plan.template, scratch.context, scratch.left, scratch.atoms
    has_long, has_short = plan.long, plan.short
    for c in range(plan.n_gap):
        h = hash_template(template, c, descending, atoms)
        context[c] = h
        if mixing:
            left[0, c] = get_count(long, h, TOTAL) if has_long[c] >= 0 else 0
            left[1, c] = get_count(short, h, TOTAL) if has_short[c] >= 0 else 0


@shared
def close_gap(plan, table, side, k, amount, scratch):  # type: ignore[no-untyped-def]
    """Count the gap's end: at key k, or at none (-1)."""
    expert = plan.long if side == 0 else plan.short
    reference, context, atoms = plan.reference, scratch.context, scratch.atoms
    for c in range(plan.n_gap):
        if expert[c] >= 0:
            add_count(table, context[c], TOTAL, amount)
            if k >= 0:
                add_count(table, context[c], symbol_of(reference[c], k, atoms), amount)


@shared
def count_key(plan, table, side, event, amount, scratch):  # type: ignore[no-untyped-def]
    """Count the event under the contexts of the key."""
    expert = plan.long if side == 0 else plan.short
    context = scratch.context
    for c in range(plan.n_gap, expert.shape[0]):
        if expert[c] >= 0:
            add_count(table, context[c], TOTAL, amount)
            if event:
                add_count(table, context[c], HIT, amount)


@inline
def tell(e, above, n, n1, weight, belief, said, bucket):  # type: ignore[no-untyped-def]
    """Write what expert e says."""
    bucket[e] = bucket_of(n, n1)
    if n == 0:
        belief[e, 0], belief[e, 1] = belief[above, 0], belief[above, 1]
        said[e] = 0.0
        return
    p = (n1 + weight * belief[above, 0]) / (n + weight)  # (1) of `mixer`
    p = min(max(p, LEAST), 1.0 - LEAST)
    logit = math.log(p / (1.0 - p))
    said[e] = logit - belief[above, 1]
    belief[e, 0], belief[e, 1] = p, logit


@shared
def ask_experts(plan, table, side, k, scratch):  # type: ignore[no-untyped-def]
    """Write what the long or the short experts say of key k, which passes the gaps' key k."""
    expert = plan.long if side == 0 else plan.short
    reference, parent, weight = plan.reference, plan.parent, plan.smoothing[side]
    context, left, atoms = scratch.context, scratch.left, scratch.atoms
    belief, said, bucket = scratch.belief, scratch.said, scratch.bucket
    # Slots lie all over memory: ask for all at once, before any is waited for, which saves a
    # twentieth of the time.
    touched = 0
    mask = table.shape[0] - 1
    for c in range(expert.shape[0]):
        symbol = TOTAL if c >= plan.n_gap else symbol_of(reference[c], k, atoms)
        touched ^= table[first_slot(context[c], symbol) & mask]
    bucket[1] = touched & 1
    for c in range(plan.n_gap, expert.shape[0]):
        e = expert[c]
        if e >= 0:
            n = get_count(table, context[c], TOTAL)
            n1 = min(get_count(table, context[c], HIT), n) if n > 0 else 0
            tell(e, parent[e], n, n1, weight, belief, said, bucket)
    for c in range(plan.n_gap):
        e = expert[c]
        if e >= 0:
            n, n1 = left[side, c], 0
            if n > 0:
                n1 = min(get_count(table, context[c], symbol_of(reference[c], k, atoms)), n)
                left[side, c] = n - n1
            tell(e, parent[e], n, n1, weight, belief, said, bucket)


@shared
def show_gates(plan, scratch):  # type: ignore[no-untyped-def]
    """Write what the gates show."""
    gate, gate_size, atoms = plan.gate, plan.gate_size, scratch.atoms
    for g in range(gate.shape[0]):
        shown = 0
        for i in range(gate.shape[1]):
            if gate[g, i] >= 0:
                size = gate_size[g, i]
                shown = shown * size + min(max(atoms[gate[g, i]], 0), size - 1)
        scratch.shown[g] = shown


@inline
def predict(model, piece, k):  # type: ignore[no-untyped-def]
    """Return the log-odds that key k sounds."""
    plan, scratch = model.plan, piece.scratch
    scratch.said[1] = 1.0
    scratch.belief[1, 0], scratch.belief[1, 1] = ROOT, 0.0
    for side in range(2):
        ask_experts(plan, model.long if side == 0 else piece.short, side, k, scratch)
    scratch.bucket[1] = 0
    show_gates(plan, scratch)
    return mix(model.mixer, scratch.said, scratch.bucket, scratch.shown, scratch.weight)


@inline
def note_key(past, roll, t, k, event):  # type: ignore[no-untyped-def]
    """Count key k among what was found of the frame."""
    found = past.found
    if event:
        past.notes[found[0]] = k
        found[0] += 1
    if t > 0 and roll[t - 1, k]:
        found[1 if event else 2] += 1
    elif event:
        found[3] += 1
    for i in range(3):
        if past.place[i] >= 0 and roll[past.place[i], k] != event:
            found[5 + i] += 1


@inline
def counted(model, piece, job):  # type: ignore[no-untyped-def]
    """Return the table to count in, its side, and the amount: what is scored counts as heard."""
    if job.amount == 0:
        return piece.short, 1, 1
    return model.long, 0, job.amount


@shared
def run_key(frames, t, k, descending, model, piece, job):  # type: ignore[no-untyped-def]
    """Score, learn, draw or count one key; return whether it sounds."""
    roll, u, out = frames
    plan, scratch, template = model.plan, piece.scratch, model.plan.template
    context, atoms = scratch.context, scratch.atoms
    fill_key(piece.past, roll, t, k, descending, atoms)
    for c in range(plan.n_gap, template.shape[0]):
        context[c] = hash_template(template, c, descending, atoms)
    if job.amount == 0:
        z = predict(model, piece, k)
        p = 1.0 / (1.0 + math.exp(-z))
        if u.shape[0]:
            roll[t, k] = u[t, k] < p
        out[t, k] = -math.log(p if roll[t, k] else 1.0 / (1.0 + math.exp(z)))  # (1)
        error = p - (1.0 if roll[t, k] else 0.0)
        if job.rate > 0.0 and abs(error) > LEAST_ERROR:
            shown = scratch.shown
            learn(model.mixer, scratch.said, scratch.bucket, shown, error, job.rate, job.decay)
    event = roll[t, k]
    table, side, amount = counted(model, piece, job)
    count_key(plan, table, side, event, amount, scratch)
    if event:
        close_gap(plan, table, side, k, amount, scratch)
    note_key(piece.past, roll, t, k, event)
    return event


@inline
def run_beyond(roll, t, u, plan, out):  # type: ignore[no-untyped-def]
    """Score or draw the keys of a frame that are out of reach."""
    low, high, chance = plan.order[1], plan.order[2], plan.smoothing[2]
    for k in range(roll.shape[1]):
        if k < low or k >= high:
            if u.shape[0]:
                roll[t, k] = u[t, k] < chance
            out[t, k] = -math.log(chance if roll[t, k] else 1.0 - chance)


@jit()
def run_frames(roll: Bools, u: Floats, model: Model, piece: Piece, job: Job, out: Floats) -> None:
    """Go through frames of a piece whose earlier frames were gone through.

    Parameters
    ----------
    roll : ndarray of shape (n_frames, n_keys), bool
        Written where keys are drawn.
    u : ndarray of shape (n_frames, n_keys), float64, or of shape (0, 0)
        Uniforms to draw with; none: the roll is read.
    model : Model
    piece : Piece
    job : Job
    out : ndarray of shape (n_frames, n_keys), float64
        Written: minus log P of each key's state.
    """
    plan, past, scratch, mixing = model.plan, piece.past, piece.scratch, job.amount == 0
    atoms, low, high = scratch.atoms, plan.order[1], plan.order[2]
    (table, side, amount), frames = counted(model, piece, job), Frames(roll, u, out)
    for t in range(job.start, job.stop):
        run_beyond(roll, t, u, plan, out)
        fill_frame(past, roll, t, plan.profiles, atoms)
        atoms[TOP] = -1
        for phase in range(0 if plan.order[0] else 1, 2):
            descending = phase == 0
            stop = high if atoms[TOP] < 0 else atoms[TOP]
            past.found[:] = 0
            fill_gap(past, roll, t, descending, atoms)
            open_gap(plan, model.long, piece.short, mixing, descending, scratch)
            for i in range(low, stop):
                k = high - 1 - i + low if descending else i
                if run_key(frames, t, k, descending, model, piece, job):
                    if descending:
                        atoms[TOP] = k
                        break
                    fill_gap(past, roll, t, descending, atoms)
                    open_gap(plan, model.long, piece.short, mixing, descending, scratch)
            if atoms[TOP] < 0 or not descending:
                close_gap(plan, table, side, -1, amount, scratch)
            if descending and atoms[TOP] < 0:
                break
