"""A shared tree, pools of routed experts over the clusters of a partition, and what mixes them.

Every row passes the shared tree, whose leaf models are all asked. Where there are pools, a router
weighs the experts of each cluster; the heaviest learns the row. A mixer makes one probability per
label of all that, and a decoder chooses the label set that is answered.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream.clusters.concepts import ConceptMemory
from stream.clusters.expert_pools import ExpertOutputs, ExpertPools
from stream.clusters.partitioned import Partition, PartitionedLearner, Segment
from stream.clusters.tree_bank import NumberedClusters
from stream.clusters.tree_parts import Part, PartRows
from stream.engine.arrays import Float64Array
from stream.engine.checking import require, require_all
from stream.engine.events import PREDICT_ONLY
from stream.engine.growing_mixer_decoder import GrowingMixerDecoder
from stream.engine.layout import LOGISTIC, TreeParams
from stream.engine.learner import GrowingTree, labels_needed
from stream.engine.mixer_decoder import MixerDecoderParams, MixerDecoderRows
from stream.partition.events import PartitionEvent
from stream.rows.batch import Batch
from stream.rows.predictions import Predictions


class Explanation(NamedTuple):
    """What leads to the answer to one row."""

    answered: np.ndarray  # [labels] 1: present
    probabilities: Float64Array  # [labels]
    mixed: Float64Array  # [labels] before label sets were looked at
    model_probabilities: Float64Array  # [models, labels]
    weights: Float64Array  # [labels, inputs] of the mixer
    routes: dict[int, Float64Array]  # for each cluster, the router's weights of its experts


class Given(NamedTuple):
    """What is known of rows that the trees do not know."""

    probabilities: Float64Array  # [rows, models, labels] by models that are asked elsewhere
    past: Float64Array  # [rows, N_PAST, labels] see :mod:`stream.engine.label_mixer`


class GivenRows(NamedTuple):
    """What is given of the rows of a call."""

    predicted: Given  # as they are predicted
    learnt: Given  # just before they are learnt


class ModelOutputs(NamedTuple):
    """Probabilities by all models for the rows of a segment."""

    predicted: Float64Array  # [rows, models, labels] as the rows are predicted
    learnt: Float64Array  # the same just before they are learnt
    experts: ExpertOutputs | None  # as the rows are predicted; None: there are no pools
    experts_learnt: ExpertOutputs | None


class TreeMixture(PartitionedLearner):
    """All that :class:`stream.DriftHOMER` learns with.

    Parameters
    ----------
    params
        Parameters of the shared tree.
    mixer_decoder
        Parameters of mixer and decoder.
    partition
        The partition, which has seen nothing.
    pools
        The routed experts; None: there are none.
    max_size
        Limit in bytes for the arrays of the shared tree.
    concepts
        The memory of concepts; None: there is none.
    watch_clusters
        Whether a rise of a cluster's loss has its partition, its experts and its mixer looked at
        anew.
    n_given
        Models that are not its own: their probabilities are given with the rows.
    """

    def __init__(
        self,
        params: TreeParams,
        mixer_decoder: MixerDecoderParams,
        partition: Partition,
        pools: ExpertPools | None,
        *,
        max_size: float,
        concepts: ConceptMemory | None,
        watch_clusters: bool,
        n_given: int,
    ):
        super().__init__(
            partition,
            scales=True,
            watch_clusters=watch_clusters,
            drift_delta=params.drift_delta,
            period=0 if pools is None else pools.period,
        )
        self.shared = Part((), GrowingTree(params, max_size))
        self.n_tree_models = LOGISTIC + params.n_rates
        self.pools = pools
        self.concepts = concepts
        self.mixer_decoder = GrowingMixerDecoder(
            mixer_decoder, self.n_tree_models + (pools is not None) + n_given, n_given
        )

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        super().check_restored()
        clusters = self.partition.clusters()
        require(
            self.mixer_decoder.n_models
            == self.n_tree_models + (self.pools is not None) + self.n_given,
            "every model is an input of the mixer",
        )
        require_all(self.shared.labels.tolist(), self.n_labels, "labels are numbered")
        self.mixer_decoder.check_clusters([labels for _, labels in clusters])
        if self.pools is not None:
            self.pools.check_clusters(clusters)
        if self.concepts is not None:
            self.concepts.check_tree(self.shared.growing)

    @property
    def n_given(self) -> int:
        """Models of the mixer that are not its own: their probabilities are given with the rows."""
        return self.mixer_decoder.n_given

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        optional = (self.pools, self.concepts)
        parts = (self.rows, self.shared.growing, self.mixer_decoder, *optional)
        return sum(part.n_bytes for part in parts if part is not None)

    def answer(
        self,
        batch: Batch,
        *,
        first_row: int = 0,
        predict: bool = True,
        delay: int = 0,
        given: GivenRows,
    ) -> Predictions:
        """Predict and learn rows; see :meth:`stream.engine.learner.TreeLearner.run`.

        Parameters
        ----------
        given
            What the models say that are not its own, and the past of the labels.
        """
        work = self.rows.prepare(batch, first_row, predict, delay)
        rows, n_rows = PartRows(batch, work), work.n_rows
        y, u = batch.truths
        n_labels = labels_needed(y, u) if work.learns else np.zeros(n_rows, np.int64)
        if work.learns:
            self.mixer_decoder.make_room(int(np.diff(batch.y_indptr).max()))
        n_columns = max(self.n_labels, int(n_labels[-1]) if len(n_labels) else 0)
        out = np.zeros((n_rows if predict else 0, n_columns))
        decided = np.zeros(out.shape, np.uint8)
        for segment in self._segments(rows, first_row, n_labels):
            outputs = self._advance(rows, segment, n_columns, given)
            losses = np.zeros((len(self.mixer_decoder.clusters), n_rows))
            taken = MixerDecoderRows(
                outputs.predicted, outputs.learnt, given.predicted.past, given.learnt.past, y, u,
                segment.first, segment.learnt, segment.end, segment.stop, predict, delay,
            )  # fmt: skip
            self.mixer_decoder.run(taken, segment.n_labels_before, out, decided, losses)
            if segment.learns:
                if self.pools is not None and outputs.experts_learnt is not None:
                    self.pools.learn_routes(rows, segment, outputs.experts_learnt.probabilities)
                if self.concepts is not None:
                    truth = rows.truth_of(self.shared.labels)
                    self.concepts.compare(rows, segment, truth, rows.learnt_by(self.shared))
                self._learnt(batch, segment, list(losses))
        return Predictions(decided[:, : self.n_labels], out[:, : self.n_labels])

    def explain(self, batch: Batch, given: GivenRows) -> Explanation:
        """What leads to the answer to one row."""
        work = self.rows.prepare(batch, 0, True, PREDICT_ONLY)
        rows, segment = PartRows(batch, work), Segment(0, 0, 1, 0, self.n_labels)
        answers = self.answer(batch, delay=PREDICT_ONLY, given=given)
        mixed = self.mixer_decoder.mixed.copy()
        outputs = self._advance(rows, segment, self.n_labels, given)
        routes = {} if outputs.experts is None else outputs.experts.weights
        return Explanation(
            answers.labels[0],
            answers.probabilities[0],
            mixed,
            outputs.predicted[0],
            self.mixer_decoder.weights,
            {number: weights[0] for number, weights in routes.items()},
        )

    def _advance(
        self, rows: PartRows, segment: Segment, n_columns: int, given: GivenRows
    ) -> ModelOutputs:
        """Let all trees take a segment."""
        rows.advance(
            self.shared,
            segment.cursor,
            segment.end,
            ask=True,
            n_models=self.n_tree_models,
            n_labels=n_columns,
        )
        first, learnt, end, stop, _ = segment
        experts = experts_learnt = None
        if self.pools is not None:
            experts, experts_learnt = self.pools.advance(rows, segment)
        by_others = given.learnt.probabilities[learnt:stop]
        probabilities_learnt = self._all_probabilities(
            rows.learnt_by(self.shared)[learnt:stop], experts_learnt, by_others
        )
        if rows.work.learns_at_once:
            probabilities = probabilities_learnt
        else:
            by_others = given.predicted.probabilities[first:end]
            probabilities = self._all_probabilities(
                rows.predicted_by(self.shared)[first:end], experts, by_others
            )
        return ModelOutputs(probabilities, probabilities_learnt, experts, experts_learnt)

    def _all_probabilities(
        self, shared: Float64Array, experts: ExpertOutputs | None, given: Float64Array
    ) -> Float64Array:
        """Probabilities [rows, models, labels] by the shared tree's models, the pools, and the
        models that are not its own."""
        probabilities = np.zeros((len(shared), self.mixer_decoder.n_models, self.n_labels))
        n_labels = min(shared.shape[2], self.n_labels)
        probabilities[:, : self.n_tree_models, :n_labels] = shared[:, :, :n_labels]
        if self.pools is not None and experts is not None:
            self.pools.blend(experts, probabilities[:, self.n_tree_models])
        probabilities[:, -self.n_given :] = given[:, :, : self.n_labels]
        return probabilities

    # ---- the partition

    def _clusters_grew(self, clusters: NumberedClusters) -> None:
        self.shared.labels = np.arange(self.n_labels)
        self.mixer_decoder.add_labels(self.n_labels, self.n_learnt)
        self.mixer_decoder.regroup([np.array(labels, np.int64) for _, labels in clusters])
        if self.pools is not None:
            self.pools.add_labels(self.n_labels, clusters, self.n_learnt)

    def _clusters_changed(self, clusters: NumberedClusters) -> None:
        self.mixer_decoder.regroup([np.array(labels, np.int64) for _, labels in clusters])
        if self.pools is not None:
            self.pools.restructure(clusters)

    def _loss_rose(self, clusters: list[int]) -> None:
        places = {number: place for place, (number, _) in enumerate(self.partition.clusters())}
        for number in clusters:
            self.mixer_decoder.learn_faster(places[number])
            if self.pools is not None:
                self.pools.replace_worst(number, self.n_learnt)
        if self.concepts is not None:
            self.concepts.drift(self.shared.growing, self.n_learnt)

    def _period_ended(self) -> None:
        if self.pools is not None:
            self.pools.settle()
        found = None if self.concepts is None else self.concepts.recalled(self.n_learnt)
        if found is None:
            return
        recall, tree = found
        tree.widen(0, self.n_labels)
        self.shared = Part(self.shared.labels, tree)
        quantities = {"concept": recall.concept, "gain": recall.gain, "rows": recall.n_rows}
        self._tell([PartitionEvent(self.n_learnt, "recall", quantities=quantities)])
