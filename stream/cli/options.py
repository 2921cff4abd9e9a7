"""Parameter types and groups of options that several commands share."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from typing import Any

import click

LITERALS = {"true": True, "false": False, "none": None, "null": None}


class InputFile(click.Path):
    """A file that is there."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check that there is a file of that name."""
        path = super().convert(value, param, ctx)
        if not os.path.exists(path):
            raise click.UsageError(f"There is no file {str(path)!r}; check the path.", ctx)
        if os.path.isdir(path):
            raise click.UsageError(
                f"{str(path)!r} is a folder; give the path of a file in it.", ctx
            )
        return path


class OutputFolder(click.Path):
    """A folder that is made where it is not there, before hours of work and not after."""

    name = "folder"

    def __init__(self) -> None:
        super().__init__(file_okay=False, writable=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the path, and make the folder."""
        path = super().convert(value, param, ctx)
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as error:
            self.fail(
                f"The folder {str(path)!r} cannot be made ({error.strerror}); name one in a folder "
                "that can be written to.",
                param,
                ctx,
            )
        return path


class OutputFile(click.Path):
    """A file that can be written, which is better known before hours of work than after; '-' is
    standard output."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, allow_dash=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the path, and that its folder can be written to."""
        path = super().convert(value, param, ctx)
        folder = os.path.dirname(os.path.realpath(path)) if path != "-" else "."
        if not os.access(folder, os.W_OK):
            self.fail(f"The folder {folder!r} must exist and be writable.", param, ctx)
        return path


class Assignment(click.ParamType):
    """``name=value``; the value is a Python or JSON literal, or else text."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        """Split ``name=value`` at the first equals sign."""
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not equals or not name.strip().isidentifier():
            self.fail(
                f"A parameter must be given as name=value. Got {value!r} instead.", param, ctx
            )
        return name.strip(), parse_literal(text.strip())


def parse_literal(text: str) -> Any:
    """A number, truth value, None, list or the text itself.

    Examples
    --------
    >>> [parse_literal(text) for text in ("100", "1e-7", "true", "None", "nb", "[1, 2]")]
    [100, 1e-07, True, None, 'nb', [1, 2]]
    """
    if text.lower() in LITERALS:
        return LITERALS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


Command = Callable[..., Any]


def grouped(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Options that are given to a command together, in the order in which its help lists them."""

    def give(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return give


model_options = grouped(
    click.option(
        "--model",
        metavar="NAME",
        help="drifthomer (default), driftmoe (default when a row has one class), ihomer (a tree "
        "for each cluster of labels), multilabel-hoeffding-tree, hoeffding-tree, or "
        "package.module:object for any River estimator or pipeline.",
    ),
    click.option(
        "--set",
        "params",
        type=Assignment(),
        multiple=True,
        help="A parameter of the model, such as --set grace_period=100. Repeat for more.",
    ),
    click.option("--seed", type=int, metavar="N", help="Seed of the model."),
)
