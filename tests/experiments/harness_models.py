"""Models that behave well or badly, for tests of the harness."""

from __future__ import annotations

import os
import random
import signal
import time

from river import base

from stream.models.registry import create_model


class Repeat(base.MultiLabelClassifier):
    """Repeats the last label set, or forgets it by chance."""

    def __init__(self, forget: float = 0.0, seconds: float = 0.0, seed: int | None = None):
        self.forget = forget
        self.seconds = seconds
        self.seed = seed
        self._random = random.Random(seed)
        self._last: dict = {}

    def predict_one(self, x):
        time.sleep(self.seconds)
        return {} if self._random.random() < self.forget else self._last

    def learn_one(self, x, y):
        self._last = y


class Troubled(Repeat):
    """Fails at the fifth row, in the way that is asked for."""

    def __init__(self, trouble: str, seed: int | None = None):
        super().__init__()
        self.trouble = trouble
        self._rows = 0
        self._held: list = []

    def learn_one(self, x, y):
        self._rows += 1
        if self._rows < 5:
            return
        if self.trouble == "error":
            raise ValueError("the fifth row is too much")
        if self.trouble == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.trouble == "exit":
            os._exit(3)
        if self.trouble == "memory":
            self._held.append(bytearray(1_000_000_000))
            self._held[0][::4096] = b"1" * len(self._held[0][::4096])
            time.sleep(60)
        time.sleep(60)


class Answering(base.MultiLabelClassifier):
    """A model that answers for every label from the first row on, as River's evaluation needs."""

    def __init__(self, model: str, labels: tuple, seed: int | None = None):
        self.model = model
        self.labels = labels
        self.seed = seed
        self._made = create_model(model, seed=seed)

    @property
    def _multiclass(self) -> bool:
        return False

    def predict_one(self, x):
        return dict.fromkeys(self.labels, False) | (self._made.predict_one(x) or {})

    def learn_one(self, x, y):
        self._made.learn_one(x, y)
