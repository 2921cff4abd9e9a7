"""What messages and help texts tell people to type is there to be typed.

All texts of the package that are no docstrings are read from its sources: each option, command,
parameter, extra and environment variable that one of them names must exist where it can be met.
"""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import stream
import stream.compare
import stream.compare.ranking
import stream.data
import stream.evaluate
import stream.live
from stream.cli import cli
from stream.data import formats
from stream.models.registry import available_models

PACKAGE = Path(stream.__file__).parent
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")
COMMAND = re.compile(r"['`(]drifthomer ([a-z]+)\b")
PARAMETER = re.compile(r"(?<![\w.:{,-])\(?([a-z][a-z_]+)=[\[\d'\"{A-Z.]")
EXTRA = re.compile(r"drifthomer\[([a-z-]+)\]")
VARIABLE = re.compile(r"DRIFTHOMER_[A-Z_]+")
# Where a text of a folder can be met: the commands whose options it may name.
COMMANDS_OF = {
    "cli/produce.py": ("produce",),
    "cli/rollback.py": ("rollback", "consume"),
    "kafka/recovery/rollback.py": ("rollback", "consume"),
    "cli": tuple(cli.commands),
    "kafka": ("consume",),
    "live": ("prequential",),
    "data": ("prequential", "compare", "produce"),
    "rows": ("prequential", "compare", "produce"),
}


def texts() -> Iterator[tuple[str, str]]:
    """Path and text of each constant that a person may read: with a space, and no docstring."""
    for path, source in SOURCES.items():
        tree = ast.parse(source)
        passed = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                passed |= {id(each) for each in node.values}
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                passed.add(id(body[0].value))
        for node in ast.walk(tree):
            if id(node) in passed:
                continue
            if isinstance(node, ast.JoinedStr):
                parts = (e.value if isinstance(e, ast.Constant) else "{}" for e in node.values)
                text = "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            if " " in text.strip() and "<" not in text.replace("<label", ""):
                yield path, text


TEXTS = list(texts())


def options_of(command: str) -> set[str]:
    params = [each for each in cli.commands[command].params if isinstance(each, click.Option)]
    return {name for each in params for name in (*each.opts, *each.secondary_opts)} | {"--help"}


def commands_of(path: str) -> tuple[str, ...]:
    fits = [prefix for prefix in COMMANDS_OF if path.startswith(prefix)]
    return COMMANDS_OF[max(fits, key=len)] if fits else tuple(cli.commands)


def is_an_option(option: str, path: str) -> bool:
    """Whether a person who meets a text of that file can type the option.

    Messages on data can be met in each command that reads data; others in one at least.
    """
    met = all if path.startswith(("data", "rows")) else any
    return met(option in options_of(each) for each in commands_of(path))


def test_there_is_advice_to_check():
    """A pattern that finds nothing any more."""
    patterns = (OPTION, COMMAND, PARAMETER, EXTRA, VARIABLE)
    assert all(sum(bool(p.search(text)) for _, text in TEXTS) >= 2 for p in patterns)
    assert sum(bool(OPTION.search(text)) for _, text in TEXTS) > 40


def test_options_that_messages_name_are_there():
    """A message advises an option that was renamed or imagined, or that another command has."""
    wrong = [
        (path, option, text)
        for path, text in TEXTS
        for option in OPTION.findall(text)
        if not is_an_option(option, path)
    ]
    assert not wrong


def test_commands_that_messages_name_are_there():
    wrong = [
        (path, name)
        for path, text in TEXTS
        for name in COMMAND.findall(text)
        if name not in cli.commands
    ]
    assert not wrong


def public_parameters() -> set[str]:
    """Parameters of what is public, and of the formats of files."""
    modules = (stream, stream.data, stream.evaluate, stream.live, stream.compare)
    things = [getattr(module, name) for module in modules for name in module.__all__]
    for module in (formats, stream.compare.ranking):
        things += [each for each in vars(module).values() if callable(each)]
    things += [each.callback for each in cli.commands.values()]
    found = set()
    for each in things:
        members = (
            [m for _, m in inspect.getmembers(each, callable)] if inspect.isclass(each) else []
        )
        for one in (each, *members):
            try:
                found |= set(inspect.signature(one).parameters)
            except (TypeError, ValueError):
                continue
    return found


def test_parameters_that_messages_name_are_there():
    """A message advises a parameter that no function has; ``key=value`` and ``name=value`` stand
    for any."""
    known = public_parameters() | {"key", "name", "seed"}
    wrong = [
        (path, name, text)
        for path, text in TEXTS
        if "[label=" not in text  # of Graphviz
        for name in PARAMETER.findall(text)
        if name not in known
    ]
    assert not wrong


def test_extras_that_messages_name_can_be_installed():
    given = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    extras = given["project"]["optional-dependencies"]
    wrong = [
        (path, name) for path, text in TEXTS for name in EXTRA.findall(text) if name not in extras
    ]
    assert not wrong


def test_variables_that_messages_name_are_read():
    """An environment variable that nothing reads."""
    everything = "".join(SOURCES.values())
    wrong = [
        (path, name)
        for path, text in TEXTS
        for name in VARIABLE.findall(text)
        if not re.search(rf"(environ|getenv)\W[^\n]*{name}|= \"{name}\"", everything)
    ]
    assert not wrong


@pytest.mark.parametrize("name", available_models())
def test_models_that_messages_name_can_be_had(name):
    """The list in an error names models that cannot be made."""
    from stream.models.registry import create_model

    assert create_model(name) is not None
