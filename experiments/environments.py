"""Make the environments of their own that some peers need, in the user's cache.

capymoa needs Java 17 or later. scikit-multiflow is a source archive of 2020 that does not build
with today's NumPy and Cython: it gets those of its time, and its C files are made anew.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

from harness.environments import NAMES, folder_of, python_of

from stream.errors import NotAvailableError

OLD_TOOLS = ("setuptools<60", "wheel", "Cython<3", "numpy==1.23.5")
OLD_PACKAGES = (
    *("numpy==1.23.5", "scipy<1.11", "pandas<2", "matplotlib<3.8", "scikit-learn<1.3"),
    "sortedcontainers",
)
MULTIFLOW = "scikit-multiflow==0.5.3"
CAPYMOA = "capymoa==0.15.1"


def pip(python: Path, *words: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run([str(python), "-m", "pip", words[0], *quiet, *words[1:]], check=True)


def make_capymoa(python: Path) -> None:
    if shutil.which("java") is None:
        sys.exit("CapyMOA needs Java 17 or later: put 'java' on the PATH.")
    pip(python, "install", CAPYMOA)


def make_multiflow(python: Path) -> None:
    pip(python, "install", *OLD_TOOLS)
    with tempfile.TemporaryDirectory() as folder:
        fetch = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", folder)
        pip(python, "download", *fetch, MULTIFLOW)
        archive = next(Path(folder).glob("*.tar.gz"))
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        source = next(path for path in Path(folder).iterdir() if path.is_dir())
        metrics = source / "src" / "skmultiflow" / "metrics"
        for made in metrics.glob("*.c"):
            made.unlink()
        cython = [str(python), "-m", "cython", "-3", *map(str, metrics.glob("*.pyx"))]
        subprocess.run(cython, check=True)
        pip(python, "install", "--no-build-isolation", "--no-deps", str(source))
    pip(python, "install", *OLD_PACKAGES)


MAKE: dict[str, Callable[[Path], None]] = {
    "capymoa": make_capymoa,
    "scikit-multiflow": make_multiflow,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    for name in parser.parse_args().names:
        try:
            print(f"{name}: {python_of(name)} is there")
            continue
        except NotAvailableError:
            print(f"{name}: making {folder_of(name)} ...", flush=True)
        draft = folder_of(name).with_name(f"{name}.part")
        venv.create(draft, with_pip=True, clear=True)
        MAKE[name](draft / "bin" / "python")
        draft.rename(folder_of(name))  # there complete or not at all; called by its python -m only
        print(f"{name}: {python_of(name)}")


if __name__ == "__main__":
    main()
