"""Write ``docs/values.md`` from the table of values: ``python tools/values_page.py``."""

from __future__ import annotations

from pathlib import Path

from stream.rows.cells import MISSING_WORDS
from stream.rows.values import KINDS

PAGE = Path(__file__).parent.parent / "docs" / "values.md"

BEFORE = """# What values mean

<!-- Written by tools/values_page.py from stream/rows/values.py: change the table there. -->

The same row means the same however it comes: as a dictionary to `learn_one`, in a pair `(x, y)`,
as a line of JSON, a Kafka message, a row of a data frame (pandas, polars, Arrow, Parquet), an
array, or cells of CSV. Whatever a door cannot say (JSON has no dates), it cannot send; what it
can say means this.

| kind | such as | as a feature | as the truth of a label | as a class | as a name |
|---|---|---|---|---|---|
"""

AFTER = """
## Features

A feature that is left out is 0, and one that is 0 costs nothing. A missing one is NaN in the
feature of that name: one entry, whatever the feature was before. Texts are features of their own,
so that `{"key": "minor"}` is `{"key=minor": 1}`. Lists and objects may stand in each other, at
most 100 deep; the names inside are joined by dots. Two features of one name in one row are
refused.

## Labels

- A dictionary says what it knows: a label that is left out, or missing, is *unknown*, and teaches
  neither presence nor absence. Before it is first named a label counts as absent.
- A set or list of names is the *whole* truth: all other labels are absent.
- A list or array of 0 and 1 is read in the order of the names of the labels, where these are known
  (`label_names`), and refused where they are not. A list of other numbers names labels; a set
  always does.
- Nothing (`None`, `null`, no field) leaves all labels unknown.

## Names

Names of features, labels and classes become plain values on entry: `numpy.str_("a")` is "a", 2.0 is
2, an enum member is its value. What could not be saved is refused. A column of a data frame whose
name is refused (NaN, a `Period`) is called by its text. Names of JSON are texts, so that
`{"3": true}` is the label "3" and `{3: True}` the label 3.

## Cells of text

The cells of CSV are texts that say what they are: a column holds numbers if its first value is one
(or `true` or `false`); otherwise its cells, without blanks around them, are texts. Missing are, in
any case: {missing}. A label is 1, 0, `true`, `false`, `yes` or `no`. ARFF and LIBSVM have their own
rules, which their formats give.
"""


def page() -> str:
    """The page."""
    rows = "".join(
        f"| {kind.name} | {kind.examples} | "
        + " | ".join(meaning.says for meaning in kind[2:])
        + " |\n"
        for kind in KINDS
    )
    words = ", ".join(f"`{word}`" for word in sorted(MISSING_WORDS) if word)
    return BEFORE + rows + AFTER.replace("{missing}", f"nothing at all, {words}")


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
