"""Several models on several streams under one protocol."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from stream.compare.ranking import LOWER_IS_BETTER, Ranks, Score, rank
from stream.data.resolving import open_source
from stream.errors import ParameterError
from stream.evaluate.frames import label_columns, make_frame, summary_columns
from stream.evaluate.plotting import main_metrics
from stream.evaluate.prequential import prequential
from stream.evaluate.protocol import Progress
from stream.evaluate.result import PrequentialResult
from stream.models.registry import create_model


@dataclasses.dataclass(frozen=True)
class Run:
    """One model on one stream with one seed."""

    stream: str
    model: str
    seed: int
    result: PrequentialResult


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The results of :func:`compare`.

    Attributes
    ----------
    runs
        All runs, by stream, then model, then seed.
    """

    runs: list[Run]

    @property
    def streams(self) -> list[str]:
        """Names of the streams, in the order given."""
        return list(dict.fromkeys(run.stream for run in self.runs))

    @property
    def models(self) -> list[str]:
        """Names of the models, in the order given."""
        return list(dict.fromkeys(run.model for run in self.runs))

    @property
    def task(self) -> str:
        """The task of the streams."""
        return self.runs[0].result.task

    @property
    def metrics(self) -> list[str]:
        """The metrics to show: the main ones of the task."""
        return [*main_metrics(self.task), *(["hamming_loss"] * (self.task == "multi-label"))]

    def of(self, stream: str, model: str) -> list[PrequentialResult]:
        """The results of a model on a stream, one for each seed."""
        return [r.result for r in self.runs if (r.stream, r.model) == (stream, model)]

    def mean(self, stream: str, model: str, metric: str) -> float:
        """A metric's mean over the seeds."""
        return statistics.fmean(each.metrics[metric] for each in self.of(stream, model))

    def deviation(self, stream: str, model: str, metric: str) -> float | None:
        """A metric's standard deviation over the seeds; None with one seed."""
        values = [each.metrics[metric] for each in self.of(stream, model)]
        return statistics.stdev(values) if len(values) > 1 else None

    def best(self, stream: str, metric: str) -> float:
        """The best mean of a metric on a stream, as far as tables print it."""
        pick = min if metric in LOWER_IS_BETTER else max
        return pick(round(self.mean(stream, model, metric), 3) for model in self.models)

    def scores(self) -> list[Score]:
        """Every value of every run."""
        return [
            Score(run.stream, metric, run.model, value)
            for run in self.runs
            for metric, value in run.result.metrics.items()
        ]

    def ranks(self, metric: str) -> Ranks:
        """Ranks of the models over the streams."""
        return rank(self.scores(), metric)

    def to_frame(self, backend: str | None = None) -> Any:
        """A data frame with a row for each run; see
        :meth:`~stream.evaluate.PrequentialResult.to_frame`."""
        return make_frame(self.run_columns(), backend)

    def labels_frame(self, backend: str | None = None) -> Any:
        """A data frame with a row for each label of each run."""
        return make_frame(self.label_columns(), backend)

    def run_columns(self) -> dict[str, list[Any]]:
        """Columns of :meth:`to_frame`."""
        found = [summary_columns(run.result) for run in self.runs]
        columns = {name: [each[name][0] for each in found] for name in found[0]}
        return columns | {
            "dataset": [run.stream for run in self.runs],
            "seed": [run.seed for run in self.runs],
        }

    def label_columns(self) -> dict[str, list[Any]]:
        """Columns of :meth:`labels_frame`."""
        columns: dict[str, list[Any]] = {"dataset": [], "model": [], "seed": []}
        for run in self.runs:
            found = label_columns(run.result)
            found["label"] = [str(label) for label in found["label"]]
            n = len(found["label"])
            columns["dataset"] += [run.stream] * n
            columns["model"] += [run.model] * n
            columns["seed"] += [run.seed] * n
            for name, values in found.items():
                columns.setdefault(name, []).extend(values)
        return columns


def compare(
    data: Sequence[Any],
    models: Sequence[str],
    *,
    seeds: int | Iterable[int] = 1,
    limit: int | None = None,
    delay: int = 0,
    window: int | None = None,
    data_dir: str | None = None,
    progress: Callable[[str, str, int], Progress | None] | None = None,
    **options: Any,
) -> Comparison:
    """Evaluate every model on every stream with every seed: predict first, learn afterwards.

    Parameters
    ----------
    data
        Streams, as :func:`~stream.data.open_source` takes them. All are opened before the first
        run, so that a name that is mistyped is told at once.
    models
        Names of models as the command line knows them, or ``package.module:object``.
    seeds
        How many seeds (1, 2, ...), or the seeds. They are the models'; streams stay
        as they are.
    limit, delay, window
        As in :func:`~stream.evaluate.prequential`; ``window`` None: suits the stream's length.
    data_dir
        Folder in which names are looked up.
    progress
        Gives what shows how far the run of a stream's name, a model and a seed is.
    **options
        What the format of the files needs.

    Returns
    -------
    Comparison

    Raises
    ------
    ParameterError
        When there is nothing to compare, a name is given twice, or the streams' tasks differ.
    NotAvailableError
        When a stream or model is not here.

    Examples
    --------
    >>> found = compare(["yeast"], ["ihomer", "multilabel-hoeffding-tree"], limit=200)
    >>> found.models, found.ranks("micro_f1").ranks.shape
    (['ihomer', 'multilabel-hoeffding-tree'], (1, 2))
    """
    chosen = list(range(1, seeds + 1)) if isinstance(seeds, int) else list(seeds)
    for name, values in (("data", data), ("models", models), ("seeds", chosen)):
        if not len(values):
            raise ParameterError(f"The {name!r} of compare must name at least one. Got none.")
    for model in models:
        create_model(model)
    sources = [open_source(each, data_dir=data_dir, **options) for each in data]
    names = [source.name for source in sources]
    told: tuple[tuple[str, list[Any]], ...] = (
        ("streams", names),
        ("models", list(models)),
        ("seeds", chosen),
    )
    for name, given in told:
        twice = next((each for each in given if given.count(each) > 1), None)
        if twice is not None:
            raise ParameterError(f"The {name} of compare must differ. Got {twice!r} twice.")
    tasks = {source.schema.task for source in sources}
    if len(tasks) > 1:
        raise ParameterError(
            "The streams of compare must all be multi-label or all single-label. Got "
            + ", ".join(f"{source.name} ({source.schema.task})" for source in sources)
            + "."
        )
    runs = []
    for source in sources:
        for model in models:
            for seed in chosen:
                result = prequential(
                    source,
                    create_model(model, seed=seed),
                    limit=limit,
                    delay=delay,
                    window=window,
                    progress=progress(source.name, model, seed) if progress else None,
                    model_name=model,
                )
                if result.interrupted:
                    raise KeyboardInterrupt
                runs.append(Run(source.name, model, seed, result))
    return Comparison(runs)
