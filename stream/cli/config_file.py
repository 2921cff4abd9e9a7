"""``--config learner.toml``: everything that the options of a command can say, in a file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click


def config_option(command: Any = None, *, of: click.Command | None = None) -> Any:
    """Give a command the option ``--config``; options of the command line win.

    Parameters
    ----------
    command
        The command; None: a decorator is returned.
    of
        Another command whose file it may be: what only that one's options can say is passed over.
    """
    if command is None:
        return partial(config_option, of=of)
    return click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=partial(_read, _options(of) if of else {}),
        help='TOML file whose keys are the names of options, such as labels-topic = "labels"; '
        "[set] holds parameters of the model, and paths are relative to the file. Options win.",
    )(command)


def _options(command: click.Command) -> dict[str, click.Parameter]:
    """The options of a command that can be in a file, by their keys."""
    return {_key(each.opts): each for each in command.params if each.expose_value}


def _read(
    elsewhere: Mapping[str, click.Parameter],
    context: click.Context,
    option: click.Parameter,
    path: Path | None,
) -> None:
    if path is None:
        return
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path} must be a TOML file: {error}.", context) from None
    options = _options(context.command)
    found: dict[str, Any] = {}
    for name, value in given.items():
        key = name.replace("_", "-")
        if key not in options and key in elsewhere:
            continue
        if key not in options:
            allowed = ", ".join(sorted(options))
            raise click.UsageError(
                f"{path} must have keys that are names of options: {allowed}. Got {name!r} instead",
                context,
            )
        param = options[key]
        assert param.name is not None
        found[param.name] = _value(param, value, path)
    context.default_map = {**found, **(context.default_map or {})}


def _key(names: Iterable[str]) -> str:
    return max(names, key=len).removeprefix("--")


def _value(param: click.Parameter, value: Any, path: Path) -> Any:
    """A value of the file as the option takes it."""
    if param.multiple and isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list) and not param.multiple:
        return ",".join(map(str, value))
    wanted = param.type.name
    flag = isinstance(value, bool)
    if flag != (wanted == "boolean") or isinstance(value, dict):
        raise click.UsageError(
            f"{_key(param.opts)!r} of {path} must be a {wanted}. Got {value!r} instead"
        )
    if isinstance(param.type, click.Path) and isinstance(value, str):
        return str(path.parent / value)
    return value
