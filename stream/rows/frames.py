"""Columns of data frames (pandas, polars, Arrow and others) as features, labels and classes."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import numpy.typing as npt

from stream.engine.arrays import Float64Array
from stream.errors import DataError
from stream.rows.cells import shorten
from stream.rows.values import plain_name

Array = npt.NDArray[Any]
Entries = tuple[Array, Array, Array]  # row, column and value of each

_NUMBERS = frozenset({float, int, bool, type(None)})
_CATEGORIES = (nw.Categorical, nw.Enum)
_MOMENTS = (nw.Datetime, nw.Date, nw.Duration)


class Frame(NamedTuple):
    """A data frame whose columns go by position, and the names of these."""

    data: nw.DataFrame
    names: list[Hashable]

    def column(self, position: int) -> nw.Series:
        """The column at a position, from 0."""
        return self.data[str(position)]

    def rows(self, start: int, stop: int) -> Frame:
        """Rows ``start`` to ``stop`` (exclusive)."""
        return Frame(self.data[start:stop], self.names)


def is_frame(data: Any) -> bool:
    """Whether something is a data frame."""
    try:
        return isinstance(nw.from_native(data, pass_through=True, eager_only=True), nw.DataFrame)
    except nw.exceptions.DuplicateError:
        return True


def open_frame(data: Any, source: str | None = None) -> Frame:
    """A data frame with names that may be anything.

    A column's name is what :func:`stream.rows.values.name_of` makes of it, or its text.

    Raises
    ------
    DataError
        When two columns have one name.
    """
    if nw.dependencies.is_pandas_dataframe(data):
        given = list(data.columns)
        native = data.set_axis([str(i) for i in range(len(given))], axis=1)
    elif nw.dependencies.is_pyarrow_table(data):
        given = list(data.column_names)
        native = data.rename_columns([str(i) for i in range(len(given))])
    else:
        native = nw.from_native(data, eager_only=True)
        given = list(native.columns)
        native = native.rename({name: str(i) for i, name in enumerate(given)}).to_native()
    names: dict[Hashable, None] = {}
    for each in given:
        name = plain_name(each)
        if name in names:
            raise DataError(
                "the columns of a data frame must differ in name",
                source=source,
                column=shorten(str(name)),
            )
        names[name] = None
    return Frame(nw.from_native(native, eager_only=True), list(names))


def is_numeric(series: nw.Series) -> bool:
    """Whether every value of a column is a number, or missing, by its type alone."""
    dtype = series.dtype
    return dtype.is_numeric() or dtype == nw.Boolean or dtype in _MOMENTS or dtype == nw.Time


def column_values(series: nw.Series, *, as_names: bool = False) -> Float64Array | list[Any]:
    """The values of a column: as numbers (NaN: missing) where they are numbers, or as they are.

    Parameters
    ----------
    series
        The column.
    as_names
        Whether its values are names, which numbers may be too.
    """
    if as_names:
        return series.to_list()
    dtype = series.dtype
    plain = dtype.is_numeric() and dtype != nw.Decimal
    if plain or dtype in (nw.Boolean, nw.Unknown) or dtype in _MOMENTS:
        found = array_values(np.asarray(series.to_numpy()))
        if found is not None and found.ndim == 1:
            return found
    values = series.to_list()
    if set(map(type, values)) <= _NUMBERS and not any(map(_is_large, values)):
        return np.array(values, np.float64)
    return values


def _is_large(value: Any) -> bool:
    return type(value) is int and not -(2**53) <= value <= 2**53


def array_values(array: Array) -> Float64Array | None:
    """An array as numbers (NaN: missing); None where its values must be looked at one by one."""
    if isinstance(array, np.ma.MaskedArray):
        values = array_values(np.asarray(array))
        if values is not None:
            values = np.where(np.ma.getmaskarray(array), math.nan, values)
        return values
    if array.dtype.kind in "biuf":
        with np.errstate(over="ignore"):  # beyond the largest float: infinite, and refused as that
            return array.astype(np.float64)
    if array.dtype.kind in "Mm" and np.datetime_data(array.dtype)[0] not in ("generic", "Y", "M"):
        units = array.astype(f"{array.dtype.kind}8[us]")
        return np.where(np.isnat(units), math.nan, units.astype(np.int64) / 1e6)
    return None


def is_category(series: nw.Series) -> bool:
    """Whether the values of a column are names, even where they are numbers."""
    return series.dtype in _CATEGORIES


def frame_like(data: Any, columns: dict[Any, np.ndarray]) -> Any:
    """A data frame of the kind (and, for pandas, with the index) of ``data``; None when ``data`` is
    no data frame."""
    if not is_frame(data):
        return None
    if nw.dependencies.is_pandas_dataframe(data):
        import pandas as pd

        return pd.DataFrame(columns, index=data.index)
    backend = nw.from_native(data, eager_only=True).implementation
    named = {str(name): values for name, values in columns.items()}
    return nw.to_native(nw.from_dict(named, backend=backend))


def series_like(data: Any, values: list) -> Any:
    """A series of the kind of the data frame ``data``; None when ``data`` is no data frame."""
    if not is_frame(data):
        return None
    if nw.dependencies.is_pandas_dataframe(data):
        import pandas as pd

        return pd.Series(values, index=data.index)
    backend = nw.from_native(data, eager_only=True).implementation
    return nw.to_native(nw.new_series("class", values, backend=backend))
