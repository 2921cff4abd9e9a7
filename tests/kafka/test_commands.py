"""The commands, and the compose file that starts them, against a real broker."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml
from kafka_helpers import (
    PATIENCE,
    create_topic,
    learn_in_recorded_order,
    model_bytes,
    predicted_places,
    produce_rows,
    read_records,
    service_for,
    yeast_messages,
)

from stream.cli import cli, main
from stream.kafka.process import EXIT_TEMPORARY, LEAVING_SECONDS
from stream.models.registry import DEFAULT_MODELS, create_model

N_ROWS = 200
DOCKER = Path(__file__).resolve().parents[2] / "docker"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))


# The command on a machine that may be too slow to end it in time.
PATIENT = f"""
import sys
from stream.kafka import process
process.LEAVING_SECONDS = {PATIENCE}
from stream.cli import main
sys.exit(main(sys.argv[1:]))
"""


def command(*arguments):
    return [sys.executable, "-m", "stream", *map(str, arguments)]


def patient_command(*arguments):
    return [sys.executable, "-c", PATIENT, *map(str, arguments)]


def metrics(port):
    """What Prometheus is told."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if line[0] != "#")
    return {name: float(value) for name, _, value in pairs}


def test_the_compose_file_names_what_there_is(compose):
    """A volume, service, file or option that was renamed elsewhere."""
    services = compose["services"]
    assert set(services) == {"kafka", "topics", "producer", "learner", "prometheus", "grafana"}
    for service in services.values():
        assert set(service) <= {
            "image", "build", "environment", "command", "entrypoint", "depends_on", "ports",
            "volumes", "healthcheck", "stop_grace_period", "restart",
        }  # fmt: skip
        assert set(service.get("depends_on", ())) <= set(services)
        if "build" in service:
            build = service["build"]
            assert (DOCKER / build["context"] / build["dockerfile"]).is_file()
            name, *arguments = shlex.split(service["command"])
            assert cli.commands[name].make_context(name, arguments) is not None
        else:
            assert re.fullmatch(r"[a-z]+/[a-z]+:v?[0-9]+(\.[0-9]+)+", service["image"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DOCKER / source).exists()
    learner = shlex.split(services["learner"]["command"])
    scraped = yaml.safe_load((DOCKER / "prometheus.yaml").read_text(encoding="utf-8"))
    (target,) = scraped["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target == f"learner:{learner[learner.index('--metrics-port') + 1]}"
    folder = learner[learner.index("--snapshot-dir") + 1]
    assert services["learner"]["volumes"] == [f"snapshots:{folder}"]
    assert f"--owner drifthomer {folder}" in (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    made = re.search(r"for topic in (.*); do", services["topics"]["command"][0])
    assert made is not None
    for each in ("producer", "learner"):
        words = shlex.split(services[each]["command"])
        used = {words[i + 1] for i, word in enumerate(words) if word.endswith("topic")}
        assert used <= set(made[1].split())


def test_the_compose_file_works_without_docker(broker, compose, tmp_path):
    """Its producer and learner, faster and against another broker: every row is learnt, metrics are
    told, and SIGTERM ends it with a snapshot."""
    names = {
        each: create_topic(broker.bootstrap, 2, f"{each}-{uuid.uuid4().hex[:8]}")
        for each in ("instances", "labels", "predictions", "dead-letters")
    }

    def arguments(service):
        words = shlex.split(compose["services"][service]["command"])
        given = {"kafka:9092": broker.bootstrap, "/var/lib/drifthomer": str(tmp_path)} | names
        # An option's value, and no name of an option, is put in its place.
        return [given.get(word, word) for word in words]

    produced = subprocess.run(
        command(*arguments("producer"), "--rate", 5_000, "--limit", 300),
        check=True,
        capture_output=True,
        text=True,
    )
    assert "300 rows written" in produced.stderr
    name, log = f"shell-{uuid.uuid4().hex[:8]}", tmp_path / "log"
    consume = patient_command(*arguments("learner"), "--metrics-port", 0, "--name", name)
    with log.open("w") as file:
        process = subprocess.Popen(consume, stderr=file, env=os.environ | {"PYTHONUNBUFFERED": "1"})

    def said(text):
        return text in log.read_text()

    deadline = time.monotonic() + 2 * PATIENCE  # it may have to be compiled
    while not said("Metrics are at port"):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    port = int(log.read_text().partition("at port ")[2].partition(".")[0])
    told: dict[str, float] = {}
    lag = f'drifthomer_lag_messages{{partition="1",topic="{names["instances"]}"}}'
    while told.get("drifthomer_rows_learnt_total") != 300 or told.get(lag) != 0:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, told
        told = metrics(port)
        time.sleep(0.05)
    assert told["drifthomer_waiting_rows"] == 0
    assert {
        "drifthomer_snapshot_age_seconds",
        "drifthomer_drifts",
        'drifthomer_metric_all{metric="micro_f1"}',
    } <= set(told)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0, log.read_text()
    assert said("300 instances predicted, 300 learnt")
    found = read_records(broker.bootstrap, [names["instances"], names["labels"]])
    model, expected = learn_in_recorded_order(
        tmp_path / f"{name}.order",
        found,
        names["predictions"],
        names["labels"],
        model=create_model(DEFAULT_MODELS["multi-label"], seed=7),
    )
    assert model_bytes(tmp_path, name) == model
    assert sorted(predicted_places(broker.bootstrap, names["predictions"])) == sorted(
        key for key, _ in expected
    )


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ("--bootstrap-servers nowhere", 2, "must be host:port"),
        ("--bootstrap-servers a:1 --partitions 0,0", 2, "expected different numbers"),
        ("--bootstrap-servers a:1 --model nothing", 2, "There is no model 'nothing'"),
        ("--bootstrap-servers a:1 --name ../x", 2, "must begin with a letter"),
        ("--bootstrap-servers 127.0.0.1:9 --broker-timeout 1", 75, "No broker"),
    ],
)
def test_what_cannot_be_done_is_one_line(capfd, tmp_path, arguments, code, reason):
    required = {
        "--topic": "t",
        "--predictions-topic": "p",
        "--name": "n",
        "--snapshot-dir": str(tmp_path),
        "--model": "multilabel-hoeffding-tree",
    }
    words = shlex.split(arguments)
    words += [
        word for name, value in required.items() if name not in words for word in (name, value)
    ]
    assert main(["consume", "--quiet", *words]) == code
    said = capfd.readouterr().err
    assert reason in said
    assert "Traceback" not in said


def test_sigterm_while_the_broker_is_away(breakable_broker, tmp_path):
    """A learner that hangs until it is killed when a machine shuts down; it is exact all the
    same."""
    bootstrap = breakable_broker.bootstrap
    source, predictions = create_topic(bootstrap), create_topic(bootstrap)
    produce_rows(bootstrap, source, yeast_messages(N_ROWS))
    name = "learner"
    consume = command(
        "consume", "--bootstrap-servers", bootstrap, "--topic", source, "--predictions-topic",
        predictions, "--name", name, "--snapshot-dir", tmp_path, "--exactly-once", "--seed", 1,
        "--model", "multilabel-hoeffding-tree", "--broker-timeout", 10 * PATIENCE,
    )  # fmt: skip
    process = subprocess.Popen(consume, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 2 * PATIENCE  # it may have to be compiled
    while len(predicted_places(bootstrap, predictions)) < N_ROWS:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    breakable_broker.pause()
    try:
        process.send_signal(signal.SIGTERM)
        # Long before it would give up waiting for the broker.
        assert process.wait(PATIENCE) in (0, EXIT_TEMPORARY)
        assert LEAVING_SECONDS < 10  # which is promised
    finally:
        breakable_broker.resume()
    service_for(bootstrap, tmp_path, source, predictions, settings={"exactly_once": True}).run()
    found = read_records(bootstrap, [source])
    model, expected = learn_in_recorded_order(tmp_path / "learner.order", found, predictions)
    assert model_bytes(tmp_path) == model
    assert predicted_places(bootstrap, predictions) == [key for key, _ in expected]
