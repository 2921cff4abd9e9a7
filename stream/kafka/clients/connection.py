"""How brokers are reached: addresses, TLS and SASL, and secrets that never reach a log."""

from __future__ import annotations

import dataclasses
import os
import ssl
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stream.errors import NotAvailableError, ParameterError

# Options of security by their names in Kafka's own documentation, which librdkafka shares; the
# second name is that of kafka-python.
OPTIONS = {
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
    "sasl.kerberos.service.name": "sasl_kerberos_service_name",
    "ssl.ca.location": "ssl_cafile",
    "ssl.certificate.location": "ssl_certfile",
    "ssl.key.location": "ssl_keyfile",
    "ssl.key.password": "ssl_password",
    "ssl.crl.location": "ssl_crlfile",
    "ssl.cipher.suites": "ssl_ciphers",
    "client.id": "client_id",
    "compression.type": "compression_type",
}
# Not of the brokers: user:password of a schema registry.
REGISTRY_USER = "schema.registry.basic.auth.user.info"
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
FILES = ("ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.crl.location")
SECRETS = ("sasl.password", "ssl.key.password", REGISTRY_USER)
DEFAULT_DEADLINE = 300.0  # seconds
MAX_REQUEST_SECONDS = 10.0


class Secret(str):
    """A text that shows as asterisks wherever it is not asked for explicitly.

    Examples
    --------
    >>> secret = Secret("xyzzy")
    >>> f"{secret} {secret!r}", secret.reveal()
    ("*** '***'", 'xyzzy')
    """

    def reveal(self) -> str:
        """The text."""
        return "".join(self)

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "'***'"

    def __format__(self, spec: str) -> str:
        return format("***", spec)


def revealed(options: Mapping[str, str]) -> dict[str, str]:
    """Options as a client of brokers needs them."""
    return {
        name: value.reveal() if isinstance(value, Secret) else value
        for name, value in options.items()
        if name != REGISTRY_USER
    }


@dataclasses.dataclass(frozen=True)
class Connection:
    """Where the brokers are and how they let one in.

    Parameters
    ----------
    bootstrap_servers
        Addresses ``host:port``, separated by commas.
    options
        Options of :data:`OPTIONS`, and :data:`REGISTRY_USER`, by name.
    deadline
        Seconds for which a broker that does not answer is waited for.

    Raises
    ------
    ParameterError
        When an address or option cannot be used.

    Examples
    --------
    >>> Connection("localhost:9092", {"security.protocol": "TLS"})
    Traceback (most recent call last):
    stream.errors.ParameterError: The option 'security.protocol' must be one of PLAINTEXT, SSL, \
SASL_PLAINTEXT, SASL_SSL. Got 'TLS' instead.
    """

    bootstrap_servers: str
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    deadline: float = DEFAULT_DEADLINE

    def __post_init__(self) -> None:
        for address in self.bootstrap_servers.split(","):
            host, colon, port = address.strip().rpartition(":")
            if not (host and colon and port.isdigit()):
                raise ParameterError(
                    "The bootstrap servers must be host:port, several separated by commas. Got "
                    f"{self.bootstrap_servers!r} instead."
                )
        for name in self.options:
            if name not in OPTIONS and name != REGISTRY_USER:
                raise ParameterError(
                    f"There is no connection option {name!r}; there are {', '.join(OPTIONS)}, "
                    f"{REGISTRY_USER}."
                )
        protocol = self.options.get("security.protocol", PROTOCOLS[0])
        if protocol not in PROTOCOLS:
            raise ParameterError(
                f"The option 'security.protocol' must be one of {', '.join(PROTOCOLS)}. Got "
                f"{protocol!r} instead."
            )

        self._check_login(protocol)
        for name in FILES:
            if name in self.options:
                _check_file(name, self.options[name])

    def _check_login(self, protocol: str) -> None:
        mechanism = self.options.get("sasl.mechanism", "")
        if protocol.startswith("SASL") and (mechanism == "PLAIN" or mechanism.startswith("SCRAM")):
            for name in ("sasl.username", "sasl.password"):
                if not self.options.get(name):
                    raise ParameterError(
                        f"The option {name!r} must be given with sasl.mechanism = {mechanism!r}."
                    )

    @property
    def request_seconds(self) -> float:
        """How long one request may take."""
        return min(MAX_REQUEST_SECONDS, self.deadline)

    @property
    def has_secrets(self) -> bool:
        """Whether something is in the options that nobody may see."""
        return any(name in self.options for name in SECRETS)


def _check_file(name: str, path: str) -> None:
    """See that a file of certificates or a key can be used: clients take a wrong one for a broker
    that is away."""
    if not os.access(path, os.R_OK) or os.path.isdir(path):
        if name == "ssl.ca.location" and os.path.isdir(path):
            return  # a folder of certificates
        raise NotAvailableError(
            f"The file {path!r} of the option {name!r} cannot be read; check the path."
        )
    if name == "ssl.ca.location":
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except (ssl.SSLError, OSError) as error:
            raise ParameterError(
                f"The file {path!r} of the option {name!r} must hold certificates (PEM): {error}."
            ) from None


def read_options(path: str | os.PathLike[str] | None) -> dict[str, str]:
    """Options of a connection from a TOML file.

    A value is a text, or a table that says where it is: ``{env = "NAME"}``, a variable of the
    environment, or ``{file = "PATH"}``, the text of a file without the end of its last line.

    Parameters
    ----------
    path
        The file; None: no options.

    Raises
    ------
    NotAvailableError
        When a file or variable does not exist.
    ParameterError
        When the file is not what is described here; secrets are not repeated.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "kafka.toml"
    >>> _ = path.write_text('''
    ... "security.protocol" = "SASL_SSL"
    ... "sasl.password" = {env = "HOME"}
    ... ''')
    >>> read_options(path)
    {'security.protocol': 'SASL_SSL', 'sasl.password': '***'}
    """
    if path is None:
        return {}
    try:
        given = tomllib.loads(_read(path))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path} must be a TOML file: {_place(error)}.") from None
    options = {}
    for name, value in _flat(given).items():
        text = _value(name, value, path)
        options[name] = Secret(text) if name in SECRETS else text
    return options


def _read(path: str | os.PathLike[str]) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise NotAvailableError(
            f"The file {str(path)!r} cannot be read: {error.strerror or error}; check the path."
        ) from None


def _place(error: Exception) -> str:
    """Where a file is no TOML, without its text: that may hold a secret."""
    if not isinstance(error, tomllib.TOMLDecodeError):
        return "it is not UTF-8"
    return str(error).rpartition("(")[2].rstrip(")") or "it ends too early"


def _flat(table: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested tables by dotted names; a table that tells where a value is stays."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        whole = f"{path}.{name}" if path else name
        if isinstance(value, dict) and whole not in (*OPTIONS, REGISTRY_USER):
            found |= _flat(value, whole)
        else:
            found[whole] = value
    return found


def _value(name: str, value: Any, path: str | os.PathLike[str]) -> str:
    if isinstance(value, dict) and len(value) == 1:
        (kind, place), *_ = value.items()
        if kind == "env" and isinstance(place, str):
            if place not in os.environ:
                raise NotAvailableError(
                    f"The option {name!r} of {path} is in the environment variable {place!r}, "
                    "which is not set."
                )
            return os.environ[place]
        if kind == "file" and isinstance(place, str):
            return _read(Path(path).parent / place).rstrip("\r\n")
    if isinstance(value, str):
        return value
    raise ParameterError(
        f"The option {name!r} of {path} must be a text, {{env = 'NAME'}} or {{file = 'PATH'}}. "
        f"Got a {type(value).__name__} instead."
    )
