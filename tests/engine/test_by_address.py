"""States that kernels make of addresses."""

from typing import NamedTuple

import numpy as np
import pytest

from stream.engine import by_address
from stream.engine.by_address import addresses_of, state_at
from stream.engine.jit import kernel


class Inner(NamedTuple):
    count: np.ndarray
    cube: np.ndarray


class State(NamedTuple):
    flag: np.ndarray
    inner: Inner
    table: np.ndarray


def state(rng, n, m):
    flag = rng.integers(0, 2, n).astype(np.uint8)
    inner = Inner(rng.integers(0, 9, m), rng.random((2, n, m)).astype(np.float32))
    return State(flag, inner, rng.random((m, n)))


@kernel
def _measure(state, numbers):
    """Something that depends on every place of every array and on every length."""
    numbers[0] = state.flag.shape[0] + 100.0 * state.inner.cube.shape[1]
    numbers[1] = state.table.shape[0] + 100.0 * state.table.shape[1]
    weight = 1.0
    for i in range(len(state.flag)):
        weight += 1.0
        numbers[2] += weight * state.flag[i]
        for j in range(len(state.inner.count)):
            weight += 1.0
            numbers[2] += weight * (state.inner.count[j] + state.table[j, i])
            for k in range(2):
                weight += 1.0
                numbers[2] += weight * state.inner.cube[k, i, j]


@kernel
def _measure_at(prototype, addresses, place, numbers):
    _measure(state_at(prototype, addresses, place), numbers)


@kernel
def _write_at(prototype, addresses, place):
    found = state_at(prototype, addresses, place)
    found.inner.cube[1, 0, 0] = 5.0
    found.table[0, 0] = 7.0


@pytest.fixture
def states():
    rng = np.random.default_rng(1)
    return [state(rng, n, m) for n, m in ((3, 2), (1, 5), (4, 4), (2, 0))]


def test_a_state_of_addresses_is_the_state(states):
    addresses = np.stack([addresses_of(each) for each in states])
    for place, each in enumerate(states):
        expected, found = np.zeros(3), np.zeros(3)
        _measure(each, expected)
        _measure_at(states[0], addresses, place, found)
        assert found.tolist() == expected.tolist()


def test_what_is_written_is_written_to_the_state(states):
    addresses = np.stack([addresses_of(each) for each in states])
    _write_at(states[0], addresses, 2)
    assert states[2].inner.cube[1, 0, 0] == 5.0
    assert states[2].table[0, 0] == 7.0
    assert states[0].table[0, 0] != 7.0


def test_where_nothing_is_compiled_it_is_the_same(states):
    addresses = np.stack([addresses_of(each) for each in states])
    for place, each in enumerate(states):
        found = by_address.interpreted_state_at(states[0], addresses, place)
        assert isinstance(found, State)
        assert isinstance(found.inner, Inner)
        for one, other in zip((*found[:1], *found.inner), (*each[:1], *each.inner), strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        if found.table.size:
            found.table[0, 0] = 3.0
            assert each.table[0, 0] == 3.0


def test_arrays_in_another_order_are_refused(states):
    table = np.asfortranarray(states[0].table)
    with pytest.raises(ValueError, match="not in C order"):
        addresses_of(states[0]._replace(table=table))
