"""What a compiled kernel depends on, as text that is the same on every machine.

A kernel compiled once may be used wherever Numba would make the same of it. Numba reads a
function's byte code, the values of the global names it uses, the functions it calls, and the types
of its arguments; so these are what a stamp is made of. Neither the time of a file, its folder, nor
a comment changes a stamp; a constant in another module that the kernel reads does, and so does the
order of the fields of a named tuple.
"""

from __future__ import annotations

import dis
import enum
import functools
import hashlib
import types as python_types
from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.core.extending import _Intrinsic

_PACKAGE = __name__.partition(".")[0]
_LOADS_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")
_NO_INSTRUCTION = ("CACHE", "EXTENDED_ARG", "PRECALL")


def kernel_stamp(function: python_types.FunctionType) -> str:
    """Hash of everything in the sources that the compiled ``function`` depends on.

    Raises
    ------
    TypeError
        The function, or one that it calls, uses a global value of which no stamp can be made.
    """
    # The functions that can be reached, each with its own content: calls may go in circles.
    found: dict[str, str] = {}
    waiting = [function]
    while waiting:
        current = waiting.pop()
        name = function_name(current)
        if name not in found:
            found[name], called = _content(current)
            waiting += called
    text = "\n".join(f"{name}: {found[name]}" for name in sorted(found))
    return hashlib.sha256(f"{function_name(function)}\n{text}".encode()).hexdigest()


def function_name(function: python_types.FunctionType) -> str:
    """Module and name of a function."""
    return f"{function.__module__}.{function.__qualname__}"


def describe_type(numba_type: types.Type) -> str:
    """A type of an argument as text.

    Numba's own text of a named tuple leaves out the names of its fields: with two fields of one
    type exchanged, a kernel would read the wrong one.
    """
    if isinstance(numba_type, types.BaseTuple):
        members: Any = numba_type
        inside = [describe_type(each) for each in members]
        if not isinstance(numba_type, types.BaseNamedTuple):
            return f"({', '.join(inside)})"
        named = members.instance_class
        fields = ", ".join(map(": ".join, zip(named._fields, inside, strict=True)))
        return f"{named.__module__}.{named.__qualname__}({fields})"
    if isinstance(numba_type, types.Dispatcher):
        return f"kernel {kernel_stamp(numba_type.dispatcher.py_func)}"
    return str(numba_type)


@functools.cache
def _content(
    function: python_types.FunctionType,
) -> tuple[str, tuple[python_types.FunctionType, ...]]:
    """Hash of one function by itself, and the functions that it calls."""
    called: list[python_types.FunctionType] = []
    parts = [_describe_code(function.__code__)]
    parts += [repr(function.__defaults__), repr(function.__kwdefaults__)]
    for cell in function.__closure__ or ():
        parts.append(_describe("a closure", cell.cell_contents, function, called))
    for name, value in _globals(function.__code__, function):
        parts.append(f"{name} = {_describe(name, value, function, called)}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest(), tuple(called)


def _describe_code(code: python_types.CodeType) -> str:
    return repr(
        (
            code.co_code,
            [_describe_constant(each) for each in code.co_consts],
            code.co_names,
            code.co_varnames,
            code.co_freevars,
            code.co_cellvars,
            code.co_argcount,
            code.co_posonlyargcount,
            code.co_kwonlyargcount,
            code.co_flags,
        )
    )


def _describe_constant(value: Any) -> str:
    if isinstance(value, python_types.CodeType):
        return _describe_code(value)
    if isinstance(value, frozenset):  # whose order differs between processes
        return f"frozenset {sorted(map(repr, value))}"
    return repr(value)


def _globals(
    code: python_types.CodeType, function: python_types.FunctionType
) -> Iterator[tuple[str, Any]]:
    """The global values that the code reads; of a module of the package, the parts that it reads.

    Names that are not there are built into Python, or an error that Numba reports.
    """
    instructions = [
        each for each in dis.get_instructions(code) if each.opname not in _NO_INSTRUCTION
    ]
    for at, instruction in enumerate(instructions):
        if instruction.opname != "LOAD_GLOBAL" or instruction.argval not in function.__globals__:
            continue
        name, value = instruction.argval, function.__globals__[instruction.argval]
        for following in instructions[at + 1 :]:
            if not _is_own_module(value) or following.opname not in _LOADS_ATTRIBUTE:
                break
            name, value = f"{name}.{following.argval}", getattr(value, following.argval)
        yield name, value
    for constant in code.co_consts:
        if isinstance(constant, python_types.CodeType):
            yield from _globals(constant, function)


def _is_own_module(value: Any) -> bool:
    return (
        isinstance(value, python_types.ModuleType) and value.__name__.partition(".")[0] == _PACKAGE
    )


def _describe(
    name: str,
    value: Any,
    function: python_types.FunctionType,
    called: list[python_types.FunctionType],
) -> str:
    """A global value as text; functions are added to ``called``."""
    if isinstance(value, Dispatcher):
        value = value.py_func
    elif isinstance(value, _Intrinsic):
        value = value._defn
    if isinstance(value, python_types.FunctionType):
        called.append(value)
        return f"function {function_name(value)}"
    if isinstance(value, (np.ndarray, np.generic)):
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"{type(value).__name__} {value.dtype.descr} {value.shape} {content}"
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__} {value!r}"
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", ())
        inside = ", ".join(_describe(name, each, function, called) for each in value)
        return f"{type(value).__qualname__}{fields} ({inside})"
    if isinstance(value, (types.Type, np.dtype)):
        return f"{type(value).__qualname__} {value}"
    if isinstance(value, python_types.ModuleType) and not _is_own_module(value):
        return f"module {value.__name__}"
    if isinstance(value, python_types.BuiltinFunctionType):
        return f"builtin {value.__module__}.{value.__qualname__}"
    if isinstance(value, type):
        members = list(value) if issubclass(value, enum.Enum) else getattr(value, "_fields", ())
        return f"class {value.__module__}.{value.__qualname__} {members!r}"
    raise TypeError(
        f"kernel {function_name(function)} uses {name}, of the type {type(value).__qualname__}, "
        "of which no stamp can be made: a kernel may use numbers, texts, arrays, tuples, classes, "
        "kernels, and names of modules read as 'module.name'"
    )
