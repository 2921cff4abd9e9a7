"""Options of the commands that reach Kafka's brokers."""

from __future__ import annotations

import click

from stream.cli.options import grouped

# How brokers are reached.
connection_options = grouped(
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

# Topics that do not exist.
topic_options = grouped(
    click.option(
        "--create-topics",
        is_flag=True,
        help="Make the topics that do not exist.  [default: refuse]",
    ),
    click.option(
        "--topic-partitions",
        type=click.IntRange(min=1),
        metavar="N",
        help="Partitions of topics that are made.  [default: as the others have, or 1]",
    ),
    click.option(
        "--topic-replication",
        type=click.IntRange(min=1),
        metavar="N",
        help="Copies of topics that are made.  [default: as the broker makes]",
    ),
)
