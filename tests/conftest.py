"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no error: no example has a time limit, nor has the making of examples.
settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")

REPOSITORY = Path(__file__).resolve().parents[1]


def find_data_dir() -> Path | None:
    """Folder of the benchmark files: that of the environment, or the one beside the repository."""
    given = [Path(part) for part in os.environ.get("DRIFTHOMER_DATA", "").split(os.pathsep) if part]
    candidates = [*given, REPOSITORY.parent / "shared" / "datasets"]
    return next((folder for folder in candidates if (folder / "Yeast.arff.gz").is_file()), None)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the benchmark files; tests that need it are skipped where it is absent."""
    found = find_data_dir()
    if found is None:
        pytest.skip(
            "the benchmark files are absent: set DRIFTHOMER_DATA to a folder with Yeast.arff.gz"
        )
    return found


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_not_ignored() -> None:
    """A shell that starts the suite in the background makes it, and what it starts, ignore
    Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it clearly when tests with a real Kafka broker did not run."""
    reasons = {
        report.longrepr[2]
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and "no real Kafka broker" in report.longrepr[2]
    }
    for reason in reasons:
        terminalreporter.write_line(f"Tests with a real broker were SKIPPED: {reason}", yellow=True)
