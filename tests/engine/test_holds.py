"""What arrays may hold stands once, beside their axes; whatever is loaded is held to it."""

import numpy as np
import pytest

from stream.engine.arrays import (
    _Field,
    _fields,
    allocate,
    check_state,
    has_layout,
)
from stream.engine.cells import Cells
from stream.engine.layout import Tree, TreeParams
from stream.engine.network_layout import Network
from stream.engine.scaling import Scaler
from stream.errors import SnapshotError
from stream.snapshot.classes import CLASSES, class_named

STATES = [name for name in CLASSES if has_layout(class_named(name))]


@pytest.mark.parametrize("name", STATES)
def test_every_array_says_what_it_may_hold(name):
    """An array of a snapshot that nothing looks at before a kernel trusts it."""
    for field_name, field in _fields(class_named(name)).items():
        if not isinstance(field, _Field):
            continue
        holds = field.axes.holds
        assert holds is not None, field_name
        if field.dtype.names is not None:
            assert set(holds) == set(field.dtype.names), field_name
        rules = holds.values() if isinstance(holds, dict) else [holds]
        axes = {axis for each in _all_axes(class_named(name)) for axis in each}
        assert all(not isinstance(rule.high, str) or rule.high in axes for rule in rules)


def _all_axes(kind):
    for field in _fields(kind).values():
        if isinstance(field, _Field):
            yield field.axes.axes
        elif has_layout(field):
            yield from _all_axes(field)


def test_there_are_states():
    assert len(STATES) > 15


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("weight", np.nan, "Cells.weight must hold finite numbers, got nan"),
        ("weight", -np.inf, "Cells.weight must hold finite numbers, got -inf"),
        ("square", -1.0, "Cells.square must hold numbers from 0 up, got -1.0"),
        ("bucket", -2, "Cells.bucket must hold numbers from -1 up, got -2"),
        ("bucket", 4, "Cells.bucket must hold numbers up to 3, got 4"),
        ("used", 5, "Cells.used must hold numbers up to 4, got 5"),
    ],
)
def test_what_an_array_may_not_hold_is_told(field, value, told):
    cells = allocate(Cells, {"cells": 4, "buckets": 8, "columns": 2})
    check_state(cells)
    getattr(cells, field).flat[0] = value
    with pytest.raises(SnapshotError) as caught:
        check_state(cells)
    assert str(caught.value) == f"the state does not fit together: {told}"


def test_sums_may_be_larger_than_any_number():
    """A model that finite data lead to, and whose snapshot is refused for ever."""
    scaler = allocate(Scaler, {"features": 2})
    scaler.square[0] = np.inf
    check_state(scaler)


NETWORK = {"features": 2, "outputs": 1, "hidden": 2, "second": 0, "top": 2}


@pytest.mark.parametrize(
    ("part", "value", "told"),
    [
        ("weights", 2e6, "Network.weights.first must hold numbers up to 1000000.0, got 2000000.0"),
        ("means", -(2.0**60), "Network.means.first must hold numbers from -1e+16 up, got -1.15"),
        ("squares", -1.0, "Network.squares.first must hold numbers from 0.0 up, got -1.0"),
    ],
)
def test_arrays_of_one_layout_may_hold_what_their_owner_says(part, value, told):
    """Weights whose products are no 32-bit numbers, and means of squares below 0."""
    network = allocate(Network, NETWORK)
    check_state(network)
    getattr(network, part).first[0, 0] = value
    with pytest.raises(SnapshotError) as caught:
        check_state(network)
    assert str(caught.value).startswith(f"the state does not fit together: {told}")


def test_a_value_that_never_came_is_missing_but_not_infinite():
    sizes = dict.fromkeys(
        ["nodes", "leaves", "stats", "unknown", "weights", "features", "labels", "rates", "models"],
        1,
    )
    tree = allocate(Tree, sizes | {"terms": 4, "detectors": 1})
    assert np.isnan(tree.shift[0])
    check_state(tree)
    tree.shift[0] = np.inf
    with pytest.raises(SnapshotError, match=r"Tree.shift must hold finite numbers, got inf"):
        check_state(tree)


def test_an_int_where_kernels_are_given_floats_is_told():
    """Kernels that are compiled anew, for a minute, by a file."""
    hints = {name: str(hint) for name, hint in TreeParams.__annotations__.items()}
    values = {name: 1.0 if "float" in hint else 1 for name, hint in hints.items()}
    values |= {name: True for name, hint in hints.items() if "bool" in hint}
    params = TreeParams(**values | {"learning_rates": (0.1, 0.0, 0.0, 0.0)})
    check_state(params)
    for wrong in ({"delta": 1}, {"seed": 1.0}, {"learning_rates": (0.1, 0, 0.0, 0.0)}):
        with pytest.raises(SnapshotError, match=next(iter(wrong))):
            check_state(params._replace(**wrong))
    check_state(params._replace(delta=1), exact=False)
