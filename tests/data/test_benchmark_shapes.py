"""The benchmark files have the shapes that their README states, read through the whole of our
reader.
"""

from __future__ import annotations

import hashlib
import re

import pytest

from stream.data import entries, find_entry, resolve
from stream.data.opening import open_bytes

LARGE = {"airlines", "imdb", "gmsc"}
MISSING_CELLS = {"gmsc": 33_654}  # question marks in the file
NAMES = [
    pytest.param(entry.name, marks=pytest.mark.slow if entry.name in LARGE else ())
    for entry in entries()
    if entry.sha256 is not None
]


def stated(data_dir) -> dict[str, tuple[int, int, int, float]]:
    """Rows, features, labels (or classes) and cardinality by file, out of the README's tables."""
    found = {}
    for line in (data_dir / "README.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("| `"):
            continue
        name, _, rows, features, labels, cardinality, *_ = [
            cell.strip().replace(",", "") for cell in line.strip("|").split("|")
        ]
        if labels.isdigit():
            found[name.strip("`")] = (
                int(rows),
                int(features),
                int(labels),
                float(cardinality),
            )
        else:
            found[name.strip("`")] = (
                int(rows),
                int(features),
                len(re.findall(r"\w+: \d+", labels)),
                1.0,
            )
    return found


@pytest.mark.parametrize("name", NAMES)
def test_shape_cardinality_and_checksum(data_dir, name):
    entry = find_entry(name)
    source = resolve(name, data_dir, download=False)
    rows = present = unknown = missing = 0
    for batch in source.batches():
        rows += batch.n_rows
        present += len(batch.y_indices)
        unknown += len(batch.u_indices)
        missing += int((batch.x_values != batch.x_values).sum())
    assert (unknown, missing) == (0, MISSING_CELLS.get(name, 0))
    measured = rows, entry.features, len(source.schema.labels), round(present / rows, 4)
    assert measured == (entry.rows, entry.features, entry.labels, entry.cardinality)
    if hasattr(source, "header"):
        n_outputs = 1 if entry.task == "single-label" else entry.labels
        assert len(source.header.attributes) - n_outputs == entry.features
        assert measured == pytest.approx(stated(data_dir)[source.path.name], rel=0, abs=1e-9)
    else:
        assert len(source.schema.features) == entry.features
    with open_bytes(source.path) as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
