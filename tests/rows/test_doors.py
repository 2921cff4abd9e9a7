"""The same rows through every door give the same model, byte for byte."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import math
import re
import uuid

import numpy as np
import pandas as pd
import pytest
from doors import DOORS, NoWayError, groups, through_every_door
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import HoeffdingTreeClassifier, MultiLabelHoeffdingTree
from stream.data import FrameSource, PairSource
from stream.errors import DataError
from stream.rows import values
from stream.rows.features import feature_entries
from stream.rows.values import KINDS, class_of, kind_of, name_of, truth_of
from stream.snapshot import dumps, loads

UTC = datetime.UTC


class Colour(enum.StrEnum):
    RED = "red"


class Size(enum.Enum):
    BIG = 3


class Text(str):
    __slots__ = ()

    def __str__(self):
        return "something else"


# Of each kind of the table: values, and what they mean as a feature called "f".
FEATURES = {
    values.NUMBER: [
        (1.5, {"f": 1.5}),
        (0, {"f": 0.0}),
        (-0.0, {"f": 0.0}),
        (2**53 + 1, {"f": 2.0**53}),
        (-(2**62) - 1, {"f": -(2.0**62)}),
        (np.float32(0.1), {"f": float(np.float32(0.1))}),
        (np.int8(-3), {"f": -3.0}),
        (np.uint64(2**63 + 1025), {"f": 2.0**63 + 2048}),
        (decimal.Decimal("0.1"), {"f": 0.1}),
        (fractions.Fraction(1, 3), {"f": 1 / 3}),
        (5e-324, {"f": 5e-324}),
        (np.array(2.5), {"f": 2.5}),
    ],
    values.TRUTH_VALUE: [(True, {"f": 1.0}), (False, {"f": 0.0}), (np.True_, {"f": 1.0})],
    values.TEXT: [
        ("red", {"f=red": 1.0}),
        ("", {"f=": 1.0}),
        ("NA", {"f=NA": 1.0}),
        ("none", {"f=none": 1.0}),
        ("1.5", {"f=1.5": 1.0}),
        (np.str_("red"), {"f=red": 1.0}),
        (Text("red"), {"f=red": 1.0}),
        ("\ud83d", {"f=\ud83d": 1.0}),
    ],
    values.ENUM: [(Colour.RED, {"f=red": 1.0}), (Size.BIG, {"f": 3.0})],
    values.DATE: [
        (datetime.date(1970, 1, 2), {"f": 86_400.0}),
        (datetime.datetime(1970, 1, 1, 0, 0, 1, 500_000), {"f": 1.5}),
        (datetime.datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), {"f": -1.0}),
        (np.datetime64("1970-01-02"), {"f": 86_400.0}),
        (pd.Timestamp("1970-01-01 02:00", tz="Europe/Berlin"), {"f": 3_600.0}),
        (np.datetime64(-1, "ns"), {"f": -1e-6}),
    ],
    values.TIME: [(datetime.time(1, 0, 0, 250_000), {"f": 3_600.25})],
    values.DURATION: [
        (datetime.timedelta(days=-1, seconds=1), {"f": -86_399.0}),
        (np.timedelta64(1500, "ms"), {"f": 1.5}),
        (pd.Timedelta("1min"), {"f": 60.0}),
    ],
    values.BYTES: [(b"red", None), (bytearray(b"red"), None)],
    values.LIST: [
        ([1.5, "x", None, [2]], {"f.0": 1.5, "f.1=x": 1.0, "f.2": math.nan, "f.3.0": 2.0}),
        ((True,), {"f.0": 1.0}),
        ([], {}),
        (np.array([1.0, 2.0]), {"f.0": 1.0, "f.1": 2.0}),
    ],
    values.MAPPING: [
        ({"a": 1.5, "b": {"c": "x"}}, {"f.a": 1.5, "f.b.c=x": 1.0}),
        ({}, {}),
    ],
    values.SET: [({1}, None), (frozenset("a"), None)],
    values.MISSING: [
        (None, {"f": math.nan}),
        (math.nan, {"f": math.nan}),
        (np.float32("nan"), {"f": math.nan}),
        (decimal.Decimal("nan"), {"f": math.nan}),
        (pd.NA, {"f": math.nan}),
        (pd.NaT, {"f": math.nan}),
        (np.datetime64("NaT"), {"f": math.nan}),
        (np.timedelta64("NaT"), {"f": math.nan}),
        (np.ma.masked, {"f": math.nan}),
    ],
    values.OTHER: [
        (1j, None),
        (uuid.UUID(int=1), None),
        (pd.Period("2024"), None),
        (object(), None),
    ],
}
TOO_LARGE = [math.inf, -math.inf, 10**400, np.float32("inf"), decimal.Decimal("1e999")]


def ids(pair):
    # Without addresses: processes that share the tests must call them the same.
    return re.sub(r" at 0x\w+", "", repr(pair))[:40]


CASES = [(kind, value, means) for kind, pairs in FEATURES.items() for value, means in pairs]


def test_every_kind_of_the_table_is_tried():
    assert list(FEATURES) == list(KINDS)
    assert list(LABELS) == list(KINDS)
    assert list(NAMES) == list(KINDS)


@pytest.mark.parametrize(("kind", "value", "means"), CASES, ids=ids)
def test_what_a_value_means_as_a_feature(tmp_path, kind, value, means):
    """Null that was another feature through another door; texts such as NA that were missing."""
    if not isinstance(value, np.ndarray) or value.ndim:
        assert kind_of(value) is kind
    rows = [({"f": each, "g": 1.0}, {"l": True}) for each in (value, value)]
    rows.append(({"f": None, "g": 1.0}, {"l": False}))
    if means is None:
        for door in (one(rows), lambda: list(PairSource(rows)), lambda: list(of_frame(rows))):
            with pytest.raises(DataError, match=r"column 'f'.*a feature must be"):
                door()
        return
    assert feature_entries({"f": value}) == pytest.approx(means, nan_ok=True, rel=0, abs=0)
    found = through_every_door(rows, tmp_path)
    assert groups(found) == [list(found)]
    assert {"learn_one", "pairs", "pandas, objects", "learn_many, objects"} <= set(found)


def one(rows):
    return lambda: MultiLabelHoeffdingTree().learn_one(*rows[0])


def of_frame(rows):
    frame = pd.DataFrame({"f": pd.Series([x["f"] for x, _ in rows], dtype=object), "l": 1})
    return FrameSource(frame, labels=["l"])


@pytest.mark.parametrize("value", TOO_LARGE, ids=ids)
def test_what_is_not_finite_is_refused_at_every_door(tmp_path, value):
    rows = [({"f": value}, {"l": True})]
    refused = 0
    for door in DOORS.values():
        try:
            with pytest.raises(ValueError, match=r"finite|larger number"):
                door(rows, tmp_path)
            refused += 1
        except (NoWayError, OverflowError):
            continue
    assert refused >= 4


# Of each kind: values, and whether a label is present then; REFUSED where it is no truth.
REFUSED = object()
LABELS = {
    values.NUMBER: [(1, True), (0, False), (1.0, True), (np.int8(1), True), (-0.0, False),
                    (decimal.Decimal(1), True), (2, REFUSED), (0.5, REFUSED), (math.inf, REFUSED)],
    values.TRUTH_VALUE: [(True, True), (False, False), (np.True_, True), (np.False_, False)],
    values.TEXT: [("1", REFUSED), ("yes", REFUSED), ("", REFUSED)],
    values.ENUM: [(Colour.RED, REFUSED), (Size.BIG, REFUSED)],
    values.DATE: [(datetime.date(1970, 1, 2), REFUSED)],
    values.TIME: [(datetime.time(1), REFUSED)],
    values.DURATION: [(datetime.timedelta(1), REFUSED)],
    values.BYTES: [(b"1", REFUSED)],
    values.LIST: [([1], REFUSED)],
    values.MAPPING: [({"a": 1}, REFUSED)],
    values.SET: [({1}, REFUSED)],
    values.MISSING: [(None, None), (math.nan, None), (pd.NA, None), (pd.NaT, None),
                     (np.ma.masked, None)],
    values.OTHER: [(1j, REFUSED)],
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "truth"), [pair for pairs in LABELS.values() for pair in pairs], ids=ids
)
def test_what_a_value_says_of_a_label(tmp_path, value, truth):
    """None that was an error through one door and unknown through two."""
    rows = [({"f": 1.0}, {"l": True, "m": False}), ({"f": 2.0}, {"l": value, "m": True})]
    if truth is REFUSED:
        for door in (
            lambda: MultiLabelHoeffdingTree().learn_one(*rows[1]),
            lambda: list(PairSource(rows)),
        ):
            with pytest.raises(DataError, match=r"column 'l'.*a label must be"):
                door()
        return
    assert truth_of(value) is truth
    found = through_every_door(rows, tmp_path)
    assert groups(found) == [list(found)]
    known = {"l": truth, "m": True} if truth is not None else {"m": True}
    assert found["learn_one"] == DOORS["learn_one"]([rows[0], (rows[1][0], known)], tmp_path)


# Of each kind: values, and the names that they are; REFUSED where they are none.
NAMES = {
    values.NUMBER: [(3, 3), (2.5, 2.5), (2.0, 2), (np.int64(3), 3), (np.float32(0.5), 0.5),
                    (decimal.Decimal("3"), 3), (decimal.Decimal("0.5"), 0.5), (10**30, 10**30)],
    values.TRUTH_VALUE: [(True, True), (np.False_, False)],
    values.TEXT: [("a", "a"), ("", ""), (np.str_("a"), "a"), (Text("a"), "a"),
                  ("\ud83d", "\ud83d")],
    values.ENUM: [(Colour.RED, "red"), (Size.BIG, 3)],
    values.DATE: [(datetime.date(2024, 1, 2), "2024-01-02"),
                  (np.datetime64("2024-01-02"), "2024-01-02"),
                  (pd.Timestamp("2024-01-02 03:00"), "2024-01-02T03:00:00")],
    values.TIME: [(datetime.time(1, 2), "01:02:00")],
    values.DURATION: [(datetime.timedelta(minutes=1), 60.0), (np.timedelta64(1, "m"), 60.0)],
    values.BYTES: [(b"a", b"a")],
    values.LIST: [((np.str_("a"), 1), ("a", 1)), ([1], REFUSED), (((),), ((),))],
    values.MAPPING: [({"a": 1}, REFUSED)],
    values.SET: [(frozenset({np.str_("a")}), frozenset({"a"})), ({1}, REFUSED)],
    values.MISSING: [(math.nan, REFUSED), (pd.NA, REFUSED), (pd.NaT, REFUSED)],
    values.OTHER: [(1j, REFUSED), (uuid.UUID(int=1), REFUSED), (int, REFUSED)],
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "name"), [pair for pairs in NAMES.values() for pair in pairs], ids=ids
)
def test_what_a_value_is_as_a_name_and_as_a_class(tmp_path, value, name):
    """Names that could be learnt and not saved."""
    if name is REFUSED:
        with pytest.raises(DataError, match=r"a name must be"):
            name_of(value)
        if kind_of(value) is values.MISSING:
            assert class_of(value) is None
        else:
            with pytest.raises(DataError, match=r"a class must be"):
                HoeffdingTreeClassifier().learn_one({}, value)
        return
    for found in (name_of(value), class_of(value)):
        assert found == name
        assert type(found) is type(name)
    of_features = [({value: 1.0, "f": i}, {"l": i % 2 == 0}) for i in range(4)]
    of_labels = [({"f": i}, {value: i % 2 == 0, "m": i % 2 == 1}) for i in range(4)]
    for rows in (of_features, of_labels):
        taught = through_every_door(rows, tmp_path)
        assert groups(taught) == [list(taught)]
        assert "pandas, objects" in taught
        model = loads(taught["learn_one"])
    assert [type(label) for label in model.labels if label == name] == [type(name)]
    classes = [({"f": float(i)}, value if i % 2 else "other") for i in range(4)]
    taught = through_every_door(classes, tmp_path)
    assert groups(taught) == [list(taught)]
    assert set(loads(taught["learn_one"]).labels) == {name, "other"}


def test_unknown_classes(tmp_path):
    rows = [({"f": float(i)}, [None, "a", math.nan, "b", pd.NA][i]) for i in range(5)]
    taught = through_every_door(rows, tmp_path)
    assert groups(taught) == [list(taught)]
    assert loads(taught["pairs"]).labels == ["a", "b"]


# ---- generated rows

texts = st.sampled_from(["red", "blue", "NA", "none", "", " x ", "1.5", "nan"])
moments = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1))
COLUMNS = {
    "floats": st.floats(allow_nan=False, allow_infinity=False),
    "integers": st.integers(-(2**62), 2**62),
    "decimals": st.decimals(-1000, 1000, places=3),
    "truth values": st.booleans(),
    "texts": texts,
    "words": st.sampled_from(["red", "blue", "green"]),
    "enums": st.just(Colour.RED),
    "moments": moments,
    "moments of a zone": moments.map(lambda each: each.replace(tzinfo=UTC)),
    "dates": st.dates(datetime.date(1900, 1, 1), datetime.date(2200, 1, 1)),
    "times": st.times(),
    "durations": st.timedeltas(datetime.timedelta(-1000), datetime.timedelta(1000)),
    "lists": st.lists(st.floats(-10, 10) | st.none(), max_size=3),
    "objects": st.fixed_dictionaries({"a": st.floats(-10, 10) | st.none(), "b": texts}),
    "nothing": st.none(),
}


@st.composite
def tables(draw):
    kinds = draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=4, unique=True))
    n_labels = draw(st.integers(1, 3))
    truths = draw(st.sampled_from([st.booleans(), st.booleans() | st.none()]))
    return [
        (
            {kind: draw(st.none() | COLUMNS[kind]) for kind in kinds},
            {f"l{i}": draw(truths) for i in range(n_labels)},
        )
        for _ in range(draw(st.integers(1, 8)))
    ]


@given(tables())
@settings(max_examples=60, deadline=None)
def test_the_same_rows_through_every_door(tmp_path_factory, rows):
    taught = through_every_door(rows, tmp_path_factory.mktemp("doors"))
    assert groups(taught) == [list(taught)]
    assert len(taught) >= 4


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from("abc"), st.floats(-5, 5) | texts | st.none()),
            st.sets(st.sampled_from(["p", "q", "r", "s"])),
        ),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=40, deadline=None)
def test_sets_of_labels_are_the_whole_truth_at_every_door(tmp_path_factory, rows):
    """Naming only the labels that are present made all others unknown."""
    taught = through_every_door(rows, tmp_path_factory.mktemp("doors"))
    assert {"learn_one", "pairs", "JSON lines", "messages"} == set(taught)
    assert groups(taught) == [list(taught)]
    told = MultiLabelHoeffdingTree(seed=1)
    known: set[str] = set()
    for x, y in rows:
        known |= y
        told.learn_one(x, {label: label in y for label in known})
    assert dumps(told) == taught["learn_one"]
