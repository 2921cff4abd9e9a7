"""Imports go downwards only, so that a folder can be understood without those above it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import stream

ROOT = Path(stream.__file__).parent
# What each layer may import, besides itself and ``stream.errors``.
ALLOWED = {
    "engine": set(),
    "partition": {"engine"},
    "rows": {"engine"},
    "data": {"engine", "rows"},
    "snapshot": {"engine"},
    "clusters": {"engine", "partition", "rows"},
    "models": {"engine", "partition", "rows", "clusters", "snapshot"},
    "checks": {"models", "data", "engine", "rows"},
    "evaluate": {"engine", "data", "models", "partition", "rows"},
    "compare": {"data", "models", "rows", "evaluate"},
    "live": {"engine", "data", "models", "partition", "rows", "evaluate"},
    "kafka": {"engine", "rows", "data", "models", "evaluate", "snapshot"},
}


class _NamesOnlyTypesNeed(ast.NodeTransformer):
    """Leaves out what only a type checker imports."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        wanted = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if wanted else self.generic_visit(node)


def imported_modules(path: Path) -> list[str]:
    """Modules of the package that a file imports, without the package's name."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(_NamesOnlyTypesNeed().visit(tree)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        found += [name.removeprefix("stream.") for name in names if name.startswith("stream.")]
    return found


@pytest.mark.parametrize("layer", ALLOWED)
def test_imports_go_downwards(layer):
    """A lower layer comes to need a higher one, and neither can be used or read alone."""
    allowed = {layer, "errors", "_version", *ALLOWED[layer]}
    for path in (ROOT / layer).rglob("*.py"):
        for module in imported_modules(path):
            fits = any(module == each or module.startswith(each + ".") for each in allowed)
            assert fits, f"{path.relative_to(ROOT)} imports stream.{module}"
