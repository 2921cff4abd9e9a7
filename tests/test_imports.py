"""What is imported where, and when: the rest of ``make lint``'s contracts (``.importlinter``)."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
# Libraries of extras, and those that a notebook or a user brings along.
OPTIONAL = (
    "confluent_kafka", "fastavro", "google.protobuf", "IPython", "matplotlib", "polars", "pyarrow",
    "ray", "sklearn",
)  # fmt: skip
# Modules that are about one of them, and are imported only where it is needed.
NEED_ONE = [
    "stream.compare.critical_difference",
    "stream.compare.figures",
    "stream.compare.style",
    "stream.kafka.clients.confluent",
    "stream.kafka.clients.confluent_errors",
    "stream.kafka.clients.confluent_options",
    "stream.kafka.clients.confluent_sink",
    "stream.kafka.clients.confluent_source",
]
IMPORT_ALL = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({OPTIONAL!r}))
import stream
without = []
for module in pkgutil.walk_packages(stream.__path__, "stream."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ImportError:
            without.append(module.name)
print(sorted(without))
for name in stream.__all__:
    getattr(stream, name)
"""


def test_optional_libraries_are_imported_where_they_are_used():
    """Who has not installed an extra cannot import what does not need it."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{NEED_ONE}\n"


@pytest.fixture
def check(monkeypatch):
    """The problems that the contract on third-party libraries finds."""
    monkeypatch.syspath_prepend(str(ROOT))
    from tools.import_contracts import ThirdPartyContract

    graph = grimp.ImportGraph()
    for importer, imported in (
        ("ours.low.sums", "math"),
        ("ours.low.sums", "numpy"),
        ("ours.high", "ours.low.sums"),
        ("ours.high", "numpy"),
        ("oursmore", "pandas"),
    ):
        graph.add_import(importer=importer, imported=imported)

    def check(*allowed):
        options = {"packages": ["ours"], "allowed": allowed}
        found = ThirdPartyContract("third party", {}, options).check(graph, verbose=False)
        assert found.kept == (not found.metadata["broken"])
        return found.metadata["broken"]

    return check


def test_libraries_may_be_where_they_are_allowed(check):
    """A library that is taken for one of ours, or of the standard library."""
    assert check("numpy: ours") == []
    assert check("numpy: ours.low, ours.high") == []


def test_libraries_may_not_be_elsewhere(check):
    """A library that is allowed in one place and counts as allowed everywhere."""
    assert check("numpy: ours.low") == ["ours.high imports numpy"]
    assert check("numpy: ours.lo, ours.high")[0] == "ours.low.sums imports numpy"


def test_a_line_that_allows_what_nobody_does_is_told(check):
    """A list that says more and more as imports go away."""
    assert check("numpy: ours", "scipy: ours") == ["no module of ours imports scipy"]
