"""The learner of a DriftHOMER, made from the estimator's parameters."""

from __future__ import annotations

from typing import Any

from stream.clusters.concepts import ConceptMemory
from stream.clusters.coordinator import Coordinator
from stream.clusters.expert_router import ExpertRouter
from stream.clusters.gated import ClustersParams, GatedClusters
from stream.clusters.shared_tree import SharedTree
from stream.clusters.tree_clusters import TreeClusters, TreeClustersParams
from stream.engine import placement as pl
from stream.engine.gate import GateParams
from stream.engine.growing_mixer_decoder import GrowingMixerDecoder
from stream.engine.joint_decoder_layout import (
    BALANCED,
    F1,
    INDEPENDENTLY,
    MARGINAL,
    SUBSET,
    DecoderParams,
)
from stream.engine.label_cluster_layout import ClusterParams
from stream.engine.label_mixer import MixerParams
from stream.engine.layout import TreeParams
from stream.engine.mixer_decoder import MixerDecoderParams
from stream.engine.network_layout import NetworkParams
from stream.engine.recent_layout import RecentParams
from stream.engine.router import most_router_features
from stream.models.hoeffding_tree import tree_params
from stream.models.partitioned import GivenClusters
from stream.partition.interface import Partition

DECODE = {
    "independent": INDEPENDENTLY,
    "subset": SUBSET,
    "marginal": MARGINAL,
    "f1": F1,
    "balanced": BALANCED,
}
# What decode="balanced" weighs: whether the set is right as a whole, its F1, what it adds to the
# stream's micro-F1; the rest is its Hamming loss, which says little where labels are many.
WEIGHTS = (0.4, 0.225, 0.125)
WEIGHTS_OF_MANY_LABELS = (0.15, 0.25, 0.6)
ROUTER_BATCH_ROWS = 100
MAX_TREE_LABELS = 64  # up to which trees are worth their cost, and all clusters are asked
DENSE_WINDOW = 1000  # rows that vote where most features are not zero
SHARE_OF_ROUTER = 0.1  # of the limit of the routed experts
SHARE_OF_CONCEPTS = 0.5  # of the limit of the shared tree
MODEL_RATE = 0.8  # AdaGrad's step of the models of clusters and gate
_PLACEMENT = {"jaccard": pl.JACCARD, "random": pl.RANDOM, "single": pl.SINGLE}
_LARGEST_SEED = 2**63 - 1


def new_learner(
    model: Any, partition: Partition, given: GivenClusters | None, *, watches: bool
) -> Coordinator:
    """A learner that has seen nothing.

    Parameters
    ----------
    model
        The estimator, whose parameters it has.
    partition
        The partition of the trees' labels, which has seen nothing.
    given
        Clusters that are given; None: they are found.
    watches
        Whether detectors watch the loss of every cluster.
    """
    limit = model.max_size * 1e6
    share = limit / (2 + (model.experts > 1))
    gated = GatedClusters(_clusters_params(model, given is not None, limit, share), given)
    gated.executor.n_jobs = model.n_jobs
    trees = _new_trees(model, partition, gated.n_models, share, watches)
    return Coordinator(gated, trees, MAX_TREE_LABELS)


def _new_trees(
    model: Any, partition: Partition, n_given: int, share: float, watches: bool
) -> TreeClusters:
    tree = tree_params(model, "multi-label")
    concepts = None
    if model.concepts and watches:
        concepts = ConceptMemory(model.concepts, SHARE_OF_CONCEPTS * share)
    shared = SharedTree(tree, share, concepts)
    router = None if model.experts == 1 else _new_router(model, tree.seed, share)
    mixer = MixerParams(bool(model.mixer), bool(model.past), float(model.mixer_rate), 0.01)
    params = TreeClustersParams(
        experts=_experts(tree, model.experts - 1),
        max_size=(1.0 - SHARE_OF_ROUTER) * share,
        scales=True,
        watches=watches,
        drift_delta=tree.drift_delta,
    )
    mixer_decoder = GrowingMixerDecoder(
        MixerDecoderParams(mixer, _decoder_params(model, WEIGHTS)),
        shared.n_models + (router is not None) + n_given,
        n_given,
    )
    return TreeClusters(
        params, partition, shared=shared, router=router, mixer_decoder=mixer_decoder
    )


def _experts(shared: TreeParams, n_experts: int) -> tuple[TreeParams, ...]:
    """Plain trees that split soon, on features chosen at random."""
    plain = shared._replace(
        use_naive_bayes=False, use_logistic=False, adaptive=False, n_rates=1,
        learning_rates=(0.0, 0.0, 0.0, 0.0), feature_share=0.7,
    )  # fmt: skip
    return tuple(
        plain._replace(seed=(shared.seed + e) & _LARGEST_SEED) for e in range(1, n_experts + 1)
    )


def _new_router(model: Any, seed: int, max_size: float) -> ExpertRouter:
    most = most_router_features(SHARE_OF_ROUTER * max_size, model.hidden)
    network = NetworkParams(float(model.router_rate), ROUTER_BATCH_ROWS, 0.0, seed, most)
    return ExpertRouter(network, hidden=model.hidden, temperature=float(model.temperature))


def _clusters_params(model: Any, given: bool, limit: float, share: float) -> ClustersParams:
    singletons = model.partition == "singletons"
    return ClustersParams(
        GateParams(float(model.gate_threshold), MODEL_RATE, MAX_TREE_LABELS),
        RecentParams(model.window, min(model.window, DENSE_WINDOW), model.n_neighbors),
        ClusterParams(
            MODEL_RATE, float(model.mixer_rate), 0.01, model.window > 0, bool(model.past),
            bool(model.mixer),
        ),
        _decoder_params(model, WEIGHTS_OF_MANY_LABELS),
        1 if singletons else model.cluster_size,
        pl.GIVEN if given else _PLACEMENT.get(str(model.partition), pl.JACCARD),
        limit,
        share,
        model.seed or 0,
    )  # fmt: skip


def _decoder_params(model: Any, weights: tuple[float, float, float]) -> DecoderParams:
    return DecoderParams(DECODE[model.decode], float(model.beta), *weights, model.max_subsets)
