"""Small models of every kind that have gone through splits, drifts and changes of clusters."""

import random

import stream
from stream.snapshot import dumps

MODELS = {
    "tree": lambda: stream.MultiLabelHoeffdingTree(grace_period=20, tau=0.5, seed=3),
    "limited tree": lambda: stream.MultiLabelHoeffdingTree(
        grace_period=20, tau=0.5, max_size=0.05, max_features=0.8, seed=3
    ),
    "classifier": lambda: stream.HoeffdingTreeClassifier(grace_period=20, tau=0.5),
    "mixture": lambda: stream.DriftMoE(grace_period=20, tau=0.5, hidden=6, max_size=0.3, seed=3),
    "mixture of tasks": lambda: stream.DriftMoE("task", grace_period=20, tau=0.5, hidden=6),
    "ihomer": lambda: stream.IHOMER(
        partition_delta=0.3, partition_tau=0.1, partition_period=20, drift_delta=0.05,
        grace_period=50, tau=0.5,
    ),
    "given clusters": lambda: stream.IHOMER(partition=[["a", "b"], ["d"]], grace_period=20),
    "random clusters": lambda: stream.IHOMER(
        partition="random", partition_delta=0.3, partition_tau=0.1, partition_period=20,
    ),
    "singletons": lambda: stream.IHOMER(partition="singletons", leaf_prediction="nb"),
    "drift homer": lambda: stream.DriftHOMER(
        partition_delta=0.3, partition_tau=0.1, partition_period=20, drift_delta=0.05,
        grace_period=50, tau=0.5, experts=3, max_subsets=20,
    ),
    "partitioner": lambda: stream.LabelPartitioner(
        delta=0.3, tau=0.1, grace_period=20, min_observations=5, drift_delta=0.05
    ),
}  # fmt: skip


def rows(n, seed=5):
    """Rows with one active pair of labels each; half way the labels change partners.

    Some labels come late, are unknown at times, or have no text for a name.
    """
    rng = random.Random(seed)
    found = []
    for i in range(n):
        late = i > n // 2
        pairs = ["af", "cb", "ed"] if late else ["ab", "cd", "ef"]
        active = rng.randrange(3)
        x = {"u": active + rng.gauss(0, 0.3), "v": rng.gauss(0, 1), 7: float(rng.random() < 0.1)}
        if rng.random() < 0.05:
            x["u"] = None
        y = {label: label in pairs[active] and rng.random() < 0.9 for label in "abcdef"}
        if rng.random() < 0.1:
            del y["c"]
        if i > n // 3:
            x["late"], y[("late", 1)] = rng.gauss(0, 1), active == 0 and rng.random() < 0.5
        found.append((x, y))
    return found


def learn(model, stream_rows):
    """Let a model of any kind learn rows."""
    for x, y in stream_rows:
        if isinstance(model, stream.LabelPartitioner):
            model.learn_one(y)
        elif isinstance(model, stream.HoeffdingTreeClassifier | stream.DriftMoE):
            model.learn_one(x, "".join(str(label) for label in "abd" if y[label]))
        else:
            model.learn_one(x, y)


def taught(name, n=600):
    """A model of a kind after ``n`` rows."""
    model = MODELS[name]()
    learn(model, rows(n))
    return model


def same(model, other):
    """Whether two models are equal to the last bit."""
    return dumps(model) == dumps(other)
