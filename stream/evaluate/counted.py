"""Numbers with the noun that they count."""

from __future__ import annotations


def counted(number: int, noun: str, many: str | None = None) -> str:
    """A number with its noun in the singular or the plural.

    Parameters
    ----------
    number
        How many.
    noun
        What one of them is called.
    many
        What several are called; None: the noun with an "s".

    Examples
    --------
    >>> counted(1, "label"), counted(1_200, "row"), counted(2, "class", "classes")
    ('1 label', '1,200 rows', '2 classes')
    """
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def shape_of(rows: int, features: int | None, outputs: int, task: str) -> list[str]:
    """Rows, features (None: not told) and labels or classes of a stream, each as words.

    Examples
    --------
    >>> shape_of(800, 1, 1, "multi-label")
    ['800 rows', '1 feature', '1 label']
    """
    last = counted(outputs, "class", "classes") if task == "single-label" else None
    middle = [] if features is None else [counted(features, "feature")]
    return [counted(rows, "row"), *middle, last or counted(outputs, "label")]
