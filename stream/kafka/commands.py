"""The commands ``drifthomer consume`` and ``drifthomer produce``."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.options import Assignment

# Everything else is imported where it is used: --help need not wait for compiled code.
if TYPE_CHECKING:
    from stream.kafka.service import Service

logger = logging.getLogger(__name__)

LEAVING_SECONDS = 8.0  # after SIGTERM, before the process ends in the middle of what it does
EXIT_CUT_SHORT = 75  # what sysexits.h calls a temporary failure


def connection_options(command: Callable) -> Callable:
    """The options that say how brokers are reached."""
    for option in reversed(
        (
            click.option(
                "--bootstrap-servers",
                required=True,
                metavar="HOST:PORT",
                help="Addresses of brokers, several separated by commas.",
            ),
            click.option(
                "--client",
                type=click.Choice(["kafka-python", "confluent"]),
                default="kafka-python",
                show_default=True,
                help="confluent is several times faster and needs 'drifthomer[confluent]'.",
            ),
            click.option(
                "--client-config",
                type=click.Path(exists=True, dir_okay=False),
                metavar="FILE",
                help="TOML file with options such as security.protocol, sasl.mechanism, "
                "sasl.username, sasl.password and ssl.ca.location; a secret is a text, "
                "{env = 'NAME'} or {file = 'PATH'}.",
            ),
            click.option(
                "--broker-timeout",
                type=click.FloatRange(min=1),
                default=300.0,
                show_default=True,
                metavar="SECONDS",
                help="How long brokers that do not answer are waited for.",
            ),
        )
    ):
        command = option(command)
    return command


def parse_partitions(
    context: click.Context, param: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    """Numbers of partitions from ``0,1``."""
    if text is None:
        return None
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise click.BadParameter(f"expected different numbers such as 0,1. Got {text!r}.")
    return tuple(sorted(numbers))


@click.command()
@connection_options
@click.option("--topic", required=True, help="Topic of the instances.")
@click.option("--labels-topic", metavar="TOPIC", help="Topic of labels that come on their own.")
@click.option(
    "--predictions-topic", required=True, metavar="TOPIC", help="Topic that predictions go to."
)
@click.option(
    "--partitions",
    metavar="0,1",
    callback=parse_partitions,
    help="Partitions to read, of both topics.  [default: all, also those added later]",
)
@click.option(
    "--name", required=True, metavar="LEARNER", help="Of the learner; there is one of a name."
)
@click.option(
    "--snapshot-dir",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of its snapshots and of the order in which it took messages.",
)
@click.option(
    "--snapshot-every",
    type=click.FloatRange(min=0.0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between snapshots: what is done again after a crash.",
)
@click.option(
    "--model",
    metavar="NAME",
    help="As for 'prequential'; package.module:object for any River estimator or pipeline.",
)
@click.option(
    "--set",
    "params",
    type=Assignment(),
    multiple=True,
    help="A parameter of the model, such as --set grace_period=100. Repeat for more.",
)
@click.option("--seed", type=int, metavar="N", help="Seed of the model.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="TOML file that says where in a message the fields are.  [default: as 'produce' writes]",
)
@click.option(
    "--format",
    type=click.Choice(["json", "avro", "protobuf"]),
    default="json",
    show_default=True,
    help="Of the messages; avro and protobuf need --schema-registry and 'drifthomer[registry]'.",
)
@click.option("--schema-registry", metavar="URL", help="Where the schemas of messages are.")
@click.option(
    "--label-ttl",
    type=click.FloatRange(min=0.001),
    default=86_400.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a row waits for labels of the labels' topic, or they for it, by the timestamps "
    "of the messages.",
)
@click.option(
    "--max-waiting",
    type=click.IntRange(min=1),
    default=100_000,
    show_default=True,
    metavar="N",
    help="Rows, and labels without a row, that wait at most; the oldest go first.",
)
@click.option(
    "--missing-labels",
    type=click.Choice(["drop", "unknown"]),
    default="drop",
    show_default=True,
    help="A row whose labels do not come is not learnt, or learnt with those that came.",
)
@click.option(
    "--dead-letters-topic",
    metavar="TOPIC",
    help="Topic for messages that cannot be used.  [default: the first one ends the learner]",
)
@click.option(
    "--max-dead-share",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    metavar="SHARE",
    help="A larger share of such messages ends the learner.",
)
@click.option("--until-end", is_flag=True, help="Stop at the ends that the partitions have now.")
@click.option(
    "--max-messages", type=click.IntRange(min=1), metavar="N", help="Take N messages at most."
)
@click.option(
    "--exactly-once",
    is_flag=True,
    help="Write in transactions: readers of committed messages see each prediction once.",
)
@click.option(
    "--allow-gaps",
    is_flag=True,
    help="Offsets may be missing: compacted topics, and producers that use transactions.",
)
@click.option(
    "--follow-order",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Take messages in the order that another learner recorded (its NAME.order).",
)
@click.option(
    "--window",
    type=click.IntRange(min=1),
    default=1_000,
    show_default=True,
    metavar="N",
    help="Rows of a window of the metrics.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="Answer Prometheus at this port.",
)
@click.option("--quiet", is_flag=True, help="Say only what went wrong.")
def consume(quiet: bool, metrics_port: int | None, **options: Any) -> int:
    """Read a topic, predict, learn, and write predictions to another topic.

    It can be killed at any moment: offsets, model and waiting rows are in one snapshot, and what
    came after it is taken again in the same order. A prediction's key is the place of its instance
    (topic/partition@offset), so that what is written again can be told; with --exactly-once
    nothing is. SIGTERM and Ctrl-C end it with a snapshot.

    \b
    Examples:
      drifthomer consume --bootstrap-servers localhost:9092 --topic instances
        --predictions-topic predictions --name songs --snapshot-dir snapshots
      drifthomer consume ... --labels-topic labels --label-ttl 3600 --missing-labels unknown
      drifthomer consume ... --model river.naive_bayes:GaussianNB --mapping fields.toml
    """
    configure_logging(quiet)
    service = build(**options)
    with contextlib.ExitStack() as closing:
        if metrics_port is not None:
            from stream.kafka.monitoring import serve_metrics

            server = serve_metrics(service, metrics_port)
            closing.callback(server.shutdown)
            logger.info("Metrics are at port %d.", server.server_port)
        closing.enter_context(stopping_on_signals(service))
        service.run()
    report(service)
    return 0


def build(
    *,
    bootstrap_servers: str,
    client: str,
    client_config: str | None,
    broker_timeout: float,
    model: str | None,
    params: tuple[tuple[str, Any], ...],
    seed: int | None,
    mapping: str | None,
    format: str,
    schema_registry: str | None,
    label_ttl: float,
    max_waiting: int,
    missing_labels: Any,
    predictions_topic: str,
    dead_letters_topic: str | None,
    max_dead_share: float,
    window: int,
    snapshot_dir: Path,
    snapshot_every: float,
    **settings: Any,
) -> Service:
    """The service that the options describe."""
    from stream.cli import DEFAULT_MODELS
    from stream.kafka.connection import REGISTRY_USER, Connection, Secret, read_options
    from stream.kafka.decoding import FieldDecoder
    from stream.kafka.mapping import read_mapping
    from stream.kafka.registry import parser_for
    from stream.kafka.settings import Settings
    from stream.kafka.starting import Joining, make_service
    from stream.models.registry import create_model

    fields = read_mapping(mapping)
    name = model or DEFAULT_MODELS[fields.task]
    if ":" in name:
        sys.path.append(os.getcwd())  # for a module in the user's own folder
    made = create_model(name, dict(params), seed)
    if callable(getattr(made, "warm_up", None)):
        logger.info("Compiling, or loading what was compiled.")
        made.warm_up()
    given = read_options(client_config)
    user = given.get(REGISTRY_USER)
    parse = parser_for(format, schema_registry, user.reveal() if isinstance(user, Secret) else user)
    return make_service(
        Connection(bootstrap_servers, given, broker_timeout),
        Settings(directory=snapshot_dir, snapshot_seconds=snapshot_every, **settings),
        made,
        predictions_topic,
        client=client,
        mapping=fields,
        decoder=FieldDecoder(fields, parse),
        joining=Joining(label_ttl, max_waiting, missing_labels),
        dead_letters_topic=dead_letters_topic,
        max_dead_share=max_dead_share,
        window=window,
    )


def configure_logging(quiet: bool) -> None:
    """Log to standard error: what the learner does, and of the clients what goes wrong."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("stream").setLevel(logging.WARNING if quiet else logging.INFO)
    # Its errors are told by the learner, and it logs each attempt to connect besides.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def stopping_on_signals(service: Service) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask the service to end; if it cannot, because no broker answers, the
    process ends all the same: the next start takes up what is missing."""

    def leave() -> None:
        logger.warning(
            "Leaving without a last snapshot, because the brokers did not answer in time; the next "
            "start repeats what came after the last one."
        )
        logging.shutdown()
        os._exit(EXIT_CUT_SHORT)

    timer = threading.Timer(LEAVING_SECONDS, leave)
    timer.daemon = True

    def stop(number: int, frame: Any) -> None:
        if not service.stopping:
            service.stop()
            timer.start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def report(service: Service) -> None:
    """Say what was done."""
    learner = service.learner
    assert learner is not None
    counts, metrics = learner.counts, learner.metrics.total.brief()
    told = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    logger.info(
        "%d messages in all: %d instances predicted, %d learnt (%s), %d dead letters.",
        counts.messages,
        counts.events,
        counts.learnt,
        told,
        counts.dead,
    )


@click.command()
@click.argument("data")
@connection_options
@click.option("--topic", required=True, help="Topic that rows go to.")
@click.option(
    "--labels-topic", metavar="TOPIC", help="Topic that labels go to.  [default: with their rows]"
)
@click.option(
    "--label-delay",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Rows between a row and its labels, with --labels-topic.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="ROWS_PER_SECOND",
    help="[default: as fast as it can]",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Write N rows at most.")
@click.option(
    "--data-dir",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Folder with data files, besides those of DRIFTHOMER_DATA.",
)
@click.option("--labels", metavar="A,B,C", help="Label columns of a CSV or JSON-lines file.")
@click.option("--target", metavar="NAME", help="Class column of a CSV or JSON-lines file.")
def produce(
    data: str,
    bootstrap_servers: str,
    client: str,
    client_config: str | None,
    broker_timeout: float,
    data_dir: str | None,
    labels: str | None,
    target: str | None,
    **how: Any,
) -> int:
    """Write the rows of DATA to a topic, as 'consume' reads them.

    DATA is as for 'prequential'. A row is a JSON message whose key is the number of the row.

    \b
    Examples:
      drifthomer produce yeast --bootstrap-servers localhost:9092 --topic instances --rate 100
      drifthomer produce yeast ... --labels-topic labels --label-delay 50
    """
    from stream.cli import parse_labels
    from stream.data import open_source
    from stream.kafka.client import load_client
    from stream.kafka.connection import Connection, read_options
    from stream.kafka.producing import produce as write

    if labels and target:
        raise click.UsageError("--labels and --target exclude each other")
    configure_logging(False)
    columns: dict[str, Any] = {"target": target} if target else {}
    if labels:
        columns["labels"] = parse_labels(labels)
    rows = open_source(data, data_dir=data_dir, **columns)
    connection = Connection(bootstrap_servers, read_options(client_config), broker_timeout)
    library = load_client(client)
    group = "drifthomer-produce"
    with contextlib.ExitStack() as closing:
        source = library.source(connection, group)
        closing.callback(source.close)
        sink = library.sink(connection, group)
        closing.callback(sink.close)
        number = write(rows, source, sink, **how)
    click.echo(f"{number} rows written to {how['topic']}.", err=True)
    return 0
