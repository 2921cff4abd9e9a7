"""How well alarms fit the changes of a stream whose changes are known."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Iterable, Sequence

HORIZON = 2_000  # rows after the end of a change in which an alarm is due to it


@dataclasses.dataclass(frozen=True)
class Detections:
    """Alarms of one detector on one stream.

    A change of ``width`` rows around ``position`` begins at ``position - width / 2``. It is
    detected by the first alarm from its beginning until ``HORIZON`` rows after its end, or until
    the next change begins. More alarms in this time repeat it and count nowhere; all others are
    false.

    Parameters
    ----------
    delays
        For each change the rows from its beginning to its detection; None: it was missed.
    n_false
        Alarms at other times.
    quiet_rows
        Rows in which an alarm would be false.
    """

    delays: tuple[int | None, ...]
    n_false: int
    quiet_rows: int

    @property
    def n_missed(self) -> int:
        """Changes that were not detected."""
        return sum(delay is None for delay in self.delays)


def detections(
    alarms: Iterable[int],
    positions: Sequence[int],
    width: float,
    n_rows: int,
    horizon: int = HORIZON,
) -> Detections:
    """Compare alarms with the changes of a stream.

    Parameters
    ----------
    alarms
        Rows, from 0, after which a detector saw a change.
    positions, width
        Centres of the changes, in order, and the length of each, in rows.
    n_rows
        Rows of the stream.
    horizon
        Rows after the end of a change in which an alarm is due to it.

    Examples
    --------
    >>> detections([120, 900, 1030, 1090], [1000, 3000], width=1, n_rows=5000)
    Detections(delays=(31, None), n_false=2, quiet_rows=1000)
    """
    half = width / 2 if width > 1 else 0.0
    begins = [max(0, math.ceil(position - half)) for position in positions]
    delays: list[int | None] = []
    due: set[int] = set()
    rows, quiet = sorted(set(alarms)), n_rows
    for begin, following in itertools.pairwise([*begins, n_rows]):
        stop = min(begin + math.ceil(2 * half) + horizon, following)
        inside = [row for row in rows if begin <= row < stop]
        delays.append(inside[0] - begin + 1 if inside else None)
        due.update(inside)
        quiet -= stop - begin
    return Detections(tuple(delays), len(rows) - len(due), quiet)


@dataclasses.dataclass(frozen=True)
class DetectionScores:
    """What the field asks of a detector, over several streams or seeds.

    Parameters
    ----------
    delay
        Mean rows from the beginning of a change to its detection; None: none was detected.
    false_per_10_000
        False alarms per 10,000 rows without a change; None: there were no such rows.
    missed, changes
        Changes that were not detected, and all.
    """

    delay: float | None
    false_per_10_000: float | None
    missed: int
    changes: int

    def cell(self) -> str:
        """Delay, false alarms, and changes missed, of all, where there are any; for a table."""
        delay = "–" if self.delay is None else f"{self.delay:,.0f}"
        false = "–" if self.false_per_10_000 is None else f"{self.false_per_10_000:.1f}"
        missed = f" ({self.missed} of {self.changes})" if self.missed else ""
        return f"{delay} / {false}{missed}"


def pooled(found: Sequence[Detections]) -> DetectionScores:
    """The scores of several runs together."""
    delays = [delay for each in found for delay in each.delays]
    known = [delay for delay in delays if delay is not None]
    quiet = sum(each.quiet_rows for each in found)
    n_false = sum(each.n_false for each in found)
    return DetectionScores(
        statistics.fmean(known) if known else None,
        10_000 * n_false / quiet if quiet else None,
        len(delays) - len(known),
        len(delays),
    )
