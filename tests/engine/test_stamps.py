"""What makes a compiled kernel another one, and what does not."""

import ast
import enum
import importlib
import pkgutil
import types
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numba import typeof
from numba.core.dispatcher import Dispatcher

import stream
from stream.engine import layout
from stream.engine.jit import kernel, written
from stream.engine.kernel_cache import KernelCache
from stream.engine.stamps import describe_type, kernel_stamp

SOURCE = """
def helper(x):
    return x + FIRST

def first(x):
    return helper(x) * 2
"""


def stamp(source: str, name: str = "first", **given: object) -> str:
    """Stamp of a function of a module with this source."""
    namespace = {"__name__": "some.module", "FIRST": 1} | given
    exec(source, namespace)
    function = namespace[name]
    assert isinstance(function, types.FunctionType)
    return kernel_stamp(function)


def test_comments_documentation_and_places_do_not_count():
    """Everything is compiled again in each copy, and after a change of a comment."""
    moved = "# a comment\n\n" + SOURCE.replace("(x):\n", "(x: int) -> int:\n    # why\n", 1)
    assert stamp(SOURCE) == stamp(moved)


@pytest.mark.parametrize(
    ("source", "given"),
    [
        (SOURCE.replace("* 2", "* 3"), {}),
        (SOURCE.replace("x + FIRST", "x - FIRST"), {}),
        (SOURCE, {"FIRST": 2}),
        (SOURCE, {"FIRST": 1.0}),
        (SOURCE, {"FIRST": True}),
        (SOURCE, {"FIRST": np.int32(1)}),
        (SOURCE, {"FIRST": np.array([1, 2])}),
        (SOURCE, {"FIRST": (1, 2)}),
        (SOURCE.replace("(x)", "(x, y=1)", 1), {}),
        (SOURCE.replace("(x)", "(x, y=2)", 1), {}),
    ],
)
def test_what_the_compiler_reads_counts(source, given):
    """A kernel goes on with the constant or the helper of another version of the sources."""
    assert stamp(source, **given) != stamp(SOURCE)


def test_arrays_count_by_their_content():
    """A table of constants is changed, and its kernel is not."""
    assert stamp(SOURCE, FIRST=np.array([1, 2])) == stamp(SOURCE, FIRST=np.array([1, 2]))
    assert stamp(SOURCE, FIRST=np.array([1, 2])) != stamp(SOURCE, FIRST=np.array([1, 3]))


def test_names_of_a_module_count_one_by_one(monkeypatch):
    """``lay.X`` keeps the value it had, or a constant that is not read compiles all again."""
    source = "def first(x):\n    return x + lay.N_SPLITS"
    before = stamp(source, lay=layout)
    monkeypatch.setattr(layout, "N_DRIFTS", layout.N_DRIFTS + 1)
    assert stamp(source, lay=layout) == before
    monkeypatch.setattr(layout, "N_SPLITS", layout.N_SPLITS + 1)
    assert stamp(source, lay=layout) != before


def test_functions_that_call_each_other_have_a_stamp():
    """The search of what a kernel calls never ends."""
    source = (
        "def first(x):\n    return second(x)\ndef second(x):\n    return first(x - 1) if x else 0"
    )
    changed = source.replace("else 0", "else 1")
    assert stamp(source) != stamp(source, name="second")
    assert stamp(source) != stamp(changed)


def test_what_is_called_counts_through_the_compiler():
    """A kernel that is called is stamped as an object, with its address or without its content."""
    source = "def first(x):\n    return helper(x)"

    def helper(x):
        return x + 1

    def other(x):
        return x + 2

    other.__name__, other.__qualname__ = helper.__name__, helper.__qualname__
    assert stamp(source, helper=kernel(helper)) == stamp(source, helper=kernel(helper))
    assert stamp(source, helper=kernel(helper)) != stamp(source, helper=kernel(other))


def test_a_function_that_the_compiler_is_told_counts():
    """A kernel goes on with what was written before."""

    def write(context, x):
        return x(x), lambda context, builder, signature, args: args[0]

    def other(context, x):
        return x(x), lambda context, builder, signature, args: builder.neg(args[0])

    other.__name__, other.__qualname__ = write.__name__, write.__qualname__
    source = "def first(x):\n    return helper(x)"
    one = stamp(source, helper=written(id, write))
    assert one == stamp(source, helper=written(id, write))
    assert one != stamp(source, helper=written(id, other))


def test_members_of_an_enumeration_count():
    """Its class is known by its name alone."""
    source = "def first(x):\n    return x == Kind.A"
    one, two = enum.IntEnum("Kind", {"A": 1}), enum.IntEnum("Kind", {"A": 2})
    assert stamp(source, Kind=one) != stamp(source, Kind=two)


def test_a_value_without_a_stamp_is_an_error():
    """A kernel depends on something that may change unseen."""
    with pytest.raises(TypeError, match=r"some.module.first uses TABLE, of the type dict"):
        stamp("def first(x):\n    return TABLE[x]", TABLE={})


def test_fields_of_a_named_tuple_count_by_name():
    """Two fields of one type change places, and the kernel reads the wrong one."""

    def describe(*names: str) -> str:
        state = NamedTuple("State", [(name, int) for name in names])
        return describe_type(typeof((state(1, 2), 1.0)))

    assert describe("a", "b") == describe("a", "b")
    assert describe("a", "b") != describe("b", "a")
    assert describe_type(typeof(np.zeros(2))) != describe_type(typeof(np.zeros((2, 2))))


def all_kernels() -> list[tuple[str, Dispatcher]]:
    found = {}
    for info in pkgutil.walk_packages(stream.__path__, "stream."):
        if info.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, Dispatcher):
                found[f"{value.__module__}.{value.__qualname__}"] = value
    return sorted(found.items())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that are imported
def test_every_kernel_passes_the_one_door():
    """A kernel is compiled by Numba alone, and goes on with old versions of what it calls; or two
    kernels of one name take each other's place."""
    kernels = all_kernels()
    assert len(kernels) > 100
    around = [name for name, each in kernels if not isinstance(each._cache, KernelCache)]
    assert around == []
    counting = [name for name, each in kernels if each.targetoptions.get("_nrt") is not False]
    assert counting == []
    stamps = {kernel_stamp(each.py_func) for _, each in kernels}
    assert len(stamps) == len(kernels)


COMPILERS = {"jit", "njit", "vectorize", "guvectorize", "stencil", "cfunc", "overload", "intrinsic"}
COMPILERS |= {"generated_jit", "jitclass", "overload_method", "overload_attribute", "extending"}
COMPILERS |= {"CPUDispatcher", "_FunctionCompiler", "compile_extra"}


def names_of_numba(source: str) -> set[str]:
    """The parts of Numba that a module names, wherever it does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numba":
            found |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Import):
            of_numba = [each.name for each in node.names if each.name.split(".")[0] == "numba"]
            found |= {part for name in of_numba for part in name.split(".")}
        elif isinstance(node, ast.Attribute) and ast.unparse(node).split(".")[0] == "numba":
            found |= set(ast.unparse(node).split("."))
    return found


@pytest.mark.parametrize(
    "source",
    [
        "from numba import njit",
        "from numba.extending import overload as o",
        "def f():\n    import numba\n    return numba.jit(f)",
        "import numba.experimental.jitclass",
    ],
)
def test_a_way_around_the_door_is_seen(source):
    """A kernel that is made inside a function, or under another name."""
    assert names_of_numba(source) & COMPILERS


def test_nobody_but_the_door_compiles():
    """A kernel that is no global name of its module, and is not found among them."""
    root = Path(stream.__file__).parent
    around = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if names_of_numba(path.read_text(encoding="utf-8")) & COMPILERS
    }
    # The door, what it stands on, and what stamps a function that it has written.
    assert around == {"engine/compile_parts.py", "engine/jit.py", "engine/stamps.py"}
    users = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "import KernelDispatcher" in path.read_text(encoding="utf-8")
    ]
    assert users == ["engine/jit.py"]
