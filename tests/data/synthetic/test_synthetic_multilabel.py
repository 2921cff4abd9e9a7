"""The multi-label generators: blocks, cardinality, what drift changes and what it leaves."""

import numpy as np
import pytest
from scipy import sparse, stats

from stream.data.synthetic import DriftSchedule, create
from stream.data.synthetic.rng import bits
from stream.data.synthetic.text_features import WORDS_OF_BLOCK
from stream.errors import ParameterError

EXACT = "noise=0,within=1,spurious=0"


def features_of(source, start=0, stop=None):
    batch = source.rows(start, source.n_rows if stop is None else stop)
    shape = (batch.n_rows, len(source.schema.features))
    return sparse.csr_array((batch.x_values, batch.x_indices, batch.x_indptr), shape).toarray()


def labels_of(source, start=0, stop=None):
    batch = source.rows(start, source.n_rows if stop is None else stop)
    shape = (batch.n_rows, len(source.schema.labels))
    ones = np.ones(len(batch.y_indices))
    return sparse.csr_array((ones, batch.y_indices, batch.y_indptr), shape).toarray()


def jaccard(y):
    """Jaccard similarity of every two labels."""
    both = y.T @ y
    counts = np.diag(both)
    return both / np.maximum(counts[:, None] + counts[None, :] - both, 1)


def within_and_across(similarity, blocks):
    """Mean similarity of labels of one block, and of labels of two."""
    block_of = np.empty(len(similarity), int)
    for number, block in enumerate(blocks):
        block_of[block] = number
    same = block_of[:, None] == block_of[None, :]
    off_diagonal = ~np.eye(len(similarity), dtype=bool)
    return similarity[same & off_diagonal].mean(), similarity[~same].mean()


def explained(source, concept, start, stop):
    """Share of rows whose labels are those that a concept gives their features, without noise.

    The slow twin of the tree, the centroids and the hyperplanes.
    """
    model, x, y = source.features, features_of(source, start, stop), labels_of(source, start, stop)
    if hasattr(model, "split_features"):
        features, thresholds = model.split_features[concept], model.thresholds[concept]
        regions = []
        for row in x:
            node = 0
            while node < len(features):
                node = 2 * node + 1 + (row[features[node]] > thresholds[node])
            regions.append(node - len(features))
    elif hasattr(model, "centroids"):
        distance = ((x[:, None] - model.centroids[concept][None]) ** 2).sum(-1) ** 0.5
        # Nearest in units of its spread, by the density of a normal cloud.
        density = -0.5 * (distance / model.spread) ** 2 - x.shape[1] * np.log(model.spread)
        regions = density.argmax(1)
    blocks = source.description.blocks_at(0)
    right = 0
    for row in range(len(x)):
        if hasattr(model, "weights"):
            scores = model.weights[concept] @ (x[row] - 0.5)
            active = np.flatnonzero(scores > model.thresholds[concept])
        else:
            own = slice(*model.region_indptr[regions[row] : regions[row] + 2])
            active = model.region_blocks[own]
        expected = sorted(label for block in active for label in blocks[block])
        right += expected == np.flatnonzero(y[row]).tolist()
    return right / len(x)


@pytest.mark.parametrize("model", ["tree", "rbf", "hp"])
@pytest.mark.parametrize(("kind", "concepts"), [("sud", (0, 1, 2, 3)), ("rec", (0, 1, 0, 1))])
def test_sudden_and_recurring_drift_change_the_labels_given_the_features(model, kind, concepts):
    """Only the concept in force explains the rows between two change points."""
    source = create(f"syn-{model}-{kind}:{EXACT}", n_rows=2_000)
    assert source.description.features_drift.concepts == concepts
    for segment, concept in enumerate(concepts):
        start, stop = segment * 500, (segment + 1) * 500
        assert explained(source, concept, start, stop) > 0.98
        for other in set(concepts) - {concept}:
            assert explained(source, other, start, stop) < 0.75


@pytest.mark.parametrize("model", ["tree", "rbf", "hp"])
def test_incremental_drift_moves_in_a_straight_line(model):
    """Half way the parameters are the mean of both concepts; neither of them explains the rows."""
    spec = f"syn-{model}-inc:{EXACT},positions=100000,width=100000"
    source = create(spec, n_rows=200_000)
    old, new = explained(source, 0, 0, 300), explained(source, 1, 199_700, 200_000)
    assert min(old, new) > 0.98
    middle = slice(99_850, 100_150)
    assert explained(source, 0, middle.start, middle.stop) < 0.95
    assert explained(source, 1, middle.start, middle.stop) < 0.95
    parameter = {"tree": "thresholds", "rbf": "centroids", "hp": "weights"}[model]
    concepts = getattr(source.features, parameter)
    between = 0.5 * (concepts[0] + concepts[1])
    setattr(source.features, parameter, np.stack([between, between]))
    if model == "hp":
        quantile, squares = source.features.quantile, (between**2).sum(1)
        kurtosis = -1.2 * (between**4).sum(1) / squares**2
        corrected = quantile + kurtosis / 24 * (quantile**3 - 3 * quantile)
        source.features.thresholds = np.stack([corrected * np.sqrt(squares / 12)] * 2)
    # The rows stay those of the untouched source; only the twin reads the changed parameters.
    source.rows = create(spec, n_rows=200_000).rows
    assert explained(source, 0, middle.start, middle.stop) > 0.97


@pytest.mark.parametrize("model", ["tree", "rbf", "hp"])
def test_gradual_drift_mixes_two_concepts(model):
    """Around the change each row belongs wholly to one of two concepts, half of them to each."""
    source = create(f"syn-{model}-grad:{EXACT},positions=4000,width=2000", n_rows=8_000)
    old = explained(source, 0, 3_750, 4_250)
    new = explained(source, 1, 3_750, 4_250)
    assert 0.4 < old < 0.85
    assert 0.4 < new < 0.85
    assert old + new > 0.96
    assert explained(source, 0, 0, 200) > 0.95


@pytest.mark.parametrize("model", ["tree", "rbf", "hp", "text"])
def test_noise_is_the_share_of_rows_whose_features_tell_nothing(model):
    """With all noise the labels are independent of the features, with none they follow them."""
    if model == "text":
        spec = "syn-text:features=2000,labels=8,blocks=8,noise={}"
        source, noisy = (create(spec.format(noise), n_rows=4_000) for noise in (0, 1))
        for stream, low, high in ((source, 0.15, 1), (noisy, 0, 0.05)):
            x, y = features_of(stream) > 0, labels_of(stream)
            with_label, without = x[y[:, 0] == 1].mean(0), x[y[:, 0] == 0].mean(0)
            assert low < np.sort(with_label - without)[-20:].mean() < high + 0.02
        return
    exact = explained(create(f"syn-{model}:{EXACT}", n_rows=1_000), 0, 0, 1_000)
    spec = f"syn-{model}:noise=0.4,within=1,spurious=0"
    noisy = explained(create(spec, n_rows=1_000), 0, 0, 1_000)
    assert exact > 0.98
    # A row whose features tell nothing is still right by luck, sometimes.
    assert 0.6 - 0.05 < noisy < 0.6 + 0.4 * 0.5 + 0.05


@pytest.mark.parametrize(
    ("spec", "n_rows"),
    [
        ("syn-blocks:labels=20,blocks=4", 5_000),
        ("syn-blocks:labels=200,blocks=20", 5_000),
        ("syn-blocks:labels=200,blocks=20,model=tree", 5_000),
        ("syn-blocks:labels=20,blocks=4,model=hp", 5_000),
        ("syn-text:labels=20,blocks=4", 5_000),
        ("syn-tree-sud:labels=20,blocks=4", 5_000),
    ],
)
def test_labels_are_correlated_inside_their_blocks_only(spec, n_rows):
    source = create(spec, n_rows=n_rows)
    blocks = source.description.blocks_at(0)
    assert sorted(label for block in blocks for label in block) == list(source.schema.labels)
    within, across = within_and_across(jaccard(labels_of(source)), blocks)
    assert within > 0.7
    assert across < 0.25
    wrong = [[(label + 1) % len(source.schema.labels) for label in block] for block in blocks]
    assert within_and_across(jaccard(labels_of(source)), wrong)[0] < 0.5


@pytest.mark.parametrize("model", ["rbf", "tree", "hp", "text"])
def test_block_drift_changes_the_blocks_and_nothing_else(model):
    """After the change the new blocks hold, the old ones do not, and the features are the same."""
    spec = f"syn-blocks-sud:positions=20000,model={model}"
    source, still = create(spec, n_rows=40_000), create(f"syn-blocks:model={model}", n_rows=40_000)
    assert source.description.change_points == (20_000,)
    old, new = source.description.blocks_at(19_999), source.description.blocks_at(20_000)
    assert old != new
    before, after = labels_of(source, 0, 20_000), labels_of(source, 20_000, 40_000)
    for y, true, false in ((before, old, new), (after, new, old)):
        assert within_and_across(jaccard(y), true)[0] > 0.7
        assert within_and_across(jaccard(y), false)[0] < 0.4
    edge = labels_of(source, 19_000, 20_000)
    assert within_and_across(jaccard(edge), old)[0] > 0.7
    ours, theirs = source.rows(0, 40_000), still.rows(0, 40_000)
    assert ours.x_indices.tobytes() == theirs.x_indices.tobytes()
    assert ours.x_values.tobytes() == theirs.x_values.tobytes()
    assert ours.y_indices.tobytes() != theirs.y_indices.tobytes()
    assert before.sum(1).mean() == pytest.approx(after.sum(1).mean(), rel=0.05)


def smallest_p(source):
    """Smallest p of the Kolmogorov-Smirnov tests of the features before and after the middle."""
    half = source.n_rows // 2
    x = features_of(source)
    return min(stats.ks_2samp(x[:half, j], x[half:, j]).pvalue for j in range(x.shape[1]))


def test_block_drift_leaves_the_distribution_of_the_features():
    """The same test sees the drift of the centroids at once, so that it is able to fail."""
    assert smallest_p(create("syn-blocks-sud", n_rows=8_000)) > 0.001
    assert smallest_p(create("syn-rbf-sud:positions=4000", n_rows=8_000)) < 1e-6


def test_incremental_block_drift_moves_label_after_label():
    """In the middle half of the labels have moved, and those are with their new block."""
    source = create("syn-blocks-inc:positions=20000,width=20000", n_rows=40_000)
    moved = np.flatnonzero(source.blocks.turn < 0.5)
    stayed = np.flatnonzero(source.blocks.turn >= 0.5)
    assert len(moved) == len(stayed) == 10
    similarity = jaccard(labels_of(source, 19_700, 20_300))
    for labels, blocks in (
        (moved, source.description.blocks_at(39_999)),
        (stayed, source.description.blocks_at(0)),
    ):
        parts = [[label for label in block if label in labels] for block in blocks]
        pairs = [(a, b) for part in parts for a in part for b in part if a < b]
        assert np.mean([similarity[pair] for pair in pairs]) > 0.6


def test_gradual_block_drift_mixes_the_blocks():
    source = create("syn-blocks-grad:positions=10000,width=4000", n_rows=20_000)
    old, new = source.description.blocks_at(0), source.description.blocks_at(19_999)
    middle = jaccard(labels_of(source, 9_500, 10_500))
    for blocks in (old, new):
        assert 0.2 < within_and_across(middle, blocks)[0] < 0.65


def test_recurring_blocks_come_back():
    description = create("syn-blocks-rec", n_rows=400).description
    blocks = [description.blocks_at(row) for row in (0, 100, 200, 300)]
    assert blocks[0] == blocks[2] != blocks[1] == blocks[3]


@pytest.mark.parametrize("model", ["tree", "rbf", "hp", "text"])
@pytest.mark.parametrize("cardinality", [1.5, 4, 8])
def test_cardinality_is_met(model, cardinality):
    spec = f"syn-{model}:labels=40,blocks=8,features=50,cardinality={cardinality}"
    source = create(spec, n_rows=30_000)
    present = len(source.rows(0, 30_000).y_indices) / 30_000
    assert present == pytest.approx(cardinality, rel=0.06)


def test_documents_have_the_words_of_their_blocks():
    """Most frequent words of a block's documents are those that the hash deals to it."""
    spec = "syn-text-sud:labels=4,blocks=4,features=5000,noise=0,within=1,spurious=0,positions=3000"
    source = create(spec, n_rows=6_000)
    model = source.features
    for concept, start in ((0, 0), (1, 3_000)):
        x, y = features_of(source, start, start + 3_000), labels_of(source, start, start + 3_000)
        for block, (label,) in enumerate(source.description.blocks_at(0)):
            first = (concept * 4 + block) * WORDS_OF_BLOCK
            numbers = range(first, first + WORDS_OF_BLOCK)
            words = {int(bits(model._word_key, number)) % 5_000 for number in numbers}
            only = (y.sum(1) == 1) & (y[:, label] == 1)
            share = x[only][:, sorted(words)].sum() / x[only].sum()
            assert share > model.topic - 0.02
            none = y[:, label] == 0
            assert x[none][:, sorted(words)].sum() / x[none].sum() < 0.15
    assert np.diff(source.rows(0, 6_000).x_indptr).mean() == pytest.approx(50, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("slow", (5,)), "one of none, sudden"),
        (("sudden", (5, 3)), "do not decrease"),
        (("sudden", ()), "if and only if"),
        (("none", (5,)), "if and only if"),
        (("sudden", (5,), float("nan")), "'width'.*nan"),
        (("sudden", (5,), 1, (0,)), "1 positions has 2 concepts"),
    ],
)
def test_wrong_schedules_are_refused(arguments, words):
    with pytest.raises(ParameterError, match=words):
        DriftSchedule(*arguments)
