"""Trees over the clusters of a partition: a shared one, experts of each cluster, and what makes one
answer of all they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from stream.clusters.answers import CallAnswers
from stream.clusters.call import CallRows, Segment
from stream.clusters.expert_router import ExpertOutputs, ExpertRouter
from stream.clusters.given import Given
from stream.clusters.shared_tree import SharedTree
from stream.clusters.tree_cluster import (
    TreeCluster,
    cluster_of_pieces,
    losses_by_cluster,
    new_expert,
)
from stream.clusters.tree_parts import Part, PartRows, Stretch, stretches
from stream.engine.arrays import Float64Array
from stream.engine.checking import require, require_all
from stream.engine.growing_mixer_decoder import GrowingMixerDecoder, places_of
from stream.engine.layout import TreeParams
from stream.engine.learner import ALL_ROWS, RowScaler
from stream.engine.mixer_decoder import MixerDecoderRows
from stream.partition.events import PartitionEvent
from stream.partition.interface import Partition


class Explanation(NamedTuple):
    """What leads to the answer to one row."""

    answered: np.ndarray  # [labels] 1: present
    probabilities: Float64Array  # [labels]
    mixed: Float64Array  # [labels] before label sets were looked at
    model_probabilities: Float64Array  # [models, labels]
    weights: Float64Array  # [labels, inputs] of the mixer
    routes: dict[int, Float64Array]  # for each cluster, the router's weights of its experts


class Outputs(NamedTuple):
    """What all models say of a stretch."""

    probabilities: Float64Array  # [answers, models, labels]
    experts: ExpertOutputs | None  # None: no router weighs them


class TreeClustersParams(NamedTuple):
    """Which experts clusters have, and when clusters are looked at anew."""

    experts: tuple[TreeParams, ...]  # of every cluster
    max_size: float  # limit in bytes for the arrays of all experts
    scales: bool  # whether trees use standardised rows
    watches: bool  # whether a rise of a cluster's loss has the cluster looked at anew
    drift_delta: float  # allowed probability that this is a false alarm


class TreeClusters:
    """Trees over the clusters of a partition.

    Parameters
    ----------
    params
        Which experts there are, and when clusters are looked at anew.
    partition
        The partition, which has seen nothing.
    shared
        The tree that all labels share; None: there is none.
    router
        Weighs the experts of each cluster; None: there is one for each, which learns every row.
    mixer_decoder
        Makes one answer of what all models say; None: the only experts' answers are united.
    """

    def __init__(
        self,
        params: TreeClustersParams,
        partition: Partition,
        *,
        shared: SharedTree | None = None,
        router: ExpertRouter | None = None,
        mixer_decoder: GrowingMixerDecoder | None = None,
    ):
        self.params = params
        self.partition = partition
        self.rows = RowScaler(needed=params.scales)
        self.shared = shared
        self.router = router
        self.mixer_decoder = mixer_decoder
        self.clusters: list[TreeCluster] = []  # in the order of the partition
        self.n_labels = 0
        self.n_joined = 0  # times a joint tree took over
        self.events: list[Any] = []
        self.listeners: list[Callable[[Any], None]] = []  # are told of every event; not pickled

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"listeners": []}

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        found = [(cluster.number, tuple(cluster.labels.tolist())) for cluster in self.clusters]
        require(found == self.partition.clusters(), "clusters are the partition's")
        labels = [label for _, own in found for label in own]
        require_all(labels, self.n_labels, "each label is in one cluster")
        for cluster in self.clusters:
            kinds = [{tree.growing.params for tree in each.trees} for each in cluster.experts]
            require(
                kinds == [{params} for params in self.params.experts],
                "the parameters of a tree are others",
            )
        trees = self._trees()
        require(len({id(tree) for tree in trees}) == len(trees), "two clusters share a tree")
        if self.router is not None:
            self.router.check_clusters(self.clusters)
        if self.shared is not None:
            self.shared.check_labels(self.n_labels)
        if self.mixer_decoder is not None:
            n_own = 0 if self.shared is None else self.shared.n_models
            require(
                self.mixer_decoder.n_models == n_own + (self.router is not None) + self.n_given,
                "every model is an input of the mixer",
            )
            self.mixer_decoder.check_clusters([labels for _, labels in found])

    @property
    def n_given(self) -> int:
        """Models of the mixer that are not its own: their probabilities are given with the rows."""
        return 0 if self.mixer_decoder is None else self.mixer_decoder.n_given

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        parts = (self.rows, self.shared, self.router, self.mixer_decoder)
        experts = sum(tree.growing.n_bytes for tree in self._trees())
        return experts + sum(part.n_bytes for part in parts if part is not None)

    def _trees(self) -> list[Part]:
        """Those of all experts."""
        experts = [expert for cluster in self.clusters for expert in cluster.experts]
        return [tree for expert in experts for tree in expert.trees]

    # ---- rows

    def run(
        self, segment: Segment, rows: CallRows, given: Given | None, answers: CallAnswers
    ) -> None:
        """Predict and learn rows.

        Parameters
        ----------
        given
            What is known of the rows that the trees do not know; None: nothing.
        answers
            Of the call, in place.
        """
        part_rows = PartRows(self.rows.prepare(rows.raw, segment.events, rows.n_features), rows)
        if self.mixer_decoder is not None:
            learnt = segment.learnt
            sizes = rows.y[0][learnt + 1] - rows.y[0][learnt]
            self.mixer_decoder.make_room(int(sizes.max(initial=0)))
        for stretch in stretches(segment, self._periods):
            if stretch.n_labels > self.n_labels:
                self._add_labels(stretch)
            answers.widen(self.n_labels)
            outputs = self._ask(part_rows, stretch, segment.n_labels, given)
            losses = self._answer(rows, stretch, outputs, given, answers)
            if stretch.learns:
                if self.router is not None and outputs.experts is not None:
                    said = outputs.experts.probabilities
                    self.router.learn(part_rows, stretch, self.clusters, said)
                self._learnt(rows, stretch, losses)
        predicted = segment.events.predicted
        if len(predicted):
            answers.n_by_trees = int(segment.events.row[predicted[-1]]) + 1

    @property
    def _periods(self) -> list[int]:
        """Rows between looks at what is there."""
        periods = [self.partition.grace_period, 0 if self.router is None else self.router.period]
        return [period for period in periods if period]

    def _ask(
        self, rows: PartRows, stretch: Stretch, n_columns: int, given: Given | None
    ) -> Outputs:
        """Let all trees take a stretch."""
        experts = self._ask_experts(rows, stretch)
        if self.mixer_decoder is None:
            return Outputs(experts.probabilities.transpose(1, 0, 2), None)
        n_own, shape = 0, (stretch.events.n_answers, self.mixer_decoder.n_models, self.n_labels)
        probabilities = np.zeros(shape)
        if self.shared is not None:
            n_own, said = self.shared.n_models, self.shared.advance(rows, stretch, n_columns)
            n_labels = min(said.shape[2], self.n_labels)
            probabilities[:, :n_own, :n_labels] = said[:, :, :n_labels]
        if self.router is not None:
            self.router.blend(experts, self.clusters, probabilities[:, n_own])
        if given is not None:
            others = given.probabilities[stretch.answers]
            probabilities[:, -self.n_given :] = others[:, :, : self.n_labels]
        return Outputs(probabilities, experts)

    def _ask_experts(self, rows: PartRows, stretch: Stretch) -> ExpertOutputs:
        """Let the experts of all clusters take a stretch, each cluster's heaviest one learning the
        row where there is a router."""
        weights = {}
        if self.router is not None:
            weights = self.router.weights(rows, stretch, self.clusters)
        asked = self._asks_learnt
        shape = len(self.params.experts), stretch.events.n_answers, self.n_labels
        probabilities = np.full(shape, 0.5) if self.router is not None else np.zeros(shape)
        for cluster in self.clusters:
            for e, expert in enumerate(cluster.experts):
                chosen = ALL_ROWS
                if self.router is not None:
                    chosen = self.router.chosen(weights[cluster.number], e, rows, stretch)
                expert.advance(rows, stretch, cluster.labels, asked=asked, chosen=chosen)
                if asked or not stretch.events.learns.all():
                    expert.collect(rows, stretch, probabilities[e])
        return ExpertOutputs(probabilities, weights)

    @property
    def _asks_learnt(self) -> bool:
        """Whether it is needed what trees say of the rows that they learn."""
        watches = self.params.watches or self.partition.grace_period > 0
        return watches or self.mixer_decoder is not None

    def _answer(
        self,
        rows: CallRows,
        stretch: Stretch,
        outputs: Outputs,
        given: Given | None,
        answers: CallAnswers,
    ) -> Float64Array:
        """Answer a stretch; returns the loss of each cluster [clusters, rows that are learnt]."""
        n_learnt = stretch.events.n_learnt
        losses = np.zeros((len(self.clusters), n_learnt))
        if self.mixer_decoder is not None:
            assert given is not None
            past = given.past[stretch.answers]
            taken = MixerDecoderRows(outputs.probabilities, past, rows.y, rows.u, stretch.events)
            self.mixer_decoder.run(
                taken, stretch.n_labels_before, answers.probabilities, answers.labels, losses
            )
            return losses
        events, said = stretch.events, outputs.probabilities[:, 0]
        predicted = events.predicted
        found = said[events.answer[predicted] - events.answer[0]]
        if n_learnt:  # what is predicted before the first row is learnt knows no label of it
            found[predicted < events.learnt[0], stretch.n_labels_before :] = 0.0
        answers.probabilities[events.row[predicted]] = found
        answers.labels[events.row[predicted]] = found > 0.5
        if self.params.watches and n_learnt:
            places = places_of([cluster.labels for cluster in self.clusters], self.n_labels)
            return losses_by_cluster(
                said[stretch.learnt_answers], rows.y, rows.u, stretch.learnt[0], places, len(losses)
            )
        return losses

    def explain(self, segment: Segment, rows: CallRows, given: Given | None) -> Explanation:
        """What leads to the answer to the one row of a segment, which is predicted."""
        assert self.mixer_decoder is not None
        work, answers = self.rows.prepare(rows.raw, segment.events, rows.n_features), CallAnswers(1)
        answers.widen(self.n_labels)
        (stretch,) = stretches(segment, ())
        outputs = self._ask(PartRows(work, rows), stretch, self.n_labels, given)
        self._answer(rows, stretch, outputs, given, answers)
        routes = {} if outputs.experts is None else outputs.experts.weights
        return Explanation(
            answers.labels[0],
            answers.probabilities[0],
            self.mixer_decoder.mixed.copy(),
            outputs.probabilities[0],
            self.mixer_decoder.weights,
            {number: weights[0] for number, weights in routes.items()},
        )

    # ---- the partition

    def _learnt(self, rows: CallRows, stretch: Stretch, losses: Float64Array) -> None:
        """Count a stretch that was learnt, and change clusters if it is time."""
        learnt, n_learnt = stretch.learnt, stretch.n_learnt
        self.partition.count(*rows.y, int(learnt[0]), int(learnt[-1]) + 1)
        if self.params.watches:
            for cluster, own in zip(self.clusters, losses, strict=True):
                cluster.watch_losses(own, self.params.drift_delta)
        period = self.partition.grace_period
        if not period or n_learnt % period:
            return
        events = self._look_at_losses(n_learnt)
        self._look_at_trees(n_learnt)
        events += self.partition.examine(n_learnt)
        if events:
            self._restructure()
            self._tell(events)

    def _look_at_losses(self, n_learnt: int) -> list[Any]:
        """Look anew at clusters whose loss rose; returns what happened to the partition."""
        risen = [place for place, cluster in enumerate(self.clusters) if cluster.loss_rose]
        for place in risen:
            cluster = self.clusters[place]
            cluster.loss_rose = False
            if self.mixer_decoder is not None:
                self.mixer_decoder.learn_faster(place)
            if self.router is not None:
                worst = self.router.begin_anew(cluster)
                cluster.experts[worst] = new_expert(
                    self.params.experts[worst], cluster.labels, n_learnt, wide=True
                )
                self._share_memory()
        if risen and self.shared is not None:
            self.shared.drift(n_learnt)
        numbers = [self.clusters[place].number for place in risen]
        return [event for number in numbers for event in self.partition.reexamine(number, n_learnt)]

    def _look_at_trees(self, n_learnt: int) -> None:
        """Let trees take over that are better than those in force."""
        for cluster in self.clusters:
            for params, expert in zip(self.params.experts, cluster.experts, strict=True):
                self.n_joined += expert.settle(params)
        recall = None if self.shared is None else self.shared.recall(self.n_labels, n_learnt)
        if recall is not None:
            quantities = {"concept": recall.concept, "gain": recall.gain, "rows": recall.n_rows}
            self._tell([PartitionEvent(n_learnt, "recall", quantities=quantities)])

    def _tell(self, events: Sequence[Any]) -> None:
        """Keep events, and tell those who listen."""
        self.events += events
        for event in events:
            for listener in self.listeners:
                listener(event)

    def _add_labels(self, stretch: Stretch) -> None:
        """Take in labels that are new, each into the cluster that the partition says."""
        before, self.n_labels = self.n_labels, stretch.n_labels
        n_learnt = stretch.n_learnt - stretch.events.n_learnt
        self.partition.add_labels(self.n_labels)
        present, clusters = {cluster.number: cluster for cluster in self.clusters}, []
        for number, labels in self.partition.clusters():
            cluster = present.get(number)
            if cluster is None:
                experts = [new_expert(each, labels, n_learnt) for each in self.params.experts]
                cluster = TreeCluster(number, labels, experts)
                if self.router is not None:
                    self.router.add_cluster(cluster)
            else:
                for label in labels[len(cluster.labels) :]:
                    cluster.add_label(label)
            clusters.append(cluster)
        self.clusters = clusters
        if self.shared is not None:
            self.shared.add_labels(self.n_labels)
        if self.mixer_decoder is not None:
            self.mixer_decoder.add_labels(self.n_labels, n_learnt)
            self.mixer_decoder.regroup([cluster.labels for cluster in clusters], before)
        self._share_memory()

    def _restructure(self) -> None:
        """Make the clusters those of the partition; what their labels had learnt comes along."""
        old = {cluster.number: cluster for cluster in self.clusters}
        of_label = {label: each for each in self.clusters for label in each.labels.tolist()}
        made, sources = [], {}
        for number, labels in self.partition.clusters():
            cluster = old.get(number)
            before = [of_label[label].number for label in labels]
            sources[number] = max(sorted(set(before)), key=before.count)
            if cluster is None or tuple(cluster.labels.tolist()) != labels:
                cluster = cluster_of_pieces(number, labels, self.params.experts, self.clusters)
            made.append(cluster)
        self.clusters = made
        if self.router is not None:
            self.router.follow(old, made, sources)
        if self.mixer_decoder is not None:
            self.mixer_decoder.regroup([cluster.labels for cluster in made], self.n_labels)
        self._share_memory()

    def _share_memory(self) -> None:
        """Give each tree its share of the memory: experts have equal ones."""
        for e in range(len(self.params.experts)):
            trees = [tree for cluster in self.clusters for tree in cluster.experts[e].trees]
            for tree in trees:
                tree.growing.max_size = self.params.max_size / len(self.params.experts) / len(trees)
