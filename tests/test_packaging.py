"""What users and containers install."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def test_constraints_pin_versions_and_nothing_local():
    """An editable or local entry works on one machine only."""
    for line in CONSTRAINTS:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*", line), line
    assert "drifthomer" not in {line.split("==")[0] for line in CONSTRAINTS}


@pytest.mark.parametrize(
    "requirement",
    [*PROJECT["dependencies"], *itertools.chain(*PROJECT["optional-dependencies"].values())],
)
def test_every_dependency_is_pinned_at_or_above_its_lower_bound(requirement):
    name, _, bound = requirement.partition(">=")
    if name.startswith("drifthomer"):
        return
    pinned = dict(line.lower().split("==") for line in CONSTRAINTS)
    assert name.lower() in pinned
    assert numbers(pinned[name.lower()]) >= numbers(bound or "0")


def test_the_container_copies_what_is_there_and_runs_as_a_user():
    """A Dockerfile breaks when a file is renamed, or is left out of the build's context."""
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    for words in (line.split() for line in lines if line.startswith("COPY ")):
        if not words[1].startswith("--from"):
            for name in words[1:-1]:
                assert (ROOT / name).exists()
                assert f"!{name}" in allowed
    assert "USER drifthomer" in lines
    assert 'ENTRYPOINT ["drifthomer"]' in lines
    known = {"ARG", "FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR"}
    known |= {"HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {line.split()[0] for line in lines} <= known
