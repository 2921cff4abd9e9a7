"""Options for models whose clusters live in workers, and what they do."""

from __future__ import annotations

from typing import Any

import click

from stream.cli.options import grouped

worker_options = grouped(
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="Have the clusters of drifthomer live in N processes of their own, with Ray "
        "('drifthomer[ray]'). The result is the same.  [default: they live in this process]",
    ),
    click.option(
        "--ray",
        "ray_address",
        metavar="ADDRESS",
        help="Address of a running Ray that gives the workers their processors, such as auto or "
        "10.0.0.1:6379.  [default: RAY_ADDRESS, or else one is started on this machine]",
    ),
)


class OnWorkers:
    """Has the clusters of one model at a time live in workers.

    Parameters
    ----------
    workers
        How many.
    address
        Address of a running Ray; None: see :func:`stream.distributed.on_ray`.

    Raises
    ------
    NotAvailableError
        Where Ray is not installed.
    """

    def __init__(self, workers: int, address: str | None):
        from stream.distributed.session import Session

        self._session = Session(address, workers)  # so that Ray stays from one model to the next
        self._workers = workers
        self._address = address
        self._model: Any = None

    def __call__(self, model: Any) -> Any:
        """Have the clusters of a model live in workers; those of the model before come home."""
        from stream.distributed import on_ray

        if self._model is not None:
            self._model.collect()
        self._model = on_ray(model, self._workers, self._address)
        return self._model

    def close(self) -> None:
        """Leave Ray when no model has its clusters there any more."""
        self._session.close()


def placement(workers: int | None, address: str | None) -> OnWorkers | None:
    """What the options ask for; None: clusters stay here."""
    if workers is None:
        if address is not None:
            raise click.UsageError("--ray says where workers are: give --workers too.")
        return None
    return OnWorkers(workers, address)
