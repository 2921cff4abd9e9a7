"""Matrices written in every format, batches made dense again, and refusals checked word by word."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from stream.data import Source
from stream.errors import DataError
from stream.rows.batch import Batch, concatenate


def read(source: Source, chunk_rows: int = 1000) -> Batch:
    return concatenate(list(source.batches(chunk_rows)))


def dense(batch: Batch, n_features: int, n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Features, and labels as 0, 1 or NaN; checks the promises of a batch on the way."""
    for name in ("x", "y", "u"):
        indptr, indices = getattr(batch, f"{name}_indptr"), getattr(batch, f"{name}_indices")
        assert indptr.dtype == np.int64
        assert indices.dtype == np.int32
        assert indptr[0] == 0
        assert indptr[-1] == len(indices)
        for row in range(batch.n_rows):
            assert (np.diff(indices[indptr[row] : indptr[row + 1]]) > 0).all()
    assert (batch.x_values != 0).all()
    assert not np.isinf(batch.x_values).any()
    rows = np.arange(batch.n_rows)
    x = np.zeros((batch.n_rows, n_features))
    x[np.repeat(rows, np.diff(batch.x_indptr)), batch.x_indices] = batch.x_values
    y = np.zeros((batch.n_rows, n_labels))
    y[np.repeat(rows, np.diff(batch.y_indptr)), batch.y_indices] = 1
    y[np.repeat(rows, np.diff(batch.u_indptr)), batch.u_indices] = math.nan
    return x, y


def same(first: Batch, second: Batch) -> bool:
    arrays = zip(first[:-1], second[:-1], strict=True)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in arrays)


def refused(make, *words: str, line: int | None = None, column=None, source=None) -> DataError:
    """The error that reading to the end raises; its message must hold file, line, column and these
    words.
    """
    with pytest.raises(DataError) as caught:
        for _ in make().batches():
            pass
    error, message = caught.value, str(caught.value)
    assert error.line == line, message
    assert error.column == column, message
    if source is not None:
        assert message.startswith(str(source)), message
    if line is not None:
        assert f"line {line}" in message
    if column is not None:
        assert f"column {column!r}" in message
    for word in words:
        assert word in message, message
    return error


def rows_before_error(batches: Iterable[Batch]) -> tuple[int, DataError]:
    """Number of rows yielded before the error, and the error."""
    rows = 0
    try:
        for batch in batches:
            rows += batch.n_rows
    except DataError as error:
        return rows, error
    raise AssertionError("nothing was refused")


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


values = st.one_of(
    st.just(0.0),
    st.integers(-1000, 1000).map(float),
    st.floats(allow_nan=False, allow_infinity=False, width=64),
    st.just(math.nan),
)


@st.composite
def matrices(draw) -> tuple[np.ndarray, np.ndarray]:
    """Features with zeros and NaN, labels 0 and 1."""
    n_rows = draw(st.integers(1, 12))
    n_features, n_labels = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    x = draw(
        st.lists(
            st.lists(values, min_size=n_features, max_size=n_features),
            min_size=n_rows,
            max_size=n_rows,
        )
    )
    y = draw(
        st.lists(
            st.lists(st.integers(0, 1), min_size=n_labels, max_size=n_labels),
            min_size=n_rows,
            max_size=n_rows,
        )
    )
    return np.array(x, float), np.array(y, float)
