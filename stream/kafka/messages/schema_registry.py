"""Messages whose schema is in a registry (Confluent's wire format): Avro and Protobuf.

Such a message begins with a zero byte and the number of its schema, four bytes. A schema is fetched
once: what a number stands for never changes.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from stream.errors import NotAvailableError
from stream.kafka.errors import BadMessageError, BrokerUnavailableError, KafkaError

FORMATS = ("json", "avro", "protobuf")
SECONDS = 10.0
_HEAD = struct.Struct(">bI")


class SchemaRegistry:
    """Schemas by number.

    Parameters
    ----------
    url
        Address of the registry.
    user_info
        ``user:password``; None: it asks for none.
    """

    def __init__(self, url: str, user_info: str | None = None):
        self.url = url.rstrip("/")
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json"}
        if user_info is not None:
            code = base64.b64encode(user_info.encode()).decode()
            self._headers["Authorization"] = f"Basic {code}"

    def get(self, path: str) -> dict[str, Any]:
        """The JSON at a path.

        Raises
        ------
        BadMessageError
            When it has no such schema.
        BrokerUnavailableError
            When it does not answer.
        KafkaError
            When it refuses.
        """
        request = urllib.request.Request(self.url + path, headers=self._headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise BadMessageError(f"the schema registry has no {path}") from None
            if error.code >= 500:
                raise BrokerUnavailableError(f"The schema registry failed: {error}") from None
            raise KafkaError(f"The schema registry refused {path}: {error}") from None
        except (OSError, ValueError) as error:
            raise BrokerUnavailableError(f"The schema registry does not answer: {error}") from None


def parser_for(
    format: str, url: str | None, user_info: str | None = None
) -> Callable[[bytes], Any] | None:
    """What turns the bytes of a message of a format into dictionaries, lists, numbers and texts;
    None for JSON, which needs nothing.

    Raises
    ------
    NotAvailableError
        When there is no registry, or the package that the format needs is not installed.
    """
    if format == "json":
        return None
    if url is None:
        raise NotAvailableError(
            f"Messages in {format} need a schema registry; name its address with --schema-registry."
        )
    make = AvroParser if format == "avro" else ProtobufParser
    try:
        return make(SchemaRegistry(url, user_info))
    except ModuleNotFoundError as error:
        raise NotAvailableError(
            f"Messages in {format} need the module {error.name!r}; install it with "
            "pip install 'drifthomer[registry]'."
        ) from error


def _split(value: bytes) -> tuple[int, bytes]:
    """Number of the schema, and the rest."""
    if len(value) < _HEAD.size or value[0] != 0:
        raise ValueError(
            "it must begin with a zero byte and the number of its schema, got "
            f"{value[: _HEAD.size]!r}"
        )
    return _HEAD.unpack_from(value)[1], value[_HEAD.size :]


class AvroParser:
    """Avro messages.

    Parameters
    ----------
    registry
        Where schemas are.
    """

    def __init__(self, registry: SchemaRegistry):
        import fastavro

        self._library = fastavro
        self._registry = registry
        self._schemas: dict[int, Any] = {}

    def __call__(self, value: bytes) -> Any:
        """The content of a message."""
        number, rest = _split(value)
        if number not in self._schemas:
            self._schemas[number] = self._schema(number)
        content = io.BytesIO(rest)
        try:
            found = self._library.schemaless_reader(content, self._schemas[number], None)
        except (EOFError, IndexError, KeyError, OverflowError, struct.error, TypeError) as error:
            raise ValueError(f"it does not fit schema {number}: {error}") from None
        if content.read(1):
            raise ValueError(f"it is longer than schema {number} says")
        return found

    def _schema(self, number: int) -> Any:
        found = self._registry.get(f"/schemas/ids/{number}")
        named: dict[str, Any] = {}
        for reference in found.get("references", ()):
            self._add(reference, named)
        return self._library.parse_schema(json.loads(found["schema"]), named_schemas=named)

    def _add(self, reference: Mapping[str, Any], named: dict[str, Any]) -> None:
        """Put the types of a schema that another one refers to under their names."""
        found = self._registry.get(_version(reference))
        for each in found.get("references", ()):
            self._add(each, named)
        self._library.parse_schema(json.loads(found["schema"]), named_schemas=named)


def _version(reference: Mapping[str, Any]) -> str:
    subject = urllib.request.quote(reference["subject"], safe="")  # type: ignore[attr-defined]
    return f"/subjects/{subject}/versions/{reference['version']}"


class ProtobufParser:
    """Protobuf messages, whose schemas the registry gives as descriptors.

    Parameters
    ----------
    registry
        Where schemas are.
    """

    def __init__(self, registry: SchemaRegistry):
        from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

        self._descriptors = descriptor_pb2
        self._pools = descriptor_pool
        self._factory = message_factory
        self._bad: type[Exception] = message.DecodeError
        self._registry = registry
        self._files: dict[int, Any] = {}
        self._classes: dict[tuple[int, tuple[int, ...]], Any] = {}

    def __call__(self, value: bytes) -> Any:
        """The content of a message."""
        number, rest = _split(value)
        place, rest = _message_place(rest)
        if (number, place) not in self._classes:
            self._classes[number, place] = self._class(number, place)
        try:
            return _plain(self._classes[number, place].FromString(rest))
        except self._bad as error:
            raise ValueError(f"it does not fit schema {number}: {error}") from None

    def _class(self, number: int, place: tuple[int, ...]) -> Any:
        if number not in self._files:
            pool = self._pools.DescriptorPool()
            found = self._registry.get(f"/schemas/ids/{number}?format=serialized")
            self._files[number] = self._add(found, f"schema-{number}.proto", pool)
        kinds = list(self._files[number].message_types_by_name.values())
        try:
            kind = kinds[place[0]]
            for index in place[1:]:
                kind = kind.nested_types[index]
        except IndexError:
            raise ValueError(f"schema {number} has no message {place}") from None
        return self._factory.GetMessageClass(kind)

    def _add(self, found: Mapping[str, Any], name: str, pool: Any) -> Any:
        """Put a file, after those it imports, into a pool."""
        file = self._descriptors.FileDescriptorProto.FromString(base64.b64decode(found["schema"]))
        file.name = name
        given = {each["name"] for each in found.get("references", ())}
        for reference in found.get("references", ()):
            self._add(
                self._registry.get(_version(reference) + "?format=serialized"),
                reference["name"],
                pool,
            )
        for imported in set(file.dependency) - given:  # those that come with the library
            self._pools.Default().FindFileByName(imported).CopyToProto(
                well_known := self._descriptors.FileDescriptorProto()
            )
            pool.Add(well_known)
        pool.Add(file)
        return pool.FindFileByName(name)


def _message_place(value: bytes) -> tuple[tuple[int, ...], bytes]:
    """Which message of its file it is, as indexes from the outermost, and the rest."""
    length, at = _zigzag(value, 0)
    if length == 0:
        return (0,), value[at:]
    place = []
    if not 0 < length <= len(value):
        raise ValueError(f"it names a message of depth {length}")
    for _ in range(length):
        index, at = _zigzag(value, at)
        place.append(index)
    if min(place) < 0:
        raise ValueError(f"it names the message {place}")
    return tuple(place), value[at:]


def _zigzag(value: bytes, at: int) -> tuple[int, int]:
    """A number of varying length at a place, and the place after it."""
    shift = number = 0
    while True:
        if at >= len(value) or shift > 63:
            raise ValueError("it ends within the number of its message")
        byte = value[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at


def _plain(message: Any) -> dict[str, Any]:
    """A message as a dictionary of what is set in it."""
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            kind = field.message_type.fields_by_name["value"]
            found[field.name] = {str(key): _value(kind, each) for key, each in value.items()}
        elif field.is_repeated:
            found[field.name] = [_value(field, each) for each in value]
        else:
            found[field.name] = _value(field, value)
    return found


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return _plain(value)
    if field.enum_type is not None:
        named = field.enum_type.values_by_number.get(value)
        return str(value) if named is None else named.name
    return value
