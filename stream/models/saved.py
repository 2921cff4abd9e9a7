"""Saving, pickling and copying of estimators."""

from __future__ import annotations

from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np

from stream.errors import SnapshotError
from stream.snapshot import dumps, loads, register, save
from stream.snapshot.classes import is_value, name_of


class Saved:
    """An estimator whose files, pickles and deep copies are the same bytes: those of
    :func:`stream.snapshot.dumps`.

    They hold all of its attributes, or what ``__getstate__`` returns, and depend on nothing else.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register(cls)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        # the class is named so that a pickle imports the module of one that is not ours
        return _restored, (type(self), dumps(self))

    def save(self, path: str | Path) -> None:
        """Write the estimator to a file that :func:`stream.load` reads.

        The file is written whole or not at all.

        Parameters
        ----------
        path
            The file; ``.safetensors`` is the usual ending.

        Raises
        ------
        SnapshotError
            When the file cannot be written, or a name is of a type that snapshots do not hold.
        """
        save(self, path)

    def check_restored(self) -> None:
        """Validate restored state: parameters are allowed, and all is of the kind that
        an estimator with these parameters begins with."""
        fresh = type(self)(**self._get_params())  # type: ignore[attr-defined]
        _check_like(self, fresh, type(self).__name__)


def _restored(kind: type, data: bytes) -> Any:
    return loads(data)


def _check_like(restored: Any, fresh: Any, where: str) -> None:
    """Raise unless one object has the attributes of another, of the same types all the way down,
    and settings that do not change are the same.

    A class may name attributes in ``given_up`` that are None from some moment on.
    """
    if type(restored) is not type(fresh):
        raise SnapshotError(
            f"{where} must be a {type(fresh).__name__}, got a {type(restored).__name__}"
        )
    missing = sorted(vars(fresh).keys() - vars(restored).keys())
    if missing:
        raise SnapshotError(f"{where} lacks {missing[0]!r}")
    for name, expected in vars(fresh).items():
        found, here = getattr(restored, name), f"{where}.{name}"
        if found is None and name in getattr(type(fresh), "given_up", ()):
            continue
        if name_of(type(expected)) is None:
            real = type(expected) is float and isinstance(found, float)
            whole = isinstance(found, int | np.integer) and type(expected) is int
            same = type(found) is type(expected) or real or (whole and type(found) is not bool)
            if expected is not None and not same:
                raise SnapshotError(f"{here} must be a {type(expected).__name__}, got {found!r}")
        elif not is_value(type(expected)):
            _check_like(found, expected, here)
        elif type(found) is not type(expected):
            raise SnapshotError(f"{here} must be a {type(expected).__name__}, got {found!r}")
        elif not _holds_arrays(expected) and found != expected:
            raise SnapshotError(f"{here} is {found}, but by the parameters {expected}")


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_holds_arrays, value))
    return isinstance(value, np.ndarray)
