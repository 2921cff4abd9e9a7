"""Runs the cells that have no record yet, each in a process of its own."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from typing import Any

from harness.definition import Cell, Experiment
from harness.digests import RowDigests
from harness.evaluation import open_stream
from harness.fingerprint import key_of
from harness.processes import CellProcess
from harness.progress import Progress
from harness.store import Store
from harness.worker import complete
from stream.errors import DriftHomerError, NotAvailableError

POLL_SECONDS = 0.05


@dataclasses.dataclass(frozen=True)
class Planned:
    """A cell with its key and its number of rows, where that is known; without a key it cannot run,
    and ``why`` tells the reason."""

    cell: Cell
    key: str | None
    n_rows: int | None = None
    why: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """How to run, besides what the experiment tells.

    Parameters
    ----------
    data_dir
        Folder of the data files, besides those of the environment variable.
    store
        Records of finished cells.
    workers
        Instead of the experiment's.
    retry
        Run again what failed.
    fresh
        Run again everything.
    """

    data_dir: str | None
    store: Store
    workers: int | None = None
    retry: bool = False
    fresh: bool = False


def plan(experiment: Experiment, data_dir: str | None, store: Store) -> list[Planned]:
    """The cells with their keys, in order."""
    planned = []
    digests = RowDigests(Store(store.folder / "rows"))
    for cell in experiment.cells():
        try:
            source = open_stream(cell, data_dir)
        except NotAvailableError:
            planned.append(Planned(cell, None, why="the stream is not here"))
            continue
        except DriftHomerError as error:
            planned.append(Planned(cell, None, why=str(error)))
            continue
        rows = min((n for n in (source.n_rows, cell.limit) if n is not None), default=None)
        planned.append(Planned(cell, key_of(cell, digests.of(source)), rows))
    return planned


def run(
    experiment: Experiment, options: Options, save: Callable[[list[Planned]], None]
) -> list[Planned]:
    """Run what has to be run; the plan.

    Parameters
    ----------
    experiment
        What to run.
    options
        Where the data and the records are, and which records will do.
    save
        Called after every cell, and at the end.

    Raises
    ------
    KeyboardInterrupt
        When Ctrl-C was pressed; the cells under way are ended, what is finished is kept.
    """
    planned = plan(experiment, options.data_dir, options.store)
    waiting = _to_run(planned, options)
    workers = options.workers or experiment.protocol.workers
    progress = Progress(
        experiment.name, workers, [(each.cell, each.n_rows) for each in waiting], len(planned)
    )
    running: list[tuple[CellProcess, Planned]] = []
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                each = waiting.pop(0)
                running.append((_start(each, options), each))
            for process, each in [*running]:
                record = _record_of(process, options.store)
                if record is not None:
                    running.remove((process, each))
                    progress.done(each.cell, each.n_rows, record)
                    save(planned)
            time.sleep(POLL_SECONDS)
    finally:
        for process, _ in running:
            process.end()
    save(planned)
    return planned


def _to_run(planned: Iterable[Planned], options: Options) -> list[Planned]:
    """Cells without a record that will do, each key once."""
    found: dict[str, Planned] = {}
    for each in planned:
        if each.key is None or each.key in found:
            continue
        record = options.store.read(each.key)
        if options.fresh or record is None or _try_again(each.cell, record, options.retry):
            found[each.key] = each
    return list(found.values())


def _try_again(cell: Cell, record: dict[str, Any], retry: bool) -> bool:
    """Whether a failure is: when asked for, or where the bounds that stopped it are wider now."""
    if record["status"] == "ok":
        return False
    wider = any(getattr(cell.protocol, name) > value for name, value in record["bounds"].items())
    return retry or (record["status"] == "bounds" and wider)


def _start(each: Planned, options: Options) -> CellProcess:
    assert each.key is not None
    options.store.remove(each.key)  # so that what is there afterwards is from this run
    return CellProcess(each.cell, each.key, options.data_dir, options.store.folder)


def _record_of(process: CellProcess, store: Store) -> dict[str, Any] | None:
    """The record of a process that has ended or has passed its bounds; None while it runs."""
    trouble = None if process.ended() else process.trouble()
    if trouble is None and not process.ended():
        return None
    process.end()
    record = store.read(process.key)
    if record is None:
        record = {
            "status": "bounds" if trouble else "failed",
            "error": trouble or process.how_it_ended(),
            "seconds": time.monotonic() - process.began,
        }
        record = complete(record, process.cell)
        store.write(process.key, record)
    return record
