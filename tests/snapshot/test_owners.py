"""Every array of a snapshot belongs to exactly one field."""

import numpy as np
import pytest
from snapshot_models import taught
from test_damage import changed

from stream.errors import SnapshotError
from stream.snapshot import dumps, loads


@pytest.fixture(scope="module")
def snapshot():
    return dumps(taught("tree", 300))


def references(value):
    """Every reference to an array in a document."""
    if isinstance(value, dict):
        if "$array" in value:
            yield value
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_two_fields_that_name_one_array_are_refused(snapshot):
    """A kernel that writes one array finds its way with the other: memory errors."""
    names = sorted(_names(snapshot))
    pairs = [(a, b) for a in names for b in names if a < b][::7]
    assert len(pairs) > 50
    told = set()
    for lost, kept in pairs:

        def alias(arrays, document, lost=lost, kept=kept):
            for each in references(document["value"]):
                if each["$array"] == lost:
                    each["$array"] = kept
            del arrays[lost]

        with pytest.raises(SnapshotError) as caught:
            loads(changed(snapshot, alias))
        told.add("two fields" in str(caught.value))
    assert told == {True, False}  # or another kind of array is refused first


def _names(snapshot):
    found = []
    changed(snapshot, lambda arrays, _: found.extend(arrays))
    return found


def test_an_array_of_no_field_is_refused(snapshot):
    def add(arrays, document):
        arrays["more"] = np.zeros(3)

    with pytest.raises(SnapshotError, match="'more' belongs to no field"):
        loads(changed(snapshot, add))


def test_values_that_are_no_state_may_share_an_array():
    shared = np.arange(3.0)
    first, second = loads(dumps([shared, shared]))
    assert first is second
