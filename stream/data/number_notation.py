"""Numbers as they are written in other countries: a decimal comma, groups of three digits."""

from __future__ import annotations

import re

from stream.errors import ParameterError
from stream.rows.cells import parse_number


class NumberNotation:
    """Rewrites numbers as Python writes them.

    Parameters
    ----------
    decimal
        The decimal mark, ``"."`` or ``","``.
    thousands
        What stands between groups of three digits; None: nothing.

    Examples
    --------
    >>> european = NumberNotation(decimal=",", thousands=".")
    >>> european.plain("1.234,5"), european.plain("red")
    ('1234.5', 'red')
    >>> european.misreads("1.5")
    True
    """

    def __init__(self, decimal: str = ".", thousands: str | None = None):
        if decimal not in (".", ","):
            raise ParameterError(f"'decimal' must be '.' or ','. Got {decimal!r}.")
        if thousands is not None and (
            not isinstance(thousands, str) or len(thousands) != 1 or thousands.isalnum()
        ):
            raise ParameterError(
                "'thousands' must be one character, no letter or digit, or None. "
                f"Got {thousands!r}."
            )
        if decimal == thousands or (thousands is not None and thousands in "+-"):
            raise ParameterError(
                "'thousands' must be another character than the decimal mark and no sign. "
                f"Got {thousands!r}."
            )
        self.decimal = decimal
        self.thousands = thousands
        self.is_plain = decimal == "." and thousands is None
        whole = r"\d+"
        if thousands is not None:
            whole = rf"(?:\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+|\d+)"
        mark = re.escape(decimal)
        self._number = re.compile(
            rf"\s*[+-]?(?:{whole}(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII
        )

    def plain(self, cell: str) -> str:
        """A number as Python writes it; any other text as it is."""
        if self._number.fullmatch(cell) is None:
            return cell
        if self.thousands is not None:
            cell = cell.replace(self.thousands, "")
        return cell.replace(self.decimal, ".")

    def misreads(self, cell: str) -> bool:
        """Whether a cell is no number in this notation, but would be taken for one."""
        return (
            "." in cell and self._number.fullmatch(cell) is None and parse_number(cell) is not None
        )
