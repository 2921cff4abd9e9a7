"""Write the pages of the reference: every public name of the package, from its docstrings.

``python tools/write_reference.py`` after a public name came or went; a test compares.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

import stream

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
# Kernels are reached through the models; the commands are told by their own help.
NOT_PUBLIC = {"stream.engine", "stream.cli"}
INTRODUCTION = "Generated from the docstrings by `tools/write_reference.py`."


def public_packages() -> list[str]:
    """The package and its folders that say what is public, then the errors."""
    found = ["stream"]
    for each in pkgutil.iter_modules(stream.__path__, "stream."):
        if each.ispkg and each.name not in NOT_PUBLIC:
            module = importlib.import_module(each.name)
            if getattr(module, "__all__", None):
                found.append(each.name)
    return [*found, "stream.errors"]


def public_names(module: ModuleType) -> list[str]:
    """Names that a module makes public."""
    if hasattr(module, "__all__"):
        return sorted(name for name in module.__all__ if not name.startswith("_"))
    return sorted(
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    )


def place_of(module: ModuleType, name: str) -> str:
    """Where a public name is defined."""
    value = getattr(module, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        return f"{value.__module__}.{value.__qualname__}"
    # A constant or alias does not know its place: it is where it is assigned.
    for each in pkgutil.walk_packages(module.__path__, module.__name__ + "."):
        inner = importlib.import_module(each.name)
        if f"\n{name}" in inspect.getsource(inner) and getattr(inner, name, None) is value:
            return f"{each.name}.{name}"
    return f"{module.__name__}.{name}"


def pages() -> dict[str, str]:
    """The text of each page by its file's name; a name stands on the first page that has it."""
    made, seen = {}, set()
    for package in public_packages():
        module = importlib.import_module(package)
        places = [place_of(module, name) for name in public_names(module)]
        fresh = [place for place in places if place not in seen]
        seen.update(fresh)
        if not fresh:
            continue
        title = (inspect.getdoc(module) or package).splitlines()[0]
        body = "\n".join(f"::: {place}\n" for place in fresh)
        made[f"{package}.md"] = f"# {package}\n\n{title}\n\n{INTRODUCTION}\n\n{body}"
    return made


def main() -> None:
    """Write the pages, and remove those that are no longer there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    texts = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
