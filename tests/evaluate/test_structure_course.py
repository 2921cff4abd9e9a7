"""What windows tell of a model's structure and routing."""

import numpy as np
import pytest

from stream import DriftHOMER, MultiLabelHoeffdingTree, prequential


def label_rich(n_rows=1_500, n_labels=150):
    rng = np.random.default_rng(5)
    for _ in range(n_rows):
        topic = int(rng.integers(n_labels // 3))
        x = {f"word {topic}": 1.0, f"word {rng.integers(n_labels)}": 1.0}
        yield x, {f"tag {3 * topic + i}" for i in range(int(rng.integers(1, 4)))}


def test_windows_add_up_to_what_the_gate_did():
    """A window tells what was so far, or begins at the wrong row."""
    model = DriftHOMER(seed=1)
    found = prequential(list(label_rich()), model, window=400)
    assert [each["stop"] for each in found.windows] == [400, 800, 1200, 1500]
    counts = model.routing_counts()
    asked = sum(each["asked"] * (each["stop"] - each["start"]) for each in found.windows)
    assert asked == pytest.approx(counts["asked"])
    assert found.windows[-1]["askable"] == counts["clusters"] > 5
    last = found.windows[-1]
    assert 0 < last["asked"] < last["askable"]
    assert all(0 <= each["missed"] <= 1 for each in found.windows)
    assert (
        found.csv_text()
        .splitlines()[0]
        .endswith("clusters,restructures,drifts,askable,asked,missed")
    )
    assert list(found.windows_frame("pandas").columns[-3:]) == ["askable", "asked", "missed"]


def test_a_model_without_a_gate_tells_of_none():
    found = prequential(list(label_rich(300)), MultiLabelHoeffdingTree(), window=100)
    assert all("asked" not in each for each in found.windows)


def test_no_window_is_one_that_suits_the_stream():
    """None, which the command line's default is, ended in a TypeError."""
    found = prequential(list(label_rich(300)), MultiLabelHoeffdingTree(), limit=100, window=None)
    assert found.window == 10
    assert len(found.windows) == 10
