"""Changes snapshots at random, with a checksum that is right, and looks at what comes of it.

Every file has to be refused by name, or give a model that goes on: no signal, no hang, no answer
that is no probability, no exception later. Models are small, of every kind, among them one of many
labels. Files are tried in forked copies of this process, some hundred in each::

    python tools/mutate_snapshots.py --count 100000 --seed 1

Of 100,000 files from seed 1000000 on, 84,560 were refused and 15,409 went on; 14 were unreadable
after more rows, and 17 ended in an exception that is none of ours. None ended in a signal, a hang,
or a number that is no probability. Of these 31 files 29 are refused since, and 2 go on.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

import stream
from stream.errors import SnapshotError
from stream.snapshot import dumps, loads

SECONDS = 120  # for one file; kernels may be compiled
MEGABYTES = 4096  # that a process may map beyond what it has mapped when it begins
AT_ONCE = 200  # files in one process
ROWS = 12  # that an accepted model learns
ELEMENTS = {"F64": "f8", "F32": "f4", "I64": "i8", "I32": "i4", "U32": "u4", "U8": "u1"}
ELEMENTS |= {"BOOL": "?", "I8": "i1", "I16": "i2", "U16": "u2", "U64": "u8"}
NO_HASH = "0" * 64
EAGER = {"grace_period": 10, "tau": 0.9, "delta": 0.5}
_PARTITION = {"partition_period": 10, "partition_delta": 0.5}
MODELS = {
    "tree": lambda: stream.MultiLabelHoeffdingTree(**EAGER, drift_delta=0.5),
    "full tree": lambda: stream.MultiLabelHoeffdingTree(**EAGER, max_size=0.03),
    "classifier": lambda: stream.HoeffdingTreeClassifier(**EAGER),
    "clusters": lambda: stream.IHOMER(**EAGER, **_PARTITION),
    "singletons": lambda: stream.IHOMER(partition="singletons", grace_period=10),
    "few labels": lambda: stream.DriftHOMER(**EAGER, **_PARTITION, hidden=2, max_subsets=4),
    "many labels": lambda: stream.DriftHOMER(cluster_size=4, max_subsets=4, window=30),
    "experts": lambda: stream.DriftMoE(n_experts=2, hidden=2, grace_period=10),
    "tasks": lambda: stream.DriftMoE("task", hidden=2, grace_period=10),
    "partitioner": lambda: stream.LabelPartitioner(grace_period=10, min_observations=2),
}
ODD_NUMBERS = [0, 1, -1, 2, 7, 63, 64, 255, 1000, 2**15, 2**31 - 1, -(2**31), 2**40, 2**62]
ODD_VALUES = [*ODD_NUMBERS, 2**70, 10**400, -0.5, 1e-300, 1e300, None, True, "a", [], {}]


def rows_of(rng: np.random.Generator, name: str, n: int) -> list[tuple[dict, Any]]:
    """Rows for a model."""
    n_labels = 80 if name == "many labels" else 4
    rows = []
    for i in range(n):
        x = {f"f{j}": float(rng.normal()) for j in range(4) if rng.random() < 0.8}
        if name in ("classifier", "experts", "tasks"):
            rows.append((x, f"c{int(rng.integers(3))}"))
            continue
        present = {f"l{(i + j) % n_labels}" for j in range(3)}
        rows.append((x, {f"l{j}": f"l{j}" in present for j in range(n_labels)}))
    return rows


def learn(model: Any, rows: list[tuple[dict, Any]]) -> str:
    """Predict and learn rows; what is wrong with an answer."""
    for x, y in rows:
        if isinstance(model, stream.LabelPartitioner):
            model.learn_one(y)
            continue
        for told in model.predict_proba_one(x).values():
            for p in told.values() if isinstance(told, dict) else (told,):
                if not 0.0 <= p <= 1.0:
                    return f"probability {p}"
        model.learn_one(x, y)
    return ""


# ---- files


def taken_apart(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any], dict[str, Any]]:
    """Arrays, document and metadata of a file."""
    size = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + size])["__metadata__"]
    arrays = {
        name: np.frombuffer(bytearray(each["data"]), ELEMENTS[each["dtype"]]).reshape(each["shape"])
        for name, each in sorted(safetensors.deserialize(data), key=lambda each: each[0])
    }
    return arrays, json.loads(arrays.pop("document").tobytes()), metadata


def put_together(
    arrays: dict[str, np.ndarray], document: dict[str, Any], metadata: dict[str, Any]
) -> bytes:
    """A file whose checksum is right."""
    text = json.dumps(document).encode()
    header: dict[str, Any] = {"__metadata__": metadata | {"sha256": NO_HASH}}
    names = {np.dtype(value): key for key, value in ELEMENTS.items()}
    body = b""
    for name, array in [
        *sorted(arrays.items(), key=lambda each: -each[1].itemsize),
        ("document", np.frombuffer(text, np.uint8)),
    ]:
        content = np.ascontiguousarray(array).tobytes()
        place = {"dtype": names[array.dtype], "shape": list(array.shape)}
        header[name] = place | {"data_offsets": [len(body), len(body) + len(content)]}
        body += content
    head = json.dumps(header, separators=(",", ":")).encode()
    whole = len(head).to_bytes(8, "little") + head + body
    return whole.replace(NO_HASH.encode(), hashlib.sha256(whole).hexdigest().encode(), 1)


# ---- changes


def _change_elements(rng: np.random.Generator, arrays: dict[str, np.ndarray]) -> str:
    """Other elements in an array; bytes where they are records."""
    name = str(rng.choice([name for name, array in arrays.items() if array.size]))
    array = arrays[name].reshape(-1)
    places = rng.integers(0, len(array), int(rng.integers(1, 4)))
    if array.dtype.kind == "f":
        largest = 0.5 * float(np.finfo(array.dtype).max)
        array[places] = rng.choice([np.nan, np.inf, -np.inf, -1.0, 0.0, 1e30, -1e-30, largest])
    elif array.dtype.kind == "b":
        array[places] ^= True
    elif rng.random() < 0.5:
        array[places] += array.dtype.type(1)
    else:
        limits = np.iinfo(array.dtype)
        odd = [each for each in ODD_NUMBERS if limits.min <= each <= limits.max]
        array[places] = odd[int(rng.integers(len(odd)))]
    return f"elements of {name}"


def _change_shape(rng: np.random.Generator, arrays: dict[str, np.ndarray]) -> str:
    """An axis that is longer or shorter; of all arrays whose axes have that length, or of one."""
    name = str(rng.choice([name for name, array in arrays.items() if array.ndim]))
    axis = int(rng.integers(arrays[name].ndim))
    old = arrays[name].shape[axis]
    new = int(rng.choice([0, 1, max(old - 1, 0), old + 1, 2 * old]))
    chosen = [name]
    if rng.random() < 0.5:
        folder = name.rpartition(".")[0]
        chosen = [each for each in arrays if each.startswith(folder)]
    for each in chosen:
        for place, length in enumerate(arrays[each].shape):
            if length == old and (each != name or place == axis):
                kept = np.take(arrays[each], range(min(old, new)), axis=place)
                more = [(0, 0)] * kept.ndim
                more[place] = (0, max(new - old, 0))
                arrays[each] = np.pad(kept, more)
    return f"axis {axis} of {name} from {old} to {new}"


def _places(value: Any, path: tuple = ()) -> list[tuple]:
    """Paths to all values in a document."""
    found = [path] if path else []
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, each in items:
        found += _places(each, (*path, key))
    return found


def _change_document(rng: np.random.Generator, document: dict[str, Any]) -> str:
    """Another value, name, or reference; or a field less."""
    places = _places(document["value"])
    path = places[int(rng.integers(len(places)))]
    owner = document["value"]
    for key in path[:-1]:
        owner = owner[key]
    how, key = rng.random(), path[-1]
    if how < 0.1:
        del owner[key]
    elif how < 0.3:
        other = places[int(rng.integers(len(places)))]
        value = document["value"]
        for each in other:
            value = value[each]
        owner[key] = json.loads(json.dumps(value))
    else:
        owner[key] = ODD_VALUES[int(rng.integers(len(ODD_VALUES)))]
    return f"{path} of the document"


def changed(rng: np.random.Generator, data: bytes) -> tuple[str, bytes]:
    """What was changed, and the file."""
    arrays, document, metadata = taken_apart(data)
    said = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        how = rng.random()
        if how < 0.5:
            said.append(_change_elements(rng, arrays))
        elif how < 0.65:
            said.append(_change_shape(rng, arrays))
        else:
            said.append(_change_document(rng, document))
    return "; ".join(said), put_together(arrays, document, metadata)


def outcome(rng: np.random.Generator, name: str, data: bytes) -> str:
    """ "refused", "goes on", or what is wrong.

    "UNREADABLE": the answers are probabilities, but numbers that were huge have led to others that
    are not finite, and the model's next file is refused.
    """
    try:
        model = loads(data)
    except SnapshotError:
        return "refused"
    except Exception as error:
        return f"EXCEPTION when loaded {error!r:.150}"
    if not hasattr(model, "learn_one"):
        return "goes on"  # as the plain value that the file says
    try:
        wrong = learn(model, rows_of(rng, name, ROWS))
        if not wrong:
            loads(dumps(model))
    except SnapshotError:
        return "UNREADABLE after more rows"
    except Exception as error:
        return f"EXCEPTION later {error!r:.150}"
    return f"BAD {wrong}" if wrong else "goes on"


def bases() -> dict[str, bytes]:
    """A file of every kind of model."""
    found = {}
    for name, make in MODELS.items():
        model = make()
        learn(model, rows_of(np.random.default_rng(0), name, 60))
        found[name] = dumps(model)
        learn(loads(found[name]), rows_of(np.random.default_rng(1), name, ROWS))
    return found


def _mapped() -> int:
    """Bytes of address space that this process has; 0 where no file says so."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except FileNotFoundError:
        return 0
    return pages * resource.getpagesize()


def batch(files: dict[str, bytes], first: int, count: int) -> list[tuple[int, str]]:
    """Try files in a process of their own; number and outcome of each that was tried."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        most = _mapped() + (MEGABYTES << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        for number in range(first, first + count):
            rng = np.random.default_rng(number)
            name = list(files)[number % len(files)]
            signal.alarm(SECONDS)
            said, data = changed(rng, files[name])
            os.write(writing, f"{number}\t{name}: {said:.300}\t".encode())
            os.write(writing, f"{outcome(rng, name, data)}\n".replace("\t", " ").encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as file:
        lines = file.read().split("\n")
    _, status = os.waitpid(child, 0)
    told = []
    for line in lines:
        number, _, rest = line.partition("\t")
        what, _, end = rest.partition("\t")
        if number:
            end = end or f"SIGNAL {os.WTERMSIG(status)}"
            told.append((int(number), end if end in ("refused", "goes on") else f"{end} ({what})"))
    return told


def main() -> int:
    """Try files, and tell those that were neither refused nor went on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first file")
    options = parser.parse_args()
    began, files = time.monotonic(), bases()
    tally: collections.Counter[str] = collections.Counter()
    number, end = options.seed, options.seed + options.count
    while number < end:
        told = batch(files, number, min(AT_ONCE, end - number))
        for each, how in told:
            tally[how if how in ("refused", "goes on") else how.split()[0]] += 1
            if how not in ("refused", "goes on"):
                sys.stdout.write(f"{each}: {how}\n")
        number = told[-1][0] + 1 if told else number + 1
        if (number - options.seed) % 1000 < AT_ONCE:
            sys.stdout.write(f"{number - options.seed} files: {dict(tally)}\n")
        sys.stdout.flush()
    seconds = round(time.monotonic() - began)
    told_in_all = {"count": options.count, "seed": options.seed, "seconds": seconds}
    sys.stdout.write(json.dumps(told_in_all | dict(tally)) + "\n")
    return 1 if set(tally) - {"refused", "goes on", "UNREADABLE"} else 0


if __name__ == "__main__":
    sys.exit(main())
