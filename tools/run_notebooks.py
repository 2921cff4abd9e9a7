"""Run the notebooks of ``examples/`` from front to back; each must end in a picture.

``python tools/run_notebooks.py [FOLDER]`` also writes the notebooks with their outputs to FOLDER.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PICTURES = {"image/png", "image/svg+xml"}
SECONDS = 900  # for a cell; the first one may compile


def run(path: Path) -> nbformat.NotebookNode:
    """Run one notebook; its outputs are in what is returned."""
    notebook = nbformat.read(path, as_version=4)
    folder = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=SECONDS, resources=folder).execute()
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    shown = {kind for output in last.outputs for kind in output.get("data", {})}
    if not shown & PICTURES:
        sys.exit(f"{path.name} must end in a picture. Its last cell gave {sorted(shown)}.")
    return notebook


def main() -> None:
    """Run all."""
    for path in sorted(EXAMPLES.glob("*.ipynb")):
        print(path.name, flush=True)
        notebook = run(path)
        if len(sys.argv) > 1:
            nbformat.write(notebook, Path(sys.argv[1]) / path.name)


if __name__ == "__main__":
    main()
