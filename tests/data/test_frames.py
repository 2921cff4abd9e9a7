from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_helpers import dense, matrices, read, refused, same, write
from hypothesis import given, settings

from stream.data import FrameSource, ParquetSource, frames, open_source
from stream.errors import DataError, NotAvailableError

FRAME = pd.DataFrame(
    {
        "n": [1.5, math.nan, 0.0, 4.0],
        "i": [1, 2, 3, 4],
        "b": [True, False, True, False],
        "t": ["x", None, "y", "x"],
        "c": pd.Categorical(["u", "v", "u", "v"]),
        "p": [1, 0, 1, 0],
        "q": [True, False, False, True],
    }
)


def test_a_frame_of_every_kind():
    source = open_source(FRAME, labels=["p", "q"])
    rows = list(source)
    assert source.n_rows == 4
    assert rows[0] == (
        {"n": 1.5, "i": 1.0, "b": 1.0, "c=u": 1.0, "t=x": 1.0},
        {"p": True, "q": True},
    )
    assert math.isnan(rows[1][0]["n"])
    assert math.isnan(rows[1][0]["t"])
    assert rows[3] == ({"n": 4.0, "i": 4.0, "c=v": 1.0, "t=x": 1.0}, {"p": False, "q": True})


def test_arrow_and_pandas_agree():
    arrow = pa.Table.from_pandas(FRAME)
    assert same(
        read(open_source(arrow, labels=["p", "q"])), read(open_source(FRAME, labels=["p", "q"]))
    )


@given(matrices())
@settings(deadline=None)
def test_parquet_round_trip(tmp_path_factory, xy):
    x, y = xy
    columns = {f"f{i}": x[:, i] for i in range(x.shape[1])} | {
        f"l{i}": y[:, i] == 1 for i in range(y.shape[1])
    }
    path = tmp_path_factory.mktemp("parquet") / "a.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=3)
    source = open_source(path, labels=-y.shape[1])
    assert source.n_rows == len(x)
    x2, y2 = dense(read(source), x.shape[1], y.shape[1])
    np.testing.assert_array_equal(x2, x)
    np.testing.assert_array_equal(y2, y)


def test_blocks_do_not_matter(monkeypatch):
    whole = read(open_source(FRAME, labels=["p"]))
    monkeypatch.setattr(frames, "BLOCK_CELLS", 1)
    assert same(read(open_source(FRAME, labels=["p"])), whole)


def test_single_label_frame():
    source = open_source(FRAME[["i", "t"]], target="t")
    assert [y for _, y in source] == ["x", None, "y", "x"]


def test_refused(tmp_path):
    bad = pd.DataFrame({"a": [1.0, math.inf], "l": [1, 0]})
    refused(lambda: open_source(bad, labels=["l"]), "finite", line=2, column="a")
    refused(lambda: open_source(bad, labels=["a"]), "a label must be", line=2, column="a")
    with pytest.raises(DataError, match="no column 'x'"):
        open_source(bad, labels=["x"])
    fake = write(tmp_path, "a.parquet", "not parquet")
    refused(lambda: ParquetSource(fake, labels=["l"]), "is not a Parquet file", source=fake)
    with pytest.raises(NotAvailableError):
        ParquetSource(tmp_path / "absent.parquet", labels=["l"])


@pytest.mark.parametrize("kind", ["pandas", "arrow", "parquet"])
def test_words_and_ignored_columns(tmp_path, kind):
    """Free text became one feature for each distinct text, and an id one for each row."""
    frame = pd.DataFrame(
        {
            "id": ["x1", "x2", "x3"],
            "body": ["Red, red wine", None, "no wine"],
            "a": [1.0, 2.0, 3.0],
            "l": [1, 0, 1],
        }
    )
    options = {"labels": ["l"], "text": ["body"], "ignore": ["id"]}
    if kind == "parquet":
        frame.to_parquet(tmp_path / "a.parquet")
        source = ParquetSource(tmp_path / "a.parquet", **options)
    else:
        source = FrameSource(pa.Table.from_pandas(frame) if kind == "arrow" else frame, **options)
    rows = [({k: v for k, v in x.items() if not math.isnan(v)}, y) for x, y in source]
    assert rows == [
        ({"a": 1.0, "body:red": 2.0, "body:wine": 1.0}, {"l": True}),
        ({"a": 2.0}, {"l": False}),
        ({"a": 3.0, "body:no": 1.0, "body:wine": 1.0}, {"l": True}),
    ]
    if kind == "pandas":
        with pytest.raises(DataError, match="name it once"):
            FrameSource(frame, labels=["l"], ignore=["l"])
        with pytest.raises(DataError, match="no column 'x' to be the text"):
            FrameSource(frame, labels=["l"], text=["x"])
        with pytest.raises(DataError, match="must hold texts"):
            FrameSource(frame, labels=["l"], text=["a"])
