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

State = TypeVar("State", bound=tuple)


def record(**fields: type) -> np.dtype:
    """Type of an array's elements with named fields, read and written as ``array[i].field``."""
    plain = np.dtype(list(fields.items()), align=True)
    return np.dtype((np.record, plain))


class Axes:
    """Shape of an array: each axis is the name of a size, or a fixed length; ``dtype`` where
    elements are records."""

    def __init__(self, *axes: str | int, fill: float = 0, dtype: np.dtype | None = None):
        self.axes = axes
        self.fill = fill
        self.dtype = dtype

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
        if typing.get_origin(hint) is typing.Annotated:
            array, axes = typing.get_args(hint)
            scalar = typing.get_args(typing.get_args(array)[1])[0]
            fields[name] = _Field(axes.dtype or np.dtype(scalar), axes)
        else:
            fields[name] = hint
    return fields


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


def check_state(values: tuple) -> None:
    """Look at the fields of a NamedTuple that came from outside: arrays have the dtype of their
    annotation, axes of one name have one length, plain values the type of theirs.

    Raises
    ------
    SnapshotError
        Naming the first field that does not fit.
    """
    _axis_lengths(values, {})


def _axis_lengths(values: tuple, lengths: dict[str, tuple[int, str]]) -> None:
    for name, field in _fields(type(values)).items():
        where, value = f"{type(values).__name__}.{name}", getattr(values, name)
        if not isinstance(field, _Field):
            if isinstance(value, tuple) and value and hasattr(field, "_fields"):
                if type(value) is not field:
                    raise SnapshotError(f"{where} must be a {field.__name__}, not {type(value)}")
                _axis_lengths(value, lengths)
            elif not _has_type(value, field):
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


def _has_type(value: Any, hint: Any) -> bool:
    """Whether a value fits a hint, as far as that is a number, a truth value or a text."""
    if hint is bool or hint is str:
        return type(value) is hint
    if hint is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool)
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
