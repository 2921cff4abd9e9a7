"""Sampled rows, their answers, and what led to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stream.evaluate.result import describe
from stream.rows.batch import Batch
from stream.rows.label_sets import LabelSets

MOST_EXPLAINED = 12  # labels of a row
MOST_LABELS = 100  # of a row that are named
MOST_EXPERTS = 200  # clusters whose experts are told


def explain(model: Any, x: dict[Any, Any]) -> dict[str, Any]:
    """Explain the answer to a row: the most probable labels with what the models said of them,
    and the weights of the experts of each cluster."""
    told = model.explain_one(x)
    labels = sorted(told["labels"].items(), key=lambda item: -item[1]["probability"])
    found: dict[str, Any] = {
        "why": [
            {
                "label": str(name),
                "answered": each["answered"],
                "probability": each["probability"],
                "cluster": each.get("cluster"),
                "models": {str(k): float(v) for k, v in (each.get("models") or {}).items()},
            }
            for name, each in labels[:MOST_EXPLAINED]
        ],
        "experts": {
            str(number): [float(weight) for weight in cluster["experts"]]
            for number, cluster in list((told.get("clusters") or {}).items())[:MOST_EXPERTS]
            if cluster.get("experts") is not None
        },
    }
    return dict(describe(found))


def row_labels(
    piece: Batch, predicted: LabelSets, i: int, names: Sequence[Any]
) -> dict[str, list[str]]:
    """Names of the labels that are true of row ``i`` and of those that were answered."""
    present = piece.y_indices[piece.y_indptr[i] : piece.y_indptr[i + 1]].tolist()
    return {
        "truth": [str(names[column]) for column in present[:MOST_LABELS]],
        "answered": [str(names[column]) for column in predicted.of_row(i)[:MOST_LABELS].tolist()],
    }


def shares(told: Iterable[dict[str, list[float]] | None]) -> dict[str, list[float]]:
    """Mean weights of each cluster's experts.

    Examples
    --------
    >>> shares([{"1": [0.5, 0.5]}, None, {"1": [1.0, 0.0], "2": [1.0]}])
    {'1': [0.75, 0.25], '2': [1.0]}
    """
    found: dict[str, list[list[float]]] = {}
    for each in told:
        for number, weights in (each or {}).items():
            found.setdefault(number, []).append(weights)
    return {
        number: [sum(column) / len(rows) for column in zip(*rows, strict=False)]
        for number, rows in found.items()
    }
