"""A real Apache Kafka on this machine, without Docker: one node (KRaft) from its released jars.

    python tools/real_kafka.py fetch    # the jars (43 MB) into a cache, with Maven
    python tools/real_kafka.py run      # a broker with an empty log, until Ctrl-C; prints where
    python tools/real_kafka.py run --port 9092    # at this port, with a log that stays

Needs Java 17 or later, and Maven for ``fetch``. The cache is ``~/.cache/drifthomer/kafka-VERSION``,
or the folder that DRIFTHOMER_KAFKA_JARS names. Only the standard library is used.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

POM = Path(__file__).with_name("kafka-broker-pom.xml")
VERSION = re.findall(r"<version>(\d+\.\d+\.\d+)</version>", POM.read_text(encoding="utf-8"))[0]
COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
JVM = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
# What the SASL listener takes, so that authentication can be tried too.
SASL_USER, SASL_PASSWORD = "learner", "only-for-tests"
LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl},PROXIED://127.0.0.1:{proxied},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl},PROXIED://127.0.0.1:{proxy}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,PROXIED:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config={login} required user_{user}="{password}";
log.dirs={data}
num.partitions=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=8388608
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=200
message.max.bytes=20000000
"""
METADATA_REQUEST = struct.pack(">hhih", 3, 0, 1, -1) + struct.pack(">i", 0)


class KafkaUnavailableError(RuntimeError):
    """Java, Maven or the jars cannot be had; says which and what to do."""


def jars_folder() -> Path:
    """Where the jars are, or will be."""
    given = os.environ.get("DRIFTHOMER_KAFKA_JARS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else cache / "drifthomer" / f"kafka-{VERSION}"


def fetch_jars() -> Path:
    """Have Maven copy the jars into the cache, unless they are there; the folder.

    Raises
    ------
    KafkaUnavailableError
        When Maven is absent or fails.
    """
    folder = jars_folder()
    if any(folder.glob("kafka_2*.jar")):
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailableError(
            "Maven (mvn) is needed to fetch Kafka's jars and was not found; install it, or name a "
            "folder with the jars in DRIFTHOMER_KAFKA_JARS."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Copied beside the cache and renamed, so that a folder with jars has all of them.
    fresh = tempfile.mkdtemp(prefix="kafka-jars-", dir=folder.parent)
    goal = [COPY_JARS, "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
    done = subprocess.run(
        [maven, "-B", "-q", "-f", str(POM), *goal], capture_output=True, text=True, check=False
    )
    try:
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-600:]
            raise KafkaUnavailableError(f"Maven could not fetch Kafka's jars: {said}")
        try:
            os.rename(fresh, folder)
        except OSError:
            if not any(folder.glob("kafka_2*.jar")):  # else another process was first
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def find_kafka() -> Path:
    """The folder with the jars, when a broker can be started here.

    Raises
    ------
    KafkaUnavailableError
        When Java or the jars are absent.
    """
    if shutil.which("java") is None:
        raise KafkaUnavailableError("Java 17 or later is needed and was not found; install it.")
    folder = jars_folder()
    if not any(folder.glob("kafka_2*.jar")):
        raise KafkaUnavailableError(
            f"Kafka's jars are not in {folder}; fetch them with 'make kafka-jars'."
        )
    return folder


def require_free(port: int) -> None:
    """Say that a port is taken, which Java does in forty lines."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise KafkaUnavailableError(
                f"Port {port} cannot be used ({error.strerror}). If that is a broker, use it; else "
                "end what listens there, or name another port with --port."
            ) from error


def lasting_ports() -> range:
    """Ports that the system gives to nobody who does not ask for them, so that a broker finds its
    own free when it starts again."""
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
        first = int(text.split()[0])
    except (OSError, ValueError):
        first = 32_768
    return range(10_000, first) if first > 11_000 else range(10_000, 65_536)


def free_ports(number: int) -> list[int]:
    """Ports of this machine that nobody listens at, and that nobody is given by chance."""
    with contextlib.ExitStack() as closing:
        found: list[int] = []
        for port in random.SystemRandom().sample(lasting_ports(), 500):
            each = closing.enter_context(socket.socket())
            try:
                each.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == number:
                return found
    raise KafkaUnavailableError(f"There are no {number} free ports.")


class RealKafka:
    """A broker of its own.

    Parameters
    ----------
    seconds
        How long it may take to start.
    port
        Where it listens; None: at a port that is free.
    folder
        Where its log is, which stays when it is closed; None: an empty log that is deleted then.

    Attributes
    ----------
    bootstrap, sasl_bootstrap
        Addresses (host:port): without, and with, authentication (SASL PLAIN).
    proxied_port, proxy_port
        A listener of the broker, and the port that it tells its clients instead: a proxy there
        stands between it and them.

    Raises
    ------
    KafkaUnavailableError
        When it does not start, with the end of its log.
    """

    def __init__(
        self, seconds: float = 300.0, *, port: int | None = None, folder: Path | None = None
    ):
        jars = find_kafka()
        self._seconds = seconds
        # Ended with this process, even if that is killed.
        leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        self._java = [*leash, "java", *JVM, "-cp", str(jars / "*")]
        self._stays = folder is not None
        self._folder = folder or Path(tempfile.mkdtemp(prefix="drifthomer-kafka-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._properties = self._folder / "server.properties"
        self._log = self._folder / "broker.log"
        ports = self._ports(port)
        self._port = ports["plain"]
        self.proxied_port, self.proxy_port = ports["proxied"], ports["proxy"]
        self.bootstrap = f"127.0.0.1:{ports['plain']}"
        self.sasl_bootstrap = f"127.0.0.1:{ports['sasl']}"
        data = self._folder / "log"
        text = PROPERTIES.format(
            data=data, user=SASL_USER, password=SASL_PASSWORD, login=LOGIN, **ports
        )
        self._properties.write_text(text, encoding="utf-8")
        try:
            if not (data / "meta.properties").exists():
                self._format()
            self.start()
        except BaseException:
            self.close()
            raise

    def _ports(self, port: int | None) -> dict[str, int]:
        """Where it listens; the same as the last time where there is a log, which knows them."""
        kept = self._folder / "ports.json"
        if kept.exists():
            return json.loads(kept.read_text(encoding="utf-8"))
        names = ("plain", "sasl", "controller", "proxied", "proxy")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        if port is not None:
            ports["plain"] = port
        kept.write_text(json.dumps(ports), encoding="utf-8")
        return ports

    def _format(self) -> None:
        # No identity that begins with "-", which would be taken for an option.
        cluster = base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).rstrip(b"=").decode()
        tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster]
        formatted = subprocess.run(
            [*self._java, *tool, "-c", str(self._properties)],
            capture_output=True,
            text=True,
            check=False,
        )
        if formatted.returncode:
            raise KafkaUnavailableError(f"Kafka's storage: {formatted.stderr[-2000:]}")

    def start(self) -> None:
        """Start it, again after :meth:`stop` or :meth:`kill`; returns when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._properties)],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C of a test run is not for the broker
            )
        deadline = time.monotonic() + self._seconds
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                end = self._log.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise KafkaUnavailableError(f"Kafka did not start: {end}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        """Whether it tells of itself, which it does only when it is ready for clients."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), 1) as connection:
                connection.settimeout(2)
                connection.sendall(struct.pack(">i", len(METADATA_REQUEST)) + METADATA_REQUEST)
                head = connection.recv(12)
                # size, correlation, number of brokers
                return len(head) == 12 and struct.unpack(">iii", head)[2] == 1
        except OSError:
            return False

    def stop(self) -> None:
        """Shut it down as an operator would; the log stays."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it at once; the log stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Let it hang: connections stay, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after :meth:`pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Shut it down, and delete its log unless that is to stay."""
        self.stop()
        if not self._stays:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> RealKafka:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


HOW_TO_GO_ON = r"""{bootstrap}
The broker runs until Ctrl-C. {log}
In another shell:
  drifthomer produce yeast --bootstrap-servers {bootstrap} --create-topics --topic instances \
    --labels-topic labels --label-delay 50
  drifthomer consume --bootstrap-servers {bootstrap} --create-topics --topic instances \
    --labels-topic labels --predictions-topic predictions --name yeast --snapshot-dir snapshots
"""


def run(port: int | None, folder: Path | None) -> None:
    """Run a broker until Ctrl-C or SIGTERM."""
    if port is not None:
        require_free(port)
    fetch_jars()
    if port is not None and folder is None:
        folder = jars_folder().with_name(f"broker-{port}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with RealKafka(port=port, folder=folder) as broker:
        log = f"Its log stays in {folder}; delete that to begin with an empty one."
        if folder is None:
            log = "Its log is deleted then; with --port it stays."
        print(HOW_TO_GO_ON.format(bootstrap=broker.bootstrap, log=log), end="", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


def main() -> int:
    """Fetch or run, as the command line says; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("fetch", help="fetch the jars")
    running = commands.add_parser("run", help="run a broker until Ctrl-C")
    running.add_argument("--port", type=int, help="where it listens; its log then stays")
    running.add_argument("--folder", type=Path, help="where its log stays")
    given = parser.parse_args()
    try:
        if given.what == "fetch":
            print(fetch_jars())
        else:
            run(given.port, given.folder)
    except KafkaUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
