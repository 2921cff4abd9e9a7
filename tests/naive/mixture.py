"""The published mixture of experts as its paper reads: whole trees, and a loop over rows."""

import numpy as np

from stream.engine.events import PREDICT_ONLY
from stream.engine.learner import TreeLearner
from stream.engine.network_layout import N_FEATURES, NetworkParams
from stream.engine.router import Router
from stream.rows.batch import Batch

NO_LABEL = np.zeros(2, np.int64), np.zeros(0, np.int32)


class NaiveMoEData:
    """MoE-Data over dense rows, for classes 0, 1, ...

    that are all known from the beginning.
    """

    def __init__(self, trees, n_experts, *, top_k, n_classes, n_features, batch, hidden, seed):
        self.experts = [TreeLearner(trees, 1e9) for _ in range(n_experts)]
        for expert in self.experts:
            expert.growing.widen(n_features, n_classes)
        self.top_k = top_k
        params = NetworkParams(
            learning_rate=2e-3, batch_rows=batch, dropout=0.0, seed=seed, most_features=n_features
        )
        self.router = Router(params, hidden, hidden // 2)
        self.router.widen(n_features)
        self.router.add_outputs(n_experts)
        self.router.network.registers[N_FEATURES] = n_features  # none of them is new

    def asked(self, x):
        """The row, the experts' scores, and what each expert says of the classes."""
        row = np.array([0, len(x)], np.int64), np.arange(len(x), dtype=np.int32), x
        batch = Batch(*row, *NO_LABEL, *NO_LABEL)
        said = [each.run(batch, predict=True, delay=PREDICT_ONLY)[0] for each in self.experts]
        return row, self.router.score(row)[0], np.array(said)

    def predict(self, x):
        """Probabilities of the classes."""
        _, scores, said = self.asked(x)
        return said[scores.argmax()]

    def learn(self, x, label):
        """Learn one row."""
        row, scores, said = self.asked(x)
        right = said.argmax(axis=1) == label
        if not right.any():
            right[said[:, label].argmax()] = True
        self.router.learn(row, right[None, :].astype(float))
        truth = np.array([0, 1], np.int64), np.array([label], np.int32)
        for e in np.argsort(-scores, kind="stable")[: self.top_k]:
            self.experts[e].run(Batch(*row, *truth, *NO_LABEL), predict=False)
