"""How the clusters of a model come to live in workers."""

from __future__ import annotations

from typing import TypeVar

from stream.clusters.cluster import Cluster
from stream.distributed.executor import RayExecutor
from stream.distributed.session import Session
from stream.errors import ParameterError

Model = TypeVar("Model")


def on_ray(model: Model, workers: int, address: str | None = None) -> Model:
    """Have the clusters of a model live in worker processes, with Ray.

    Parameters
    ----------
    model
        A :class:`stream.DriftHOMER`, or a :class:`stream.ConformalLabelSets` around one.
    workers
        How many workers, each a process of its own that keeps one processor busy.
    address
        Address of a running Ray, as ``"auto"`` or ``"10.0.0.1:6379"``. None: the one that this
        process is connected to or that ``RAY_ADDRESS`` names, or else one that is started on this
        machine, which no other machine can reach.

    Returns
    -------
    The same model. Its answers, and what :meth:`save` writes, stay the same bit for bit.
    ``model.workers`` says how many workers there are and may be set at any time;
    ``model.collect()`` brings the clusters home and ends the workers.

    Raises
    ------
    NotAvailableError
        Where Ray is not installed.
    ParameterError
        When the model has no clusters that could live elsewhere, or ``workers`` is not a positive
        integer.
    WorkerError
        When no worker starts.

    Examples
    --------
    >>> from stream import DriftHOMER
    >>> from stream.distributed import on_ray
    >>> model = on_ray(DriftHOMER(seed=7), workers=2)  # doctest: +SKIP
    >>> model.learn_one({"rain": 1.0}, {"wet", "cold"})  # doctest: +SKIP
    >>> model.collect()  # doctest: +SKIP
    """
    # Here, because a worker imports this package and needs no estimators.
    from stream.models.conformal import ConformalLabelSets
    from stream.models.placed import PlacedClusters, check_workers

    check_workers(workers)
    inner = model.model if isinstance(model, ConformalLabelSets) else model
    if not isinstance(inner, PlacedClusters):
        raise ParameterError(
            "Clusters can live in workers for a DriftHOMER, or a ConformalLabelSets around one. "
            f"Got a {type(model).__name__}."
        )
    if inner.workers:
        raise ParameterError(
            f"The clusters of this model live in {inner.workers} workers already; set its "
            "'workers' to have more or fewer, or call collect() first."
        )
    session = Session(address, workers)

    def begin(clusters: list[Cluster], n_jobs: int) -> RayExecutor:
        return RayExecutor(session, clusters, workers, n_jobs)

    try:
        inner.move_clusters(begin)
    except BaseException:
        session.close()
        raise
    return model
