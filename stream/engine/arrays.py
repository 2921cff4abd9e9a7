"""State as NamedTuples of arrays whose shapes stand in their annotations.

A field reads ``Annotated[Float64Array, Axes("leaves", "labels", fill=0)]``: its dtype, what each
axis counts, and the value of an entry that was never written. Allocating, growing and weighing any
state follow from that, so that no array can be forgotten.
"""

from __future__ import annotations

import functools
import math
import numbers
import typing
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from stream.errors import SnapshotError

Float64Array = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
UInt32Array = npt.NDArray[np.uint32]
UInt8Array = npt.NDArray[np.uint8]
RecordArray = npt.NDArray[np.void]
FeatureRows = tuple[Int64Array, Int32Array, Float64Array]  # indptr, indices, values
LabelRows = tuple[Int64Array, Int32Array]  # indptr, indices

State = TypeVar("State", bound=tuple)


def record(**fields: type) -> np.dtype:
    """Type of an array's elements with named fields, read and written as ``array[i].field``."""
    plain = np.dtype(list(fields.items()), align=True)
    return np.dtype((np.record, plain))


class Holds(typing.NamedTuple):
    """What the elements of an array may be, wherever it comes from."""

    low: float | None = None
    high: float | str | None = None  # a number, or the length of an axis
    open_end: bool = False  # elements are below ``high``
    finite: bool = True
    missing: bool = False  # NaN stands for a value that never came


def below(high: int | str, low: int = 0) -> Holds:
    """Places in an axis of that length; ``low=-1`` where -1 stands for none."""
    return Holds(low, high, open_end=True)


def up_to(high: int | str) -> Holds:
    """How many of an axis, or of so many, there are."""
    return Holds(0, high)


# Bounds that no stream comes near, and that leave the arithmetic of kernels finite.
LARGEST_COUNT = 2**60  # rows, and sums of numbers of at most a few hundred over rows
LARGEST_DECAYED = 1e30  # the same where a row counts as up to 1e12
LARGEST_WEIGHT = 2.0**53  # what steps that AdaGrad makes ever smaller add up to

VALUES = Holds()  # of features: any finite number
SOME_VALUES = Holds(missing=True)
TERMS = Holds(low=-1e300, high=1e300)  # sums of 32-bit numbers
KEYS = Holds(low=0)
COUNTS = Holds(low=0, high=LARGEST_COUNT)
DECAYED = Holds(low=0, high=LARGEST_DECAYED)
POSITIVE = Holds(low=5e-324, high=LARGEST_COUNT)
WEIGHTS = Holds(low=-LARGEST_WEIGHT, high=LARGEST_WEIGHT)
SUMS = Holds(finite=False)  # what finite values add up to may be larger than any number

OfRecords = dict[str, Holds]  # by field


class Axes:
    """Shape of an array: each axis is the name of a size, or a fixed length; ``dtype`` where
    elements are records; ``holds``: what they may be, in arrays that outlive a call."""

    def __init__(
        self,
        *axes: str | int,
        fill: float = 0,
        dtype: np.dtype | None = None,
        holds: Holds | OfRecords | None = None,
    ):
        self.axes = axes
        self.fill = fill
        self.dtype = dtype
        self.holds = holds

    def shape(self, sizes: dict[str, int]) -> tuple[int, ...]:
        """The shape for given sizes."""
        return tuple(axis if isinstance(axis, int) else sizes[axis] for axis in self.axes)


class _Field(typing.NamedTuple):
    dtype: np.dtype
    axes: Axes


def _filled(field: _Field, shape: tuple[int, ...]) -> np.ndarray:
    if field.axes.fill == 0:
        return np.zeros(shape, field.dtype)
    return np.full(shape, field.axes.fill, field.dtype)


@functools.cache
def _fields(kind: type) -> dict[str, _Field | type]:
    """Every field of a state: its dtype and axes, or the nested state's type."""
    fields: dict[str, _Field | type] = {}
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        if typing.get_origin(hint) is not typing.Annotated:
            fields[name] = hint
            continue
        array, axes = typing.get_args(hint)
        if isinstance(axes, Holds):  # of all arrays of a nested state: see :func:`rules_of_parts`
            fields[name] = array
            continue
        scalar = typing.get_args(typing.get_args(array)[1])[0]
        fields[name] = _Field(axes.dtype or np.dtype(scalar), axes)
    return fields


@functools.cache
def rules_of_parts(kind: type) -> dict[str, Holds]:
    """What all arrays of a nested state may hold in this one, by the name of its field, where an
    annotation says so: ``Annotated[Weights, Holds(...)]``."""
    hints = typing.get_type_hints(kind, include_extras=True).items()
    details = {name: typing.get_args(hint)[1:] for name, hint in hints}
    return {name: each[0] for name, each in details.items() if each and isinstance(each[0], Holds)}


def has_layout(kind: type) -> bool:
    """Whether instances of a class are states: NamedTuples with arrays of their own."""
    if not (issubclass(kind, tuple) and hasattr(kind, "_fields")):
        return False
    return any(isinstance(field, _Field) for field in _fields(kind).values())


def allocate(kind: type[State], sizes: dict[str, int]) -> State:
    """A state with every entry at its fill value."""
    values: dict[str, Any] = {
        name: _filled(field, field.axes.shape(sizes))
        if isinstance(field, _Field)
        else allocate(field, sizes)
        for name, field in _fields(kind).items()
    }
    return kind(**values)


def resize(state: State, sizes: dict[str, int]) -> State:
    """The same state with other sizes; arrays whose shape stays are kept, not copied."""
    changed: dict[str, Any] = {}
    for name, field in _fields(type(state)).items():
        old = getattr(state, name)
        if not isinstance(field, _Field):
            changed[name] = resize(old, sizes)
            continue
        shape = field.axes.shape(sizes)
        if old.shape != shape:
            new = _filled(field, shape)
            common = tuple(slice(0, min(a, b)) for a, b in zip(old.shape, shape, strict=True))
            new[common] = old[common]
            changed[name] = new
    return state._replace(**changed) if changed else state  # type: ignore[attr-defined]


def copied(state: State) -> State:
    """A copy to the last byte, with what is between the fields of records."""
    return type(state)(
        *(
            copied(value) if isinstance(value, tuple) else copy_into(np.zeros_like(value), value)
            for value in state
        )
    )


def copy_into(room: np.ndarray, array: np.ndarray) -> np.ndarray:
    """``room``, of the shape and the type of the array, with its elements; a copy of records by
    their fields would leave what is between them to chance."""
    if array.flags.c_contiguous and array.dtype.fields is not None:
        room.reshape(-1).view(np.uint8)[:] = array.reshape(-1).view(np.uint8)
    else:
        room[...] = array
    return room


def check_state(values: tuple, *, exact: bool = True) -> None:
    """Look at the fields of a NamedTuple that came from outside: arrays have the dtype of their
    annotation, axes of one name have one length, elements are what they may be by the annotation,
    plain values have the type of theirs.

    Parameters
    ----------
    values
        The NamedTuple.
    exact
        Whether numbers must be of the very type; else any integer and any real number will do.

    Raises
    ------
    SnapshotError
        Naming the first field that does not fit.
    """
    lengths: dict[str, tuple[int, str]] = {}
    _axis_lengths(values, lengths, exact)
    for name, field in _fields(type(values)).items():
        if isinstance(field, _Field):
            where, holds = f"{type(values).__name__}.{name}", field.axes.holds
            if isinstance(holds, dict):
                for each, of_field in holds.items():
                    _check_elements(
                        getattr(values, name)[each], of_field, f"{where}.{each}", lengths
                    )
            elif holds is not None:
                _check_elements(getattr(values, name), holds, where, lengths)
    for name, rule in rules_of_parts(type(values)).items():
        part = getattr(values, name)
        for of_part in part._fields:
            where = f"{type(values).__name__}.{name}.{of_part}"
            _check_elements(getattr(part, of_part), rule, where, lengths)


def _check_elements(
    values: np.ndarray, holds: Holds, where: str, lengths: dict[str, tuple[int, str]]
) -> None:
    """Raise SnapshotError unless all elements are what they may be."""
    if not values.size:
        return
    if holds.finite and values.dtype.kind == "f":
        bad = np.isinf(values) if holds.missing else ~np.isfinite(values)
        if bad.any():
            raise _misfit(where, "finite numbers", values[bad][0])
    if holds.low is not None and not values.min() >= holds.low:
        raise _misfit(where, f"numbers from {holds.low} up", values.min())
    if holds.high is not None:
        # An axis of length 0 has no places; what stands for one then is never followed.
        high = max(lengths[holds.high][0], 1) if isinstance(holds.high, str) else holds.high
        last = high - 1 if holds.open_end else high
        if not values.max() <= last:
            raise _misfit(where, f"numbers up to {last}", values.max())


def _misfit(where: str, allowed: str, given: Any) -> SnapshotError:
    return SnapshotError(
        f"the state does not fit together: {where} must hold {allowed}, got {given}"
    )


def _axis_lengths(values: tuple, lengths: dict[str, tuple[int, str]], exact: bool) -> None:
    for name, field in _fields(type(values)).items():
        where, value = f"{type(values).__name__}.{name}", getattr(values, name)
        if not isinstance(field, _Field):
            if hasattr(field, "_fields"):
                if not isinstance(value, tuple) or type(value) is not field:
                    raise SnapshotError(f"{where} must be a {field.__name__}, got {value!r:.80}")
                _axis_lengths(value, lengths, exact)
            elif not _has_type(value, field, exact):
                raise SnapshotError(f"{where} must be a {field}, got {value!r}")
            continue
        if not isinstance(value, np.ndarray) or value.dtype != field.dtype:
            given = getattr(value, "dtype", type(value).__name__)
            raise SnapshotError(f"{where} must be an array of {field.dtype}, got {given}")
        axes = field.axes.axes
        if value.ndim != len(axes):
            raise SnapshotError(f"{where} must have {len(axes)} axes, got shape {value.shape}")
        for axis, length in zip(axes, value.shape, strict=True):
            if isinstance(axis, str):
                expected, first = lengths.setdefault(axis, (length, where))
            else:
                expected, first = axis, "its declaration"
            if length != expected:
                raise SnapshotError(
                    f"{where} has shape {value.shape}, but the axis {axis!r} has length {expected} "
                    f"by {first}"
                )


def _has_type(value: Any, hint: Any, exact: bool) -> bool:
    """Whether a value fits a hint, as far as that is a number, a truth value, a text, or a tuple of
    them; a kernel would be compiled anew for an int where it was given floats."""
    if hint is bool or hint is str or (exact and hint in (int, float)):
        return type(value) is hint
    if hint is int or hint is float:
        kind = numbers.Integral if hint is int else numbers.Real
        return isinstance(value, kind) and not isinstance(value, bool)
    hints = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and ... not in hints:
        same = type(value) is tuple and len(value) == len(hints)
        return same and all(map(_has_type, value, hints, [exact] * len(hints)))
    return True


def n_bytes(kind: type, sizes: dict[str, int]) -> int:
    """Bytes that :func:`allocate` would take."""
    return sum(
        field.dtype.itemsize * math.prod(field.axes.shape(sizes))
        if isinstance(field, _Field)
        else n_bytes(field, sizes)
        for field in _fields(kind).values()
    )


def select(state: State, axis: str, kept: npt.NDArray[np.integer], sizes: dict[str, int]) -> State:
    """The same state with only the columns ``kept`` of one axis, in that order.

    Parameters
    ----------
    state
        A state with arrays along ``axis``.
    axis
        Name of the axis.
    kept
        Columns that stay.
    sizes
        Sizes of the result; the axis needs room for what is kept.
    """
    changed: dict[str, Any] = {}
    for name, field in _fields(type(state)).items():
        old = getattr(state, name)
        if not isinstance(field, _Field):
            changed[name] = select(old, axis, kept, sizes)
            continue
        shape = field.axes.shape(sizes)
        if axis in field.axes.axes:
            old = np.take(old, kept, axis=field.axes.axes.index(axis))
            if old.shape == shape:
                changed[name] = old
                continue
        new = _filled(field, shape)  # a copy of records would leave the bytes between their fields
        new[tuple(slice(0, length) for length in old.shape)] = old
        changed[name] = new
    return state._replace(**changed)  # type: ignore[attr-defined]
