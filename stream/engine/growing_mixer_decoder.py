"""Label mixer and joint decoder with the room that they need, over the clusters of a partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stream.engine.arrays import (
    Float64Array,
    Int32Array,
    UInt8Array,
    allocate,
    n_bytes,
    resize,
    select,
)
from stream.engine.checking import check_mixer_decoder, require
from stream.engine.growth import column_capacity
from stream.engine.joint_decoder_layout import MAX_PIECES, UNIT, JointDecoder
from stream.engine.joint_decoder_learning import set_key
from stream.engine.label_mixer import FIRST_SQUARE, N_OWN_INPUTS, forget_steps
from stream.engine.mixer_decoder import (
    MixerDecoder,
    MixerDecoderAnswers,
    MixerDecoderParams,
    MixerDecoderRows,
    MixerDecoderScratch,
    mix_and_decode,
)

LARGEST_SET = 128  # labels; larger sets are not remembered


class GrowingMixerDecoder:
    """Mixer and decoder of a label space that grows and is partitioned anew.

    Parameters
    ----------
    params
        What the kernels need to know.
    n_models
        Models whose probabilities are mixed.
    n_given
        How many of them, the last ones, are themselves made of several.
    """

    def __init__(self, params: MixerDecoderParams, n_models: int, n_given: int = 0):
        self.params = params
        self.n_models = n_models
        self.n_given = n_given
        self.n_labels = 0
        sizes = {"labels": column_capacity(0), "groups": 0, "tables": 1, "width": 4}
        sizes |= {"inputs": n_models + N_OWN_INPUTS, "sets": params.decoder.max_sets}
        self.state = allocate(MixerDecoder, sizes)
        self._allocate_scratch()

    def __getstate__(self) -> dict[str, Any]:
        # Without what the kernels scribble on.
        return {name: value for name, value in self.__dict__.items() if name != "_scratch"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._allocate_scratch()

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        sizes = self._sizes
        require(self.n_labels <= sizes["labels"], "there is room for every label")
        require(
            sizes["groups"] == sizes["tables"] - 1,
            "each cluster has its weights and its table",
        )
        require(sizes["inputs"] == self.n_models + N_OWN_INPUTS, "each model is an input")
        require(0 <= self.n_given < self.n_models, "some models are its own")
        check_mixer_decoder(self.state, self.params, self.n_labels)

    def check_clusters(self, clusters: Sequence[Sequence[int]]) -> None:
        """Raise SnapshotError unless the clusters have these labels."""
        mixer, decoder = self.state
        for place, labels in enumerate(clusters):
            own = list(labels)
            require(np.all(mixer.group[own] == place), "clusters share their weights")
            require(np.all(decoder.table[own] == place + 1), "clusters have their tables")
        require(len(clusters) == len(mixer.weight), "each cluster has its weights")

    @property
    def _sizes(self) -> dict[str, int]:
        mixer, decoder = self.state
        return {
            "labels": len(mixer.n_known),
            "groups": mixer.weight.shape[0],
            "inputs": mixer.weight.shape[1],
            "tables": decoder.members.shape[0],
            "sets": decoder.members.shape[1],
            "width": decoder.members.shape[2],
        }

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return n_bytes(MixerDecoder, self._sizes)

    def _allocate_scratch(self) -> None:
        self._scratch = allocate(MixerDecoderScratch, self._sizes)

    # ---- labels and clusters

    def add_labels(self, n_labels: int, n_rows: int) -> None:
        """Labels up to ``n_labels`` exist; the new ones were absent from ``n_rows`` rows.

        The clusters have to be told afterwards.
        """
        sizes = self._sizes
        if n_labels > sizes["labels"]:
            self.state = resize(self.state, sizes | {"labels": column_capacity(n_labels)})
            self._allocate_scratch()
        mixer, decoder = self.state
        new = slice(self.n_labels, n_labels)
        mixer.n_known[new] = n_rows
        decoder.n_known[new] = decoder.n_rows[0]
        self.n_labels = n_labels

    def make_room(self, largest_set: int) -> None:
        """Be able to remember sets of so many labels."""
        sizes = self._sizes
        width = min(column_capacity(largest_set), LARGEST_SET)
        if width > sizes["width"]:
            self.state = resize(self.state, sizes | {"width": width})

    def regroup(self, clusters: Sequence[np.ndarray], n_before: int) -> None:
        """Take other clusters: what their labels shared before comes along.

        Parameters
        ----------
        clusters
            Labels of each.
        n_before
            Labels that were in clusters before; those from there on are new.
        """
        old, before = self.state, self.state.mixer.group[:n_before]
        n_old = len(old.mixer.weight)
        now = places_of(clusters, self.n_labels)
        if len(clusters) == n_old and np.array_equal(now[:n_before], before):  # they only grew
            self._assign(self.state, now)
            return
        sizes = self._sizes | {"groups": len(clusters), "tables": len(clusters) + 1}
        sources = [before[labels[labels < n_before]].tolist() for labels in clusters]
        first = [each[0] if each else 0 for each in sources]
        if n_old:
            tables = np.array([0, *(place + 1 for place in first)])
            new = select(old, "groups", np.array(first), self._sizes | {"groups": len(clusters)})
            new = select(new, "tables", tables, sizes)
        else:
            new = resize(old, sizes)
        n_labels_before = np.bincount(before, minlength=n_old)
        for place, (labels, own) in enumerate(zip(clusters, sources, strict=True)):
            grown = bool(own) and own == [own[0]] * int(n_labels_before[own[0]])
            if not grown:
                self._inherit_weights(new, place, own)
                source = 1 + own[0] if len(set(own)) == 1 else 0
                _inherit_sets(old.decoder, source, new.decoder, place + 1, labels)
        self._assign(new, now)
        self._allocate_scratch()

    def _assign(self, state: MixerDecoder, places: np.ndarray) -> None:
        """Give every label to the cluster at its place [labels]."""
        state.mixer.group[: len(places)] = places
        state.decoder.table[: len(places)] = places + 1
        self.state = state

    def _inherit_weights(self, new: MixerDecoder, place: int, sources: list[int]) -> None:
        """Begin a cluster's weights with the mean of what its labels used before."""
        old, n_models = self.state.mixer, self.n_models
        n_given = self.n_given if self.params.mixer.mix else 0
        if sources:
            new.mixer.weight[place] = old.weight[sources].mean(axis=0)
            new.mixer.square[place] = old.square[sources].mean(axis=0)
        else:
            new.mixer.weight[place, :n_models] = first_weights(n_models, n_given)
            new.mixer.weight[place, n_models:] = 0.0
            new.mixer.square[place] = FIRST_SQUARE

    @property
    def mixed(self) -> Float64Array:
        """Probabilities [labels] that the mixer gave the last row, before label sets were looked
        at."""
        return self._scratch.mixer.mixed[: self.n_labels]

    @property
    def weights(self) -> Float64Array:
        """What each label weighs its inputs with [labels, inputs]: the models', then those of its
        past."""
        mixer, labels = self.state.mixer, slice(0, self.n_labels)
        return mixer.weight[mixer.group[labels]] + mixer.own_weight[:, labels].T

    def learn_faster(self, cluster: int) -> None:
        """Let the weights of a cluster move as those of a new one."""
        forget_steps(self.state.mixer, cluster)

    # ---- rows

    def run(
        self,
        rows: MixerDecoderRows,
        n_labels_before: int,
        out: Float64Array,
        decided: UInt8Array,
        losses: Float64Array,
    ) -> None:
        """Answer and learn rows; see :func:`stream.engine.mixer_decoder.mix_and_decode`."""
        counts = np.zeros((len(losses), 2), np.int64)
        mix_and_decode(
            self.state, self.params, rows, n_labels_before, self.n_labels,
            MixerDecoderAnswers(out, decided, losses, counts), self._scratch,
        )  # fmt: skip


def first_weights(n_models: int, n_given: int) -> Float64Array:
    """What models weigh before anything is learnt [models]: the last of those that are given one
    half, the one before it a quarter, and so on; the others share what is left.

    Examples
    --------
    >>> first_weights(4, 2).tolist()
    [0.125, 0.125, 0.25, 0.5]
    """
    given = 0.5 ** np.arange(n_given, 0, -1)
    n_own = n_models - n_given
    return np.concatenate([np.full(n_own, (1.0 - given.sum()) / n_own), given])


def places_of(clusters: Sequence[np.ndarray], n_labels: int) -> Int32Array:
    """Place [labels] of the cluster that has each label."""
    places = np.zeros(n_labels, np.int32)
    for place, labels in enumerate(clusters):
        places[labels] = place
    return places


def _inherit_sets(
    old: JointDecoder, source: int, new: JointDecoder, table: int, labels: np.ndarray
) -> None:
    """Fill a cluster's table with the pieces that the label sets of an older table have in it."""
    inside, n = np.sort(labels), int(old.n_sets[source])
    held = _holds(old.members[source, :n], old.size[source, :n], inside)
    nothing = bytes((len(inside) + 7) // 8)
    pieces = {nothing: 0.0}  # rows without any of the labels are most
    for row, count in zip(np.packbits(held, axis=1), old.times[source, :n].tolist(), strict=True):
        piece = row.tobytes()
        pieces[piece] = pieces.get(piece, 0.0) + count
    room = min(MAX_PIECES, new.times.shape[1])
    kept = sorted(pieces.items(), key=lambda item: (item[0] != nothing, -item[1]))[:room]
    new.n_sets[table] = len(kept)
    new.n_rows[table] = old.n_rows[source]
    new.n_new[table] = min(old.n_new[source], len(pieces) * old.registers[UNIT])
    for s, (bits, count) in enumerate(kept):
        held = np.unpackbits(np.frombuffer(bits, np.uint8), count=len(inside))
        piece = inside[held == 1].astype(np.int32)
        new.times[table, s] = count
        new.size[table, s] = len(piece)
        new.members[table, s, : len(piece)] = piece
        new.key[table, s] = set_key(piece, len(piece))


def _holds(members: np.ndarray, size: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each set [sets, width] holds each of the labels, which are ascending [sets,
    labels]."""
    held = np.zeros((len(members), len(labels)), np.bool_)
    if len(labels):
        place = np.minimum(np.searchsorted(labels, members), len(labels) - 1)
        own = (labels[place] == members) & (np.arange(members.shape[1]) < size[:, np.newaxis])
        sets, members_of_sets = np.nonzero(own)
        held[sets, place[sets, members_of_sets]] = True
    return held
