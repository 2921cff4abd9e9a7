"""What a result depends on, as a key: code, parameters, rows. The same key is the same result.

Code is compared without comments and docstrings, and only the code that a cell can reach: a change
in one model does not make the others run again.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.definition import Cell
from stream.models.registry import MODELS

SITE = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "stdlib"))
EVALUATION = "harness.evaluation"
ELSEWHERE = "peers.elsewhere"
# Modules that only choose, by what is asked, who does the work, which is part of the key itself.
CHOOSING = frozenset(
    {
        *("harness.definition", "harness.environments", "stream.models.registry"),
        *("stream.data", "stream.data.resolving", "stream.data.formats", "stream.data.objects"),
        *("stream.evaluate", "stream._version"),
    }
)


def key_of(cell: Cell, rows: str) -> str:
    """The key of a cell on the rows of a digest, 32 hexadecimal digits."""
    elsewhere = cell.model.environment is not None
    model = ELSEWHERE if elsewhere else module_of(cell.model.use)
    parts = {"asks": cell.asks(), "rows": rows, "code": code_of([EVALUATION, model])}
    return digest(json.dumps(parts, sort_keys=True, default=str))


def module_of(use: str) -> str:
    """Module that defines a model; the name as it is given where there is no such model."""
    path = MODELS.get(use, use)
    module_name, _, attribute = path.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError):
        return module_name
    return getattr(inspect.getmodule(found), "__name__", module_name)


def code_of(roots: Iterable[str]) -> str:
    """Digest of the code of modules, of every module of this project that they import, and of the
    versions of what else they import."""
    local: dict[str, str] = {}
    versions: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in local or name in CHOOSING:
            continue
        path = _file_of(name)
        if path is None:
            versions.add(_version_of(name.partition(".")[0]))
            continue
        local[name], imported = _read(path, name)
        waiting += imported
    return digest(json.dumps([sorted(local.items()), sorted(versions)]))


@functools.cache
def _file_of(name: str) -> Path | None:
    """The file of a module that belongs to a project and not to the installed packages."""
    if name.partition(".")[0] in sys.stdlib_module_names:
        return None
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        return None
    path = Path(found.origin).resolve()
    installed = any(path.is_relative_to(folder) for folder in SITE)
    return None if installed and name.partition(".")[0] != "stream" else path


@functools.cache
def _version_of(package: str) -> str:
    if package in sys.stdlib_module_names:
        return f"python=={sys.version_info.major}.{sys.version_info.minor}"
    names = importlib.metadata.packages_distributions().get(package, [package])
    try:
        return f"{package}=={importlib.metadata.version(names[0])}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package} absent"


@functools.cache
def _read(path: Path, name: str) -> tuple[str, tuple[str, ...]]:
    """Digest of a module's code, and the modules that it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    imported = tuple(dict.fromkeys(_imports(tree, package)))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    return digest(ast.dump(tree)), imported


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            module = importlib.util.resolve_name(base, package) if node.level else base
            # ``from package import name``: the module of that name, or what the package holds.
            inner = [f"{module}.{alias.name}" for alias in node.names]
            modules = [name for name in inner if _file_of(name) is not None]
            yield from modules
            if len(modules) < len(inner):
                yield module


def digest(text: str) -> str:
    """A short digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
