"""Streams of several kinds in a few batches, and what a model makes of them."""

import numpy as np

from stream import DriftHOMER, open_source

# Name: rows, rows of a batch, parameters of the model. Labels are few and dense, few with clusters
# that split and merge, many, and more than trees are kept for after some rows.
STREAMS = {
    "yeast": (700, 300, {}),
    "syn-blocks-sud": (1_500, 400, {"partition_delta": 0.3}),
    "bibtex": (1_200, 500, {}),
    "debian_tags.jsonl.gz": (1_200, 200, {"max_size": 3.0}),
}


def batches_of(name, data_dir):
    """Schema and batches of a stream."""
    options = {"labels": "tags"} if name.startswith("debian") else {}
    place = data_dir / name if "." in name else name
    source = open_source(str(place), data_dir=str(data_dir), download=False, **options)
    n_rows, size, _ = STREAMS[name]
    batches = []
    for batch in source.batches(size):
        batches.append(batch)
        if sum(each.n_rows for each in batches) >= n_rows:
            return source.schema, batches
    raise AssertionError("the stream is too short")


def model_for(name):
    """A model with the stream's parameters."""
    return DriftHOMER(seed=3, **STREAMS[name][2])


def answers(model, schema, batches, before=lambda place: None):
    """What a model answers to every batch before it learns it; ``before`` is called before each."""
    found = []
    for place, batch in enumerate(batches):
        before(place)
        found.append(model.test_then_train_many(batch, schema))
    return found


def assert_same(one, other):
    """Two lists of answers are the same bit for bit."""
    for found, expected in zip(one, other, strict=True):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)
