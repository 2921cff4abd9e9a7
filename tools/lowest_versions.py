"""Run tests with the lowest versions that pyproject.toml allows.

``python tools/lowest_versions.py [TESTS ...]`` makes an environment in .venv-lowest. Without
arguments, the tests run that show whether a package is too old: kernels, rows, models, clusters,
files, snapshots, evaluation, and the command line.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".venv-lowest"
FOLDERS = "engine rows models cli data snapshot clusters partition evaluate kernels checks"
TESTS = [f"tests/{folder}" for folder in FOLDERS.split()]
# Needed to run the tests, in any version.
TOOLS = ["pytest", "hypothesis", "pytest-xdist"]
# Needed by none of these tests; wants a newer rich than the package does.
LEFT_OUT = ["import-linter"]


def lowest(requirements: list[str]) -> list[str]:
    """The requirements with their lower bounds as exact versions.

    Examples
    --------
    >>> lowest(["numpy>=2.2.5", "kafka-python>=3.0.12,<4"])
    ['numpy==2.2.5', 'kafka-python==3.0.12']
    """
    found = [re.match(r"([A-Za-z0-9_.-]+)>=([0-9.]+)", each) for each in requirements]
    return [f"{each[1]}=={each[2]}" for each in found if each]


def main(tests: list[str]) -> int:
    """Make the environment, run the tests; the exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = lowest(project["dependencies"])
    extra = [each for each in project["optional-dependencies"]["test"] if "[" not in each]
    needed = lowest([each for each in extra if re.split(">=", each)[0] not in TOOLS + LEFT_OUT])
    print("\n".join([*pinned, *needed]), flush=True)
    venv.create(FOLDER, with_pip=True, clear=True)
    python = str(FOLDER / "bin" / "python")
    install = [python, str(ROOT / "tools" / "install.py")]
    subprocess.run([*install, *pinned, *needed, *TOOLS], check=True)
    subprocess.run([*install, "--no-deps", "--editable", str(ROOT)], check=True)
    command = [python, "-m", "pytest", "-n", "0", *(tests or TESTS)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
