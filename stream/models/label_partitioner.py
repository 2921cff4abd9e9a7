"""Clusters of labels by name: the partition as it is used alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from river import base

from stream.engine.checking import require
from stream.errors import DataError
from stream.models.parameters import (
    BOOLEAN,
    CLUSTERS,
    MARGIN,
    NONE,
    ROWS,
    Constraints,
    Number,
    OneOf,
    check_parameters,
)
from stream.models.saved import Saved
from stream.partition import Hierarchy, PartitionCore, PartitionEvent, PartitionParams
from stream.rows.matrices import batch_of
from stream.rows.names import Names, Translation, in_order, translate
from stream.rows.truth import truth_of_row

Listener = Callable[[PartitionEvent], None]
LabelSet = Mapping[Hashable, Any] | Iterable[Hashable]

CONSTRAINTS: Constraints = {
    "delta": (Number(0, 1, closed="neither"),),
    "tau": (MARGIN,),
    "grace_period": (ROWS,),
    "min_observations": (ROWS,),
    "min_cluster_size": (OneOf(("safe",)), CLUSTERS),
    "max_clusters": (CLUSTERS, NONE),
    "coherence_drift": (BOOLEAN,),
    "drift_delta": (Number(0, 1, closed="neither"),),
    "patience": (ROWS,),
    "max_pairs": (Number(8, 10**8, integer=True),),
}


class LabelPartitioner(Saved, base.Base):
    """Finds clusters of correlated labels while a stream of label sets runs.

    Label sets alone matter, no features. Clusters form a hierarchy: one with all labels is split
    about its two most dissimilar labels, and so on, wherever the Hoeffding bound says that there
    are two (ODAC, on 1 − Jaccard). When the share of a row's label pairs that lie inside one
    cluster falls (ADWIN), another hierarchy is grown from fresh statistics, and replaces the
    current one if it is significantly better. The result does not depend on how many rows are
    learnt in a call.

    Parameters
    ----------
    delta
        Allowed probability that a dissimilarity is off by more than the Hoeffding bound.
    tau
        A bound below this value decides a tie between the two largest dissimilarities. Where those
        of a label to the two pivots differ by less, they do not tell which pivot is nearer.
    grace_period
        Rows between two tests. Clusters that do not change are tested ever more rarely: when they
        have a fifth more rows.
    min_observations
        Rows that must hold a label before it takes part in the tests. Until then it waits in the
        catch-all, then it joins the nearest cluster.
    min_cluster_size
        Labels that both sides of a split must have; "safe": the most frequent number of labels that
        a recent row has in the cluster (at least 2).
    max_clusters
        Clusters, without the catch-all; None: no limit.
    coherence_drift
        Whether the coherence is watched.
    drift_delta
        Allowed probability of a false alarm of that detector.
    patience
        Rows after which another hierarchy is given up that has not proved better.
    max_pairs
        Limit for the label pairs that are counted when there are more than 2,048 labels; the rarest
        are forgotten beyond.

    References
    ----------
    Rodrigues, P. P., Gama, J. and Pedroso, J. P. Hierarchical clustering of time-series data
    streams. IEEE Transactions on Knowledge and Data Engineering 20 (5), 2008.
    Neves, Lourenço, Cano and Marreiros. iHOMER. ECAI 2025.

    Examples
    --------
    >>> from stream import LabelPartitioner
    >>> model = LabelPartitioner()
    >>> for i in range(2_000):
    ...     model.learn_one({"sun": i % 3 > 0, "warm": i % 3 > 0, "snow": i % 3 == 0,
    ...                      "ice": i % 3 == 0})
    >>> model.clusters
    [['ice', 'snow'], ['sun', 'warm']]
    >>> [(event.row, event.kind) for event in model.events]
    [(600, 'split')]
    """

    def __init__(
        self,
        delta: float = 0.05,
        tau: float = 0.05,
        grace_period: int = 100,
        min_observations: int = 20,
        min_cluster_size: int | str = "safe",
        max_clusters: int | None = None,
        coherence_drift: bool = True,
        drift_delta: float = 0.002,
        patience: int = 10_000,
        max_pairs: int = 2_000_000,
    ):
        self.delta = delta
        self.tau = tau
        self.grace_period = grace_period
        self.min_observations = min_observations
        self.min_cluster_size = min_cluster_size
        self.max_clusters = max_clusters
        self.coherence_drift = coherence_drift
        self.drift_delta = drift_delta
        self.patience = patience
        self.max_pairs = max_pairs
        check_parameters(self, CONSTRAINTS)
        safe = min_cluster_size == "safe"
        self._core = PartitionCore(
            PartitionParams(
                delta=float(delta),
                tau=float(tau),
                grace_period=int(grace_period),
                min_observations=int(min_observations),
                min_cluster_size=None if safe else int(min_cluster_size),
                max_clusters=None if max_clusters is None else int(max_clusters),
                coherence_drift=bool(coherence_drift),
                drift_delta=float(drift_delta),
                patience=int(patience),
                max_pairs=int(max_pairs),
            )
        )
        self._names = Names()
        self._events: list[PartitionEvent] = []
        self._listeners: list[Listener] = []

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the listeners."""
        return self.__dict__ | {"_listeners": []}

    def check_restored(self) -> None:
        """Validate restored state."""
        super().check_restored()
        require(self._core.n_labels == len(self._names), "each label has a name")

    def describe(self) -> dict[str, Any]:
        """What ``drifthomer inspect`` tells: class, parameters, rows learnt, labels, clusters and
        bytes of the statistics."""
        return {
            "model": type(self).__name__,
            "parameters": self._get_params(),
            "rows": self.n_rows,
            "labels": self.labels,
            "clusters": self.clusters,
            "bytes": self._core.n_bytes,
        }

    def learn_one(self, y: LabelSet) -> None:
        """Learn the labels of one row.

        Parameters
        ----------
        y
            Label to bool, or the set of the labels that are present. A label left out of the
            dictionary is unknown and not counted. Every label named is part of the partition from
            then on. An empty set is a row as well.

        Raises
        ------
        DataError
            When a value is neither true nor false, naming the label; nothing is learnt then.
        """
        present, named = _labels_of(y)
        number = self._names.number
        self._names.add(label for label in named if label not in number)
        indices = np.array(sorted(number[label] for label in present), np.int32)
        self._learn(np.array([0, len(indices)], np.int64), indices, len(self._names))

    def learn_many(self, Y: Any) -> None:
        """Learn rows in order, with the same result as :meth:`learn_one` on each.

        Parameters
        ----------
        Y
            Labels [rows, labels] of 0 and 1, NaN where unknown: NumPy array, SciPy sparse matrix or
            data frame. Or a list of what :meth:`learn_one` takes.

        Raises
        ------
        DataError
            When a value cannot be used; nothing is learnt then.
        """
        if isinstance(Y, list | tuple):
            for labels in [_labels_of(y) for y in Y]:
                self.learn_one(dict.fromkeys(labels[1], False) | dict.fromkeys(labels[0], True))
            return
        batch, schema = batch_of(np.zeros((Y.shape[0], 0)), Y, "multi-label")
        if not batch.n_rows:
            return
        number = self._names.number
        if len(batch.u_indices):
            self._learn_with_unknown(batch, list(schema.labels))
            return
        self._names.add(label for label in schema.labels if label not in number)
        numbers = Translation(self._names, schema.labels).numbers
        indptr, indices = translate(batch.y_indptr, batch.y_indices, numbers)
        self._learn(indptr, indices, len(self._names))

    def _learn_with_unknown(self, batch: Any, labels: list[Hashable]) -> None:
        for i in range(batch.n_rows):
            unknown = set(batch.u_indices[batch.u_indptr[i] : batch.u_indptr[i + 1]].tolist())
            present = set(batch.y_indices[batch.y_indptr[i] : batch.y_indptr[i + 1]].tolist())
            known = (column for column in range(len(labels)) if column not in unknown)
            self.learn_one({labels[column]: column in present for column in known})

    def _learn(self, indptr: np.ndarray, indices: np.ndarray, n_labels: int) -> None:
        self._core.add_labels(n_labels)
        for event in self._core.learn(indptr, indices):
            named = event.renamed(self._names.names.__getitem__)
            self._events.append(named)
            for listener in self._listeners:
                listener(named)

    @property
    def n_rows(self) -> int:
        """Rows learnt."""
        return self._core.n_rows

    @property
    def labels(self) -> list[Hashable]:
        """Labels named so far."""
        return list(self._names.names)

    @property
    def clusters(self) -> list[list[Hashable]]:
        """Labels of every cluster, in the order in which the clusters came to be; each sorted by
        name."""
        names = self._names.names
        return [in_order(names[i] for i in labels) for _, labels in self._core.clusters()]

    @property
    def hierarchy(self) -> Hierarchy:
        """The clusters and what they were split from, as they are now."""
        return Hierarchy(self._core.current.tree, self._names.names.__getitem__)

    @property
    def events(self) -> list[PartitionEvent]:
        """What has happened, in order."""
        return list(self._events)

    def add_listener(self, listener: Listener) -> None:
        """Call a function with every event from now on; copies and pickles do not take it along."""
        self._listeners.append(listener)


def _labels_of(y: LabelSet) -> tuple[list[Hashable], list[Hashable]]:
    """The labels that are present, and those that are named."""
    truth = truth_of_row(list(y) if isinstance(y, Iterator) else y, "multi-label")
    if truth is None:
        raise DataError("the labels must be a dictionary of label to bool or a set, got None")
    return list(truth.present), [*truth.present, *truth.absent]
