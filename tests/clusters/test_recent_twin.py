"""The memory of recent rows against its slow twin, and against searches that others wrote."""

import math

import numpy as np
import pytest
from cluster_rows import random_rows
from naive.recent import NaiveRecent
from recorded import Recorder, params_of, random_ends
from river.neighbors import LazySearch
from sklearn.neighbors import NearestNeighbors

from stream.engine import postings
from stream.engine import recent_dense as rd
from stream.engine.arrays import allocate
from stream.engine.best_first import list_best_of_ring
from stream.engine.recent_layout import SHARPNESS
from stream.rows.batch import Batch, slice_rows

KINDS = {
    # rows, dense, unknown labels, delay, parameters
    "sparse": (160, False, False, 0, {}),
    "sparse-unknown": (160, False, True, 0, {}),
    "sparse-late": (160, False, True, 7, {}),
    "sparse-later-than-the-window": (160, False, False, 40, {}),
    "sparse-one": (120, False, True, 2, {"n_nearest": 1}),
    "sparse-small-window": (160, False, False, 0, {"window": 3}),
    "sparse-large-window": (200, False, True, 0, {"window": 400, "n_nearest": 10}),
    "no-window": (80, False, True, 3, {"window": 0}),
    "dense": (110, True, False, 0, {}),
    "dense-unknown-late": (110, True, True, 7, {}),
    "dense-small-window": (110, True, True, 0, {"dense_window": 5}),
    "dense-later-than-the-window": (150, True, False, 40, {}),
}


def compare_hints(events, twin):
    """Assert that each event was told what the twin says; how many of them some row voted on."""
    voted = 0
    for event in events:
        total, expected = twin.hints(event.x, event.raw, event.as_of)
        assert event.hints.keys() == expected.keys()
        assert event.total == pytest.approx(total, rel=1e-5, abs=1e-6)
        for label, hint in expected.items():
            assert event.hints[label] == pytest.approx(hint, rel=1e-5, abs=1e-6), label
        voted += total > 0.0
        if event.learns:
            twin.learn(event.x, event.raw, event.present, event.unknown)
    return voted


@pytest.mark.parametrize("kind", KINDS)
def test_hints_equal_those_of_the_twin(kind):
    """A chain of entries that ends too soon or too late when its ring was overrun, a query that
    sees rows learnt after its time, votes of unknown labels, an idf of another moment."""
    n_rows, dense, unknown, delay, params = KINDS[kind]
    rng = np.random.default_rng(list(KINDS).index(kind))
    batch = random_rows(rng, n_rows, 25, dense=dense, unknown=unknown)
    recorder = Recorder(params_of(**params))
    recorder.play(batch, delay, random_ends(rng, n_rows))
    state = recorder.gated.recent.state
    if params.get("window") != 0:
        assert state.dense.registers[rd.MODE] == (rd.DENSE if dense else rd.SPARSE)
    voted = compare_hints(recorder.events, NaiveRecent(recorder.gated.params.recent))
    assert (voted > n_rows / 4) == (params.get("window") != 0)  # it is about something


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("sparse")])
def test_columns_by_row_add_up_to_the_sums_of_lists(kind, monkeypatch):
    """A weight that stays when its row leaves the window, or a sum in another order."""
    n_rows, dense, unknown, delay, params = KINDS[kind]
    given, n_common = [], []
    for common in (0, postings.COMMON, 10**9):  # no column by row, as it is, every column
        monkeypatch.setattr(postings, "COMMON", common)
        rng = np.random.default_rng(list(KINDS).index(kind))
        batch = random_rows(rng, 3 * n_rows, 25, dense=dense, unknown=unknown)
        recorder = Recorder(params_of(**params))
        recorder.play(batch, delay, random_ends(rng, 3 * n_rows))
        index = recorder.gated.recent._postings
        n_common.append(int((index.common >= 0).sum()))
        given.append([(event.total, event.hints) for event in recorder.events])
    assert given[0] == given[1] == given[2]
    assert n_common[0] == 0 < n_common[2]


def one_label_each(x):
    """Rows [rows, features] of which each has a label of its own, so that votes name rows."""
    rows, columns = np.nonzero(x)
    n = len(x)
    one_each = np.arange(n + 1, dtype=np.int64)
    return Batch(
        np.searchsorted(rows, np.arange(n + 1)).astype(np.int64), columns.astype(np.int32),
        x[rows, columns], one_each, np.arange(n, dtype=np.int32),
        np.zeros(n + 1, np.int64), np.zeros(0, np.int32),
    )  # fmt: skip


def test_fewer_rows_vote_where_memory_gives_way():
    """Rows that left a smaller window still vote, or those that stay lose their entries."""
    batch = random_rows(np.random.default_rng(15), 120, 20, unknown=True)
    recorder = Recorder(params_of())
    recorder.play(slice_rows(batch, 0, 60))
    recorder.gated.recent.shrink(0.6)
    n_before = len(recorder.events)
    recorder.play(slice_rows(batch, 60, 120))
    twin = NaiveRecent(recorder.gated.params.recent)
    compare_hints(recorder.events[:n_before], twin)
    assert twin.window == 30
    twin.window = 18
    assert compare_hints(recorder.events[n_before:], twin) > 60


def test_dense_rows_get_new_features_as_the_twin_says():
    """A feature that no row had yet counts in a question, or not when its row is kept."""
    x = np.random.default_rng(12).normal(size=(110, 8))
    x[:75, 6] = x[:90, 7] = 0.0
    recorder = Recorder(params_of(past=False))
    recorder.play(one_label_each(x))
    twin = NaiveRecent(recorder.gated.params.recent)
    assert compare_hints(recorder.events, twin) > 100
    assert twin.dense_from is not None


def sparse_ranking(similarities, n_kept, as_of, n_nearest):
    """Rows as the kernel ranks them by their similarities; as many are kept as these are."""
    ring = np.zeros(len(similarities), np.float32)
    for number in range(n_kept - len(similarities), n_kept):
        ring[number % len(similarities)] = similarities[number]
    near, near_by = np.zeros(n_nearest, np.int64), np.zeros(n_nearest, np.float32)
    oldest = n_kept - len(similarities)
    n = list_best_of_ring(ring, oldest, as_of, n_nearest, near, near_by)
    return near[:n].tolist()


def dense_ranking(similarities, n_kept, as_of, n_nearest):
    """The same where rows are dense: they are numbers, and the query is 1."""
    sizes = {"features": 1, "dense_rows": len(similarities), "features_and_entries": 0}
    state, scratch = allocate(rd.DenseRecent, sizes), allocate(rd.DenseScratch, sizes)
    for number in range(n_kept - len(similarities), n_kept):
        state.value[0, number % len(similarities)] = similarities[number]
    scratch.query[0] = 1.0
    near, near_by = np.zeros(n_nearest, np.int64), np.zeros(n_nearest, np.float32)
    n = rd.nearest_dense(state, n_kept, as_of, n_nearest, scratch, near, near_by)
    return near[:n].tolist()


@pytest.mark.parametrize("ranking", [sparse_ranking, dense_ranking])
@pytest.mark.parametrize("n_nearest", [1, 3, 20])
def test_the_newer_of_equal_rows_votes(ranking, n_nearest):
    """Among equals an older row stays, or goes in front of a newer one."""
    rng = np.random.default_rng(n_nearest)
    for _ in range(20):
        n_kept = int(rng.integers(12, 40))
        as_of = n_kept - int(rng.integers(0, 5))
        values = rng.choice([-0.5, 0.25, 0.5, 0.75], 12).tolist()
        similarities = dict(zip(range(n_kept - 12, n_kept), values, strict=True))
        near = [n for n, value in similarities.items() if value > 0.0 and n < as_of]
        near.sort(key=lambda n: (-similarities[n], -n))
        assert ranking(similarities, n_kept, as_of, n_nearest) == near[:n_nearest]


def votes_of(event):
    """Weights of the rows that vote."""
    return {row: vote for row, (vote, _, _, _) in event.hints.items() if vote > 0.0}


def assert_voters(event, cosines):
    """The rows that vote are those nearest by ``cosines`` {row: cosine}, with the right weights."""
    cosines = {row: cosine for row, cosine in cosines.items() if cosine > 1e-6}
    best = max(cosines.values(), default=0.0)
    weights = {row: c * math.exp(SHARPNESS * (c - best)) for row, c in cosines.items()}
    assert votes_of(event) == pytest.approx(weights, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("delay", [0, 6])
def test_sparse_neighbours_are_those_of_river(delay):
    """Another similarity than the cosine of weighted rows, or another window than the last rows."""
    rng = np.random.default_rng(8)
    x = np.where(rng.random((220, 30)) < 0.2, rng.uniform(0.1, 3.0, (220, 30)), 0.0)
    recorder = Recorder(params_of(window=40, n_nearest=5, past=False))
    recorder.play(one_label_each(x), delay)
    assert recorder.gated.recent.state.dense.registers[rd.MODE] == rd.SPARSE
    counts = np.cumsum(x > 0.0, axis=0)  # [rows, columns] rows up to each that have a column

    def weighted(row, n):
        """A row with the weights of columns after ``n`` rows."""
        seen = [j for j in np.flatnonzero(x[row]).tolist() if n and counts[n - 1, j]]
        return {j: math.log1p(x[row, j]) * math.log(1 + n / (counts[n - 1, j] + 1)) for j in seen}

    def cosine_distance(one, other):
        a, b = one[0], other[0]
        common = sum(a[j] * b[j] for j in a.keys() & b.keys())
        lengths = math.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))
        return 1.0 - common / lengths if lengths > 0.0 else 1.0

    # rows that were learnt, as far as a query may see them: those that left the window of the
    # rows learnt, which is ahead of the query by the delay, are gone
    window = 40 - delay
    search = LazySearch(window, min_distance_keep=-1.0, dist_func=cosine_distance)
    learnt = 0
    for event in (each for each in recorder.events if each.learns):
        while learnt < event.as_of:
            search.append((weighted(learnt, learnt + 1), learnt))
            learnt += 1
        query = weighted(event.now, event.now)
        items, distances = search.search((query, None), 5) if learnt else ([], [])
        found = {item[1]: 1.0 - d for item, d in zip(items, distances, strict=True)}
        assert_voters(event, found)


def test_dense_neighbours_are_those_of_scikit_learn():
    """Another distance than that between standardised rows of length one."""
    rng = np.random.default_rng(9)
    x = rng.normal(size=(160, 6)) * [1.0, 5.0, 0.1, 2.0, 1.0, 3.0] + [0.0, 4.0, 1.0, 0.0, -2.0, 9.0]
    recorder = Recorder(params_of(dense_window=30, n_nearest=5, past=False))
    recorder.play(one_label_each(x))
    kept, compared = {}, 0
    for event in (each for each in recorder.events if each.learns):
        now = event.now
        if now < rd.DECIDED_AFTER:
            continue
        before = x[:now]
        scaled = np.clip((x[now] - before.mean(axis=0)) / before.std(axis=0), -5.0, 5.0)
        window = range(max(rd.DECIDED_AFTER, now - 30), now)
        if window:
            n = min(5, len(window))
            search = NearestNeighbors(n_neighbors=n, metric="cosine", algorithm="brute")
            distances, places = search.fit([kept[row] for row in window]).kneighbors([scaled])
            found = zip(places[0].tolist(), distances[0].tolist(), strict=True)
            assert_voters(event, {window[place]: 1.0 - distance for place, distance in found})
            compared += 1
        kept[now] = scaled
    assert compared == 109
