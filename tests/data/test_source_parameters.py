"""Numeric parameters of sources are bounded, and told before anything is read or allocated."""

import math

import numpy as np
import pandas as pd
import pytest
from data_helpers import write

from stream.data import LibsvmSource, open_source
from stream.errors import ParameterError

ODD = [0, -1, 2**63, 10**5_000, 1.5, math.nan, math.inf, True, "7", None, [3]]
ROWS = [({"a": float(i)}, {"l": i % 2 == 0}) for i in range(9)]


def sources(tmp_path):
    csv = write(tmp_path, "a.csv", "a,l\n" + "".join(f"{i},{i % 2}\n" for i in range(9)))
    svm = write(tmp_path, "a.svm", "".join(f"{i % 2} 1:{i + 1}\n" for i in range(9)))
    lines = "".join(f'{{"a": {i}, "y": {{"l": true}}}}\n' for i in range(9))
    arff = "@relation r\n@attribute a numeric\n@attribute l {0,1}\n@data\n" + "1,0\n" * 9
    yield open_source(ROWS)
    yield open_source(csv, labels=["l"])
    yield open_source(svm)
    yield open_source(write(tmp_path, "a.jsonl", lines), labels="y")
    yield open_source(write(tmp_path, "a.arff", arff), labels=["l"])
    yield open_source("syn-rbf-grad:rows=9")
    yield open_source(pd.DataFrame({"a": range(9), "l": [0, 1, 0] * 3}), labels=["l"])


def test_rows_at_a_time_are_a_number_of_rows(tmp_path):
    """A TypeError out of a parser, or kernels compiled for a truth value."""
    for source in sources(tmp_path):
        for value in ODD:
            with pytest.raises(ParameterError, match="The 'chunk_rows' parameter of batches must"):
                next(iter(source.batches(value)))
        assert sum(batch.n_rows for batch in source.batches(np.int64(4))) == 9
        assert sum(batch.n_rows for batch in source.batches(10**9)) == 9


@pytest.mark.parametrize("name", ["n_features", "n_labels"])
def test_columns_of_a_libsvm_file_are_a_number_of_columns(tmp_path, name):
    path = write(tmp_path, "a.svm", "0 1:1\n")
    for value in ODD:
        if value is not None:
            with pytest.raises(ParameterError, match=f"'{name}' parameter of LibsvmSource must"):
                LibsvmSource(path, **{name: value})


@pytest.mark.parametrize("name", ["rows", "labels", "features"])
def test_parameters_of_a_generator_may_be_any_text(name):
    """An OverflowError for a number that no float holds."""
    for value in ("1" + "0" * 400, "nan", "-1", "1.5", "x"):
        with pytest.raises(ParameterError, match=f"The '{name}' parameter of 'syn-rbf-grad' must"):
            open_source(f"syn-rbf-grad:{name}={value}")
