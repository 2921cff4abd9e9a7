"""What a learner is told, in a file and in options, is looked at before anything else."""

from __future__ import annotations

import pytest
from kafka_helpers import produce_rows, yeast_messages

from stream.cli import cli, main
from stream.errors import NotAvailableError, ParameterError
from stream.kafka.clients.connection import Connection


def parsed(*arguments):
    """Options of 'consume' as the command gets them."""
    return cli.commands["consume"].make_context("consume", list(arguments)).params


@pytest.fixture
def config(tmp_path):
    """A configuration file with everything that is needed."""
    path = tmp_path / "learner.toml"
    (tmp_path / "fields.toml").write_text('features = "f"')
    path.write_text(
        """
bootstrap-servers = "localhost:9092"
topic = "instances"
predictions_topic = "predictions"
name = "yeast"
snapshot-dir = "snapshots"
mapping = "fields.toml"
partitions = [0, 2]
max-waiting = 7
label-ttl = 3600
exactly-once = true
seed = 3
model = "multilabel-hoeffding-tree"

[set]
grace_period = 50
"""
    )
    return path


def test_a_file_says_what_options_say(config, tmp_path):
    """An option that cannot be in the file, or one that the file wins over."""
    found = parsed("--config", str(config), "--seed", "9")
    assert found["seed"] == 9
    assert found["topic"] == "instances"
    assert found["predictions_topic"] == "predictions"
    assert found["partitions"] == (0, 2)
    assert (found["max_waiting"], found["label_ttl"], found["exactly_once"]) == (7, 3600.0, True)
    assert found["params"] == (("grace_period", 50),)
    assert str(found["mapping"]) == str(tmp_path / "fields.toml")
    assert found["snapshot_dir"] == tmp_path / "snapshots"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("topics = 'x'", "must have keys that are names of options"),
        ("max-waiting = 'many'", "'many' is not a valid integer"),
        ("max-waiting = 0", "is not in the range"),
        ("until-end = 'yes'", "'until-end' of"),
        ("topic = true", "'topic' of"),
        ("mapping = 'nowhere.toml'", "does not exist"),
        ("model = 'nothing'", "There is no model 'nothing'"),
        ("set = {grace = 3}", "has no parameter 'grace'"),
        ("client-config = 'tls.toml'", "nowhere.pem"),
        ("= 3", "must be a TOML file"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_is_compiled(
    config, capfd, monkeypatch, line, reason
):
    """A typing error is found after minutes of compiling, or looks like an outage."""
    from stream import MultiLabelHoeffdingTree

    monkeypatch.setattr(MultiLabelHoeffdingTree, "warm_up", lambda self: pytest.fail("compiled"))
    (config.parent / "tls.toml").write_text(
        '"security.protocol" = "SSL"\n"ssl.ca.location" = "/nowhere.pem"'
    )
    name = line.partition(" ")[0]
    rest = [each for each in config.read_text().splitlines() if not each.startswith(name + " ")]
    config.write_text("\n".join([line, *rest[: rest.index("[set]")]]))
    code = main(["consume", "--config", str(config), "--check", "--broker-timeout", "1"])
    said = capfd.readouterr().err
    assert (code, len(said.splitlines())) == (2, 1)
    assert reason in said


def test_check_finds_missing_topics_and_nothing_else_is_done(broker, topic, tmp_path, capfd):
    there = topic()
    produce_rows(broker.bootstrap, there, yeast_messages(3))
    words = ["consume", "--check", "--bootstrap-servers", broker.bootstrap, "--topic", there]
    words += ["--name", "n", "--snapshot-dir", str(tmp_path / "s"), "--predictions-topic"]
    assert main([*words, "no-such"]) == 2
    assert "There is no topic 'no-such'; make it first" in capfd.readouterr().err
    assert main([*words, "no-such", "--create-topics"]) == 0
    assert main([*words, topic(), "--metrics-port", "0"]) == 0
    assert "Metrics" not in capfd.readouterr().err
    assert list((tmp_path / "s").iterdir()) == []


def test_certificates_and_secrets_are_looked_at(tmp_path):
    """A wrong path looks like a broker that is away, for five minutes."""
    with pytest.raises(NotAvailableError, match=r"'/nowhere' of the option 'ssl.key.location'"):
        Connection("a:1", {"ssl.key.location": "/nowhere"})
    empty = tmp_path / "ca.pem"
    empty.write_text("no certificate")
    with pytest.raises(ParameterError, match="must hold certificates"):
        Connection("a:1", {"ssl.ca.location": str(empty)})
    login = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "u"}
    with pytest.raises(ParameterError, match=r"'sasl.password' must be given"):
        Connection("a:1", login)
