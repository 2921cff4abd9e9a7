"""The log of a learner."""

from __future__ import annotations

import json
import subprocess
import sys

from kafka_helpers import produce_rows, service_for, yeast_messages


def test_a_log_of_json_is_json_on_every_line(broker, topic, tmp_path):
    """A line that the collector cannot read is the one with the error."""
    source = topic()
    produce_rows(broker.bootstrap, source, [*yeast_messages(30), (b"k", b"{")])
    words = ["consume", "--bootstrap-servers", broker.bootstrap, "--topic", source, "--until-end"]
    words += ["--predictions-topic", topic(), "--dead-letters-topic", topic(), "--name", "n"]
    words += ["--snapshot-dir", str(tmp_path), "--log-format", "json"]
    words += ["--model", "multilabel-hoeffding-tree"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "stream", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert all(set(line) == {"time", "level", "logger", "message"} for line in lines)
    assert "30 learnt" in lines[-1]["message"]


def test_progress_is_told_now_and_then(broker, topic, tmp_path, caplog):
    """A learner that runs for days says nothing until it ends."""
    source = topic()
    produce_rows(broker.bootstrap, source, yeast_messages(100))
    caplog.set_level("INFO", "stream")
    settings = {"progress_seconds": 1e-9, "batch_messages": 10}
    service_for(broker.bootstrap, tmp_path, source, topic(), settings=settings).run()
    assert sum("Lag: " in message for message in caplog.messages) >= 2
