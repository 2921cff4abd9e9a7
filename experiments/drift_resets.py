"""What it is worth to begin a part of DriftHOMER anew at each true change.

A part that is forgotten at the right moment tells about what a detector can gain by resetting it;
a model for each concept, what a memory of concepts can. The detectors of the model are off, but for
the lines that say so.

Run: python experiments/drift_resets.py [--seeds 2] [--rows 20000]
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reporting import (
    RESULTS,
    command_line,
    machine,
    machine_markdown,
    markdown_table,
    print_table,
    write_results,
)

from stream import DriftHOMER
from stream.clusters.cluster import Cluster
from stream.clusters.coordinator import Coordinator
from stream.clusters.executor import LocalExecutor
from stream.clusters.gate import ClusterGate
from stream.clusters.tree_clusters import TreeClusters
from stream.data.synthetic import create
from stream.engine.growing_mixer_decoder import GrowingMixerDecoder
from stream.engine.learner import GrowingTree
from stream.engine.recent_dense import BEGAN
from stream.engine.recent_layout import N_KEPT
from stream.evaluate import MultiLabelMetrics

STREAMS = ("syn-hp-rec", "syn-tree-rec", "syn-rbf-rec", "syn-hp-sud")
OFF = {"drift_detection": False, "cluster_drift": False, "partition_drift": False}
STEP = 100  # rows of a batch: changes are at multiples of it

Reset = Callable[[Coordinator, TreeClusters], None]


def shared_tree(learner: Coordinator, trees: TreeClusters) -> None:
    """Begin with one leaf."""
    part = trees.shared.part
    part.growing = GrowingTree(part.growing.params, part.growing.max_size)
    part.growing.widen(0, trees.n_labels)
    part.growing.count_without_labels(learner.n_learnt)


def clusters(learner: Coordinator, trees: TreeClusters) -> None:
    """Forget the clusters' models, the gate and the recent rows."""
    gated, made = learner.gated, []
    for old in gated.clusters:
        made.append(Cluster(old.params, old.capacity))
        for label in old.labels.tolist():
            made[-1].add_label(label, learner.n_learnt)
    gated.executor = LocalExecutor(made)
    gated.gate = ClusterGate(gated.params.gate)
    gated.gate.make_room(gated.n_clusters, learner.n_labels)
    recent_rows(learner, trees)


def recent_rows(learner: Coordinator, trees: TreeClusters) -> None:
    """Forget the rows that vote, and which labels persist. The streams' rows are dense."""
    state = learner.gated.recent.state
    state.dense.registers[BEGAN] = state.registers[N_KEPT]
    state.n_labels[:] = 0


def mixer_and_decoder(learner: Coordinator, trees: TreeClusters) -> None:
    """Weigh all models alike, and forget label sets."""
    old = trees.mixer_decoder
    trees.mixer_decoder = GrowingMixerDecoder(old.params, old.n_models, old.n_given)
    trees.mixer_decoder.add_labels(old.n_labels, 1)
    trees.mixer_decoder.regroup([cluster.labels for cluster in trees.clusters], 0)


PARTS: dict[str, tuple[Reset, ...]] = {
    "nothing": (),
    "shared tree": (shared_tree,),
    "recent rows": (recent_rows,),
    "clusters and recent rows": (clusters,),
    "mixer and decoder": (mixer_and_decoder,),
    "tree and clusters": (shared_tree, clusters),
}


DETECTORS = "nothing, detectors on"
MEMORY = "nothing, detectors and memory of concepts on"
EVERYTHING, BY_CONCEPT = "everything", "a model for each concept, told which is in force"


def micro_f1(spec: str, n_rows: int, seed: int, params: dict[str, Any], line: str) -> float:
    """Micro-F1 where at each true change happens what a line of the table says."""
    source = create(spec, n_rows=n_rows, seed=seed)
    drift, metrics = source.description.drift, MultiLabelMetrics()
    made: dict[int, DriftHOMER] = {}  # by concept; one for all where it is not told
    model, concept = DriftHOMER(seed=1, **params), drift.concept_at(0)
    made[concept] = model
    for start in range(0, n_rows, STEP):
        batch = source.rows(start, start + STEP)
        now = drift.concept_at(start)
        if now != concept:
            concept = now
            if line == EVERYTHING or (line == BY_CONCEPT and concept not in made):
                made[concept] = DriftHOMER(seed=1, **params)
            if line in (EVERYTHING, BY_CONCEPT):
                model = made[concept]
            for reset in PARTS.get(line, ()):
                learner = model._learner
                assert isinstance(learner, Coordinator)
                assert learner.trees is not None
                reset(learner, learner.trees)
        answers = model.test_then_train_many(batch, source.schema)
        metrics.update_many(answers.labels, batch, len(source.schema.labels))
    return metrics.as_dict()["micro_f1"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=2, help="of the streams, from 1")
    parser.add_argument("--rows", type=int, default=20_000, help="of each stream")
    parser.add_argument("--streams", nargs="+", default=list(STREAMS))
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    lines: dict[str, dict[str, Any]] = dict.fromkeys((*PARTS, EVERYTHING, BY_CONCEPT), OFF)
    lines[DETECTORS], lines[MEMORY] = {"concepts": 0}, {}
    found: dict[str, dict[str, list[float]]] = {line: {} for line in lines}
    for stream in options.streams:
        for line, params in lines.items():
            found[line][stream] = [
                micro_f1(stream, options.rows, seed, params, line)
                for seed in range(1, options.seeds + 1)
            ]
    heads = ("begun anew", *options.streams)
    rows = [
        [name, *(f"{statistics.fmean(own[stream]):.4f}" for stream in options.streams)]
        for name, own in found.items()
    ]
    print_table("micro-F1", heads, rows)
    text = (
        f"# What to begin anew at a change\n\n`{command_line()}`\n\n"
        f"Micro-F1 of `DriftHOMER(seed=1)` over generated streams of {options.rows:,} rows, the "
        f"mean over seeds 1 to {options.seeds} of the streams. At each true change the part named "
        "is begun anew, sooner than any detector can; detectors are off but in the last two "
        "lines.\n\n" + markdown_table(heads, rows) + "\n" + machine_markdown(machine())
    )
    about = {"command": command_line(), "machine": machine()}
    write_results("drift_resets", {**about, "micro_f1": found}, text, options.out)


if __name__ == "__main__":
    main()
