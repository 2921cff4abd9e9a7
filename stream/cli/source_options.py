"""Options that say how the data are to be read, and the source that they describe."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from stream.cli.options import grouped

if TYPE_CHECKING:
    from stream.data import Source


class Names(click.ParamType):
    """Names separated by commas; one that has a comma in it stands in quotation marks.

    Examples
    --------
    >>> Names().convert('sun, "rain, heavy"', None, None)
    ['sun', 'rain, heavy']
    """

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Split the text at its commas."""
        if not isinstance(value, str):
            return value
        try:
            names = next(csv.reader([value], skipinitialspace=True, strict=True), [])
        except csv.Error as error:
            self.fail(
                f"expected names such as a,b or 'a,\"b, c\"'. Got {value!r} ({error}).", param, ctx
            )
        names = [name.strip() for name in names]
        if not names or not all(names):
            self.fail(f"a name is missing between the commas. Got {value!r}.", param, ctx)
        return names


class NamesOrCount(Names):
    """Names, or how many there are: the first (2) or the last (-2).

    Examples
    --------
    >>> [NamesOrCount().convert(text, None, None) for text in ("sun,rain", "-2", '"2"')]
    [['sun', 'rain'], -2, ['2']]
    """

    name = "names or number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text to a count if it is a number, else to names."""
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,18}\s*", value, re.ASCII):
            return int(value)
        return super().convert(value, param, ctx)


class Character(click.ParamType):
    r"""One character; ``tab`` and ``\t`` are a tab.

    Examples
    --------
    >>> Character().convert("tab", None, None)
    '\t'
    """

    name = "character"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text to one character."""
        found = {"tab": "\t", "\\t": "\t", "space": " "}.get(value, value)
        if len(found) != 1:
            self.fail(f"expected one character, or 'tab'. Got {value!r}.", param, ctx)
        return found


data_dir_option = click.option(
    "--data-dir",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Folder with data files, besides those of DRIFTHOMER_DATA.",
)

# Each name is also the name of a parameter of the sources of stream.data.
source_options = grouped(
    data_dir_option,
    click.option(
        "--labels",
        type=NamesOrCount(),
        metavar="A,B,C",
        help="Label columns (multi-label); -2: the last two. Of JSON lines: the field that holds "
        "the labels. A name with a comma in it: '\"A, B\",C'.",
    ),
    click.option("--target", metavar="NAME", help="Class column or field (single-label)."),
    click.option(
        "--classes",
        type=Names(),
        metavar="A,B",
        help="Classes known beforehand; others appear as they are read.",
    ),
    click.option(
        "--text",
        type=Names(),
        metavar="A,B",
        help="Columns or fields of free text: a feature for each word.",
    ),
    click.option(
        "--text-columns",
        type=click.IntRange(1, 1 << 30),
        metavar="N",
        help="Hash the words of --text to N features.  [default: one for each word]",
    ),
    click.option("--ignore", type=Names(), metavar="A,B", help="Columns or fields to leave out."),
    click.option(
        "--categorical",
        type=Names(),
        metavar="A,B",
        help="Columns that hold names although they look like numbers.",
    ),
    click.option(
        "--delimiter",
        type=Character(),
        metavar="CHARACTER",
        help="Character between the cells of a CSV file, such as ';' or tab.",
    ),
    click.option(
        "--decimal",
        type=click.Choice([".", ","]),
        help="Decimal point of the numbers in a CSV file.  [default: .]",
    ),
    click.option(
        "--thousands",
        type=Character(),
        metavar="CHARACTER",
        help="Character between groups of three digits in a CSV file, such as '.' with "
        "--decimal ','.",
    ),
    click.option(
        "--header/--no-header",
        default=None,
        help="Whether the first line of a CSV file names the columns; else they are called "
        "column1, column2, ...  [default: header]",
    ),
    click.option(
        "--task",
        type=click.Choice(["multi-label", "single-label"]),
        help="Task of a LIBSVM file; single-label: a row begins with its class.",
    ),
    click.option(
        "--zero-based/--one-based",
        default=None,
        help="Number of the first feature of a LIBSVM file.  [default: zero-based]",
    ),
    click.option(
        "--n-features",
        type=click.IntRange(min=1),
        metavar="N",
        help="Number of features of a LIBSVM file.",
    ),
    click.option(
        "--n-labels",
        type=click.IntRange(min=1),
        metavar="N",
        help="Number of labels of a LIBSVM file.",
    ),
    click.option(
        "--empty-rows/--no-empty-rows",
        default=None,
        help="Whether rows of a LIBSVM file may all be without features.",
    ),
    click.option(
        "--labels-xml",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        help="Mulan's XML file with the names of the labels of an ARFF file.",
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        help="Encoding of a text file, such as latin-1.  [default: utf-8]",
    ),
    click.option(
        "--format",
        "source_format",
        metavar="SUFFIX",
        help="Format of a file whose name does not tell it, such as csv.",
    ),
)


def open_with_options(data: str, data_dir: str | None, given: Mapping[str, Any]) -> Source:
    """The source that a command's arguments describe.

    Parameters
    ----------
    data
        File, name of a stream, or generator.
    data_dir
        Folder in which names are looked up.
    given
        Values of `source_options`; None: not given.
    """
    from stream.data import open_source

    if given.get("labels") is not None and given.get("target") is not None:
        raise click.UsageError("--labels and --target exclude each other")
    options = {name: value for name, value in given.items() if value is not None}
    if "source_format" in options:
        options["format"] = options.pop("source_format")
    return open_source(data, data_dir=data_dir, **options)
