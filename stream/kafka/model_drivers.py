"""How a learner asks and teaches its model: many rows in a call, or any River object row by row."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Hashable
from typing import Any, NamedTuple, Protocol

import numpy as np

from stream.data.source import rows_as_dicts
from stream.engine.arrays import Float64Array, UInt8Array
from stream.errors import ParameterError, SnapshotError
from stream.evaluate.runners import BatchRunner, runner_for
from stream.rows.batch import Batch
from stream.rows.schema import Schema
from stream.snapshot.classes import name_of

logger = logging.getLogger(__name__)


class Answers(NamedTuple):
    """What a model says of the rows of a batch, in the label columns of its schema."""

    labels: UInt8Array  # [rows, labels]
    probabilities: Float64Array | None  # [rows, labels]; None: it does not tell


class Driver(Protocol):
    """Takes a model through batches."""

    model: Any
    most: int | None
    """Rows that a batch may have; None: any number."""

    def test_then_train(self, batch: Batch, schema: Schema) -> Answers:
        """Predict each row, then learn it."""
        ...

    def predict(self, batch: Batch, schema: Schema) -> Answers:
        """Predict the rows; the model stays as it is."""
        ...

    def learn(self, batch: Batch, schema: Schema) -> None:
        """Learn the rows in order."""
        ...


class BatchDriver:
    """For the models of this package: any number of rows in a call."""

    most: int | None = None

    def __init__(self, model: Any):
        self.model = model

    def test_then_train(self, batch: Batch, schema: Schema) -> Answers:
        """See :class:`Driver`."""
        return Answers(*self.model.test_then_train_many(batch, schema))

    def predict(self, batch: Batch, schema: Schema) -> Answers:
        """See :class:`Driver`."""
        return Answers(*self.model.predict_batch(batch, schema))

    def learn(self, batch: Batch, schema: Schema) -> None:
        """See :class:`Driver`."""
        self.model.learn_batch(batch, schema)


class RowDriver:
    """For any River estimator or pipeline: a dictionary at a time, with the features that are 0."""

    most: int | None = 1

    def __init__(self, model: Any):
        self.model = model
        self._zeros: dict[Hashable, float] = {}

    def test_then_train(self, batch: Batch, schema: Schema) -> Answers:
        """See :class:`Driver`."""
        answers = self.predict(batch, schema)
        self.learn(batch, schema)
        return answers

    def predict(self, batch: Batch, schema: Schema) -> Answers:
        """See :class:`Driver`."""
        column = {label: number for number, label in enumerate(schema.labels)}
        labels = np.zeros((batch.n_rows, len(column)), np.uint8)
        probabilities = np.zeros(labels.shape)
        told = True
        for row, (x, _) in enumerate(self._dictionaries(batch, schema)):
            said = self.model.predict_one(x)
            present = (
                [said]
                if schema.task == "single-label"
                else [label for label, value in (said or {}).items() if value]
            )
            for label in present:
                if label in column:
                    labels[row, column[label]] = 1
            told = told and self._ask_probabilities(x, column, probabilities[row])
        return Answers(labels, probabilities if told else None)

    def _ask_probabilities(
        self, x: dict[Hashable, float], column: dict[Hashable, int], out: Float64Array
    ) -> bool:
        """Fill in what the model tells of a row; whether it tells anything."""
        ask = getattr(self.model, "predict_proba_one", None)
        if ask is None:
            return False
        try:
            said = ask(x)
        except (NotImplementedError, AttributeError):  # a pipeline has it whatever it ends with
            return False
        for label, value in (said or {}).items():
            p = value.get(True, 0.0) if isinstance(value, dict) else value
            if label in column:
                out[column[label]] = p
        return True

    def learn(self, batch: Batch, schema: Schema) -> None:
        """See :class:`Driver`."""
        for x, y in self._dictionaries(batch, schema):
            if y is not None and y != {}:
                self.model.learn_one(x, y)

    def _dictionaries(self, batch: Batch, schema: Schema) -> Any:
        if len(self._zeros) != len(schema.features):
            self._zeros = dict.fromkeys(schema.features, 0.0)
        return [(self._zeros | x, y) for x, y in rows_as_dicts(batch, schema)]


def driver_for(model: Any, schema: Schema) -> Driver:
    """The driver that suits a model.

    Raises
    ------
    ParameterError
        When the model cannot predict, or is not made for the task.
    """
    several = isinstance(runner_for(model, schema, 0), BatchRunner)
    return BatchDriver(model) if several and hasattr(model, "predict_batch") else RowDriver(model)


def model_state(model: Any) -> Any:
    """What a snapshot keeps of a model: itself, or its pickle where it is not of this package."""
    if name_of(type(model)) is not None:
        return model
    try:
        return {"pickle": pickle.dumps(model, protocol=4)}
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise SnapshotError(
            f"a {type(model).__name__} cannot be kept, because it cannot be pickled: {error}"
        ) from error


def warn_of_pickle(model: Any) -> None:
    """Say what it means that a model is not of this package, if it is not."""
    if name_of(type(model)) is None:
        logger.warning(
            "The snapshots of a %s hold a pickle, which is code: load them only from a folder that "
            "nobody else can write to, and with the versions that wrote them.",
            type(model).__name__,
        )


def restored_model(state: Any, asked: Any) -> Any:
    """The model that a snapshot keeps, if it is what was asked for.

    Parameters
    ----------
    state
        What :func:`model_state` gave.
    asked
        A new model, as the user asked for it.

    Raises
    ------
    ParameterError
        When it is another model, or has other parameters.
    SnapshotError
        When a pickle cannot be read.
    """
    if isinstance(state, dict) and "pickle" in state:
        if name_of(type(asked)) is not None:
            raise _another(f"a pickle, and not a {type(asked).__name__}")
        try:
            found = pickle.loads(state["pickle"])
        except Exception as error:  # whatever the classes of the pickle raise
            raise SnapshotError(
                f"the pickle of the model cannot be read ({error!r}); use the versions of the "
                "packages that wrote it"
            ) from error
    else:
        found = state
    if type(found) is not type(asked):
        raise _another(f"a {type(found).__name__}, and not a {type(asked).__name__}")
    if name_of(type(asked)) is not None:
        has, wanted = found._get_params(), asked._get_params()
        for name, value in wanted.items():
            if has.get(name) != value:
                raise _another(f"{name}={has.get(name)!r}, and not {value!r}")
    return found


def _another(what: str) -> ParameterError:
    return ParameterError(
        f"The snapshot of this learner holds a model with {what}; ask for the model that it began "
        "with, or give the learner another name."
    )
