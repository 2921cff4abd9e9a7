"""Rows for a mixer and a decoder, one at a time."""

import numpy as np

from stream.engine.events import PREDICT_ONLY, schedule
from stream.engine.growing_mixer_decoder import GrowingMixerDecoder
from stream.engine.joint_decoder_layout import BALANCED, DecoderParams
from stream.engine.label_mixer import N_PAST, MixerParams
from stream.engine.mixer_decoder import MixerDecoderParams, MixerDecoderRows

NO_TRUTH = np.zeros(2, np.int64), np.zeros(0, np.int32)


def mixer_decoder_of(
    *, mix=True, past=True, n_models=2, n_given=0, decode=BALANCED, beta=0.65, max_sets=40,
    rates=(0.15, 0.01),
):  # fmt: skip
    """Mixer and decoder without labels."""
    params = MixerDecoderParams(
        MixerParams(mix, past, *rates), DecoderParams(decode, beta, 0.4, 0.2, 0.1, max_sets)
    )
    return GrowingMixerDecoder(params, n_models, n_given)


def add_labels(growing, n_labels, clusters, n_rows=0):
    """Let there be labels, in these clusters."""
    before = growing.n_labels
    growing.add_labels(n_labels, n_rows)
    growing.regroup([np.array(labels, np.int64) for labels in clusters], before)


def entries(mask):
    """One row of labels as the kernels take it."""
    return np.array([0, mask.sum()], np.int64), np.flatnonzero(mask).astype(np.int32)


def take_row(growing, said, truth=None, past=None):
    """Answer a row and, where there is a truth of 0, 1 and NaN (unknown), learn it.

    Parameters
    ----------
    past
        [N_PAST, labels] what is known of each label's past; None: absent, and never present.

    Returns
    -------
    The decoder's probabilities, the label set that is answered, and the loss of every cluster.
    """
    delay = PREDICT_ONLY if truth is None else 0
    truth = np.zeros(growing.n_labels) if truth is None else np.asarray(truth, float)
    out = np.zeros((1, growing.n_labels))
    decided = np.zeros(out.shape, np.uint8)
    losses = np.zeros((len(growing.state.mixer.weight), 1))
    said = np.ascontiguousarray(said, float)[None]
    past = np.zeros((N_PAST, growing.n_labels)) if past is None else past
    past = np.ascontiguousarray(past, float)[None]
    rows = MixerDecoderRows(
        said, past, entries(truth == 1), entries(np.isnan(truth)),
        schedule(1, 0, 0, predict=True, delay=delay),
    )  # fmt: skip
    growing.run(rows, growing.n_labels, out, decided, losses)
    return out[0], frozenset(np.flatnonzero(decided[0]).tolist()), losses[:, 0]


def random_partition(rng, n_labels, n_clusters):
    """Labels in clusters of at least one label each."""
    place = np.concatenate([np.arange(n_clusters), rng.integers(0, n_clusters, n_labels)])
    place = rng.permutation(place[:n_labels])
    return [np.flatnonzero(place == c).tolist() for c in range(n_clusters)]


def random_truth(rng, n_labels, *, unknown=0.0):
    """A row of labels: one of a few label sets, with errors and unknown labels."""
    kinds = np.random.default_rng(n_labels).random((4, n_labels)) < 0.45
    truth = kinds[rng.integers(4)] ^ (rng.random(n_labels) < 0.1)
    hidden = (rng.random(n_labels) < 0.3) & (rng.random() < unknown)
    return np.where(hidden, np.nan, truth)
