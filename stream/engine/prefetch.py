"""Asking the processor for memory before it is needed."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from stream.engine.jit import written


def _interpreted_prefetch(array: Any, place: int) -> None:
    """Have an entry of an array in the processor's cache soon, and go on meanwhile.

    Parameters
    ----------
    array
        In C order.
    place
        The entry, as if the array had one axis.
    """


def _write_prefetch(typing_context: Any, array: Any, place: Any) -> Any:
    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(array)(context, builder, args[0]).data
        address = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        arguments = [address.type, number, number, number]
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", [address.type], ir.FunctionType(ir.VoidType(), arguments)
        )
        # To be read, kept near, data.
        builder.call(function, [address, *(ir.Constant(number, each) for each in (0, 3, 1))])
        return context.get_dummy_value()

    return types.none(array, types.intp), write


prefetch = written(_interpreted_prefetch, _write_prefetch)
