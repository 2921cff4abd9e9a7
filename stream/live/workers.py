"""Where clusters work, as the page tells it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

ASK_SECONDS = 10.0  # between two times that workers are asked, which they answer between batches
MOST_CLUSTERS_NAMED = 40  # of a worker


class Placement:
    """Tells which worker has which clusters, or how many threads share them.

    Parameters
    ----------
    model
        Any model; one without ``worker_states`` and ``threads`` tells nothing.
    clock
        The time in seconds.
    """

    def __init__(self, model: Any, clock: Callable[[], float] = time.monotonic):
        self._model = model
        self._clock = clock
        self._told: dict[str, Any] = {"threads": None, "workers": [], "n_moves": None}
        self._next = clock()

    def tell(self, *, now: bool = False) -> dict[str, Any]:
        """The placement, as old as a few seconds unless it must be that of now.

        Returns
        -------
        dict
            ``threads`` where clusters are in this process, ``workers`` (host, process, clusters,
            megabytes, seconds, restarts), and ``n_moves``, how often clusters went to another one.
        """
        if now or self._clock() >= self._next:
            self._told = self._ask()
            self._next = self._clock() + ASK_SECONDS
        return self._told

    def _ask(self) -> dict[str, Any]:
        states = getattr(self._model, "worker_states", None) or []
        return {
            "threads": None if states else getattr(self._model, "threads", None),
            "workers": [
                {
                    "host": each.host,
                    "process": each.process,
                    "n_clusters": len(each.clusters),
                    "clusters": list(each.clusters[:MOST_CLUSTERS_NAMED]),
                    "mb": each.n_bytes / 1e6,
                    "seconds": each.seconds,
                    "restarts": each.restarts,
                }
                for each in states
            ],
            "n_moves": len(self._model.worker_moves) if states else None,
        }
