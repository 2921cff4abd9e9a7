"""The errors that users meet; each says what was wrong, what is allowed and what to do."""

from __future__ import annotations


class DriftHomerError(Exception):
    """Base of every error that the package raises on purpose."""


class DataError(DriftHomerError, ValueError):
    """Input that cannot be used: where it is (file, line, column) and why.

    Parameters
    ----------
    reason
        One sentence: what was wrong, what is allowed, what was given.
    source
        File or stream that held the input.
    line
        Line of the file, counted from 1.
    column
        Column (attribute) by number, counted from 1, or by name.

    Examples
    --------
    >>> print(DataError("expected a number, got 'abc'", source="a.csv", line=3, column="age"))
    a.csv, line 3, column 'age': expected a number, got 'abc'
    """

    def __init__(
        self,
        reason: str,
        *,
        source: str | None = None,
        line: int | None = None,
        column: int | str | None = None,
    ):
        self.reason = reason
        self.source = source
        self.line = line
        self.column = column
        where = [] if source is None else [str(source)]
        if line is not None:
            where.append(f"line {line}")
        if column is not None:
            where.append(f"column {column!r}")
        super().__init__(f"{', '.join(where)}: {reason}" if where else reason)


class ParameterError(DriftHomerError, ValueError):
    """A parameter outside of what it allows."""


class NotAvailableError(DriftHomerError):
    """Something named by the user that is not here: the message says how to get it."""


class SnapshotError(DriftHomerError, ValueError):
    """A snapshot that cannot be used, or a value that a snapshot cannot hold: which, and why."""
