"""Avro and Protobuf messages whose schemas a registry has."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import fastavro
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import NotAvailableError
from stream.kafka.clients.interface import Record
from stream.kafka.errors import BadMessageError, BrokerUnavailableError, KafkaError
from stream.kafka.messages.decoding import FieldDecoder, Row
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.messages.schema_registry import parser_for
from stream.rows.truth import Truth

AVRO = {
    "type": "record",
    "name": "Song",
    "fields": [
        {"name": "x", "type": "Sound"},
        {"name": "y", "type": ["null", {"type": "map", "values": ["null", "boolean"]}]},
    ],
}
SOUND = {
    "type": "record",
    "name": "Sound",
    "fields": [{"name": "beat", "type": "double"}, {"name": "key", "type": "string"}],
}


def protobuf():
    """A file with a message in another one: ``message Batch { message Song {...} }``."""
    file = descriptor_pb2.FileDescriptorProto(name="songs.proto", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    batch = file.message_type.add(name="Batch")
    song = batch.nested_type.add(name="Song")
    kind = descriptor_pb2.FieldDescriptorProto
    song.field.add(name="x", number=1, type=kind.TYPE_DOUBLE, label=kind.LABEL_REPEATED)
    song.field.add(name="y", number=2, type=kind.TYPE_STRING, label=kind.LABEL_REPEATED)
    song.field.add(
        name="at",
        number=3,
        type=kind.TYPE_MESSAGE,
        label=kind.LABEL_OPTIONAL,
        type_name=".google.protobuf.Timestamp",
    )
    batch.field.add(
        name="songs",
        number=1,
        type=kind.TYPE_MESSAGE,
        label=kind.LABEL_REPEATED,
        type_name=".Batch.Song",
    )
    return file


@pytest.fixture(scope="module")
def registry():
    """Address of a registry with an Avro schema (1, which refers to another) and a Protobuf file
    (2); it fails for 500 and refuses 403."""
    answers = {
        "/schemas/ids/1": {
            "schema": json.dumps(AVRO),
            "references": [{"name": "Sound", "subject": "a/sound", "version": 3}],
        },
        "/subjects/a%2Fsound/versions/3": {"schema": json.dumps(SOUND)},
        "/schemas/ids/2?format=serialized": {
            "schema": base64.b64encode(protobuf().SerializeToString()).decode()
        },
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            number = self.path.rpartition("/")[2]
            code = int(number) if number in ("500", "403") else 200 if self.path in answers else 404
            allowed = self.headers["Authorization"] == "Basic " + base64.b64encode(b"u:p").decode()
            self.send_response(code if allowed else 401)
            self.end_headers()
            if code == 200 and allowed:
                self.wfile.write(json.dumps(answers[self.path]).encode())

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def rows(registry, format, value, user_info="u:p", **mapping):
    parse = parser_for(format, registry, user_info)
    return FieldDecoder(FieldMapping(**mapping), parse).rows(Record(0, b"k", value, 0))


def avro_message(content, number=1):
    named = {}
    fastavro.parse_schema(SOUND, named_schemas=named)
    file = io.BytesIO()
    fastavro.schemaless_writer(file, fastavro.parse_schema(AVRO, named_schemas=named), content)
    return struct.pack(">bI", 0, number) + file.getvalue()


SONG = {"x": {"beat": 72.5, "key": "a"}, "y": {"calm": True, "sad": None, "loud": False}}


def test_avro(registry):
    assert rows(registry, "avro", avro_message(SONG)) == [
        Row(b"k", {"beat": 72.5, "key=a": 1.0}, Truth(("calm",), ("loud",), False))
    ]


def test_avro_has_infinity_and_json_has_not(registry):
    """A value that JSON cannot hold goes past the look that is spared for JSON."""
    with pytest.raises(BadMessageError, match="must be finite"):
        rows(registry, "avro", avro_message({"x": {"beat": math.inf, "key": "a"}, "y": None}))


def test_protobuf(registry):
    pool = descriptor_pool.DescriptorPool()
    stamp = descriptor_pb2.FileDescriptorProto()
    from google.protobuf import timestamp_pb2

    timestamp_pb2.DESCRIPTOR.CopyToProto(stamp)
    pool.Add(stamp)
    pool.Add(protobuf())
    batch = message_factory.GetMessageClass(pool.FindMessageTypeByName("Batch"))()
    batch.songs.add(x=[1.5, 2.0], y=["calm"])
    batch.songs.add(x=[0.0]).at.seconds = 7
    mapping = {"rows": "songs"}
    value = struct.pack(">bI", 0, 2) + b"\x00" + batch.SerializeToString()
    found = rows(registry, "protobuf", value, **mapping)
    assert found == [
        Row(b"k", {"0": 1.5, "1": 2.0}, Truth(("calm",), (), True)),
        Row(b"k", {"0": 0.0}, None),
    ]
    # The second message of the first one, by its place.
    inner = struct.pack(">bI", 0, 2) + b"\x04\x00\x00" + batch.songs[0].SerializeToString()
    assert rows(registry, "protobuf", inner) == found[:1]


@pytest.mark.parametrize("format", ["avro", "protobuf"])
@pytest.mark.parametrize(
    "value", [b"", b"\x00", b"{}", b"\x01\x00\x00\x00\x01", b"\x00\x00\x00\x00\x63", b"\x00" * 5]
)
def test_what_is_no_message_of_a_registry(registry, format, value):
    with pytest.raises(BadMessageError):
        rows(registry, format, value)


@given(st.binary(max_size=40), st.sampled_from(["avro", "protobuf"]))
def test_any_bytes_are_rows_or_a_bad_message(registry, rest, format):
    """Bytes that make the learner fall over instead of being refused."""
    number = 1 if format == "avro" else 2
    try:
        rows(registry, format, struct.pack(">bI", 0, number) + rest)
    except BadMessageError:
        return


def test_a_registry_that_fails_is_no_bad_message(registry):
    """A good message becomes a dead letter because the registry was away."""
    for number, error in ((500, BrokerUnavailableError), (403, KafkaError)):
        with pytest.raises(error):
            rows(registry, "avro", avro_message(SONG, number))
    with pytest.raises(BrokerUnavailableError):
        rows("http://127.0.0.1:9", "avro", avro_message(SONG))
    with pytest.raises(KafkaError, match="401"):
        rows(registry, "avro", avro_message(SONG), user_info=None)
    with pytest.raises(NotAvailableError, match="need a schema registry"):
        parser_for("avro", None)
