"""Environments of their own for peers that cannot live in this one.

Each is a folder of the user's cache, made by ``python experiments/environments.py NAME``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pooch

from stream.errors import NotAvailableError

FOLDER = "DRIFTHOMER_ENVIRONMENTS"
NAMES = ("capymoa", "scikit-multiflow")


def folder_of(name: str) -> Path:
    """Where an environment is, or would be."""
    cache = os.environ.get(FOLDER) or os.path.join(pooch.os_cache("drifthomer"), "environments")
    return Path(cache) / name


def python_of(name: str) -> str:
    """The interpreter of an environment.

    Raises
    ------
    NotAvailableError
        When it has not been made.
    """
    python = folder_of(name) / "bin" / "python"
    if not python.exists():
        raise NotAvailableError(
            f"The environment {name!r} is not here; make it with "
            f"'python experiments/environments.py {name}'."
        )
    return str(python)
