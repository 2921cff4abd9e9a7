"""What holds at every moment, over random streams."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from label_rows import csr

from stream import LabelPartitioner
from stream.partition import PartitionCore, PartitionParams
from stream.snapshot import dumps, loads

EAGER = {
    "delta": 0.4, "tau": 0.9, "grace_period": 5, "min_observations": 3, "min_cluster_size": 1,
    "drift_delta": 0.9, "patience": 60,
}  # fmt: skip


@st.composite
def drifting_sets(draw):
    """Label sets whose blocks change, with labels that appear and fall silent."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sets = []
    for _ in range(draw(st.integers(1, 5))):
        low = draw(st.integers(0, 8))
        alive = np.arange(low, low + draw(st.integers(1, 12)))
        n_blocks = draw(st.integers(1, 4))
        block_of = rng.integers(0, n_blocks, len(alive))
        within, noise = draw(st.sampled_from([0.5, 0.9, 1.0])), draw(st.sampled_from([0, 0.1]))
        for _ in range(draw(st.integers(1, 120))):
            active = block_of == rng.integers(n_blocks)
            present = rng.random(len(alive)) < np.where(active, within, noise)
            sets.append(set(alive[present].tolist()))
    return sets


def check_partition(core):
    """Clusters are disjoint, hold all labels, and every record of them agrees."""
    clusters = core.clusters()
    labels = sorted(label for _, members in clusters for label in members)
    assert labels == list(range(core.n_labels))
    ids = [i for i, _ in clusters]
    assert ids == sorted(set(ids))
    for i, members in clusters:
        assert list(members) == sorted(members)
        assert (core.cluster_of[list(members)] == i).all()


@settings(max_examples=60, deadline=None)
@given(sets=drifting_sets(), dense_limit=st.sampled_from([0, 6, 100]), safe=st.booleans())
def test_every_label_is_in_one_cluster_at_every_moment(sets, dense_limit, safe):
    """A label lost or doubled by a split, merge, join or restructuring; events that leave one
    out."""
    options = EAGER | {"min_cluster_size": None if safe else 1}
    core = PartitionCore(PartitionParams(**options, dense_limit=dense_limit))
    rng = np.random.default_rng(len(sets))
    for start in range(0, len(sets), 5):
        events = core.learn(*csr(sets[start : start + 5]))
        check_partition(core)
        for event in events:
            before = [label for cluster in event.before for label in cluster.labels]
            after = [label for cluster in event.after for label in cluster.labels]
            if event.kind == "join":  # the clusters' labels and those that came
                assert set(before) == set(after)
            elif event.kind != "restructure" or event.before:
                assert sorted(before) == sorted(after)
        if rng.random() < 0.1 and core.clusters():
            core.reexamine(core.clusters()[0][0])


@settings(max_examples=40, deadline=None)
@given(sets=drifting_sets(), chunk=st.integers(1, 37), dense_limit=st.sampled_from([0, 6, 100]))
def test_the_chunks_of_a_stream_do_not_matter(sets, chunk, dense_limit):
    """A test or a detector that looks at the end of a call instead of at a row's number."""
    cores = [PartitionCore(PartitionParams(**EAGER, dense_limit=dense_limit)) for _ in range(2)]
    events = [cores[0].learn(*csr(sets)), []]
    for start in range(0, len(sets), chunk):
        events[1] += cores[1].learn(*csr(sets[start : start + chunk]))
        cores[1] = loads(dumps(cores[1]))
    assert events[0] == events[1]
    assert dumps(cores[0]) == dumps(cores[1])


@settings(max_examples=20, deadline=None)
@given(sets=drifting_sets())
def test_the_order_of_labels_in_a_set_does_not_matter(sets):
    """Numbers given in the order of a dictionary."""
    ways = [
        lambda labels: dict.fromkeys(sorted(labels), True),
        lambda labels: dict.fromkeys(sorted(labels, reverse=True), True),
        set,
    ]
    models = [LabelPartitioner(**EAGER) for _ in ways]
    for labels in sets:
        for model, way in zip(models, ways, strict=True):
            model.learn_one(way({f"label {label}" for label in labels}))
    assert len({dumps(model) for model in models}) == 1
