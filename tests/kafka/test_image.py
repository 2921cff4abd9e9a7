"""The container image, run: DRIFTHOMER_TEST_IMAGE=1, with buildah and the image of 'make image'."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from kafka_helpers import create_topic, read_all

IMAGE = "localhost/drifthomer"
WANTED = "DRIFTHOMER_TEST_IMAGE"
ENVIRONMENT = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
STATE = "/var/lib/drifthomer"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get(WANTED), reason=f"{WANTED} is not set"),
]


def buildah(*words: str) -> str:
    """What a command of buildah says."""
    done = subprocess.run(
        ["buildah", *words],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


class Container:
    """A container of the image, in the network of this machine."""

    def __init__(self) -> None:
        self.name = buildah("from", "--pull-never", IMAGE).strip()

    def command(self, *words: str) -> list[str]:
        return ["buildah", "run", self.name, "--", *words]

    def run(self, *words: str) -> str:
        """Run a command to its end; what it says."""
        done = subprocess.run(
            self.command(*words),
            env=os.environ | ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: exit code {done.returncode}\n{done.stdout}"
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen:
        """Start a command whose process id is written to a file of the container."""
        script = f'echo $$ > {STATE}/pid; exec "$@"'
        return subprocess.Popen(
            self.command("sh", "-c", script, "sh", *words),
            env=os.environ | ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def succeeds(self, *words: str) -> bool:
        """Whether a command ends with 0."""
        done = subprocess.run(
            self.command(*words), env=os.environ | ENVIRONMENT, capture_output=True, check=False
        )
        return done.returncode == 0

    def remove(self) -> None:
        buildah("rm", self.name)


@pytest.fixture
def container() -> Iterator[Container]:
    assert shutil.which("buildah"), f"{WANTED} is set, and there is no buildah"
    made = Container()
    yield made
    made.remove()


def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.5)


def test_it_evaluates_as_nobody_in_particular_and_compiles_nothing(container):
    """A container that runs as root, or compiles for a minute before its first row."""
    assert container.run("drifthomer", "--version").startswith("drifthomer ")
    assert container.run("id", "-u").strip() == "1000"
    said = container.run("drifthomer", "prequential", "yeast", "--limit", "500")
    assert "14 labels" in said
    assert "compil" not in said.replace("to compile or load kernels", "")
    assert not container.run("sh", "-c", "ls ~/.cache/drifthomer/kernels 2>/dev/null || true")


def test_a_learner_in_a_container(container, broker):
    """State that cannot be written, a health check of another port, a signal that kills."""
    config = json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    kind, *check = config["Healthcheck"]["Test"]
    assert kind == "CMD"
    number = uuid.uuid4().hex[:8]
    topics = {name: f"{name}-{number}" for name in ("rows", "labels", "predictions")}
    for name in topics.values():
        create_topic(broker.bootstrap, name=name)
    shared = ["--bootstrap-servers", broker.bootstrap, "--topic", topics["rows"]]
    shared += ["--labels-topic", topics["labels"]]
    written = container.run(
        "drifthomer", "produce", "yeast", *shared, "--limit", "300", "--label-delay", "20"
    )
    assert "300 rows written" in written
    learn = ["drifthomer", "consume", *shared, "--predictions-topic", topics["predictions"]]
    learn += ["--name", "image", "--snapshot-dir", STATE, "--metrics-port", "9100"]
    learner = container.start(*learn, "--client", "confluent")
    try:
        until(lambda: container.succeeds(*check))
        until(lambda: len(read_all(broker.bootstrap, topics["predictions"])) == 300)
        ready = "import urllib.request as r; r.urlopen('http://127.0.0.1:9100/ready', timeout=3)"
        until(lambda: container.succeeds("python", "-c", ready))
    finally:
        container.run("sh", "-c", f"kill -TERM $(cat {STATE}/pid)")
        said, _ = learner.communicate(timeout=60)
    assert learner.returncode == 0, said
    assert "300 instances predicted, 300 learnt" in said.splitlines()[-1]
