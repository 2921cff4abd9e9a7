"""How a learner asks and teaches its model: many rows in a call, or any River object row by row."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from stream.data.source import rows_as_dicts
from stream.engine.arrays import Int64Array
from stream.errors import ParameterError, SnapshotError
from stream.evaluate.row_model import RowModel
from stream.evaluate.runners import BatchRunner, runner_for
from stream.kafka.answers import TOP_K, Answers, shortened, without_probabilities
from stream.kafka.messages.row_encoder import NumberedRow
from stream.rows.batch import Batch
from stream.rows.predictions import Predictions
from stream.rows.schema import Schema
from stream.snapshot.classes import name_of

logger = logging.getLogger(__name__)


Rows = Sequence[NumberedRow]


class Driver(Protocol):
    """Takes a model through batches.

    Attributes
    ----------
    model
        The model.
    most
        Rows that a batch may have; None: any number.
    as_it_came
        Whether the model is given the features of a row as they came, and not as numbers in
        columns.
    """

    model: Any
    most: int | None
    as_it_came: bool

    def test_then_train(self, batch: Batch, schema: Schema, rows: Rows) -> Answers:
        """Predict each row, then learn it; ``rows`` are those of the batch."""
        ...

    def predict(self, batch: Batch, schema: Schema, rows: Rows) -> Answers:
        """Predict the rows; the model stays as it is."""
        ...

    def learn(self, batch: Batch, schema: Schema, rows: Rows, waited: Int64Array) -> None:
        """Learn the rows in order; ``waited`` [rows]: how many were learnt since each was
        predicted."""
        ...


class BatchDriver:
    """For the models of this package: any number of rows in a call."""

    most: int | None = None
    as_it_came = False

    def __init__(self, model: Any, top_k: int = TOP_K):
        self.model = model
        self._top_k = top_k

    def test_then_train(self, batch: Batch, schema: Schema, rows: Rows) -> Answers:
        """See :class:`Driver`."""
        return shortened(self.model.test_then_train_many(batch, schema), self._top_k)

    def predict(self, batch: Batch, schema: Schema, rows: Rows) -> Answers:
        """See :class:`Driver`."""
        return shortened(self.model.predict_batch(batch, schema), self._top_k)

    def learn(self, batch: Batch, schema: Schema, rows: Rows, waited: Int64Array) -> None:
        """See :class:`Driver`."""
        self.model.learn_batch(batch, schema, waited)


class RowDriver:
    """For any River estimator or pipeline: a row at a time, as it came."""

    most: int | None = 1
    as_it_came = True

    def __init__(self, model: Any, *, single_label: bool, top_k: int = TOP_K):
        self.model = model
        self._top_k = top_k
        self._asked = RowModel(model, single_label=single_label)

    def test_then_train(self, batch: Batch, schema: Schema, rows: Rows) -> Answers:
        """See :class:`Driver`."""
        answers = self.predict(batch, schema, rows)
        self.learn(batch, schema, rows, np.zeros(batch.n_rows, np.int64))
        return answers

    def predict(self, batch: Batch, schema: Schema, rows: Rows) -> Answers:
        """See :class:`Driver`."""
        self._asked.know_numbers(schema.features)
        column = {label: number for number, label in enumerate(schema.labels)}
        labels = np.zeros((batch.n_rows, len(column)), np.uint8)
        probabilities = np.zeros(labels.shape)
        told = True
        for i, row in enumerate(rows):
            x = self._asked.whole(_as_it_came(row))
            for label in self._asked.predict(x):
                if label in column:
                    labels[i, column[label]] = 1
            found = self._asked.predict_proba(x)
            told = told and found is not None
            for label, value in (found or {}).items():
                if label in column:
                    probabilities[i, column[label]] = value
        if not told:
            return without_probabilities(labels)
        return shortened(Predictions(labels, probabilities), self._top_k)

    def learn(self, batch: Batch, schema: Schema, rows: Rows, waited: Int64Array) -> None:
        """See :class:`Driver`."""
        self._asked.know_numbers(schema.features)
        for row, (_, y) in zip(rows, rows_as_dicts(batch, schema), strict=True):
            self._asked.learn(self._asked.whole(_as_it_came(row)), y)


def _as_it_came(row: NumberedRow) -> Mapping[Any, Any]:
    assert row.x is not None  # the encoder was told to keep it
    return row.x


def driver_for(model: Any, schema: Schema, top_k: int = TOP_K) -> Driver:
    """The driver that suits a model.

    Parameters
    ----------
    model, schema
        The model, and the names of a stream without rows.
    top_k
        Labels of a row, the most probable first, whose probabilities are told in any case.

    Raises
    ------
    ParameterError
        When the model cannot predict, or is not made for the task.
    """
    several = isinstance(runner_for(model, schema, 0), BatchRunner)
    if several and hasattr(model, "predict_batch"):
        return BatchDriver(model, top_k)
    return RowDriver(model, single_label=schema.task == "single-label", top_k=top_k)


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
