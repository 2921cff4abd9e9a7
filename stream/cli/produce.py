"""The command ``drifthomer produce``."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from stream.cli.connection_options import connection_options, topic_options
from stream.cli.source_options import open_with_options, source_options


@click.command(short_help="Write the rows of a stream to a Kafka topic.")
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
    help="Rows written a second, at most.  [default: as fast as it can]",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Write N rows at most.")
@topic_options
@source_options
def produce(
    data: str,
    bootstrap_servers: str,
    client: str,
    client_config: str | None,
    broker_timeout: float,
    data_dir: str | None,
    create_topics: bool,
    topic_partitions: int | None,
    topic_replication: int | None,
    topic: str,
    labels_topic: str | None,
    label_delay: int,
    rate: float | None,
    limit: int | None,
    **data_options: Any,
) -> int:
    """Write the rows of DATA to a topic, as 'consume' reads them.

    DATA is as for 'prequential'. A row is a JSON message whose key is the number of the row.

    \b
    Examples:
      drifthomer produce yeast --bootstrap-servers localhost:9092 --create-topics
        --topic instances --rate 100
      drifthomer produce yeast ... --labels-topic labels --label-delay 50
    """
    from stream.kafka.clients.connection import Connection, read_options
    from stream.kafka.clients.interface import load_client
    from stream.kafka.logs import configure_logging
    from stream.kafka.producing import produce as write
    from stream.kafka.topics import NewTopics, create_missing

    configure_logging(False)
    rows = open_with_options(data, data_dir, data_options)
    connection = Connection(bootstrap_servers, read_options(client_config), broker_timeout)
    library = load_client(client)
    group = "drifthomer-produce"
    if create_topics:
        topics = [each for each in (topic, labels_topic) if each is not None]
        new = NewTopics(topic_partitions, topic_replication)
        create_missing(library, connection, topics, new)
    with contextlib.ExitStack() as closing:
        source = library.source(connection, group)
        closing.callback(source.close)
        sink = library.sink(connection, group)
        closing.callback(sink.close)
        number = write(
            rows,
            source,
            sink,
            topic=topic,
            labels_topic=labels_topic,
            label_delay=label_delay,
            rate=rate,
            limit=limit,
        )
    click.echo(f"{number} rows written to {topic}.", err=True)
    return 0
