"""The joint decoder against one that looks at every label set, and what it keeps of the rows."""

import math

import numpy as np
import pytest
from mixer_decoder_rows import (
    add_labels,
    mixer_decoder_of,
    random_partition,
    random_truth,
    take_row,
)
from naive.decoder import NaiveDecoder

from stream.engine.joint_decoder_layout import (
    BALANCED,
    COMPOSED_EXPECTED,
    COMPOSED_RIGHT,
    F1,
    MARGINAL,
    MEMORY,
    SUBSET,
    UNIT,
)
from stream.engine.joint_decoder_learning import LARGEST_UNIT

DECODE = {"subset": SUBSET, "marginal": MARGINAL, "f1": F1, "balanced": BALANCED}
CLOSE = {"rtol": 0, "atol": 1e-9}


def pair(**params):
    """Mixer and decoder, and the twin of the decoder, without labels."""
    growing = mixer_decoder_of(n_models=1, mix=False, past=False, **params)
    return growing, NaiveDecoder(growing.params.decoder)


def regroup_both(growing, twin, n_labels, clusters):
    add_labels(growing, n_labels, clusters)
    twin.add_labels(n_labels)
    twin.regroup(clusters)


def table_of(growing, table):
    """Label sets of a table and their counts in rows of today."""
    decoder = growing.state.decoder
    return {
        frozenset(decoder.members[table, s, : decoder.size[table, s]].tolist()): (
            decoder.times[table, s] / decoder.registers[UNIT]
        )
        for s in range(decoder.n_sets[table])
    }


def assert_tables_agree(growing, twin):
    decoder = growing.state.decoder
    composed = decoder.registers[[COMPOSED_EXPECTED, COMPOSED_RIGHT]] / decoder.registers[UNIT]
    np.testing.assert_allclose(composed, [twin.composed_expected, twin.composed_right], **CLOSE)
    for place, table in enumerate((twin.whole, *twin.tables)):
        assert table_of(growing, place) == pytest.approx(table.times, abs=1e-9)
        unit = decoder.registers[UNIT]
        assert decoder.n_rows[place] / unit == pytest.approx(table.n_rows, abs=1e-9)
        assert decoder.n_new[place] / unit == pytest.approx(table.n_new, abs=1e-9)


def assert_answer_is_best(twin, p, answered):
    """Answers may differ where two are worth the same."""
    worths = twin.worths(p)
    assert answered in worths
    assert worths[answered] >= max(worths.values()) - 1e-9


def assert_answer_is_over_thresholds(twin, marginals, answered):
    for label, marginal in enumerate(marginals):
        threshold = twin.threshold(label)
        if abs(marginal - threshold) > 1e-9:
            assert (label in answered) == (marginal > threshold)


def play(growing, twin, rng, n_rows, *, unknown=0.3):
    """Take both through random rows, comparing every answer; returns the answers."""
    answers = []
    for _ in range(n_rows):
        n_labels = growing.n_labels
        marginals, answered, _ = take_row(growing, rng.uniform(0.02, 0.98, (1, n_labels)))
        p = growing.mixed.copy()
        np.testing.assert_allclose(marginals, twin.marginals(p), **CLOSE)
        if twin.params.decode in (MARGINAL, F1):
            assert_answer_is_over_thresholds(twin, marginals, answered)
        else:
            assert_answer_is_best(twin, p, answered)
        answers.append(answered)
        truth = random_truth(rng, n_labels, unknown=unknown)
        # The learnt row is answered once more: with other probabilities than those above.
        again, answer, _ = take_row(growing, rng.uniform(0.02, 0.98, (1, n_labels)), truth)
        twin.learn(truth, growing.mixed.copy(), again, answer)
    return answers


@pytest.mark.parametrize("decode", DECODE)
@pytest.mark.parametrize("seed", range(6))
def test_it_equals_brute_force_over_all_label_sets(decode, seed):
    """A label set that counts twice or not at all, a back-off that loses mass, a wrong share, or an
    answer that is not the best; also after clusters changed and labels came."""
    rng = np.random.default_rng(seed)
    n_labels = int(rng.integers(3, 6))
    growing, twin = pair(decode=DECODE[decode], beta=float(rng.choice([0.3, 0.65, 1.0])))
    regroup_both(growing, twin, n_labels, random_partition(rng, n_labels, int(rng.integers(1, 4))))
    play(growing, twin, rng, 25)
    regroup_both(growing, twin, n_labels, random_partition(rng, n_labels, int(rng.integers(1, 4))))
    play(growing, twin, rng, 15)
    clusters = [list(labels) for labels in twin_clusters(twin)]
    clusters[0].append(n_labels)  # a new label that joins, and then one on its own
    regroup_both(growing, twin, n_labels + 1, clusters)
    play(growing, twin, rng, 10)
    if n_labels < 5:
        regroup_both(growing, twin, n_labels + 2, [*clusters, [n_labels + 1]])
        play(growing, twin, rng, 10)
    assert_tables_agree(growing, twin)


def twin_clusters(twin):
    return [table.labels for table in twin.tables]


def test_brute_force_is_a_distribution():
    """The twin itself: probabilities over all label sets sum to one."""
    rng = np.random.default_rng(0)
    growing, twin = pair()
    regroup_both(growing, twin, 5, [[0, 3], [1, 2, 4]])
    play(growing, twin, rng, 30)
    for _ in range(10):
        found = twin.distribution(rng.uniform(0.01, 0.99, 5))
        assert len(found) == 32
        assert math.isclose(sum(found.values()), 1.0, abs_tol=1e-12)


@pytest.mark.parametrize("n_labels", [1, 6, 40])
def test_marginals_are_probabilities(n_labels):
    """Marginals above one, or below zero, or that do not answer for probabilities near 0 and 1."""
    rng = np.random.default_rng(n_labels)
    growing = mixer_decoder_of(n_models=1, mix=False, past=False, max_sets=5)
    add_labels(growing, n_labels, [list(range(n_labels))])
    for _ in range(300):
        said = rng.choice([0.0, 1e-9, 0.3, 0.7, 1.0], size=(1, n_labels))
        marginals, _, _ = take_row(growing, said, random_truth(rng, n_labels))
        assert (marginals >= 0.0).all()
        assert (marginals <= 1.0).all()


@pytest.mark.parametrize("decode", ["marginal", "f1"])
def test_a_set_never_seen_can_be_answered(decode):
    """Marginals that only count label sets that were seen."""
    growing, twin = pair(decode=DECODE[decode], beta=0.3)
    regroup_both(growing, twin, 4, [[0, 1], [2, 3]])
    pieces = [{0, 1}, {2, 3}, set()]
    rng = np.random.default_rng(1)
    for i in range(60):
        truth = np.isin(np.arange(4), list(pieces[i % 3])).astype(float)
        take_row(growing, 0.2 + 0.6 * truth[None], truth)
    assert frozenset(range(4)) not in table_of(growing, 0)
    _, answered, _ = take_row(growing, np.full((1, 4), 0.97))
    assert answered == frozenset(range(4))
    assert not take_row(growing, rng.uniform(0.02, 0.05, (1, 4)))[1]


def test_counts_fade():
    """Counts that never fade, or that fade at another speed than the rows they are shares of."""
    rng = np.random.default_rng(2)
    growing, twin = pair()
    regroup_both(growing, twin, 3, [[0, 1], [2]])
    for _ in range(3000):
        truth = random_truth(rng, 3, unknown=0.1)
        marginals, answered, _ = take_row(growing, rng.uniform(0.1, 0.9, (1, 3)), truth)
        twin.learn(truth, growing.mixed.copy(), marginals, answered)
    assert_tables_agree(growing, twin)
    rows = table_of(growing, 0)
    assert MEMORY * (1 - math.exp(-1.5)) * 0.8 < sum(rows.values()) < MEMORY * 0.8
    decoder = growing.state.decoder
    achieved = decoder.achieved[:3] / decoder.registers[UNIT]
    np.testing.assert_allclose(achieved, [twin.achieved[k] for k in range(3)], rtol=1e-9)


@pytest.mark.parametrize("max_sets", [1, 2, 5])
def test_a_new_set_takes_the_place_of_the_rarest(max_sets):
    """Sets beyond the room for them, the most frequent one that is lost, or counts left over from
    the set that was there before."""
    rng = np.random.default_rng(max_sets)
    growing, twin = pair(max_sets=max_sets)
    regroup_both(growing, twin, 4, [[0, 1, 2, 3]])
    play(growing, twin, rng, 60, unknown=0.0)
    assert_tables_agree(growing, twin)
    assert len(table_of(growing, 0)) == max_sets
    assert growing.state.decoder.n_new[0] > max_sets  # there was no room for all


def test_large_units_change_nothing():
    """Counts that are not all expressed in rows of today when their unit has grown too large."""
    answers, units = [], []
    for unit in (1.0, LARGEST_UNIT * 0.98):
        rng = np.random.default_rng(3)
        growing = mixer_decoder_of(n_models=1, mix=False, past=False, decode=F1)
        growing.state.decoder.registers[UNIT] = unit
        add_labels(growing, 5, [[0, 1, 4], [2, 3]])
        answers.append(
            [
                take_row(growing, rng.uniform(0.1, 0.9, (1, 5)), random_truth(rng, 5, unknown=0.2))
                for _ in range(150)
            ]
        )
        units.append(growing.state.decoder.registers[UNIT])
    assert units[1] < units[0] < 2.0  # it began anew on the way
    for (one, decided, _), (other, other_decided, _) in zip(*answers, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)
        assert decided == other_decided


def test_rows_with_unknown_labels_are_no_sets():
    """A label set whose unknown labels are taken for absent."""
    growing, _ = pair()
    add_labels(growing, 3, [[0, 1], [2]])
    for truth in ([1, 0, np.nan], [1, np.nan, np.nan], [np.nan] * 3):
        take_row(growing, np.full((1, 3), 0.5), truth)
    decoder, unit = growing.state.decoder, growing.state.decoder.registers[UNIT]
    assert not decoder.n_rows.any()
    assert not table_of(growing, 0)
    assert [round(n / unit, 1) for n in decoder.n_known[:3]] == [2.0, 1.0, 0.0]
    take_row(growing, np.full((1, 3), 0.5), [1, 0, 1])
    assert list(table_of(growing, 0)) == [frozenset({0, 2})]
    assert frozenset({0}) in table_of(growing, 1)
    assert frozenset({2}) in table_of(growing, 2)


def test_sets_wider_than_the_width_are_new_every_time():
    """A wide set that is cut to what there is room for, or written beyond it."""
    growing, _ = pair()
    n_labels = 6
    width = growing.state.decoder.members.shape[2]
    add_labels(growing, n_labels, [[0, 1, 2], [3, 4, 5]])
    assert width < n_labels
    for _ in range(10):
        take_row(growing, np.full((1, n_labels), 0.5), np.ones(n_labels))
    assert table_of(growing, 0) == {}
    decoder, unit = growing.state.decoder, growing.state.decoder.registers[UNIT]
    assert decoder.n_new[0] == decoder.n_rows[0] > 9 * unit
    assert table_of(growing, 1)[frozenset({0, 1, 2})] == pytest.approx(decoder.n_rows[1] / unit)
    add_labels(growing, n_labels, [[0, 1], [2], [3, 4, 5]])
    assert frozenset({0, 1}) in table_of(growing, 1)  # its cluster knew it, if not the whole
    growing.make_room(n_labels)
    take_row(growing, np.full((1, n_labels), 0.5), np.ones(n_labels))
    assert list(table_of(growing, 0)) == [frozenset(range(n_labels))]


def test_a_table_keeps_the_most_frequent_pieces():
    """A cluster's table that is cut from a larger one: the pieces that are kept are any, or rows
    without any of the labels have no place."""
    rng = np.random.default_rng(4)
    growing, twin = pair(max_sets=400)
    n_labels = 9
    growing.make_room(n_labels)
    twin.width = growing.state.decoder.members.shape[2]
    regroup_both(growing, twin, n_labels, [[label] for label in range(n_labels)])
    for i in range(400):
        truth = rng.random(n_labels) < (0.5 if i % 3 else 0.9)
        marginals, answered, _ = take_row(growing, np.full((1, n_labels), 0.5), truth)
        twin.learn(truth.astype(float), growing.mixed.copy(), marginals, answered)
    regroup_both(growing, twin, n_labels, [list(range(8)), [8]])
    kept = table_of(growing, 1)
    assert len(kept) == 64
    assert frozenset() in kept
    assert sorted(kept.values()) == pytest.approx(sorted(twin.tables[0].times.values()))
    assert table_of(growing, 2) == pytest.approx(twin.tables[1].times)


def test_tables_of_new_clusters_are_cut_from_the_old_ones():
    """A split that reads another cluster's table, a merge that adds up tables whose rows were the
    same, or a cluster that grew and forgets."""
    rng = np.random.default_rng(5)
    growing, twin = pair()
    regroup_both(growing, twin, 5, [[0, 1, 2], [3, 4]])
    play(growing, twin, rng, 40)
    whole, first, second = (table_of(growing, table) for table in range(3))
    rows = growing.state.decoder.n_rows.copy()

    def pieces(table, labels):
        found = {frozenset(): 0.0}
        for present, count in table.items():
            piece = present & labels
            found[piece] = found.get(piece, 0.0) + count
        return pytest.approx(found)

    regroup_both(growing, twin, 6, [[0, 2], [1], [3, 4, 5]])
    assert table_of(growing, 0) == whole
    assert table_of(growing, 1) == pieces(first, {0, 2})
    assert table_of(growing, 2) == pieces(first, {1})
    assert table_of(growing, 3) == second  # it only grew
    np.testing.assert_array_equal(growing.state.decoder.n_rows, rows[[0, 1, 1, 2]])
    regroup_both(growing, twin, 6, [[0, 2, 3, 4, 5], [1]])
    assert table_of(growing, 1) == pieces(whole, {0, 2, 3, 4, 5})
    assert growing.state.decoder.n_rows[1] == rows[0]
    assert_tables_agree(growing, twin)


def test_as_many_pieces_as_sets_have_room():
    """With few sets remembered, a cluster's table has room for no more pieces than that; those and
    the rows without any of the labels are one too many."""
    growing, twin = pair(max_sets=2)
    regroup_both(growing, twin, 3, [[0, 1, 2]])
    for truth in ([1, 0, 0], [0, 1, 1]):
        marginals, answered, _ = take_row(growing, np.full((1, 3), 0.5), truth)
        twin.learn(truth, growing.mixed.copy(), marginals, answered)
    regroup_both(growing, twin, 3, [[0, 1], [2]])
    assert_tables_agree(growing, twin)


def test_losses_are_those_of_each_cluster():
    """A loss that counts labels of other clusters, or unknown ones, or divides nothing by
    nothing."""
    growing, _ = pair(decode=MARGINAL, beta=0.0)
    add_labels(growing, 5, [[0, 1, 2], [3], [4]])
    said = np.array([[0.9, 0.9, 0.1, 0.1, 0.9]])
    _, answered, losses = take_row(growing, said, [1, 0, 1, 0, np.nan])
    assert answered == {0, 1, 4}
    np.testing.assert_allclose(losses, [1 - 1 / 3, 0.0, 0.0])
