"""What is published: the archives, what is in them, and what they do on another machine."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import time
import venv
import zipfile
from pathlib import Path

import pytest

from stream._version import __version__
from stream.engine.kernel_cache import versions

ROOT = Path(__file__).resolve().parents[1]
# Counts what is compiled while a model learns, and a stream is evaluated.
PROGRAM = """
import hashlib
import pickle
import sys
from numba.core.dispatcher import Dispatcher
import stream
model = stream.DriftHOMER(seed=1)
for i in range(30):
    model.learn_one({"a": i % 7 / 3, "b": i % 5}, {"x": i % 7 > 3, "y": i % 5 > 1})
print(sorted(model.predict_proba_one({"a": 1.0, "b": 2.0}).items()))
result = stream.prequential(stream.open_source("syn-blocks-sud:rows=200"), seed_model)
print(sorted(result.metrics.items()))
for rows in ("syn-rbf-rec:labels=20,rows=800", "syn-text:labels=150,rows=800"):
    model = stream.DriftHOMER(seed=1)
    stream.prequential(rows, model)
    print(hashlib.sha256(pickle.dumps(model)).hexdigest())
kernels = {
    id(value): value
    for module in list(sys.modules.values())
    if module.__name__.startswith("stream.")
    for value in vars(module).values()
    if isinstance(value, Dispatcher)
}
print(stream.__file__)
print(sum(sum(each.stats.cache_misses.values()) for each in kernels.values()))
""".replace("seed_model", "stream.MultiLabelHoeffdingTree(seed=1)")


def run(*command: str | Path, **given) -> str:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, **given
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel with kernels."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, ROOT / "tools" / "make_wheel.py", folder)
    (path,) = folder.iterdir()
    return path


@pytest.mark.slow
def test_a_wheel_brings_its_kernels_to_another_machine(wheel, tmp_path):
    """The kernels are missing from the wheel, are tied to the place, the time or the processor
    that they were compiled for, or give other answers."""
    venv.create(tmp_path / "environment", symlinks=True)
    python = tmp_path / "environment" / "bin" / "python"
    folder = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    )
    # The dependencies of this environment; a .pth file of theirs is not read, so an editable
    # installation of the sources is not seen.
    (folder / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index"]
    run(*pip, "--disable-pip-version-check", wheel)
    for path in (folder / "stream").rglob("*"):
        os.utime(path, (time.time(), time.time()))

    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DRIFTHOMER_COMPILE_PROCESSES": "0",
    }
    *answers, file, misses = run(python, "-c", PROGRAM, cwd=tmp_path, env=environment).splitlines()
    assert file.startswith(str(folder))
    assert int(misses) <= 2
    *own, _, _ = run(sys.executable, "-c", PROGRAM, cwd=ROOT).splitlines()
    assert answers == own


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    """Tests or caches are published, or a file that is read at run time is not."""
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("py.typed", "data/catalogue.toml", "cli/compile.py"):
        assert f"stream/{name}" in names
    info = f"drifthomer-{__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"stream", info}
    assert not [name for name in names if "__pycache__" in name]
    assert len([name for name in names if f"compiled/{versions()}/" in name]) > 20
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert wheel.name.startswith(f"drifthomer-{__version__}-{tag}-{tag}-")
    assert wheel.stat().st_size < 20e6


@pytest.mark.slow
def test_archives_pass_the_checks_of_the_registry(wheel, tmp_path):
    """The description is not rendered, or the archive of the sources cannot be built from."""
    run(sys.executable, "-m", "build", "--sdist", "--outdir", tmp_path, ROOT)
    (sdist,) = tmp_path.iterdir()
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "SECURITY.md"} <= names
    assert {"pyproject.toml", "stream/py.typed", "tests/conftest.py"} <= names
    assert not [name for name in names if "compiled/" in name or "__pycache__" in name]


@pytest.mark.parametrize(
    "use",
    [
        "import stream; stream.DriftHOMER(seed=1)",
        "from stream.cli import main; main(['prequential', 'sea-a:rows=20', '--model', 'tree'])",
    ],
)
def test_kafka_is_not_imported_before_it_is_used(use):
    """Everybody waits for clients that few use, or cannot start where one is broken."""
    check = "[n for n in sys.modules if n.split('.')[0] in ('kafka', 'confluent_kafka')]"
    assert run(sys.executable, "-c", f"import sys\n{use}\nprint({check})").endswith("[]\n")


def test_one_version_stands_everywhere():
    """A release is cited, or described, under the number of another."""
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert changes.split("\n## [")[1].startswith(f"{__version__}]")
