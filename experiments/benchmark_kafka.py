"""A learner between topics of a real broker: its speed beside that of the client alone and of the
model alone, its memory over a million messages, and how long a snapshot stops it.

The broker is started by tools/real_kafka.py and shares the machine. Everything that is compared
alternates in one run, over the same messages.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from benchmark_snapshot import grown_model
from reporting import (
    HEADS,
    RESULTS,
    Finding,
    command_line,
    machine,
    machine_markdown,
    markdown_table,
    print_table,
    spread,
    write_results,
)

from stream import MultiLabelHoeffdingTree
from stream.kafka.assembly import make_service
from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import Message, Record, TopicPartition, load_client
from stream.kafka.messages.decoding import FieldDecoder
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.messages.row_encoder import MessageRowEncoder
from stream.kafka.service import Service
from stream.kafka.settings import Settings
from stream.rows.batch import Batch, slice_rows
from stream.rows.schema import Schema

N_FEATURES, N_LABELS = 10, 5
MODEL = "MultiLabelHoeffdingTree"
BATCH = 2_000
# Of a service's rows a second, in those of the slower of its client and its model alone.
TARGETS = {"kafka-python": 0.6, "confluent": 0.5}
decode = msgspec.json.Decoder().decode


def messages(n_rows: int, seed: int = 1) -> Iterator[bytes]:
    """Rows as JSON of about 200 bytes: ten features, and the labels present of five."""
    rng, encode = np.random.default_rng(seed), msgspec.json.Encoder().encode
    names = [f"feature{i}" for i in range(N_FEATURES)]
    weights = rng.normal(size=(N_FEATURES, N_LABELS))
    for _ in range(0, n_rows, BATCH):
        X = rng.normal(size=(BATCH, N_FEATURES))
        Y = X @ weights > 1
        for x, y in zip(X.round(3).tolist(), Y, strict=True):
            labels = [f"label{i}" for i in np.flatnonzero(y)]
            yield encode({"x": dict(zip(names, x, strict=True)), "y": labels})


class Topics:
    """Topics of one broker."""

    def __init__(self, bootstrap: str):
        from kafka import KafkaAdminClient

        self.connection = Connection(bootstrap)
        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self._made = 0

    def make(self) -> str:
        self._made += 1
        name = f"topic-{self._made}"
        self._admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}})
        return name

    def fill(self, n_rows: int) -> str:
        """A topic with messages."""
        topic, sink = self.make(), load_client("confluent").sink(self.connection, "fill")
        chunk: list[Message] = []
        for i, value in enumerate(messages(n_rows)):
            chunk.append(Message(topic, 0, b"%d" % i, value))
            if len(chunk) == BATCH:
                sink.send(chunk)
                chunk = []
        sink.send(chunk)
        sink.flush()
        sink.close()
        return topic


def service(topics: Topics, topic: str, directory: str, client: str, **settings: Any) -> Service:
    predictions = topics.make()
    return make_service(
        topics.connection,
        Settings(predictions, Path(directory), topic, until_end=True, **settings),
        MultiLabelHoeffdingTree(seed=1),
        predictions,
        client=client,
    )


class Cost(NamedTuple):
    """What rows took: rows a second by the clock, and microseconds of processor time a row, which
    others on the machine change less."""

    rows_per_second: float
    microseconds: float


class Watch:
    """Times rows from when it is made."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def cost(self, n_rows: int) -> Cost:
        seconds, used = time.perf_counter() - self._began[0], time.process_time() - self._began[1]
        return Cost(n_rows / seconds, used / n_rows * 1e6)


def whole_service(topics: Topics, topic: str, client: str, n_rows: int, once: bool) -> Cost:
    """End to end: consume, decode, predict, learn, produce."""
    with tempfile.TemporaryDirectory() as directory:
        serving = service(topics, topic, directory, client, exactly_once=once)
        watch = Watch()
        serving.run()
        return watch.cost(n_rows)


def client_alone(topics: Topics, topic: str, client: str, out: list[tuple[bytes, bytes]]) -> Cost:
    """The client: read, decode, write as many messages of the service's size."""
    library = load_client(client)
    source, sink = library.source(topics.connection, "alone"), library.sink(topics.connection, "a")
    where, target = TopicPartition(topic, 0), topics.make()
    watch = Watch()
    source.assign({where: 0})
    done = 0
    while done < len(out):
        for _, records in source.poll(1, BATCH):
            for record in records:
                decode(record.value)
            pieces = out[done : done + len(records)]
            sink.send([Message(target, 0, key, value) for key, value in pieces])
            done += len(records)
    sink.flush()
    cost = watch.cost(len(out))
    source.close()
    sink.close()
    return cost


def model_alone(batch: Batch, schema: Schema) -> Cost:
    """The model on the same rows."""
    model, watch = MultiLabelHoeffdingTree(seed=1), Watch()
    for low in range(0, batch.n_rows, BATCH):
        piece = slice_rows(batch, low, min(batch.n_rows, low + BATCH))
        model.test_then_train_many(piece, schema)
    return watch.cost(batch.n_rows)


def read(topics: Topics, topic: str, n: int) -> list[tuple[bytes, bytes]]:
    """Key and value of the first messages."""
    source = load_client("confluent").source(topics.connection, "read")
    source.assign({TopicPartition(topic, 0): 0})
    found: list[tuple[bytes, bytes]] = []
    while len(found) < n:
        for _, records in source.poll(1, BATCH):
            found += [(each.key or b"", each.value or b"") for each in records]
    source.close()
    return found[:n]


def speeds(topics: Topics, n_rows: int, rounds: int) -> list[Finding]:
    """End to end against the slower of client and model, for both clients."""
    topic = topics.fill(n_rows)
    with tempfile.TemporaryDirectory() as directory:
        first = service(topics, topic, directory, "confluent")
        first.run()
        assert first.learner is not None
        predictions = first.learner.writer.topic
    out = read(topics, predictions, n_rows)
    given = read(topics, topic, n_rows)
    size = statistics.mean(len(value) for _, value in given)
    out_size = statistics.mean(len(value) for _, value in out)
    decoder, encoder = FieldDecoder(FieldMapping()), MessageRowEncoder("multi-label")
    rows = [row for key, value in given for row in decoder.rows(Record(0, key, value, 0))]
    *_, (batch, _) = encoder.segments([row.x for row in rows], [row.y for row in rows])
    found: dict[str, list[float]] = {}
    used: dict[str, list[float]] = {}

    def note(name: str, cost: Cost) -> None:
        found.setdefault(name, []).append(cost.rows_per_second)
        used.setdefault(name, []).append(cost.microseconds)

    for _ in range(rounds):
        for client in ("kafka-python", "confluent"):
            note(f"{client} alone", client_alone(topics, topic, client, out))
            note(client, whole_service(topics, topic, client, n_rows, False))
            note(f"{client} once", whole_service(topics, topic, client, n_rows, True))
        note("model", model_alone(batch, encoder.schema))
    lines = [
        Finding(
            what=f"The model alone, rows/s ({N_FEATURES} features, {N_LABELS} labels)",
            model=MODEL,
            seed="1",
            ours=spread(found["model"]),
        )
    ]
    for client in ("kafka-python", "confluent"):
        slower = [min(a, b) for a, b in zip(found[f"{client} alone"], found["model"], strict=True)]
        for name, how in ((client, ""), (f"{client} once", ", --exactly-once")):
            ratios = [a / b for a, b in zip(found[name], slower, strict=True)]
            ratio = statistics.median(ratios)
            target = TARGETS.get(name)
            lines.append(
                Finding(
                    what=f"End to end, {client}{how}, rows/s ({size:.0f} bytes in, {out_size:.0f} "
                    "out; peer: the slower of client and model alone)",
                    model=MODEL,
                    seed="1",
                    ours=spread(found[name]),
                    peer=spread(slower),
                    ratio=f"{ratio:.2f}×",
                    target=f"≥ {target}×" if target else "",
                    met=ratio >= target if target else None,
                )
            )
            both = [a + b for a, b in zip(used[f"{client} alone"], used["model"], strict=True)]
            shares = [b / a for a, b in zip(used[name], both, strict=True)]
            lines.append(
                Finding(
                    what=f"End to end, {client}{how}, µs of processor time a row (peer: client "
                    "and model alone, together)",
                    model=MODEL,
                    seed="1",
                    ours=spread(used[name]),
                    peer=spread(both),
                    ratio=f"{statistics.median(shares):.2f}×",
                )
            )
    return lines


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * resource.getpagesize() / 1e6


def watch_memory(bootstrap: str, topic: str, n_rows: int) -> dict[str, float]:
    """Resident memory of a service in a process of its own, over its messages."""
    topics = Topics(bootstrap)
    topics._made = 10_000  # names of its own
    samples: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as directory:
        serving = service(topics, topic, directory, "kafka-python", snapshot_seconds=5.0)
        ended = threading.Event()

        def sample() -> None:
            while not ended.wait(0.2):
                samples.append((serving.n_taken, resident_mb()))

        thread = threading.Thread(target=sample)
        thread.start()
        start = time.perf_counter()
        serving.run()
        seconds = time.perf_counter() - start
        ended.set()
        thread.join()
    early = max(mb for taken, mb in samples if taken <= n_rows // 10)
    late = max(mb for taken, mb in samples if taken > n_rows // 10)
    return {"early": early, "late": late, "last": samples[-1][1], "rows/s": n_rows / seconds}


def memory(topics: Topics, n_rows: int) -> list[Finding]:
    topic = topics.fill(n_rows)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(
            watch_memory, topics.connection.bootstrap_servers, topic, n_rows
        ).result()
    grown = found["late"] / found["early"]
    return [
        Finding(
            what=f"{n_rows:,} messages: largest resident MB after the first tenth (peer: until "
            "then)",
            model=MODEL,
            seed="1",
            ours=f"{found['late']:.0f}",
            peer=f"{found['early']:.0f}",
            ratio=f"{grown:.3f}×",
            target="≤ 1.05×",
            met=grown <= 1.05,
        )
    ]


def pauses(topics: Topics, megabytes: float, n_rows: int) -> list[Finding]:
    """How long learning stands still for the snapshots of a large model."""
    topic, model = topics.fill(n_rows), grown_model(megabytes)
    found: list[float] = []
    used: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        serving = make_service(
            topics.connection,
            Settings("large", Path(directory), topic, until_end=True, snapshot_seconds=1.0),
            model,
            topics.make(),
        )
        write_later = serving.checkpoints.write_later

        def noted(*args: Any, **kwargs: Any) -> None:
            began = time.thread_time()
            write_later(*args, **kwargs)
            used.append((time.thread_time() - began) * 1e3)
            found.append(serving.checkpoints.pause * 1e3)

        serving.checkpoints.write_later = noted  # type: ignore[method-assign]
        serving.run()
    pause = statistics.median(found)
    return [
        Finding(
            what=f"Snapshot of a model of {model.n_bytes / 1e6:,.0f} MB: ms for which learning "
            f"stands still ({len(found)} snapshots)",
            model=MODEL,
            seed="1",
            ours=spread(found),
            target="< 50",
            met=pause < 50,
        ),
        Finding(
            what="The same: ms of processor time of the thread that learns",
            model=MODEL,
            seed="1",
            ours=spread(used),
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=300_000, help="of the comparison of speeds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-rows", type=int, default=1_000_000)
    parser.add_argument("--megabytes", type=float, default=100.0, help="of the large model")
    parser.add_argument("--only", nargs="+", choices=["speed", "memory", "pause"])
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
    from real_kafka import RealKafka, fetch_jars

    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    MultiLabelHoeffdingTree().warm_up()
    gc.freeze()  # as the command does
    fetch_jars()
    with RealKafka() as broker:
        topics = Topics(broker.bootstrap)
        parts: dict[str, Callable[[], list[Finding]]] = {
            "speed": lambda: speeds(topics, options.rows, options.rounds),
            "memory": lambda: memory(topics, options.memory_rows),
            "pause": lambda: pauses(topics, options.megabytes, options.rows),
        }
        for name in options.only or parts:
            lines = [line.cells() for line in parts[name]()]
            print_table(f"A learner between topics: {name}", HEADS, lines)
            keep(name, lines, options.out)


def keep(name: str, lines: list[list[str]], folder: Path) -> None:
    """Write the findings of a part beside those of the others."""
    path = folder / "kafka.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found[name] = {"command": command_line(), "findings": lines, "machine": machine()}
    write(found, folder)


def write(found: dict[str, Any], folder: Path) -> None:
    """Write the findings of all parts, and where and of which version each was found."""
    parts = [found[each] for each in ("speed", "memory", "pause") if each in found]
    machines = "\n".join(
        f"- `{each['command']}`: {machine_markdown(each['machine'])}" for each in parts
    )
    commands = "\n".join(dict.fromkeys(each["command"] for each in parts))
    text = (
        f"# A learner between topics\n\n```sh\n{commands}\n```\n\n"
        "A real broker (Apache Kafka, one node) on the same machine, whose two cores it shares "
        "with client and model: trust the ratios. Ours and the peer alternate in one run; medians "
        "(range). The client alone takes 100,000 messages before it waits for the broker; with "
        "fewer it is faster, and the ratio lower: 0.36 with confluent over 40,000.\n\n"
        + "Where, and of which version:\n\n"
        + f"{machines}\n"
        + markdown_table(HEADS, [line for each in parts for line in each["findings"]])
    )
    write_results("kafka", found, text, folder)


if __name__ == "__main__":
    main()
