"""Earlier revisions of this project, each checked out in a folder and an environment of its own.

They are kept in the user's cache, so that packages are installed and kernels compiled once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from pathlib import Path

from harness.environments import folder_of
from stream.errors import NotAvailableError

REPOSITORY = Path(__file__).resolve().parents[2]


def git(*words: str) -> str:
    """What a git command prints, run in this repository.

    Raises
    ------
    NotAvailableError
        When git refuses.
    """
    command = ["git", "-C", str(REPOSITORY), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NotAvailableError(f"'git {' '.join(words)}' failed: {error}") from error
    if done.returncode:
        raise NotAvailableError(f"'git {' '.join(words)}' failed: {done.stderr.strip()}")
    return done.stdout.strip()


def commit_of(revision: str) -> str:
    """The full number of the commit that a branch, tag or abbreviation names."""
    return git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")


def head_name() -> str:
    """The commit that is checked out here, marked where the package differs from it."""
    changed = "+changes" if git("status", "--porcelain", "--", "stream") else ""
    return git("rev-parse", "--short", "HEAD") + changed


def python_of_revision(commit: str) -> str:
    """The interpreter of the environment that has a commit installed; made when it is not there.

    Raises
    ------
    NotAvailableError
        When it cannot be checked out or installed.
    """
    folder = folder_of("revisions") / commit[:12]
    python, done = folder / "environment" / "bin" / "python", folder / "complete"
    if done.exists() and python.exists():
        return str(python)
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted start left behind
    source = folder / "source"
    folder.mkdir(parents=True)
    git("worktree", "prune")
    git("worktree", "add", "--detach", "--force", str(source), commit)
    venv.create(folder / "environment", with_pip=True)
    constraints = source / "constraints.txt"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pinned = ["-c", str(constraints)] if constraints.exists() else []
    installed = subprocess.run([*pip, "--no-input", *pinned, "-e", str(source)], check=False)
    if installed.returncode:
        raise NotAvailableError(f"The revision {commit} cannot be installed; pip tells why above.")
    done.touch()
    return str(python)


def environment_for(python: str) -> dict[str, str]:
    """The variables of this process without those that lead to other packages than ``python``'s."""
    misleading = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "NUMBA_CACHE_DIR")
    kept = {name: value for name, value in os.environ.items() if name not in misleading}
    return kept | {"PATH": os.pathsep.join([str(Path(python).parent), kept.get("PATH", "")])}
