"""What the page shows, as values that JSON knows; the live page and the kept one have the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stream.evaluate.marks import rows_of
from stream.evaluate.plotting import main_metrics
from stream.live.history import history_of

FORMAT = 1
MOST_CHANGES = 200
MOST_MARKS = 1_000
MOST_LABELS_NAMED = 40  # of a cluster
MOST_NODES = 400
_PLAIN = (
    *("dataset", "model", "params", "seed", "task", "rows", "features", "labels", "cardinality"),
    *("metrics", "seconds", "compile_seconds", "rows_per_second", "peak_rss_mb", "delay"),
    *("window", "interrupted", "error", "versions"),
)


def state_of(found: dict[str, Any]) -> dict[str, Any]:
    """The page of a result.

    Parameters
    ----------
    found
        A result as :meth:`~stream.evaluate.PrequentialResult.as_dict` gives it.
    """
    per_label = found.get("per_label") or []
    table = {
        "names": [str(each["label"]) for each in per_label],
        **{name: [each[name] for each in per_label] for name in ("tp", "fp", "fn")},
    }
    windows = found.get("windows") or []
    watched = found.get("watched") or {}
    return {
        "format": FORMAT,
        "status": "finished",
        "total": found["rows"],
        **{name: found.get(name) for name in _PLAIN},
        "shown": [name for name in main_metrics(found["task"]) if name in found["metrics"]],
        "history": history_of(windows).columns(),
        **marks_of(found.get("drifts"), found.get("restructures"), windows),
        **clusters_of(found.get("hierarchy") or [], table, watched.get("routing") or {}),
        **(watched.get("placement") or {}),
        "label_table": table,
        "predictions": watched.get("predictions") or [],
    }


def marks_of(drifts: Any, changes: Any, windows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Rows of drifts and restructures, and the last changes with what decided them."""
    drift_rows = rows_of(drifts, "drifts", windows)
    change_rows = rows_of(changes, "restructures", windows)
    told = [each for each in changes if isinstance(each, dict)] if isinstance(changes, list) else []
    return {
        "drifts": drift_rows[-MOST_MARKS:],
        "n_drifts": len(drifts) if isinstance(drifts, list) else drifts,
        "restructures": change_rows[-MOST_MARKS:],
        "n_restructures": len(changes) if isinstance(changes, list) else changes,
        "changes": [_change(each) for each in told[-MOST_CHANGES:]],
    }


def _change(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "row": event["row"],
        "kind": event["kind"],
        **{
            name: [_named(cluster) for cluster in event.get(name, ())]
            for name in ("before", "after")
        },
        "quantities": event.get("quantities", {}),
    }


def _named(cluster: dict[str, Any]) -> dict[str, Any]:
    labels = cluster.get("labels", [])
    return {
        "id": cluster["id"],
        "n_labels": len(labels),
        "labels": [str(label) for label in labels[:MOST_LABELS_NAMED]],
    }


def clusters_of(
    nodes: Iterable[dict[str, Any]], table: dict[str, Any], routing: dict[str, Any]
) -> dict[str, Any]:
    """The hierarchy with the F1 and support of each cluster, and the cluster of every label.

    Parameters
    ----------
    nodes
        Nodes of the hierarchy, parents first.
    table
        ``names`` of labels with their counts ``tp``, ``fp`` and ``fn``; it gets ``cluster``.
    routing
        Mean weights of a cluster's experts by the cluster's number as text, where they are known.
    """
    number_of = {name: i for i, name in enumerate(table["names"])}
    cluster_of: list[int | None] = [None] * len(table["names"])
    told = []
    for node in nodes:
        labels = node.get("labels")
        here = {name: node[name] for name in ("id", "parent", "n_labels")}
        if labels is not None:
            columns = [number_of[str(label)] for label in labels if str(label) in number_of]
            for column in columns:
                cluster_of[column] = node["id"]
            tp, fp, fn = (sum(table[name][i] for i in columns) for name in ("tp", "fp", "fn"))
            here |= {
                "labels": [str(label) for label in labels[:MOST_LABELS_NAMED]],
                "f1": 2 * tp / (2 * tp + fp + fn) if tp else 0.0,
                "support": tp + fn,
                "experts": routing.get(str(node["id"])),
            }
        told.append(here)
    table["cluster"] = cluster_of
    return {
        "hierarchy": told[:MOST_NODES],
        "n_clusters": sum("labels" in node for node in told) or None,
        "n_nodes": len(told),
    }
