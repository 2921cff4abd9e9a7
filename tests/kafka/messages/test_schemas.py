"""The message formats as they are documented."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import confluent_kafka
import jsonschema
import pytest
from kafka_helpers import produce_rows, read_all, service_for

from stream.cli import main
from stream.errors import DataError
from stream.kafka.clients.interface import Record, TopicPartition
from stream.kafka.messages.decoding import FieldDecoder
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.messages.predictions import dead_letter

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "messages.md"
FOLDER = files("stream.kafka.messages") / "schemas"


def validator(name):
    schema = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def examples():
    """Each example of the document with the schema of its section."""
    for section in DOCUMENT.read_text(encoding="utf-8").split("\n## ")[1:]:
        (name,) = set(re.findall(r"schemas/([a-z-]+)\.json", section))
        for block in re.findall(r"```json\n(.*?)```", section, re.S):
            yield pytest.param(name, json.loads(block), id=f"{name}-{block[:20]}")


@pytest.mark.parametrize(("name", "example"), examples())
def test_examples_of_the_document_have_their_schema(name, example):
    """An example that nobody can send, or a schema that forbids what is read."""
    validator(name).validate(example)
    record = Record(0, b"k", json.dumps(example).encode(), 0)
    if name == "instance":
        (row,) = FieldDecoder(FieldMapping()).rows(record)
        assert row.y.present
    if name == "labels":
        parts = {"labels_in_parts": True, "label_names": ("sun", "rain")}
        mapping = FieldMapping(**parts) if "label" in example else FieldMapping()
        (row,) = FieldDecoder(mapping).labels(record)
        assert row.y.present == ("sun",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("instance", {"y": {"a": True}}),
        ("instance", {"x": 3}),
        ("instance", {"x": {}, "y": {"a": 2}}),
        ("instance", {"x": {}, "y": 1.5}),
        ("labels", {"y": {"a": "yes"}}),
        ("labels", {"z": 1}),
    ],
)
def test_what_the_schemas_refuse_is_refused(name, content):
    """A schema that lets pass what ends the learner."""
    assert not validator(name).is_valid(content)
    decoder = FieldDecoder(FieldMapping())
    read = decoder.rows if name == "instance" else decoder.labels
    with pytest.raises(DataError):
        read(Record(0, b"k", json.dumps(content).encode(), 0))


def test_everything_that_is_written_has_its_schema(broker, topic, tmp_path):
    """A field that was added to a message and to no document."""
    source, labels, predictions, dead = topic(), topic(), topic(), topic()
    shared = ["--bootstrap-servers", broker.bootstrap, "--limit", "40"]
    told = ["--topic", source, "--labels-topic", labels]
    assert main(["produce", "yeast", *shared, *told]) == 0
    assert main(["produce", "yeast", *shared, "--topic", predictions + "-whole"]) == 2
    for name, where in (("instance", source), ("labels", labels)):
        for _, _, value in read_all(broker.bootstrap, where):
            validator(name).validate(json.loads(value))
    produce_rows(broker.bootstrap, source, [(b"\xff", b'{"x":{"a":1}}'), (b"k", b"{")])
    service = service_for(
        broker.bootstrap,
        tmp_path,
        source,
        predictions,
        settings={"labels_topic": labels},
        dead_letters_topic=dead,
        max_dead_share=1.0,
    )
    service.run()
    written = read_all(broker.bootstrap, predictions)
    assert len(written) == 41
    for _, _, value in written:
        validator("prediction").validate(json.loads(value))
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": dead})
    consumer.assign([confluent_kafka.TopicPartition(dead, 0, 0)])
    (letter,) = consumer.consume(1, 20)
    consumer.close()
    headers = {name: value.decode() for name, value in letter.headers()}
    validator("dead-letter-headers").validate(headers)
    assert headers["source-offset"] == "41"
    assert letter.value() == b"{"


def test_headers_of_any_reason():
    letter = dead_letter(
        "dead", TopicPartition("t", 3), Record(7, None, b"v", 0), "bad \ud800 text", 1
    )
    headers = {name: value.decode() for name, value in letter.headers}
    validator("dead-letter-headers").validate(headers)
