"""Label mixer and joint decoder at work: rows are answered and learnt, one after the other, in one
kernel call."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from stream.engine.arrays import Axes, Float64Array, Int64Array, LabelRows, UInt8Array
from stream.engine.events import Events, follows
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
from stream.engine.losses import add_cluster_losses, mark_truth


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
    """Rows to be answered and learnt, and what models and recent rows say of them."""

    probabilities: Float64Array  # [answers, models, labels]
    past: Float64Array  # [answers, N_PAST, labels]
    y: LabelRows  # present labels
    u: LabelRows  # unknown ones
    events: Events


class MixerDecoderAnswers(NamedTuple):
    """What is answered to the rows, in place."""

    out: Float64Array  # [rows, labels] probabilities
    decided: UInt8Array  # [rows, labels] answers; 1: present
    losses: Float64Array  # [clusters, rows that are learnt]
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


@kernel
def mix_and_decode(state, params, rows, n_labels, n_labels_after, answers, scratch):
    """Answer rows and learn them, as the events say.

    Parameters
    ----------
    rows
        :class:`MixerDecoderRows`.
    n_labels, n_labels_after
        Labels that are known before the first row is learnt, and from then on.
    answers
        :class:`MixerDecoderAnswers`, in place.
    """
    y, u, events = rows.y, rows.u, rows.events
    n_learnt = 0
    for event in range(len(events.row)):
        row, answer = events.row[event], events.answer[event] - events.answer[0]
        probabilities, past = rows.probabilities[answer], rows.past[answer]
        if not events.learns[event]:
            _answer(state, params, probabilities, past, n_labels, scratch)
            for label in range(n_labels):
                answers.out[row, label] = scratch.decoder.marginal[label]
                answers.decided[row, label] = scratch.decided[label]
            continue
        if not follows(events, event) or n_labels != n_labels_after:
            n_labels = n_labels_after
            _answer(state, params, probabilities, past, n_labels, scratch)
        mark_truth(scratch.truth, y, u, row, 1, UNKNOWN)
        add_cluster_losses(
            scratch.decided, scratch.truth, state.mixer.group, n_labels, answers.counts,
            answers.losses[:, n_learnt],
        )  # fmt: skip
        learn_mix(state.mixer, params.mixer, past, scratch.truth, n_labels, scratch.mixer)
        if params.decoder.decode != INDEPENDENTLY:
            learn_decoder(
                state.decoder, params.decoder, scratch.truth, n_labels, scratch.decided,
                scratch.decoder,
            )  # fmt: skip
        mark_truth(scratch.truth, y, u, row, 0, 0)
        n_learnt += 1
