"""Earlier snapshots of a learner, and going back to one."""

from __future__ import annotations

import datetime
import json

import pytest
from kafka_helpers import (
    Running,
    model_bytes,
    predicted_places,
    produce_rows,
    read_all,
    service_for,
    yeast_messages,
)

from stream import MultiLabelHoeffdingTree
from stream.cli import main
from stream.data import open_source
from stream.errors import NotAvailableError
from stream.evaluate import prequential
from stream.kafka.errors import FencedError
from stream.kafka.recovery.rollback import list_snapshots, roll_back

N_ROWS = 120
ARCHIVED = {"keep_archived": 3, "archive_seconds": 0.0, "batch_messages": 20}


@pytest.fixture
def topics(broker, topic):
    names = topic(), topic()
    produce_rows(broker.bootstrap, names[0], yeast_messages(N_ROWS))
    return names


def learn(broker, folder, topics, rows, **settings):
    """Take so many messages, in runs that end with a snapshot each."""
    for most in rows:
        options = ARCHIVED | settings | {"max_messages": most}
        service_for(broker.bootstrap, folder, *topics, settings=options).run()


@pytest.mark.parametrize("exactly_once", [False, True])
def test_a_learner_goes_on_from_an_earlier_snapshot(broker, topics, tmp_path, exactly_once):
    """It goes back, replays the recorded order, and is again what it was; or it writes again what
    was committed."""
    name = f"learner-{topics[0]}"
    settings = {"exactly_once": exactly_once, "name": name}
    learn(broker, tmp_path, topics, [40, 40], **settings)
    earlier, order = model_bytes(tmp_path, name), tmp_path / f"{name}.order"
    number, length = list_snapshots(tmp_path, name)[0].number, order.stat().st_size
    learn(broker, tmp_path, topics, [40], **settings)
    latest, places = model_bytes(tmp_path, name), predicted_places(broker.bootstrap, topics[1])
    assert roll_back(tmp_path, name, number).number == number
    assert model_bytes(tmp_path, name) == earlier
    assert order.stat().st_size == length
    learn(broker, tmp_path, topics, [N_ROWS], **settings)
    assert model_bytes(tmp_path, name) == latest
    again = predicted_places(broker.bootstrap, topics[1])
    assert again == (places if exactly_once else places + places[80:])


def test_so_many_are_kept(broker, topics, tmp_path):
    """A disk that fills up, or an archive that holds the last minute only."""
    learn(broker, tmp_path, topics, [20] * 5)
    archive = tmp_path / "learner.archive"
    assert len(list(archive.iterdir())) == 3
    learn(broker, tmp_path, topics, [20], archive_seconds=3_600.0)
    assert len(list(archive.iterdir())) == 3
    newest = list_snapshots(tmp_path, "learner")[0]
    assert not (archive / newest.path.name).exists()


def test_what_cannot_be_gone_back_to(broker, topics, tmp_path):
    learn(broker, tmp_path, topics, [20])
    with pytest.raises(NotAvailableError, match="has no snapshot 99; it has 2 "):
        roll_back(tmp_path, "learner", 99)
    long_ago = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    with pytest.raises(NotAvailableError, match="has no snapshot 2001"):
        roll_back(tmp_path, "learner", long_ago)
    service = service_for(broker.bootstrap, tmp_path, *topics, settings={"until_end": False})
    with Running(service) as running:
        running.taken(1)
        with pytest.raises(FencedError, match="is running"):
            roll_back(tmp_path, "learner", 1)


def test_the_command_says_what_it_means(broker, topics, tmp_path, capfd):
    learn(broker, tmp_path, topics, [20, 20])
    words = ["rollback", "--name", "learner", "--snapshot-dir", str(tmp_path)]
    assert main(words) == 0
    assert len(capfd.readouterr().out.splitlines()) >= 3
    assert main([*words, "--to", "2"]) == 0
    said = capfd.readouterr().out
    assert "goes on from snapshot 2" in said
    assert "written again with the same keys" in said
    assert main([*words, "--to", "yesterday"]) == 2


def test_the_file_of_the_learner_names_its_snapshots(broker, topics, tmp_path, capfd):
    """A file that 'consume' takes is refused, and what it says has to be typed again."""
    learn(broker, tmp_path / "snapshots", topics, [20, 20])
    config = tmp_path / "learner.toml"
    config.write_text('topic = "instances"\nname = "learner"\nsnapshot-dir = "snapshots"\n')
    assert main(["rollback", "--config", str(config), "--to", "2"]) == 0
    assert "learner goes on from snapshot 2" in capfd.readouterr().out
    config.write_text('topics = "instances"\n')
    assert main(["rollback", "--config", str(config)]) == 2
    assert "Got 'topics' instead" in capfd.readouterr().err


def test_a_warm_start_carries_its_probabilities_at_once(broker, topics, tmp_path):
    """A model that was taught tells no label until each has come again."""
    model = MultiLabelHoeffdingTree(seed=1)
    prequential(open_source("yeast"), model, limit=500)
    expected = model.predict_proba_one(next(iter(open_source("yeast")))[0])
    model.save(tmp_path / "model.safetensors")
    words = ["consume", "--bootstrap-servers", broker.bootstrap, "--topic", topics[0]]
    words += ["--predictions-topic", topics[1], "--name", "warm", "--until-end", "--quiet"]
    words += ["--snapshot-dir", str(tmp_path), "--warm-start", str(tmp_path / "model.safetensors")]
    assert main([*words, "--seed", "3"]) == 2
    assert main(words) == 0
    first = json.loads(read_all(broker.bootstrap, topics[1])[0][2])
    assert first["probabilities"] == {
        label: pytest.approx(p[True]) for label, p in expected.items()
    }
    assert main(words) == 0  # it goes on with its own snapshot
