"""Columns of texts that are probably something else, which is said once a column."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Iterable

logger = logging.getLogger(__name__)

MIN_VALUES = 100  # before a column is said to have mostly new values

_COMMA_DECIMAL = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_POINT_GROUPS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", re.ASCII)
_COMMA_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
# Signs of currencies, percent and separators of groups, around and between digits.
_DECORATED = re.compile(r"[+-]?[\s$€£¥%'’_.,+-]*\d[\d\s$€£¥%'’_.,]*")


def quoted(name: str) -> str:
    r"""A column's name as it is typed for an option that takes several.

    Examples
    --------
    >>> quoted("colour"), quoted("a, b")
    ('colour', '\'"a, b"\'')
    """
    if "," in name or name != name.strip() or '"' in name:
        name = '"' + name.replace('"', '""') + '"'
    return shlex.quote(name)


def number_advice(text: str) -> str | None:
    """How to read a text that looks like a number which is not written as Python writes it; None
    when it looks like none.

    Examples
    --------
    >>> number_advice("1,5")
    "--decimal ',' (decimal=',') reads a decimal comma"
    >>> number_advice("red") is None
    True
    """
    text = text.strip()
    if not text[:1].isascii() and not text.isascii() and not any(c in text for c in "€£¥’\xa0"):
        return None
    if len(text) > 40 or not _DECORATED.fullmatch(text):
        return None
    if _COMMA_GROUPS.fullmatch(text) and (text.count(",") > 1 or "." in text):
        return "--thousands ',' (thousands=',') reads commas between groups of three digits"
    if _COMMA_GROUPS.fullmatch(text):
        return (
            "--decimal ',' (decimal=',') reads a decimal comma, --thousands ',' (thousands=',') "
            "commas between groups of three digits"
        )
    if _COMMA_DECIMAL.fullmatch(text):
        return "--decimal ',' (decimal=',') reads a decimal comma"
    if _POINT_GROUPS.fullmatch(text):
        return (
            "--decimal ',' --thousands '.' (decimal=',', thousands='.') reads a decimal comma and "
            "points between groups of three digits"
        )
    return "only plain numbers such as 1234.5 are read; rewrite the column"


class TextColumns:
    """Watches the values that become features of their own.

    Parameters
    ----------
    source
        File or stream, for the warnings.
    known
        Columns about which the user has decided.
    """

    def __init__(self, source: str, known: Iterable[str] = ()):
        self.source = source
        self._quiet = set(known)
        self._values: dict[str, int] = {}
        self._distinct: dict[str, int] = {}
        self._looked_at: set[str] = set()

    def see(self, column: str, n_values: int, new: Iterable[str]) -> None:
        """Take note of a column's values, and warn of what they seem to be.

        Parameters
        ----------
        column
            Name of the column or field.
        n_values
            How many values there were.
        new
            Those that were not seen before.
        """
        if column in self._quiet:
            return
        new = list(new)
        self._values[column] = self._values.get(column, 0) + n_values
        self._distinct[column] = self._distinct.get(column, 0) + len(new)
        name = quoted(column)
        if column not in self._looked_at:
            odd = next(((text, advice) for text in new if (advice := number_advice(text))), None)
            if odd is not None:
                self._looked_at.add(column)
                logger.warning(
                    "%s: values of column %r such as %r look like numbers but are read as names: "
                    "%s; if they are names, --categorical %s (categorical=[%r]) says so.",
                    self.source,
                    column,
                    odd[0],
                    odd[1],
                    name,
                    column,
                )
        seen = self._values[column]
        looked_at = column in self._looked_at  # it was said what to do
        if not looked_at and seen >= MIN_VALUES and self._distinct[column] > seen / 2:
            self._quiet.add(column)
            logger.warning(
                "%s: most values of column %r are new (%d of %d), and each becomes a feature of "
                "its own: --text %s (text=[%r]) reads the words of free text, --ignore %s "
                "(ignore=[%r]) leaves the column out.",
                self.source,
                column,
                self._distinct[column],
                seen,
                name,
                column,
                name,
                column,
            )
