"""What the text of a cell stands for: a number, a truth value, something missing."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Lower case; blanks around are ignored.
MISSING_WORDS = frozenset({"", "?", "na", "nan", "n/a", "null", "none"})
TRUTH_WORDS = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0, "no": 0.0, "yes": 1.0}


def parse_number(text: str) -> float | None:
    """The number that a text stands for (NaN and infinity have names too), or None.

    Python's digit separators are refused: ``1_000`` is no number in a data file.

    Examples
    --------
    >>> parse_number(" 1.5e3 "), parse_number("1_000"), parse_number("abc")
    (1500.0, None, None)
    """
    if "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def parse_cell(text: str) -> float | None:
    """Like :func:`parse_number`, but also NaN for missing values, and 0 and 1 for ``false`` and
    ``true``.

    Examples
    --------
    >>> parse_cell("?"), parse_cell("TRUE"), parse_cell("red")
    (nan, 1.0, None)
    """
    number = parse_number(text)
    if number is not None:
        return number
    word = text.strip().lower()
    if word in MISSING_WORDS:
        return math.nan
    return {"false": 0.0, "true": 1.0}.get(word)


def parse_truth(text: str) -> float | None:
    """0 or 1 for an absent or present label, NaN for an unknown one, None for anything else.

    Examples
    --------
    >>> parse_truth("1"), parse_truth("no"), parse_truth(""), parse_truth("2")
    (1.0, 0.0, nan, None)
    """
    word = text.strip().lower()
    if word in MISSING_WORDS:
        return math.nan
    if word in TRUTH_WORDS:
        return TRUTH_WORDS[word]
    number = parse_number(word)
    return number if number in (0.0, 1.0) else None


# What numbers are made of; what is left of a text without them shows how its entries are built.
_NUMERIC = b"0123456789.+-eE"


def split_pairs(text: str, inner: str, outer: str) -> tuple[Sequence[str], Sequence[str]] | None:
    """First and second parts of entries such as ``1:0.5 9:1``; None unless every entry has two.

    Parameters
    ----------
    text
        At least one entry.
    inner
        Character between the parts of an entry: a colon, or a blank for any white space.
    outer
        Character between entries: a comma, or a blank for any white space.

    Examples
    --------
    >>> split_pairs("1:0.5 9:1", ":", " ")
    (['1', '9'], ['0.5', '1'])
    >>> split_pairs("1:2:3 4", ":", " ") is None
    True
    """
    skeleton = text.encode().translate(None, _NUMERIC)
    n = len(skeleton) // 2 + 1
    if skeleton == ((inner + outer) * (n - 1) + inner).encode():
        # One inner mark in each entry: two parts each if there are twice as many parts.
        parts = text.replace(inner, " ").replace(outer, " ").split()
        return (parts[0::2], parts[1::2]) if len(parts) == 2 * n else None
    entries = text.split() if outer == " " else text.split(outer)
    pairs = [entry.split() if inner == " " else entry.split(inner) for entry in entries]
    if set(map(len, pairs)) != {2}:
        return None
    first, second = zip(*pairs, strict=True)
    return first, second


def utf8(text: str) -> bytes:
    """A text as UTF-8; half a pair of surrogates is written escaped, as JSON escapes it.

    Names can hold such halves: JSON allows them, and texts that were cut have them.

    Examples
    --------
    >>> utf8("cut \\ud83d")
    b'cut \\\\ud83d'
    """
    return text.encode("utf-8", "backslashreplace")


def shorten(text: str, width: int = 60) -> str:
    """Text cut to a width that fits into an error message."""
    return text if len(text) <= width else text[: width - 3] + "..."
