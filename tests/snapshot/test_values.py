"""Values to bytes and back."""

import dataclasses
import json
import math
from typing import NamedTuple

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.engine.layout import NODE
from stream.errors import SnapshotError
from stream.snapshot import capture, dumps, loads, register

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**300), 2**300), st.floats(),
    st.text(st.characters()), st.text(st.characters(categories=["Cs"]), max_size=2),
    st.binary(), st.sampled_from(["$tuple", "$object", "document", ""]),
)  # fmt: skip
names = st.recursive(scalars, lambda inner: st.tuples(inner) | st.frozensets(inner), max_leaves=4)
values = st.recursive(
    names,
    lambda inner: st.lists(inner) | st.dictionaries(names, inner) | st.tuples(inner, inner),
    max_leaves=12,
)


def same(a, b):
    """Equal in value and type, all the way down; NaN equals NaN, 0.0 is not −0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return math.isnan(a) == math.isnan(b) and (
            math.isnan(a) or (a == b and math.copysign(1, a) == math.copysign(1, b))
        )
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a), list(b)) and same(list(a.values()), list(b.values()))
    if isinstance(a, frozenset):
        return dumps(a) == dumps(b)  # in no order
    return a == b


@settings(max_examples=200, deadline=None)
@given(values)
def test_values_come_back(value):
    """A type or a value that the encoding confuses with another one."""
    data = dumps(value)
    found = loads(data)
    assert same(found, value)
    assert dumps(found) == data


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u1", "?"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_arrays_come_back(dtype, shape):
    array = (np.arange(math.prod(shape)) % 3).astype(dtype).reshape(shape)
    for given_array in (array, array.copy(order="F")):
        found = loads(dumps(given_array))
        assert found.dtype == array.dtype
        assert found.shape == shape
        assert found.tobytes() == array.tobytes()
        assert found.flags.writeable
        assert dumps(found) == dumps(array) == dumps(given_array)


def test_records_come_back_as_the_same_type():
    """Another alignment or record type makes the compiler think of another type."""
    array = np.zeros((2, 3), NODE)
    array["threshold"][1, 2] = math.nan
    found = loads(dumps(array))
    assert found.dtype == NODE
    assert found.dtype.type is np.record
    assert found.dtype.isalignedstruct
    assert found.tobytes() == array.tobytes()
    plain = np.zeros(2, [("a", "<i4"), ("b", "?")])
    assert type(loads(dumps(plain))[0]) is np.void


def test_what_is_one_object_stays_one():
    """Two learners that share a table each go on with a copy of their own."""
    array = np.zeros(3)
    found = loads(dumps([array, {"again": array}, np.zeros(3)]))
    assert found[0] is found[1]["again"]
    assert found[0] is not found[2]
    box = Box(array)
    found = loads(dumps([box, box, Box(array)]))
    assert found[0] is found[1] is not found[2]
    assert found[0].content is found[2].content


@register
class Box:
    def __init__(self, content):
        self.content = content


@register
class Pair(NamedTuple):
    left: int
    right: float


@register
@dataclasses.dataclass(frozen=True)
class Setting:
    name: str
    pair: Pair


class Stranger:
    pass


def test_instances_of_registered_classes():
    assert loads(dumps([Setting("a", Pair(1, math.inf))])) == [Setting("a", Pair(1, math.inf))]


def circle():
    box = Box(None)
    box.content = [box]
    return box


def loop():
    found: list = []
    found.append(found)
    return found


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"model": {"late": [1, Stranger()]}}, r"model\.late\.1: .*Stranger is not one"),
        ({"f": print}, r"f: .*builtin_function_or_method is not one"),
        (circle(), "the Box holds itself|holds itself"),
        (loop(), "holds itself"),
        ({"a": np.array(["x"])}, "a: .*got <U1"),
        ({"a": np.zeros(1, complex)}, "a: .*got complex128"),
        ({"a": np.zeros(1, ">f8")}, "a: .*got >f8"),
        ({"a": np.array([None])}, "a: .*got object"),
        ([Text("x")], "Text is not one"),
        ([np.datetime64("2026-01-01")], "datetime64 is not one"),
    ],
)
def test_refuses_what_it_cannot_hold(value, message):
    """A value that is left out, or turned into another one, in silence."""
    with pytest.raises(SnapshotError, match=message):
        dumps(value)


def test_other_tools_read_the_arrays(tmp_path):
    """The file is not one that safetensors' own readers take."""
    state = {"weights": np.arange(4.0), "nested": {"counts": np.arange(3, dtype=np.int32)}}
    found = safetensors.numpy.load(dumps(state))
    assert found["weights"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert found["nested.counts"].dtype == np.int32
    document = json.loads(found["document"].tobytes())
    assert document["value"]["weights"] == {"$array": "weights"}


def test_paths_that_look_alike_are_two_arrays():
    state = {"a": {"b": np.zeros(1)}, "a.b": np.ones(1), "document": np.full(1, 2.0)}
    found = loads(dumps(state))
    assert (found["a"]["b"][0], found["a.b"][0], found["document"][0]) == (0, 1, 2)


def test_a_capture_is_of_its_moment():
    """What is learnt while a snapshot is written in the background gets into it."""
    records = np.zeros(2, NODE)
    state = {"arrays": [np.zeros(2), records], "names": ["a"], "numbers": {"a": 1}}
    before = dumps(state)
    captured = capture(state)
    state["arrays"][0][:] = 1
    records["threshold"] = 5
    state["names"].append("b")
    state["numbers"]["a"] = 2
    assert captured.to_bytes() == before
    assert dumps(state) != before


def test_memory_is_used_again():
    """A capture that shares memory with the model, or keeps what was longer before."""
    state = {"a": np.arange(5.0), "b": np.arange(3), "c": np.zeros((2, 2), order="F")}
    first = capture(state)
    memory = first._arrays["a"]
    state["a"] += 1
    state["b"] = np.arange(2)
    second = capture(state, reuse=first)
    assert second._arrays["a"] is memory
    assert second.to_bytes() == dumps(state)
    state["a"][:] = 0
    assert second.to_bytes() != dumps(state)
