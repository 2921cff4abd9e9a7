"""The classes whose instances a snapshot may hold, and what of an instance is kept.

A snapshot names classes, never code. A name stands either in :data:`CLASSES` or for a class that
:func:`register` was called with in this process; nothing else is imported or made.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from typing import Any, TypeVar

from stream.engine.arrays import check_state
from stream.errors import SnapshotError

# Of the format. Raised when what a class keeps changes; the class then has a static method
# ``upgrade_state(state, version)``, which turns the state of the version before into that of this
# one. Files of both can be read.
#
# 1: the first one
# 2: the nodes of a hierarchy of clusters stand in a table
# 3: DriftHOMER's labels are in clusters behind a gate
VERSION = 3

# Name in a snapshot: where the class stands. A name is never given to another class.
CLASSES = {
    # estimators
    "ConformalLabelSets": "stream.models.conformal:ConformalLabelSets",
    "DriftMoE": "stream.models.drift_moe:DriftMoE",
    "DriftHOMER": "stream.models.drift_homer:DriftHOMER",
    "IHOMER": "stream.models.ihomer:IHOMER",
    "HoeffdingTreeClassifier": "stream.models.hoeffding_tree:HoeffdingTreeClassifier",
    "LabelPartitioner": "stream.models.label_partitioner:LabelPartitioner",
    "MultiLabelHoeffdingTree": "stream.models.hoeffding_tree:MultiLabelHoeffdingTree",
    # what they are made of
    "BaselineState": "stream.engine.metrics:BaselineState",
    "LabelCounts": "stream.engine.metrics:LabelCounts",
    "MultiLabelMetrics": "stream.evaluate.metrics:MultiLabelMetrics",
    "RankCounts": "stream.engine.ranking:RankCounts",
    "RankTally": "stream.evaluate.ranking:RankTally",
    "Tally": "stream.evaluate.tally:Tally",
    "Adwins": "stream.engine.adwin:Adwins",
    "Candidate": "stream.partition.candidate:Candidate",
    "Cells": "stream.engine.cells:Cells",
    "Cluster": "stream.clusters.former:FormerCluster",
    "ClusterDecoder": "stream.clusters.decoder:ClusterDecoder",
    "ClusterGate": "stream.clusters.gate:ClusterGate",
    "ClusterParams": "stream.engine.label_cluster_layout:ClusterParams",
    "ClustersParams": "stream.clusters.gated:ClustersParams",
    "DenseRecent": "stream.engine.recent_dense:DenseRecent",
    "Gate": "stream.engine.gate:Gate",
    "GateParams": "stream.engine.gate:GateParams",
    "LabelCluster": "stream.engine.label_cluster_layout:LabelCluster",
    "LabelsThatLearnTogether": "stream.clusters.cluster:Cluster",
    "Placement": "stream.engine.placement:Placement",
    "Recent": "stream.engine.recent_layout:Recent",
    "RecentRows": "stream.clusters.memory:RecentRows",
    "RecentSets": "stream.partition.recent_sets:RecentSets",
    "RecentParams": "stream.engine.recent_layout:RecentParams",
    "SetDecoder": "stream.engine.set_decoder:SetDecoder",
    "ClusterLearner": "stream.clusters.coordinator:Coordinator",
    "ClusterWatch": "stream.clusters.former:FormerWatch",
    "ClusterOfLabels": "stream.partition.events:Cluster",
    "Clustering": "stream.partition.clustering:Clustering",
    "Coherence": "stream.engine.cooccurrence:Coherence",
    "Combiner": "stream.engine.mixer_decoder:MixerDecoder",
    "ConceptMemory": "stream.clusters.concepts:ConceptMemory",
    "CombinerParams": "stream.engine.mixer_decoder:MixerDecoderParams",
    "Counts": "stream.engine.cooccurrence:Counts",
    "Decoder": "stream.engine.joint_decoder_layout:JointDecoder",
    "DecoderParams": "stream.engine.joint_decoder_layout:DecoderParams",
    "Expert": "stream.clusters.tree_cluster:Expert",
    "ExpertRouter": "stream.clusters.expert_router:ExpertRouter",
    "FixedPartition": "stream.partition.fixed:FixedPartition",
    "GrowingForest": "stream.engine.forest:GrowingForest",
    "GatedClusters": "stream.clusters.gated:GatedClusters",
    "GivenClusters": "stream.models.partitioned:GivenClusters",
    "GrowingCombiner": "stream.engine.growing_mixer_decoder:GrowingMixerDecoder",
    "GrowingTree": "stream.engine.learner:GrowingTree",
    "HierarchyNode": "stream.partition.tree:Node",
    "HierarchyTree": "stream.partition.tree:Tree",
    "LabelStatistics": "stream.partition.statistics:LabelStatistics",
    "LeafLabels": "stream.engine.layout:LeafLabels",
    "Mixture": "stream.engine.expert_mixture:Mixture",
    "MixtureLearner": "stream.models.expert_mixture:MixtureLearner",
    "MixtureParams": "stream.engine.expert_mixture:MixtureParams",
    "MixtureShape": "stream.models.expert_mixture:MixtureShape",
    "Mixer": "stream.engine.label_mixer:Mixer",
    "MixerParams": "stream.engine.label_mixer:MixerParams",
    "Names": "stream.rows.names:Names",
    "Network": "stream.engine.network_layout:Network",
    "NetworkParams": "stream.engine.network_layout:NetworkParams",
    "NetworkWeights": "stream.engine.network_layout:Weights",
    "Part": "stream.clusters.tree_parts:Part",
    "PartitionCore": "stream.partition.core:PartitionCore",
    "PartitionEvent": "stream.partition.events:PartitionEvent",
    "PartitionParams": "stream.partition.clustering:PartitionParams",
    "Router": "stream.engine.router:Router",
    "RowScaler": "stream.engine.learner:RowScaler",
    "Scaler": "stream.engine.scaling:Scaler",
    "SharedTree": "stream.clusters.shared_tree:SharedTree",
    "ShuffledPartition": "stream.partition.fixed:ShuffledPartition",
    "SingletonPartition": "stream.partition.fixed:SingletonPartition",
    "StatLabels": "stream.engine.layout:StatLabels",
    "Tree": "stream.engine.layout:Tree",
    "TreeBank": "stream.clusters.former:FormerBank",
    "TreeCluster": "stream.clusters.tree_cluster:TreeCluster",
    "TreeClusters": "stream.clusters.tree_clusters:TreeClusters",
    "TreeLearner": "stream.engine.learner:TreeLearner",
    "TreeClustersParams": "stream.clusters.tree_clusters:TreeClustersParams",
    "TreeParams": "stream.engine.layout:TreeParams",
    "Vocabulary": "stream.rows.names:Vocabulary",
    "Weights": "stream.engine.layout:Weights",
}
_NAMES = {place: name for name, place in CLASSES.items()}
_registered: dict[str, type] = {}
# What a class may raise that is given a state which is not its own.
_MISFITS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, AssertionError)

Kind = TypeVar("Kind", bound=type)


def register(kind: Kind) -> Kind:
    """Register a class whose instances snapshots may hold; usable as a decorator.

    Kept are the fields of a NamedTuple or a dataclass; of any other class what ``__getstate__``
    returns (by default its attributes), which ``__setstate__`` is given back. Where the class has a
    method ``check_restored``, it is called then, to raise SnapshotError if the instance cannot be
    worked with. A snapshot that names the class can be read once its module has been imported.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> from stream.snapshot import dumps, loads, register
    >>> @register
    ... class Offset(NamedTuple):
    ...     partition: int
    ...     next: int
    >>> loads(dumps(Offset(0, 7)))
    Offset(partition=0, next=7)
    """
    if _place(kind) not in _NAMES:
        _registered[_own_name(kind)] = kind
    return kind


def _place(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _own_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def name_of(kind: type) -> str | None:
    """Name of a class in snapshots; None when they cannot hold it."""
    name = _NAMES.get(_place(kind))
    if name is not None:
        return name
    name = _own_name(kind)
    return name if _registered.get(name) is kind else None


def class_named(name: str) -> type:
    """The class of a name.

    Raises
    ------
    SnapshotError
        When there is none.
    """
    place = CLASSES.get(name)
    if place is not None:
        module, _, attribute = place.partition(":")
        return getattr(importlib.import_module(module), attribute)
    if name in _registered:
        return _registered[name]
    raise SnapshotError(
        f"the class {name!r} is neither one of this version nor registered; import the module "
        "that has it, or read the snapshot with the version that wrote it"
    )


def is_value(kind: type) -> bool:
    """Whether instances are told apart by their content alone, so that it does not matter who
    shares one."""
    frozen = getattr(kind, "__dataclass_params__", None)
    return issubclass(kind, tuple) or bool(frozen is not None and frozen.frozen)


def state_of(instance: Any) -> Any:
    """Return the state of an instance that is kept: a dictionary, but for classes with a
    ``__getstate__`` of their own."""
    kind = type(instance)
    if issubclass(kind, tuple):
        return dict(zip(kind._fields, instance, strict=True))  # type: ignore[attr-defined]
    if kind.__getstate__ is not object.__getstate__:  # type: ignore[attr-defined]
        return instance.__getstate__()
    if dataclasses.is_dataclass(kind):
        return {each.name: getattr(instance, each.name) for each in dataclasses.fields(kind)}
    return instance.__dict__


def restore(kind: type, state: Any, version: int = VERSION) -> Any:
    """An instance from what :func:`state_of` gave in a version of the format.

    Raises
    ------
    SnapshotError
        When the state is not that of such an instance.
    """
    try:
        if version < VERSION and hasattr(kind, "upgrade_state"):
            state = kind.upgrade_state(state, version)
        if issubclass(kind, tuple):
            values = kind(**state)
            check_state(values, exact=_place(kind) in _NAMES)
            return values
        if dataclasses.is_dataclass(kind) and not hasattr(kind, "__setstate__"):
            return kind(**state)
        made: Any = object.__new__(kind)
        if hasattr(kind, "__setstate__"):
            made.__setstate__(state)
        else:
            made.__dict__.update({sys.intern(name): value for name, value in state.items()})
        if hasattr(kind, "check_restored"):
            made.check_restored()
        return made
    except SnapshotError:
        raise
    except _MISFITS as error:
        raise SnapshotError(
            f"what is kept of {name_of(kind)!r} does not make one ({error!r})"
        ) from error
