"""Mixer and decoder at work: rows are answered and learnt, one after the other, in one kernel
call."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from stream.engine.arrays import Axes, UInt8Array
from stream.engine.decoder import (
    Decoder,
    DecoderParams,
    DecoderScratch,
    decode_row,
)
from stream.engine.decoder_learning import learn_decoder
from stream.engine.jit import inlined, kernel
from stream.engine.mixer import (
    UNKNOWN,
    Mixer,
    MixerParams,
    MixerScratch,
    learn_mix,
    mix_row,
)

INDEPENDENTLY = -1  # ``DecoderParams.decode``: every label over one half, without label sets


class Combiner(NamedTuple):
    """All of mixer and decoder that changes while they learn."""

    mixer: Mixer
    decoder: Decoder


class CombinerParams(NamedTuple):
    """What the kernels need to know."""

    mixer: MixerParams
    decoder: DecoderParams


class CombinerScratch(NamedTuple):
    """Room for one row's work; nothing in it outlives the row."""

    mixer: MixerScratch
    decoder: DecoderScratch
    truth: Annotated[UInt8Array, Axes("labels")]  # 0 before and after
    decided: Annotated[UInt8Array, Axes("labels")]


@inlined
def _answer(combiner, params, said, n_labels, scratch):
    """Fill ``scratch`` with what is answered to a row."""
    if n_labels == 0:
        return
    mixed, marginal = scratch.mixer.mixed, scratch.decoder.marginal
    mix_row(combiner.mixer, params.mixer, said, n_labels, scratch.mixer)
    if params.decoder.decode == INDEPENDENTLY:
        for label in range(n_labels):
            marginal[label] = mixed[label]
            scratch.decided[label] = mixed[label] > 0.5
    else:
        decode_row(
            combiner.decoder, params.decoder, mixed, n_labels, scratch.decoder, scratch.decided
        )


@inlined
def _add_losses(combiner, scratch, n_labels, losses, row, counts):
    """Loss of the answer in every cluster: one less the Jaccard similarity of answered and true
    labels."""
    for table in range(len(losses)):
        counts[table, 0] = 0
        counts[table, 1] = 0
    for label in range(n_labels):
        truth = scratch.truth[label]
        if truth != UNKNOWN:
            table = combiner.decoder.table[label] - 1
            counts[table, 0] += scratch.decided[label] & truth
            counts[table, 1] += scratch.decided[label] | truth
    for table in range(len(losses)):
        union = counts[table, 1]
        losses[table, row] = 1.0 - counts[table, 0] / union if union > 0 else 0.0


@kernel
def combine(
    combiner, params, said, said_learnt, y, u, first, learn_first, end, learn_end, predict, delay,
    n_labels, n_labels_after, out, decided, losses, counts, scratch,
):  # fmt: skip
    """Answer each row from ``first`` to ``end`` and learn rows ``learn_first`` to ``learn_end``,
    each ``delay`` rows after it was answered.

    Parameters
    ----------
    said, said_learnt
        Probabilities [rows, models, labels] by the models: of the rows from ``first`` on as they
        are answered, and of those from ``learn_first`` on as they are learnt.
    y, u
        Present and unknown labels, each ``(indptr, indices)``.
    predict, delay
        As in :func:`stream.engine.tree.advance`.
    n_labels, n_labels_after
        Labels that are known before the first row is learnt, and from then on.
    out, decided
        [rows, labels] probabilities and answers (1: present) of the rows, in place.
    losses
        [clusters, rows] of the learnt rows, in place.
    counts
        [clusters, 2] room to work in.
    """
    row, learn = first, learn_first
    fresh = -1  # row that ``scratch`` holds the answer to
    while True:
        if predict and row < end and (delay < 0 or learn > row - 1 - delay):
            _answer(combiner, params, said[row - first], n_labels, scratch)
            for label in range(n_labels):
                out[row, label] = scratch.decoder.marginal[label]
                decided[row, label] = scratch.decided[label]
            fresh = row
            row += 1
        elif learn < learn_end and (not predict or learn <= row - 1 - delay):
            new = n_labels != n_labels_after
            n_labels = n_labels_after
            if delay != 0 or fresh != learn or new:
                _answer(combiner, params, said_learnt[learn - learn_first], n_labels, scratch)
            fresh = -1
            for entry in range(y[0][learn], y[0][learn + 1]):
                scratch.truth[y[1][entry]] = 1
            for entry in range(u[0][learn], u[0][learn + 1]):
                scratch.truth[u[1][entry]] = UNKNOWN
            _add_losses(combiner, scratch, n_labels, losses, learn, counts)
            learn_mix(combiner.mixer, params.mixer, scratch.truth, n_labels, scratch.mixer)
            if params.decoder.decode != INDEPENDENTLY:
                learn_decoder(
                    combiner.decoder, params.decoder, scratch.truth, n_labels, scratch.decided,
                    scratch.decoder,
                )  # fmt: skip
            for entry in range(y[0][learn], y[0][learn + 1]):
                scratch.truth[y[1][entry]] = 0
            for entry in range(u[0][learn], u[0][learn + 1]):
                scratch.truth[u[1][entry]] = 0
            learn += 1
        else:
            return
