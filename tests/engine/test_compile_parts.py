"""What a kernel calls becomes a part of it, and is a kernel of its own for Python."""

import copy
import pickle

import numpy as np
import pytest
from numba.core.compiler import Flags

from stream.engine import compile_parts
from stream.engine.jit import inlined, kernel


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DRIFTHOMER_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make_kernels(door=kernel):
    """A kernel, one that calls it, and one that calls that."""

    def root(x):
        if x < 0:
            raise ValueError("a root of less than nothing")
        return np.sqrt(x)

    root = door(root)

    def add_roots(values):
        total = 0.0
        for value in values:
            total += root(value)
        return total

    add_roots = door(add_roots)

    def twice(values):
        return 2 * add_roots(values)

    return root, add_roots, kernel(twice)


def files(folder, name):
    return [each for each in folder.rglob("*.kernel") if f".{name}-" in each.name]


def parts(dispatcher):
    return [compile_parts.is_part(each) for each in dispatcher.overloads.values()]


VALUES = np.array([1.0, 4.0, 9.0])


@pytest.mark.parametrize("door", [kernel, inlined])
def test_python_may_call_what_a_kernel_called_before(own_cache, door):
    """Python runs a kernel that has no machine code of its own, which ends the process."""
    root, add_roots, twice = make_kernels(door)
    assert twice(VALUES) == 12.0
    assert parts(root) == parts(add_roots) == [True]
    assert parts(twice) == [False]
    assert add_roots(VALUES) == 6.0
    assert root(4.0) == 2.0
    assert parts(root) == parts(add_roots) == [False]
    assert twice(VALUES) == 12.0
    assert [len(files(own_cache, name)) for name in ("root", "add_roots", "twice")] == [2, 2, 1]


def test_a_kernel_that_is_there_as_a_whole_is_no_part_as_well(own_cache):
    """What Python calls and what kernels call is compiled twice."""
    _, add_roots, twice = make_kernels()
    assert add_roots(VALUES) == 6.0
    assert twice(VALUES) == 12.0
    assert parts(add_roots) == [False]
    _, add_roots, twice = make_kernels()  # another process
    files(own_cache, "twice")[0].unlink()
    assert twice(VALUES) == 12.0
    assert add_roots(VALUES) == 6.0
    assert len(files(own_cache, "add_roots")) == 1


def test_kept_parts_are_linked_into_what_calls_them(own_cache):
    """A changed kernel compiles all that it calls anew, or calls what is not there."""
    make_kernels()[2](VALUES)
    files(own_cache, "twice")[0].unlink()
    root, add_roots, twice = make_kernels()
    assert twice(VALUES) == 12.0
    assert sum(add_roots.stats.cache_hits.values()) == 1
    assert sum(twice.stats.cache_misses.values()) == 1
    assert not root.stats.cache_misses


def test_a_part_raises_what_it_raised(own_cache):
    """The error of a part is lost, or its message, when the kernel comes from a file."""
    for _ in range(2):
        _, add_roots, twice = make_kernels()
        with pytest.raises(ValueError, match="less than nothing"):
            twice(-VALUES)
        with pytest.raises(ValueError, match="less than nothing"):
            add_roots(-VALUES)


def test_a_part_for_other_types_is_another(own_cache):
    """A kernel calls the part that was compiled for other types."""
    _, add_roots, twice = make_kernels()
    assert twice(VALUES) == 12.0
    assert twice(VALUES.astype(np.float32)) == 12.0
    assert parts(add_roots) == [True, True]


def test_a_kernel_can_be_copied(own_cache):
    """Objects that refer to kernels cannot be sent to another process."""
    from stream.engine.random import mix

    assert copy.deepcopy(mix) is mix
    assert pickle.loads(pickle.dumps(mix)) is mix


def test_a_part_is_shared_by_calls_with_constants_and_numbers_of_fewer_bits(own_cache):
    """A part is compiled once more for each kind of whole number that kernels call it with."""

    def add(values, number, doubled):
        return values[number] * 2 if doubled else values[number]

    add = kernel(add)

    def add_three(values, numbers):
        return (
            add(values, numbers[0], True) + add(values, 1, numbers[0] == 0) + add(values, 2, False)
        )

    add_three = kernel(add_three)
    assert add_three(VALUES, np.array([0], np.int32)) == 2 + 8 + 9
    assert parts(add) == [True]
    assert len(files(own_cache, "add")) == 1


def test_flags_are_compared_by_their_values():
    """Kernels that were compiled in different ways are taken for the same, or all for different."""
    flags, other = compile_parts.KernelFlags(), Flags()
    assert flags == other
    assert hash(flags) == hash(other)
    flags.forceinline = True
    assert flags != other
    other.forceinline = True
    assert flags == other == compile_parts.KernelFlags(flags)
    assert hash(flags) == hash(other)
