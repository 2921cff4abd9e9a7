from __future__ import annotations

import subprocess
import sys

import pytest

from stream.errors import ParameterError
from stream.rows.text import BagOfWords


def test_words_of_two_fields_are_different_features():
    bag = BagOfWords()
    assert bag.count("a", "Wine") == {"a:wine": 1.0}
    assert bag.count("b", "wine wine x") == {"b:wine": 2.0}
    assert bag.count("a", "") == {}


def test_hashing_bounds_the_features_and_keeps_the_counts():
    bag = BagOfWords(7)
    counts = bag.count("t", " ".join(f"word{i}" for i in range(100)))
    assert set(counts) <= {f"t#{i}" for i in range(7)}
    assert sum(counts.values()) == 100
    assert bag.count("t", "\ud800bc") != {}


def test_hashes_do_not_depend_on_the_process():
    """Python's own hash of a text does, and a model could not be continued."""
    code = (
        "from stream.rows.text import BagOfWords; print(BagOfWords(10**6).count('t', 'red wine'))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str(BagOfWords(10**6).count("t", "red wine"))


@pytest.mark.parametrize("n_columns", [0, -1, True, 1.5, 1 << 40])
def test_refused_numbers_of_columns(n_columns):
    with pytest.raises(ParameterError, match="'text_columns' must be"):
        BagOfWords(n_columns)
