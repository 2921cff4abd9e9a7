"""Many states of one kind in one kernel call.

A kernel takes a state as a tuple of arrays, and to unpack these from Python costs as much as a few
rows of work. Where a call concerns hundreds of states, it is given where their arrays are, and
makes each state of that when its turn comes.
"""

from __future__ import annotations

import ctypes
from typing import Any, cast

import numpy as np
from numba import types
from numba.core import cgutils

from stream.engine.arrays import Int64Array
from stream.engine.jit import written


def addresses_of(state: Any) -> Int64Array:
    """Where the arrays of a state are, and their shapes: what :func:`state_at` makes it of again.

    They are true as long as the state has these arrays.

    Parameters
    ----------
    state
        A named tuple of arrays in C order, and of such tuples.
    """
    return np.array(_words(state), np.int64)


def words_of_field(state: Any, name: str) -> slice:
    """Which of the words of :func:`addresses_of` are those of a field."""
    first = sum(_n_words(each) for each in state[: state._fields.index(name)])
    return slice(first, first + _n_words(getattr(state, name)))


def _n_words(state: Any) -> int:
    return sum(map(_n_words, state)) if isinstance(state, tuple) else 1 + state.ndim


def _words(state: Any) -> list[int]:
    if isinstance(state, tuple):
        return [word for each in state for word in _words(each)]
    described = state.__array_interface__
    if described["strides"] is not None:
        raise ValueError("a state is taken by address, and one of its arrays is not in C order")
    return [described["data"][0], *described["shape"]]


def interpreted_state_at(prototype: Any, addresses: Any, place: int) -> Any:
    """The state whose addresses stand in a row of ``addresses``, for kernels.

    Parameters
    ----------
    prototype
        Any state of the kind.
    addresses
        [states, words] from :func:`addresses_of`.
    place
        Which of them.
    """
    words = iter(addresses[place].tolist())
    return _rebuilt(prototype, words)


def _rebuilt(prototype: Any, words: Any) -> Any:
    if isinstance(prototype, tuple):
        return type(prototype)(*[_rebuilt(each, words) for each in prototype])
    address, shape = next(words), tuple(next(words) for _ in prototype.shape)
    n_bytes = int(np.prod(shape)) * prototype.itemsize
    room = (ctypes.c_byte * n_bytes).from_address(address)
    return np.ndarray(shape, prototype.dtype, room)


def _write_state_at(typing_context: Any, prototype: Any, addresses: Any, place: Any) -> Any:
    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, table, row = args
        words = context.make_array(addresses)(context, builder, table)
        width = cgutils.unpack_tuple(builder, words.shape)[1]
        at = builder.mul(row, width)
        state, _ = _write(context, builder, prototype, words.data, at, 0)
        return state

    return prototype(prototype, addresses, types.intp), write


def _write(context: Any, builder: Any, kind: Any, words: Any, at: Any, offset: int) -> Any:
    """What a type is made of from the word ``at + offset`` on, and the offset after that."""
    if isinstance(kind, types.BaseTuple):
        parts, members = [], cast(Any, kind)
        for each in members:
            part, offset = _write(context, builder, each, words, at, offset)
            parts.append(part)
        return context.make_tuple(builder, kind, parts), offset

    def constant(number: int) -> Any:
        return context.get_constant(types.intp, number)

    def word(number: int) -> Any:
        return builder.load(builder.gep(words, [builder.add(at, constant(number))]))

    array = context.make_array(kind)(context, builder)
    item_size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    shape = [word(offset + 1 + axis) for axis in range(kind.ndim)]
    strides: list[Any] = []
    stride = constant(item_size)
    for length in reversed(shape):
        strides.insert(0, stride)
        stride = builder.mul(stride, length)
    context.populate_array(
        array,
        data=builder.inttoptr(word(offset), array.data.type),
        shape=shape,
        strides=strides,
        itemsize=constant(item_size),
        meminfo=None,
    )
    return array._getvalue(), offset + 1 + kind.ndim


state_at = written(interpreted_state_at, _write_state_at)
