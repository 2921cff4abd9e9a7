"""Label mixer and joint decoder at work: rows are answered and learnt, one after the other, in one
kernel call."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from stream.engine.arrays import Axes, Float64Array, Int64Array, LabelRows, UInt8Array
from stream.engine.jit import inlined, kernel
from stream.engine.joint_decoder import decode_row
from stream.engine.joint_decoder_layout import (
    INDEPENDENTLY,
    DecoderParams,
    JointDecoder,
    JointDecoderScratch,
)
from stream.engine.joint_decoder_learning import learn_decoder
from stream.engine.label_mixer import (
    UNKNOWN,
    Mixer,
    MixerParams,
    MixerScratch,
    learn_mix,
    mix_row,
)


class MixerDecoder(NamedTuple):
    """All of mixer and decoder that changes while they learn."""

    mixer: Mixer
    decoder: JointDecoder


class MixerDecoderParams(NamedTuple):
    """What the kernels need to know."""

    mixer: MixerParams
    decoder: DecoderParams


class MixerDecoderScratch(NamedTuple):
    """Room for one row's work; nothing in it outlives the row."""

    mixer: MixerScratch
    decoder: JointDecoderScratch
    truth: Annotated[UInt8Array, Axes("labels")]  # 0 before and after
    decided: Annotated[UInt8Array, Axes("labels")]


class MixerDecoderRows(NamedTuple):
    """Rows to be answered and learnt, and the probabilities by the models."""

    probabilities: Float64Array  # [rows, models, labels] from ``first`` on, as they are answered
    probabilities_learnt: Float64Array  # the same from ``learn_first`` on, as they are learnt
    past: Float64Array  # [rows, N_PAST, labels] of all rows, as they are answered
    past_learnt: Float64Array  # the same when they are learnt
    y: LabelRows  # present labels
    u: LabelRows  # unknown ones
    first: int  # row to answer
    learn_first: int  # row to learn
    end: int  # rows from here on are not answered
    learn_end: int  # nor learnt from here on
    predict: bool  # False: rows are only learnt
    delay: int  # rows between answer and truth; negative: rows are only answered


class MixerDecoderAnswers(NamedTuple):
    """What is answered to the rows, in place."""

    out: Float64Array  # [rows, labels] probabilities
    decided: UInt8Array  # [rows, labels] answers; 1: present
    losses: Float64Array  # [clusters, rows] of the learnt rows
    counts: Int64Array  # [clusters, 2] room to work in


@inlined
def _answer(state, params, probabilities, past, n_labels, scratch):
    """Fill ``scratch`` with what is answered to a row."""
    if n_labels == 0:
        return
    mixed, marginal = scratch.mixer.mixed, scratch.decoder.marginal
    mix_row(state.mixer, params.mixer, probabilities, past, n_labels, scratch.mixer)
    if params.decoder.decode == INDEPENDENTLY:
        for label in range(n_labels):
            marginal[label] = mixed[label]
            scratch.decided[label] = mixed[label] > 0.5
    else:
        decode_row(state.decoder, params.decoder, mixed, n_labels, scratch.decoder, scratch.decided)


@inlined
def _add_losses(state, scratch, n_labels, losses, row, counts):
    """Loss of the answer in every cluster: one less the Jaccard similarity of answered and true
    labels."""
    for table in range(len(losses)):
        counts[table, 0] = 0
        counts[table, 1] = 0
    for label in range(n_labels):
        truth = scratch.truth[label]
        if truth != UNKNOWN:
            table = state.decoder.table[label] - 1
            counts[table, 0] += scratch.decided[label] & truth
            counts[table, 1] += scratch.decided[label] | truth
    for table in range(len(losses)):
        union = counts[table, 1]
        losses[table, row] = 1.0 - counts[table, 0] / union if union > 0 else 0.0


@kernel
def mix_and_decode(
    state, params, rows, n_labels, n_labels_after, answers, scratch
):  # fmt: skip
    """Answer rows and learn them, each ``rows.delay`` rows after it was answered.

    Parameters
    ----------
    rows
        :class:`MixerDecoderRows`.
    n_labels, n_labels_after
        Labels that are known before the first row is learnt, and from then on.
    answers
        :class:`MixerDecoderAnswers`, in place.
    """
    y, u, predict, delay = rows.y, rows.u, rows.predict, rows.delay
    row, learn = rows.first, rows.learn_first
    fresh = -1  # row that ``scratch`` holds the answer to
    while True:
        if predict and row < rows.end and (delay < 0 or learn > row - 1 - delay):
            probabilities = rows.probabilities[row - rows.first]
            _answer(state, params, probabilities, rows.past[row], n_labels, scratch)
            for label in range(n_labels):
                answers.out[row, label] = scratch.decoder.marginal[label]
                answers.decided[row, label] = scratch.decided[label]
            fresh = row
            row += 1
        elif learn < rows.learn_end and (not predict or learn <= row - 1 - delay):
            new = n_labels != n_labels_after
            n_labels = n_labels_after
            if delay != 0 or fresh != learn or new:
                probabilities = rows.probabilities_learnt[learn - rows.learn_first]
                _answer(state, params, probabilities, rows.past_learnt[learn], n_labels, scratch)
            fresh = -1
            for entry in range(y[0][learn], y[0][learn + 1]):
                scratch.truth[y[1][entry]] = 1
            for entry in range(u[0][learn], u[0][learn + 1]):
                scratch.truth[u[1][entry]] = UNKNOWN
            _add_losses(state, scratch, n_labels, answers.losses, learn, answers.counts)
            learn_mix(
                state.mixer, params.mixer, rows.past_learnt[learn], scratch.truth, n_labels,
                scratch.mixer,
            )  # fmt: skip
            if params.decoder.decode != INDEPENDENTLY:
                learn_decoder(
                    state.decoder, params.decoder, scratch.truth, n_labels, scratch.decided,
                    scratch.decoder,
                )  # fmt: skip
            for entry in range(y[0][learn], y[0][learn + 1]):
                scratch.truth[y[1][entry]] = 0
            for entry in range(u[0][learn], u[0][learn + 1]):
                scratch.truth[u[1][entry]] = 0
            learn += 1
        else:
            return
