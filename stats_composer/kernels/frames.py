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

import numpy as np
from numpy.typing import NDArray

from stats_composer.kernels._jit import inline, jit, shared
from stats_composer.kernels.atoms import Past, fill_frame, fill_gap, fill_key
from stats_composer.kernels.mixer import Mixer, add_count, bucket_of, fold, get_count, learn, mix

__all__ = ["Job", "Model", "Piece", "Plan", "Scratch", "run_frames"]

Ints = NDArray[np.int64]
HIT = 1 << 20
ROOT_ON, ROOT_OFF = 0.03, 0.57  # what the root counts before it has counted anything
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
        A lower expert each; expert 0 is the root, expert 1 a constant.
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
    profiles: NDArray[np.float64]
    smoothing: NDArray[np.float64]


class Scratch(NamedTuple):
    """Rows of a decision.

    Attributes
    ----------
    atoms : ndarray of shape (n_atoms,), int64
    context : ndarray of shape (n_templates,), int64
        The hashes in force.
    left : ndarray of shape (2, n_templates), int64
        The continuations of each gap that are not passed, long and short.
    logit : ndarray of shape (n_experts,), float64
    said, weight : ndarray of shape (n_experts,), float32
    bucket : ndarray of shape (n_experts,), int64
    shown : ndarray of shape (n_gates,), int64
    """

    atoms: Ints
    context: Ints
    left: Ints
    logit: NDArray[np.float64]
    said: NDArray[np.float32]
    weight: NDArray[np.float32]
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

    The weights follow the gradient with step size `rate`.
    """

    start: int
    stop: int
    amount: int
    rate: float


@inline
def hash_template(plan, c, descending, atoms):  # type: ignore[no-untyped-def]
    """Return the context of template c."""
    h = fold(c + 1, 1 if descending else 0)
    for i in range(plan.template.shape[1]):
        a = plan.template[c, i]
        if a < 0:
            break
        h = fold(h, atoms[a])
    return h


@inline
def symbol_of(plan, c, k, atoms):  # type: ignore[no-untyped-def]
    """Return what names key k after the gap of template c."""
    reference = plan.reference[c]
    return HIT + k - (atoms[reference] if reference >= 0 else 0)


@shared
def open_gap(model, piece, mixing, descending):  # type: ignore[no-untyped-def]
    """Look up the contexts of the gap."""
    plan, scratch = model.plan, piece.scratch
    for c in range(plan.n_gap):
        h = hash_template(plan, c, descending, scratch.atoms)
        scratch.context[c] = h
        if mixing:
            scratch.left[0, c] = get_count(model.long, h) if plan.long[c] >= 0 else 0
            scratch.left[1, c] = get_count(piece.short, h) if plan.short[c] >= 0 else 0


@shared
def close_gap(plan, table, is_long, k, amount, scratch):  # type: ignore[no-untyped-def]
    """Count the gap's end: at key k, or at none (-1)."""
    for c in range(plan.n_gap):
        if (plan.long[c] if is_long else plan.short[c]) >= 0:
            h = scratch.context[c]
            add_count(table, h, amount)
            if k >= 0:
                add_count(table, fold(h, symbol_of(plan, c, k, scratch.atoms)), amount)


@shared
def count_key(plan, table, is_long, event, amount, scratch):  # type: ignore[no-untyped-def]
    """Count the event under the contexts of the key."""
    for c in range(plan.n_gap, plan.template.shape[0]):
        if (plan.long[c] if is_long else plan.short[c]) >= 0:
            h = scratch.context[c]
            add_count(table, h, amount)
            if event:
                add_count(table, fold(h, HIT), amount)


@inline
def look_up(plan, table, side, c, k, scratch):  # type: ignore[no-untyped-def]
    """Return n and n1 of template c for key k, taking the key off what is left of a gap."""
    h = scratch.context[c]
    if c < plan.n_gap:
        n, symbol = scratch.left[side, c], symbol_of(plan, c, k, scratch.atoms)
    else:
        n, symbol = get_count(table, h), HIT
    n1 = 0
    if n > 0:
        n1 = min(get_count(table, fold(h, symbol)), n)
        if c < plan.n_gap:
            scratch.left[side, c] = n - n1
    return n, n1


@shared
def ask_expert(plan, table, side, c, k, scratch):  # type: ignore[no-untyped-def]
    """Write what an expert says of key k: (1) of `mixer`."""
    e = plan.long[c] if side == 0 else plan.short[c]
    if e < 0:
        return
    n, n1 = look_up(plan, table, side, c, k, scratch)
    scratch.bucket[e] = bucket_of(n, n1)
    if e == 0:
        scratch.logit[0] = math.log((n1 + ROOT_ON) / (n - n1 + ROOT_OFF))
        scratch.said[0] = scratch.logit[0]
        return
    above = scratch.logit[plan.parent[e]]
    scratch.logit[e] = above
    if n > 0:
        s = plan.smoothing[side]
        p = 1.0 / (1.0 + math.exp(-above))
        scratch.logit[e] = math.log((n1 + s * p) / (n - n1 + s * (1.0 - p)))
    scratch.said[e] = scratch.logit[e] - above


@inline
def predict(model, piece, k):  # type: ignore[no-untyped-def]
    """Return the log-odds that key k sounds."""
    plan, scratch = model.plan, piece.scratch
    n_templates = plan.template.shape[0]
    scratch.said[1] = 1.0
    for i in range(n_templates):
        c = (i + plan.n_gap) % n_templates  # keys first: the first of them is the root
        ask_expert(plan, model.long, 0, c, k, scratch)
        ask_expert(plan, piece.short, 1, c, k, scratch)
    for g in range(plan.gate.shape[0]):
        shown = 0
        for i in range(plan.gate.shape[1]):
            if plan.gate[g, i] >= 0:
                size = plan.gate_size[g, i]
                atom = scratch.atoms[plan.gate[g, i]]
                shown = shown * size + min(max(atom, 0), size - 1)
        scratch.shown[g] = shown
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


@shared
def run_key(roll, t, k, descending, u, model, piece, job, out):  # type: ignore[no-untyped-def]
    """Score, learn, draw or count one key; return whether it sounds."""
    plan, scratch = model.plan, piece.scratch
    fill_key(piece.past, roll, t, k, descending, scratch.atoms)
    for c in range(plan.n_gap, plan.template.shape[0]):
        scratch.context[c] = hash_template(plan, c, descending, scratch.atoms)
    table, is_long, amount = model.long, True, job.amount
    if amount == 0:
        z = predict(model, piece, k)
        p = 1.0 / (1.0 + math.exp(-z))
        if u.shape[0]:
            roll[t, k] = u[t, k] < p
        out[t, k] = -math.log(p if roll[t, k] else 1.0 / (1.0 + math.exp(z)))
        error = p - (1.0 if roll[t, k] else 0.0)
        if job.rate > 0.0 and abs(error) > LEAST_ERROR:
            learn(model.mixer, scratch.said, scratch.bucket, scratch.shown, error, job.rate)
        table, is_long, amount = piece.short, False, 1
    event = roll[t, k]
    count_key(plan, table, is_long, event, amount, scratch)
    if event:
        close_gap(plan, table, is_long, k, amount, scratch)
    note_key(piece.past, roll, t, k, event)
    return event


@shared
def run_frame(roll, t, u, model, piece, job, out):  # type: ignore[no-untyped-def]
    """Visit the keys of one frame."""
    plan, past, scratch = model.plan, piece.past, piece.scratch
    low, high = plan.order[1], plan.order[2]
    mixing = job.amount == 0
    fill_frame(past, roll, t, plan.profiles, scratch.atoms)
    top = -1
    for phase in range(0 if plan.order[0] else 1, 2):
        descending = phase == 0
        stop = high if top < 0 else top
        past.found[:] = 0
        fill_gap(past, roll, t, 0, top, descending, scratch.atoms)
        open_gap(model, piece, mixing, descending)
        for i in range(low, stop):
            k = high - 1 - i + low if descending else i
            if run_key(roll, t, k, descending, u, model, piece, job, out):
                if descending:
                    top = k
                    break
                fill_gap(past, roll, t, past.found[0], top, descending, scratch.atoms)
                open_gap(model, piece, mixing, descending)
        if top < 0 or not descending:
            table = piece.short if mixing else model.long
            close_gap(plan, table, not mixing, -1, 1 if mixing else job.amount, scratch)
        if descending and top < 0:
            break


@jit()
def run_frames(
    roll: NDArray[np.bool_],
    u: NDArray[np.float64],
    model: Model,
    piece: Piece,
    job: Job,
    out: NDArray[np.float64],
) -> None:
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
    low, high = model.plan.order[1], model.plan.order[2]
    chance = model.plan.smoothing[2]
    for t in range(job.start, job.stop):
        for k in range(roll.shape[1]):
            if k < low or k >= high:
                if u.shape[0]:
                    roll[t, k] = u[t, k] < chance
                out[t, k] = -math.log(chance if roll[t, k] else 1.0 - chance)
        run_frame(roll, t, u, model, piece, job, out)
