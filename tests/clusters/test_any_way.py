"""Clusters behind a gate: one answer, and the same bytes, however a stream comes: any chunks, any
delay, any order of clusters, threads, snapshots in between, questions in between."""

import numpy as np
import pytest
from cluster_rows import WITHOUT_LABELS, assert_same, padded, played, random_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import gated_only, params_of

from stream import DriftHOMER
from stream.clusters import coordinator as coordinator_module
from stream.clusters import pipeline
from stream.clusters.executor import LocalExecutor
from stream.engine import joint_decoder_layout as dec
from stream.engine import placement as pl
from stream.engine.events import PREDICT_ONLY
from stream.models.partitioned import GivenClusters
from stream.rows.batch import slice_rows
from stream.rows.names import Names
from stream.snapshot import dumps, loads

PERIOD = 16  # rows between two looks at the memory, so that few rows have several


@pytest.fixture(autouse=True, scope="module")
def _short_periods():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator_module, "PERIOD", PERIOD)
        patch.setattr(pipeline, "MOST_EVENTS", 5)
        yield


class Anywhere(LocalExecutor):
    """Clusters that work in another order every time, dealt out to two threads or in one."""

    def __init__(self, clusters, seed):
        super().__init__(clusters, n_jobs=1 + seed % 2)
        self.rng = np.random.default_rng(seed)

    def _deal(self, n_pairs):
        order = self.rng.permutation(np.flatnonzero(n_pairs)).tolist()
        cut = int(self.rng.integers(0, len(order) + 1))
        return [part for part in (order[:cut], order[cut:]) if part]


PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "threshold": st.sampled_from([0.0, 0.2, 1.0]),
        "ask_all_labels": st.sampled_from([3, 1000]),
        "window": st.sampled_from([0, 1, 7]),
        "dense_window": st.sampled_from([1, 9]),
        "capacity": st.sampled_from([1, 2, 16]),
        "placement": st.sampled_from([pl.RANDOM, pl.SINGLE, pl.GIVEN]),
        "past": st.just(False),
        "mix": st.just(False),
        "decode": st.sampled_from([dec.SUBSET, dec.MARGINAL, dec.F1]),
        "max_sets": st.sampled_from([1, 3]),
        "max_bytes": st.sampled_from([1.0, 60e3]),
    },
)


def cuts_of(n_rows):
    """Where rows are cut into calls."""
    return st.lists(st.integers(1, n_rows), max_size=6).map(lambda ends: sorted({*ends, n_rows}))


@st.composite
def streams(draw, most_rows=50):
    """Rows whose labels and features come when they like, and how late their labels are."""
    n_rows = draw(st.integers(1, most_rows))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    batch = random_rows(
        rng,
        n_rows,
        draw(st.integers(1, 30)),
        dense=draw(st.booleans()),
        unknown=draw(st.booleans()),
    )
    return batch, draw(st.integers(0, 9)), draw(cuts_of(n_rows))


def new_coordinator(params):
    params = params_of(**params)
    if params.placement != pl.GIVEN:
        return gated_only(params)
    names = Names()
    names.add(range(30))
    given = GivenClusters(names, {label: label * 5 % 7 for label in range(20)}, others=7)
    return gated_only(params, given)


def without_labels(batch):
    """One row, of whose labels nothing is told."""
    y, u = WITHOUT_LABELS, WITHOUT_LABELS
    return batch._replace(y_indptr=y[0], y_indices=y[1], u_indptr=u[0], u_indices=u[1])


def assert_same_run(found, expected):
    assert_same(found[:2], expected[:2])
    assert dumps(found[2]) == dumps(expected[2])


def loaded(learner):
    """The learner after it was saved and loaded."""
    return loads(dumps(learner))


@settings(max_examples=30)
@given(stream=streams(), params=PARAMS, seed=st.integers(0, 100))
def test_coordinators_answer_the_same_in_any_way(stream, params, seed):
    """A stage that looks at rows of its call that come later or sizes an array by them; clusters
    that share what changes; a part of the state that a snapshot leaves out."""
    batch, delay, ends = stream
    expected = played(new_coordinator(params), batch, [batch.n_rows], delay)
    for between in (None, loaded):
        found = played(new_coordinator(params), batch, ends, delay, between)
        assert_same_run(found, expected)
    elsewhere = new_coordinator(params)
    elsewhere.gated.executor = Anywhere([], seed)
    assert_same_run(played(elsewhere, batch, ends, delay), expected)


@pytest.mark.parametrize("window", [1, 7, 30])
def test_rows_that_left_the_window_are_saved(window):
    """Rings that grow when rows have left the window, whose rest cannot be loaded."""
    batch = random_rows(np.random.default_rng(0), 90, 3)
    expected = played(new_coordinator({"window": window}), batch, [90], 0)
    ends = [30, 60, 75, 90]
    assert_same_run(played(new_coordinator({"window": window}), batch, ends, 0, loaded), expected)


@settings(max_examples=20)
@given(stream=streams(), params=PARAMS)
def test_labels_that_come_on_their_own_are_those_that_come_late(stream, params):
    """A row that is asked about in one call and learnt in another as if it had just come; a
    question that changes what is learnt later."""
    batch, delay, _ = stream
    n = batch.n_rows
    expected = played(new_coordinator(params), batch, [n], delay)
    apart = new_coordinator(params)
    probabilities, answers = [], []
    for row in range(n):
        asked = without_labels(slice_rows(batch, row, row + 1))
        found = apart.answer(asked, predict=True, delay=PREDICT_ONLY)
        again = apart.answer(asked, predict=True, delay=PREDICT_ONLY)
        assert_same((found.probabilities, found.labels), (again.probabilities, again.labels))
        probabilities.append(found.probabilities)
        answers.append(found.labels)
        if row >= delay:
            learnt, waited = (
                slice_rows(batch, row - delay, row - delay + 1),
                min(delay, row - delay),
            )
            apart.answer(learnt, predict=False, waited=np.array([waited], np.int64))
    probabilities.append(np.zeros((0, apart.n_labels)))  # the last row may have had new labels
    answers.append(np.zeros((0, apart.n_labels)))
    assert_same_run((padded(probabilities), padded(answers), apart), expected)


@settings(max_examples=8)
@given(
    stream=streams(most_rows=40),
    max_tree_labels=st.sampled_from([0, 1, 6, 12]),
    n_jobs=st.sampled_from([1, 2, -1]),
)
def test_trees_are_given_up_at_the_same_row_in_any_way(stream, max_tree_labels, n_jobs):
    """Trees that answer a row of their last call after they should be gone, or one too few."""
    batch, delay, ends = stream

    def learner():
        model = DriftHOMER(seed=3, max_subsets=10, window=9, cluster_size=3, n_jobs=n_jobs)
        model._learner.max_tree_labels = max_tree_labels
        return model._learner

    expected = played(learner(), batch, [batch.n_rows], delay)
    assert (expected[2].trees is None) == (expected[2].n_labels > max_tree_labels)
    for between in (None, loaded):
        assert_same_run(played(learner(), batch, ends, delay, between), expected)
