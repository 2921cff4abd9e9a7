"""Ray, as clusters use it: started where it is not running, and ended again."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from stream.errors import DriftHomerError, NotAvailableError

logger = logging.getLogger(__name__)

OBJECT_STORE_BYTES = 600_000_000  # of a Ray that is started here
ADDRESS = "RAY_ADDRESS"
# What Ray reads when it is imported: to listen on loopback alone, as it does on these systems, and
# to be spoken to with a token alone.
FOR_THIS_MACHINE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
STARTS = 3  # Ray gives its parts half a minute to start, which a busy machine may need longer for


def import_ray(address: str | None = None) -> Any:
    """The package Ray, made ready to be started for this machine alone where there is no address.

    Raises
    ------
    NotAvailableError
        Where it is not installed.
    """
    if address is None and ADDRESS not in os.environ and "ray" not in sys.modules:
        for name, value in FOR_THIS_MACHINE.items():
            os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise NotAvailableError(
            f"Clusters on workers need Ray: pip install 'drifthomer[ray]' installs it. ({error})"
        ) from error
    return ray


class WorkerError(DriftHomerError):
    """Workers that cannot be had, or die again and again: what happened and what to do."""


class _Shared:
    """What the sessions of this process have in common."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n_sessions = 0
        self.started = False  # whether one of them has started Ray


_shared = _Shared()


class Session:
    """A use of Ray by one model.

    Parameters
    ----------
    address
        Address of a running Ray; None: the one that this process is connected to or that
        ``RAY_ADDRESS`` names, or else one that is started here: reachable from this machine alone,
        with token authentication and without a dashboard. It ends with the last session.
    workers
        How many a Ray that is started here has processors for.

    Raises
    ------
    NotAvailableError
        Where Ray is not installed.
    WorkerError
        When it cannot be started.
    """

    def __init__(self, address: str | None, workers: int):
        self.ray = import_ray(address)
        self._closed = False
        with _shared.lock:
            if not self.ray.is_initialized():
                with _own_signal_handlers():
                    self._connect(address, workers)
            _shared.n_sessions += 1
            self.is_local = _shared.started

    def _connect(self, address: str | None, workers: int) -> None:
        quiet: dict[str, Any] = {"configure_logging": False, "log_to_driver": False}
        if address is not None or ADDRESS in os.environ:
            self.ray.init(address=address, **quiet)
            return
        if not os.environ.keys() >= FOR_THIS_MACHINE.keys():
            logger.warning(
                "Ray was imported before on_ray was called, and other machines may reach it; call "
                "on_ray first, or set %s before Ray is imported.",
                " ".join(f"{name}={value}" for name, value in FOR_THIS_MACHINE.items()),
            )
        for start in range(1, STARTS + 1):
            try:
                self.ray.init(
                    address="local",  # and not one that 'ray start' has left on this machine
                    num_cpus=workers,
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE_BYTES,
                    **quiet,
                )
                break
            except Exception as error:  # Ray raises no narrower one
                self.ray.shutdown()
                if start == STARTS:
                    raise WorkerError(
                        f"Ray cannot be started on this machine, which may be too busy: {error}"
                    ) from error
                logger.warning("Ray did not start and is started again: %s", error)
        _shared.started = True

    def close(self) -> None:
        """End the use of Ray, and Ray itself where it was started here and no one else uses it."""
        with _shared.lock:
            if self._closed:
                return
            self._closed = True
            _shared.n_sessions -= 1
            if _shared.started and _shared.n_sessions == 0:
                _shared.started = False
                self.ray.shutdown()


@contextlib.contextmanager
def _own_signal_handlers() -> Iterator[None]:
    """Keep the handlers that the process has: Ray would end it at SIGTERM without asking."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if callable(before):
            signal.signal(signal.SIGTERM, before)
