"""The command ``drifthomer consume``."""

from __future__ import annotations

import contextlib
import gc
import logging
from pathlib import Path
from typing import Any

import click

from stream.cli.config_file import config_option
from stream.cli.connection_options import connection_options, topic_options
from stream.cli.console import complain
from stream.cli.options import model_options
from stream.cli.workers import placement, worker_options

logger = logging.getLogger(__name__)


def parse_partitions(
    context: click.Context, param: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    """Parse partition numbers such as ``0,1``."""
    if text is None:
        return None
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise click.BadParameter(f"expected different numbers such as 0,1. Got {text!r}.")
    return tuple(sorted(numbers))


@click.command(short_help="Predict and learn between Kafka topics.")
@config_option
@connection_options
@click.option("--topic", required=True, help="Topic of the instances.")
@click.option("--labels-topic", metavar="TOPIC", help="Topic of labels that come on their own.")
@click.option(
    "--predictions-topic", required=True, metavar="TOPIC", help="Topic that predictions go to."
)
@topic_options
@click.option(
    "--partitions",
    metavar="0,1",
    callback=parse_partitions,
    help="Partitions to read, of both topics.  [default: all, also those added later]",
)
@click.option(
    "--name",
    required=True,
    metavar="LEARNER",
    help="Name of the learner; no other learner may have it.",
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
    "--keep",
    "keep_archived",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Earlier snapshots to be kept in DIR/LEARNER.archive, for 'drifthomer rollback'.",
)
@click.option(
    "--keep-every",
    "archive_seconds",
    type=click.FloatRange(min=0.0),
    default=3_600.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two snapshots that are kept.",
)
@click.option(
    "--warm-start",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A saved model that a learner of a new name begins with; instead of --model.",
)
@model_options
@worker_options
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
    help="Format of the messages; avro and protobuf need --schema-registry and "
    "'drifthomer[registry]'.",
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
    "--top-k",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="K",
    help="Predictions tell probabilities of the labels predicted present and of the K most "
    "probable.",
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
@click.option(
    "--null-values",
    type=click.Choice(["skip", "error"]),
    help="Messages without a value, which are deletions in a compacted topic: they are passed over "
    "and counted, or cannot be used.  [default: skip with --allow-gaps, else error]",
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
    "--max-idle",
    "max_idle_seconds",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Messages are taken in the order of their timestamps: how long a partition that is not at "
    "its end, and of which nothing comes, is waited for.",
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
    help="Answer /live, /ready and /metrics (Prometheus) at this port.",
)
@click.option(
    "--metrics-host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address that the port is bound to; 0.0.0.0: all addresses of the machine.",
)
@click.option(
    "--live-port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="Show the learner on a page at this port; 0: any that is free.",
)
@click.option(
    "--live-host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address that the page is served on; 0.0.0.0: all addresses of the machine.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format of the log on standard error: each entry is a line of text, or of JSON.",
)
@click.option(
    "--progress-every",
    "progress_seconds",
    type=click.FloatRange(min=0.0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between lines of the log that tell what was done so far.",
)
@click.option(
    "--check",
    "check_only",
    is_flag=True,
    help="Only see whether everything is there: files, secrets, packages, brokers, topics.",
)
@click.option("--quiet", is_flag=True, help="Say only what went wrong.")
def consume(
    quiet: bool,
    log_format: str,
    metrics_port: int | None,
    metrics_host: str,
    live_port: int | None,
    live_host: str,
    workers: int | None,
    ray_address: str | None,
    **options: Any,
) -> int:
    """Read a topic, predict, learn, and write predictions to another topic.

    It can be killed at any moment: offsets, model and waiting rows are in one snapshot, and what
    came after it is taken again in the same order. A prediction's key is the place of its instance
    (topic/partition@offset), so that what is written again can be told; with --exactly-once
    nothing is. SIGTERM and Ctrl-C end it with a snapshot. Exit code 75: no broker answered in time.

    \b
    Examples:
      drifthomer consume --bootstrap-servers localhost:9092 --topic instances
        --predictions-topic predictions --name songs --snapshot-dir snapshots
      drifthomer consume ... --labels-topic labels --label-ttl 3600 --missing-labels unknown
      drifthomer consume ... --model river.naive_bayes:GaussianNB --mapping fields.toml
    """
    from stream.kafka.errors import BrokerUnavailableError
    from stream.kafka.logs import configure_logging
    from stream.kafka.process import (
        EXIT_TEMPORARY,
        build,
        report,
        stopping_on_signals,
    )

    configure_logging(quiet, log_format)
    with contextlib.ExitStack() as closing:
        operations = None
        if metrics_port is not None and not options["check_only"]:
            from stream.kafka.operations import OperationsServer

            operations = OperationsServer(metrics_port, metrics_host)
            closing.callback(operations.close)
            logger.info("Metrics are at port %d.", operations.port)
        try:
            place = placement(workers, ray_address)
            if place is not None:
                closing.callback(place.close)
            service = build(place_model=place, **options)
            if service is None:
                return 0
            if operations is not None:
                operations.service = service
            if live_port is not None:
                from stream.live import LearnerPage

                page = LearnerPage(live_port, live_host)
                closing.callback(page.close)
                page.watch(service)
                logger.info("The page is at %s", page.url)
            # What is there now stays as long as the process: looking at it again and again for
            # garbage takes a third of the time of a row.
            gc.collect()
            gc.freeze()
            closing.enter_context(stopping_on_signals(service))
            service.run()
        except BrokerUnavailableError as error:
            complain(error)
            return EXIT_TEMPORARY
    report(service)
    return 0
