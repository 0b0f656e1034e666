"""Rows of float32 in vector instructions, eight symbols at a time.

LLVM unrolls a short loop over symbols before it thinks of vectors, and guards a long one by
tests for overlap and a remainder; both cost more than the sums themselves. These helpers say
in its own terms what is meant. `n` is a constant of the calling kernel and a multiple of 8.

Against plain loops, the gradient of the pairwise model takes half the time
(`python -m benchmarks.bench_maxent`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["add_row", "copy_row", "exp_lanes", "replace_row", "scale_row", "subtract_row"]

_LANES = 8
_VECTOR = ir.VectorType(ir.FloatType(), _LANES)
_WHOLE = ir.VectorType(ir.IntType(32), _LANES)
# 2^x on [0, 1), as in kernels/_softmax.py.
_POLYNOMIAL = (1.0, 0.693149686, 0.24018389, 0.0557323769, 0.00910698902, 0.00182655163)
_LOG2E = 1.4426950408889634
_LOWEST = -127.0


def _lanes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a helper of a function that writes instructions; constants come as constants."""
    helper: Callable[..., Any] = intrinsic(prefer_literal=True)(function)
    return helper


def _spread(value: float) -> ir.Constant:
    return ir.Constant(_VECTOR, [value] * _LANES)


class _Row:
    """The eight-symbol pieces of a row of an array, for code that is being written."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> None:
        self.builder = builder
        data = context.make_array(kind)(context, builder, array).data
        self.start = builder.gep(data, [offset])

    def _at(self, k: int) -> Any:
        offset = ir.Constant(ir.IntType(64), k)
        return self.builder.bitcast(self.builder.gep(self.start, [offset]), _VECTOR.as_pointer())

    def load(self, k: int) -> Any:
        return self.builder.load(self._at(k), align=4)

    def store(self, k: int, value: Any) -> None:
        self.builder.store(value, self._at(k), align=4)


def _rows(context: Any, builder: Any, signature: Any, args: Any, places: str) -> list[_Row]:
    """Find the rows among the arguments: `places` has two digits a row, array and offset."""
    pairs = [(int(a), int(o)) for a, o in zip(places[::2], places[1::2], strict=True)]
    return [_Row(context, builder, signature.args[a], args[a], args[o]) for a, o in pairs]


@_lanes
def add_row(typing, out, o, row, r, n):  # type: ignore[no-untyped-def]
    """Add row[r : r + n] to out[o : o + n]."""

    def write(context, builder, signature, args):  # type: ignore[no-untyped-def]
        to, by = _rows(context, builder, signature, args, "0123")
        for k in range(0, n.literal_value, _LANES):
            to.store(k, builder.fadd(to.load(k), by.load(k)))
        return context.get_dummy_value()

    return types.void(out, types.uintp, row, types.uintp, n), write


@_lanes
def subtract_row(typing, out, o, row, r, n):  # type: ignore[no-untyped-def]
    """Subtract row[r : r + n] from out[o : o + n]."""

    def write(context, builder, signature, args):  # type: ignore[no-untyped-def]
        to, by = _rows(context, builder, signature, args, "0123")
        for k in range(0, n.literal_value, _LANES):
            to.store(k, builder.fsub(to.load(k), by.load(k)))
        return context.get_dummy_value()

    return types.void(out, types.uintp, row, types.uintp, n), write


@_lanes
def copy_row(typing, out, o, row, r, n):  # type: ignore[no-untyped-def]
    """Copy row[r : r + n] to out[o : o + n]."""

    def write(context, builder, signature, args):  # type: ignore[no-untyped-def]
        to, by = _rows(context, builder, signature, args, "0123")
        for k in range(0, n.literal_value, _LANES):
            to.store(k, by.load(k))
        return context.get_dummy_value()

    return types.void(out, types.uintp, row, types.uintp, n), write


@_lanes
def replace_row(typing, out, o, row, old, new, n):  # type: ignore[no-untyped-def]
    """Add row[new : new + n] - row[old : old + n] to out[o : o + n]."""

    def write(context, builder, signature, args):  # type: ignore[no-untyped-def]
        to, off, on = _rows(context, builder, signature, args, "012324")
        for k in range(0, n.literal_value, _LANES):
            change = builder.fsub(on.load(k), off.load(k))
            to.store(k, builder.fadd(to.load(k), change))
        return context.get_dummy_value()

    return types.void(out, types.uintp, row, types.uintp, types.uintp, n), write


@_lanes
def scale_row(typing, row, n, factor):  # type: ignore[no-untyped-def]
    """Multiply row[:n] by a number."""

    def write(context, builder, signature, args):  # type: ignore[no-untyped-def]
        zero = ir.Constant(ir.IntType(64), 0)
        to = _Row(context, builder, signature.args[0], args[0], zero)
        by = _broadcast(builder, args[2])
        for k in range(0, n.literal_value, _LANES):
            to.store(k, builder.fmul(to.load(k), by))
        return context.get_dummy_value()

    return types.void(row, n, types.float32), write


def _broadcast(builder: Any, value: Any) -> Any:
    lane = ir.Constant(ir.IntType(32), 0)
    first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, lane)
    return builder.shuffle_vector(first, first, ir.Constant(_WHOLE, [0] * _LANES))


def _call(builder: Any, name: str, result: Any, args: list[Any]) -> Any:
    signature = ir.FunctionType(result, [arg.type for arg in args])
    find: Callable[..., Any] = cgutils.get_or_insert_function
    function = find(builder.module, signature, name)
    return builder.call(function, args, fastmath=("fast",))


@_lanes
def exp_lanes(typing, row, n, scale):  # type: ignore[no-untyped-def]
    """Replace row[:n] by exp(scale * (row - max)) and return (max, sum), as `exp_row` does."""

    def write(context, builder, signature, args):  # type: ignore[no-untyped-def]
        single = ir.FloatType()
        zero = ir.Constant(ir.IntType(64), 0)
        to = _Row(context, builder, signature.args[0], args[0], zero)
        places = range(0, n.literal_value, _LANES)
        values = [to.load(k) for k in places]
        high = values[0]
        for value in values[1:]:
            high = builder.select(builder.fcmp_ordered(">", value, high), value, high)
        largest = _call(builder, "llvm.vector.reduce.fmax.v8f32", single, [high])
        factor = builder.fmul(args[2], ir.Constant(single, _LOG2E))
        top, by = _broadcast(builder, largest), _broadcast(builder, factor)
        total = _spread(0.0)
        for k, value in zip(places, values, strict=True):
            x = builder.fmul(builder.fsub(value, top), by)
            x = builder.select(builder.fcmp_ordered(">", x, _spread(_LOWEST)), x, _spread(_LOWEST))
            whole = _call(builder, "llvm.floor.v8f32", _VECTOR, [x])
            fraction = builder.fsub(x, whole)
            power = _spread(_POLYNOMIAL[-1])
            for coefficient in _POLYNOMIAL[-2::-1]:
                power = builder.fmul(power, fraction, flags=("fast",))
                power = builder.fadd(power, _spread(coefficient), flags=("fast",))
            bits = builder.add(builder.fptosi(whole, _WHOLE), ir.Constant(_WHOLE, [127] * _LANES))
            bits = builder.shl(bits, ir.Constant(_WHOLE, [23] * _LANES))
            power = builder.fmul(power, builder.bitcast(bits, _VECTOR))
            to.store(k, power)
            total = builder.fadd(total, power)
        summed = _call(
            builder, "llvm.vector.reduce.fadd.v8f32", single, [ir.Constant(single, 0.0), total]
        )
        return context.make_tuple(builder, signature.return_type, [largest, summed])

    pair = types.UniTuple(types.float32, 2)  # type: ignore[no-untyped-call]
    return pair(row, n, types.float32), write
