"""Clusters in results: any hashable label, any size, any depth."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from stream import IHOMER, LabelPartitioner, prequential
from stream.data import open_source
from stream.evaluate.clusters import (
    DEEPEST,
    MOST_CLUSTERS,
    changes_line,
    cluster_tree,
    hierarchy_of,
)
from stream.evaluate.progress import text_for
from stream.evaluate.report import print_report
from stream.rows.schema import Schema


def chain(n_clusters, size):
    """Nodes of a hierarchy from which one cluster after the other was split off."""
    nodes = []
    for i in range(n_clusters - 1):
        parent = 2 * i - 2 if i else None
        below = (n_clusters - i) * size
        nodes.append({"id": 2 * i, "parent": parent, "n_labels": below, "diameter": 1.0})
        labels = [f"c{i}-{j}" for j in range(size)]
        nodes.append({"id": 2 * i + 1, "parent": 2 * i, "n_labels": size, "labels": labels})
    labels = [f"last-{j}" for j in range(size)]
    nodes.append({"id": -1, "parent": 2 * n_clusters - 4, "n_labels": size, "labels": labels})
    return nodes


def drawn(nodes, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(cluster_tree(nodes))
    return console.file.getvalue().splitlines()


def test_few_labels_are_all_named():
    lines = drawn(chain(3, 5))
    assert lines[0].strip() == "15 labels in 3 clusters"
    text = "\n".join(lines)
    assert all(f"c{i}-{j}" in text for i in range(2) for j in range(5))
    assert "more" not in text


@pytest.mark.parametrize(("n_clusters", "size"), [(2, 5_000), (20, 10), (400, 3), (5_000, 1)])
def test_a_screen_is_enough_for_any_number(n_clusters, size):
    """10,000 labels fill the terminal, and the metrics are out of sight."""
    lines = drawn(chain(n_clusters, size))
    assert len(lines) <= 2 * MOST_CLUSTERS + 2
    assert f"{n_clusters * size:,} labels in {n_clusters:,} clusters" in lines[0]
    assert max(line.find("── ") for line in lines[1:]) <= 4 * DEEPEST
    hidden = n_clusters - MOST_CLUSTERS
    assert (f"and {hidden:,} smaller cluster" in lines[-1]) == (hidden > 0)


def test_the_largest_clusters_are_shown():
    nodes = [{"id": 0, "parent": None, "n_labels": 0}]
    for size in range(1, 31):
        labels = [f"{size}-{j}" for j in range(size)]
        nodes.append({"id": size, "parent": 0, "n_labels": size, "labels": labels})
    lines = drawn(nodes)
    shown = [int(line.split("── ")[1].split(":")[0]) for line in lines[1:-1]]
    assert shown == list(range(31 - MOST_CLUSTERS, 31))
    assert lines[-1].endswith("and 14 smaller clusters of 105 labels")


def test_one_cluster_is_one_line():
    nodes = [{"id": 0, "parent": None, "n_labels": 2, "labels": ["a", "b"]}]
    assert [line.strip() for line in drawn(nodes)] == ["2 labels in 1 cluster"]


def test_labels_cannot_break_the_lines():
    nodes = chain(2, 1)
    nodes[1]["labels"] = ["[bold]a\nb\x1b[31m"]
    lines = drawn(nodes)
    assert len(lines) == 3
    assert "[bold]a b" in lines[1]


def test_changes_are_counted_by_kind():
    kinds = ["split", "merge", "split", "restructure"]
    line = changes_line([{"kind": kind} for kind in kinds], [])
    assert line == "clusters: 2 splits, 1 merge, 1 restructure · no drift seen"
    assert changes_line([], None) == "clusters: no changes"
    assert changes_line([], [700, 700]).endswith("drift seen at row 700")
    assert changes_line([], list(range(20))).endswith(" 6, 7 and 12 more")


def test_a_deep_hierarchy_is_a_list():
    """Nested dictionaries of some hundred levels can neither be described nor written as JSON."""

    class Deep:
        def to_dict(self):
            below = {"id": 0, "n_labels": 1, "labels": ["a"]}
            for i in range(1, 5_000):
                below = {"id": i, "n_labels": 1, "diameter": 1.0, "children": [below]}
            return below

    class Model:
        hierarchy = Deep()

    nodes = hierarchy_of(Model())
    assert len(json.dumps(nodes)) > 5_000
    assert nodes[0]["parent"] is None
    assert [node["parent"] for node in nodes[1:]] == [node["id"] for node in nodes[:-1]]
    assert hierarchy_of(object()) is None


def test_nodes_are_those_of_the_hierarchy():
    model = LabelPartitioner()
    for i in range(2_000):
        model.learn_one({"sun", "warm"} if i % 3 else {"snow", "ice"})
    nodes = hierarchy_of(model)
    assert [node["labels"] for node in nodes if "labels" in node] == model.hierarchy.clusters


def test_results_of_any_hashable_labels_are_strict_json():
    """A label that JSON does not know is written as Python, or cannot be written at all."""
    names = [("a", 1), frozenset({2}), 7, 2.5, None, "text", np.int64(9), True]
    source = open_source("syn-blocks-sud:labels=8,blocks=2,rows=1500")
    batches = list(source.batches(500))

    class Named:
        name, n_rows = "named", 1500
        schema = Schema(list(source.schema.features), names, "multi-label")

        def batches(self, chunk_rows):
            yield from batches

        def n_labels_by(self, row):
            return len(names)

    model = IHOMER()
    result = prequential(Named(), model, window=100)

    def refuse(token):
        raise AssertionError(f"{token} is not JSON")

    found = json.loads(result.json_text(), parse_constant=refuse)
    assert len(found["restructures"]) > 0
    assert sum(map(len, found["clusters"])) == len(names)
    assert sum(len(node.get("labels", ())) for node in found["hierarchy"]) == len(names)
    console = Console(file=io.StringIO(), width=100)
    print_report(result, console)
    assert "8 labels in 2 clusters" in console.file.getvalue()


def test_clusters_on_a_console_that_only_knows_ascii():
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    nodes = chain(3, 1)
    nodes[1]["labels"] = ["Föhn"]
    console = Console(file=file, width=80)
    console.print(cluster_tree(nodes, lambda text: text_for(console, text)))
    file.flush()
    assert "1: F?hn" in file.buffer.getvalue().decode("ascii")
