"""Build a wheel that carries compiled kernels: python tools/make_wheel.py [FOLDER]

The kernels are compiled for the processor that every machine of the platform has at least, by the
Python and the Numba that run this script. Where the wheel is installed with the same versions
nothing is compiled; with others it works as one without kernels. Needs the package with its
dependencies, and the packages "build" and "wheel".
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "stream")
# In a process of its own: Numba reads the name of the processor when it is imported.
COMPILE = """
import sys
from pathlib import Path
from shutil import copy2
from stream.engine import compile_helpers, kernel_cache
from stream.kernels.filling import fill

filling = fill()
folder = Path(sys.argv[1]) / "stream" / "engine" / "compiled" / kernel_cache.versions()
folder.mkdir(parents=True)
for path in [*filling.from_python, compile_helpers.complete_mark(filling.folder)]:
    copy2(path, folder)
print(f"{len(filling.from_python)} kernels, {filling.compiled} of {filling.kernels} compiled anew")
"""


def make_wheel(folder: Path) -> Path:
    """Build the wheel; its path."""
    with tempfile.TemporaryDirectory() as name:
        stage, built = Path(name) / "source", Path(name) / "built"
        for source in SOURCES:
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "compiled")
                shutil.copytree(ROOT / source, stage / source, ignore=ignored)
            else:
                stage.mkdir(exist_ok=True)
                shutil.copy2(ROOT / source, stage / source)
        environment = os.environ | {"NUMBA_CPU_NAME": "generic", "PYTHONPATH": str(stage)}
        subprocess.run(
            [sys.executable, "-c", COMPILE, str(stage)], env=environment, cwd=name, check=True
        )
        python = [sys.executable, "-m"]
        build = ["build", "--wheel", "--outdir", str(built), str(stage)]
        subprocess.run([*python, *build], check=True, stdout=subprocess.DEVNULL)
        (wheel,) = built.iterdir()
        tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        tags = ["--python-tag", tag, "--abi-tag", tag, "--platform-tag", platform, "--remove"]
        subprocess.run([*python, "wheel", "tags", *tags, str(wheel)], check=True)
        (wheel,) = built.iterdir()
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy2(wheel, folder))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist")
    print(make_wheel(parser.parse_args().folder))
