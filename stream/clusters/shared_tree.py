"""The tree that all labels share, and the memory of what it was."""

from __future__ import annotations

import numpy as np

from stream.clusters.concepts import ConceptMemory, Recall
from stream.clusters.tree_parts import Part, PartRows, Stretch
from stream.engine.arrays import Float64Array
from stream.engine.checking import require_all
from stream.engine.layout import LOGISTIC, TreeParams
from stream.engine.learner import GrowingTree


class SharedTree:
    """A tree for all labels, whose leaf models are all asked.

    Parameters
    ----------
    params
        Parameters of the tree.
    max_size
        Limit in bytes for its arrays.
    concepts
        The memory of concepts; None: there is none.
    """

    def __init__(self, params: TreeParams, max_size: float, concepts: ConceptMemory | None):
        self.part = Part((), GrowingTree(params, max_size))
        self.n_models = LOGISTIC + params.n_rates
        self.concepts = concepts

    def check_labels(self, n_labels: int) -> None:
        """Raise SnapshotError unless it knows these labels."""
        require_all(self.part.labels.tolist(), n_labels, "labels are numbered")
        if self.concepts is not None:
            self.concepts.check_tree(self.part.growing)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        parts = (self.part.growing, self.concepts)
        return sum(part.n_bytes for part in parts if part is not None)

    def add_labels(self, n_labels: int) -> None:
        """Take in labels that were never present before."""
        self.part.labels = np.arange(n_labels)

    def advance(self, rows: PartRows, stretch: Stretch, n_labels: int) -> Float64Array:
        """Let the tree take a stretch; returns what each of its models says [answers, models,
        labels], with at least ``n_labels`` columns."""
        rows.advance(self.part, stretch, asked=True, n_models=self.n_models, n_labels=n_labels)
        answers = rows.answers_of(self.part, stretch)
        if self.concepts is not None and stretch.learns:
            truth = rows.truth_of(self.part.labels)
            self.concepts.compare(rows, stretch, truth, answers[stretch.learnt_answers])
        return answers

    def drift(self, n_learnt: int) -> None:
        """Put the tree aside as it is, if there is a memory of concepts."""
        if self.concepts is not None:
            self.concepts.drift(self.part.growing, n_learnt)

    def recall(self, n_labels: int, n_learnt: int) -> Recall | None:
        """Let a tree that was put aside take over where it is better; returns which one did."""
        found = None if self.concepts is None else self.concepts.recalled(n_learnt)
        if found is None:
            return None
        recall, tree = found
        tree.widen(0, n_labels)
        self.part = Part(self.part.labels, tree)
        return recall
