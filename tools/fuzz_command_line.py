"""Types random command lines over a folder of valid, odd and broken files.

Whatever is typed, ``drifthomer`` has to end with exit code 0, 1, 2 or 130, with one line of error
where it is not 0, without a traceback, within a minute and within 2 GB. Every command runs in a
forked copy of this process, so that nothing is loaded twice::

    python tools/fuzz_command_line.py --count 10000 --seed 1

Of 10,000 command lines from seed 500000 on (4,000, and later 6,000 from 504000 on), 4 ended in a
traceback, all by one fault (streams in which no row has a class), which was mended before the last
6,000.
"""

from __future__ import annotations

import argparse
import bz2
import collections
import gzip
import json
import lzma
import os
import random
import resource
import select
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ALLOWED_CODES = {0, 1, 2, 130}
SECONDS = 60.0
MEGABYTES = 2048

ARFF = """@relation 'moods: -C -2'
@attribute tempo numeric
@attribute 'key of' {major, 'a minor'}
@attribute happy {0,1}
@attribute calm {1,0}
@data
"""
CSV_ROWS = "".join(
    f'{i}.5,c{i % 3},"note {i}, {i % 7}",{i % 2},{int(i % 3 == 0)}\n' for i in range(60)
)
VALID = {
    "table.csv": "a,colour,note,sun,rain\n" + CSV_ROWS,
    "headless.csv": CSV_ROWS,
    "table.tsv": ("a,colour,sun\n" + "".join(f"{i},c{i % 3},{i % 2}\n" for i in range(40))).replace(
        ",", "\t"
    ),
    "european.csv": "a;b;sun\n" + "".join(f"1.{i:03d},5;{i},25;{i % 2}\n" for i in range(40)),
    "labels.svm": "".join(f"{i % 3},{3 + i % 2} {i}:0.5 {i + 1}:1\n" for i in range(40)),
    "classes.libsvm": "".join(f"{'+1' if i % 2 else '-1'} {i % 5 + 1}:0.5\n" for i in range(40)),
    "extreme.txt": "40 60 5\n" + "".join(f"{i % 5} {i}:0.5 {i + 1}:1\n" for i in range(40)),
    "dense.arff": ARFF + "".join(f"{i},major,{i % 2},1\n?,'a minor',0,0\n" for i in range(20)),
    "sparse.arff": ARFF + "".join(f"{{0 {i},2 1}}\n{{1 'a minor',3 0}}\n" for i in range(20)),
    "strings.arff": ARFF.replace("numeric", "string") + "'some text',major,1,0\nmore,major,0,1\n",
    "tags.jsonl": "".join(
        json.dumps({"tags": ["p", "q"][: i % 3], "v": i, "n": {"t": f"text {i}"}}) + "\n"
        for i in range(40)
    ),
    "truths.ndjson": '{"sun": 1, "rain": 0, "a": 2}\n{"sun": null, "a": "x"}\n' * 20,
    "fields.toml": '[features]\nfield = "x"\n[labels]\nfield = "y"\n',
}
ODD = {
    "empty.csv": b"",
    "blank.csv": b"\n\n \n",
    "only_header.csv": b"a,b,sun\n",
    "bom.csv": b"\xef\xbb\xbfa,sun\n1,1\n",
    "crlf.csv": b"a,sun\r\n1,1\r\n2,0\r\n",
    "latin.csv": b"gr\xf6\xdfe,sun\n1,1\n",
    "utf16.csv": "a,sun\n1,1\n".encode("utf-16"),
    "nul.csv": b"a,sun\n1\x00,1\n",
    "unclosed.csv": b'a,sun\n"1,1\n2,0\n',
    "unnamed.csv": b",a,sun\n0,1,1\n",
    "twice.csv": b"a,a,sun\n0,1,1\n",
    "ragged.csv": b"a,sun\n0,1,1\n1\n",
    "quotes.csv": b'a,sun\n5" pipe,1\nx,0\n',
    "huge.csv": b"a,sun\n1e999,1\n" + b"9" * 5000 + b",1\n",
    "wide.csv": (
        ",".join(f"c{i}" for i in range(20_000)) + ",sun\n" + "1," * 20_000 + "1\n"
    ).encode(),
    "far.svm": b"1 2000000000:1\n2 2000000000:2 1:1\n",
    "labels_far.svm": b"2000000000 1:1\n0 1:1\n",
    "declared.txt": b"2 2147483647 2147483647\n0 5:1\n3 7:1\n",
    "words.txt": b"the cat sat\non the mat\n",
    "dense.txt": b"1 0.5 0.3\n2 0.1 0.2\n",
    "longline.svm": b"1 " + b" ".join(b"%d:1" % i for i in range(200_000)) + b"\n",
    "deep.jsonl": b'{"tags": [], "v": ' + b"[" * 50_000 + b"]" * 50_000 + b"}\n",
    "array.json": b'[{"tags": ["a"]}]\n',
    "twice.jsonl": b'{"tags": ["a"], "tags": []}\n',
    "surrogate.jsonl": b'{"tags": ["\\ud800"], "\\udfff": 1}\n{"tags": [], "v": "\\ud800"}\n',
    "mixed.jsonl": b'{"tags": {"a": 2}}\n{"tags": "a"}\n',
    "numbers.jsonl": b'{"tags": [1, null], "v": 1e400}\n',
    "huge.jsonl": b'{"tags": ["a"], "v": ' + b"9" * 5000 + b"}\n",
    "deep.toml": b"a = " + b"[" * 5000 + b"]" * 5000 + b"\n",
    "bad.toml": b"[labels\n",
    "sasl.toml": b'"sasl.mechanism" = "NONSENSE"\n"security.protocol" = "SASL_SSL"\n',
    "secret.toml": b'"sasl.password" = {file = "missing"}\n',
    "weka.arff": b"@relation 'x-weka.SMO -C 1.0'\n@attribute a numeric\n@attribute c {u,v}\n"
    b"@data 1,u\n",
    "blanks.arff": b"@relation r\n@attribute a numeric\n@attribute c {u,v}\n@data\n1 u\n2\tv\n",
    "wrong.csv.gz": b"a,sun\n1,1\n",
    "archive.csv": b"PK\x03\x04" + b"0" * 100,
    "noise.bin": bytes(range(256)) * 20,
    "no_suffix": b"a,sun\n1,1\n",
    "strange \xe9 name, with comma.csv": b"a,sun\n1,1\n",
}
TELLING = [
    b",",
    b";",
    b":",
    b"{",
    b"}",
    b"'",
    b'"',
    b"%",
    b"?",
    b"\\",
    b"\t",
    b"\n",
    b"\x00",
    b"\xff",
]
TELLING += [b"-1", b"1e999", b"nan", b"99999999999999999999", b"@data", b"null", b"\xed\xa0\x80"]


class Outcome(NamedTuple):
    """How a command line ended."""

    args: list[str]
    code: int  # negative: the signal
    seconds: float
    megabytes: float
    err: str

    def problem(self) -> str | None:
        """What it did that it may not do, or None."""
        lines = [line for line in self.err.splitlines() if line.startswith("drifthomer: ")]
        errors = [line for line in lines if not line.startswith("drifthomer: warning: ")]
        if self.seconds > SECONDS:
            return f"took {self.seconds:.0f} s"
        if self.code not in ALLOWED_CODES:
            return f"exit code {self.code}"
        if "Traceback (most recent call last)" in self.err:
            return "a traceback"
        if len(errors) != (self.code in (1, 2)):
            return f"{len(errors)} lines of error with exit code {self.code}"
        if self.megabytes > MEGABYTES:
            return f"took {self.megabytes:.0f} MB"
        return None


def write_files(folder: Path, rng: random.Random, n_files: int = 200) -> list[str]:
    """Fill a folder; the names of its files."""
    contents = {name: text.encode() for name, text in VALID.items()} | dict(ODD)
    for name in ("table.csv", "labels.svm", "dense.arff", "tags.jsonl"):
        data = contents[name]
        contents[name + ".gz"] = gzip.compress(data, mtime=0)
        contents[name + ".bz2"] = bz2.compress(data)
        contents[name + ".xz"] = lzma.compress(data)
    snapshot = folder / "model.drifthomer"
    save_model(snapshot)
    contents[snapshot.name] = snapshot.read_bytes()
    # Several damaged copies of each, until the folder is full.
    sound = [name for name in contents if name not in ODD]
    at = 0
    while len(contents) < n_files:
        name = sound[at % len(sound)]
        at += 1
        contents[f"damaged{at}_{name}"] = damage(contents[name], rng)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    (folder / "folder.csv").mkdir(exist_ok=True)
    link = folder / "broken_link.csv"
    if not link.is_symlink():
        link.symlink_to("nowhere")
    return [*contents, "folder.csv", "broken_link.csv", "missing.csv", "."]


def save_model(path: Path) -> None:
    """A snapshot of a model that has learnt a little."""
    from stream.models import MultiLabelHoeffdingTree

    model = MultiLabelHoeffdingTree(seed=1)
    for i in range(50):
        model.learn_one({"a": i % 7, "b": float(i)}, {"sun": i % 2 == 0, "rain": i % 3 == 0})
    model.save(path)


def damage(data: bytes, rng: random.Random) -> bytes:
    """Overwrite, insert, delete or cut off a little."""
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(data) + 1)
        length = rng.choice((0, 1, 2, 10))
        kind = rng.random()
        if kind < 0.6:
            data = data[:at] + rng.choice(TELLING) + data[at + length :]
        elif kind < 0.8:
            data = data[:at] + rng.randbytes(4) + data[at + length :]
        else:
            data = data[:at] + (data[at + length :] if kind < 0.95 else b"")
    return data


NAMES = ["sun", "rain", "a", "colour", "note", "tags", "v", "column1", "x,y", '"sun"', "n.t", ""]
NAMES += [
    "happy",
    "calm",
    "sun,rain",
    "-2",
    "2",
    "0",
    "-99",
    "99999999999",
    "tempo",
    "'key of'",
    "ü",
]
CHARACTERS = [",", ";", "tab", "\\t", ".", " ", "'", '"', "", "::", "|", "0", "é", "\n"]
VALUES = {
    "--labels": NAMES,
    "--target": NAMES,
    "--classes": NAMES,
    "--text": NAMES,
    "--ignore": NAMES,
    "--categorical": NAMES,
    "--text-columns": ["1", "100", "0", "-1", "x", "1073741824"],
    "--delimiter": CHARACTERS,
    "--thousands": CHARACTERS,
    "--decimal": [",", ".", "x"],
    "--header": [None],
    "--no-header": [None],
    "--zero-based": [None],
    "--one-based": [None],
    "--empty-rows": [None],
    "--task": ["multi-label", "single-label", "both"],
    "--n-features": ["1", "60", "2147483647", "0"],
    "--n-labels": ["1", "5", "2147483647", "x"],
    "--encoding": [
        "utf-8",
        "latin-1",
        "utf-16",
        "ascii",
        "base64",
        "idna",
        "undefined",
        "",
        "\u2603",
    ],
    "--format": ["csv", "svm", "arff", "jsonl", ".tsv", "parquet", "xls", ""],
    "--model": [
        *("drifthomer", "ihomer", "driftmoe", "hoeffding-tree", "multilabel-hoeffding-tree"),
        *("nonsense", "no.such:thing", "os:system", "river.naive_bayes:GaussianNB", ":", "a:b:c"),
    ],
    "--seed": ["1", "-1", "x", "9223372036854775807", "99999999999999999999"],
    "--set": [
        *("grace_period=50", "grace_period=-1", "delta=2", "seed=3", "nonsense=1", "=", "x"),
        *("max_depth=3", "decode=subset", "delta=[[[[", "delta='" + "(" * 500, "top_k=2"),
    ],
    "--limit": ["1", "50", "0", "x"],
    "--delay": ["0", "5", "1000000", "-1"],
    "--window": ["1", "10", "0"],
    "--json": ["-", "out.json", "folder.csv", "missing/out.json", "/dev/full"],
    "--csv": ["-", "out.csv", "folder.csv"],
    "--data-dir": [".", "missing"],
    "--labels-xml": ["tags.jsonl", "missing.xml"],
    "--nonsense": ["1"],
}
FITTING = {
    ".csv": [
        ["--labels", "sun"],
        ["--labels", "sun,rain"],
        ["--target", "colour"],
        ["--labels", "-1"],
    ],
    ".tsv": [["--labels", "sun"], ["--target", "colour"]],
    ".jsonl": [["--labels", "tags"], ["--target", "v"]],
    ".ndjson": [["--labels", "sun,rain"], ["--target", "a"]],
}


def random_command(rng: random.Random, files: list[str]) -> list[str]:
    """The arguments of a command line."""
    kind = rng.random()
    if kind < 0.06:
        name = rng.choice([*files, "model.drifthomer"])
        return ["inspect", name, *rng.choice(([], ["--arrays"], ["--json"]))]
    if kind < 0.09:
        return [
            "datasets",
            *rng.choice((["yeast"], ["nonsense"], ["--json"], ["--available"], ["é"])),
        ]
    if kind < 0.12:
        return consume_command(rng, files)
    if kind < 0.14:
        return rng.choice(
            ([], ["--help"], ["--version"], ["nonsense"], [""], ["-"], ["prequential"])
        )
    name = rng.choice(files)
    args = ["prequential", name]
    if rng.random() < 0.1:
        args[1] = rng.choice(
            ["sea", "sea-a:rows=100", "sea:rows=x", "sea:", ":", "syn-blocks-sud:rows=50"]
        )
    args += ["--limit", str(rng.choice((20, 100, 300)))]
    for suffix, fitting in FITTING.items():
        if suffix in name and rng.random() < 0.8:
            args += rng.choice(fitting)
    if rng.random() < 0.7:
        args += [
            "--model",
            rng.choice(["multilabel-hoeffding-tree", "hoeffding-tree", "drifthomer"]),
        ]
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3))):
        option = rng.choice(list(VALUES))
        value = rng.choice(VALUES[option])
        args += [option] if value is None else [option, value]
    return args


def consume_command(rng: random.Random, files: list[str]) -> list[str]:
    """One that cannot come as far as a broker, which would be waited for."""
    args = ["consume", "--bootstrap-servers", rng.choice(["", "nowhere", "127.0.0.1:x", ":::"])]
    args += ["--topic", "t", "--predictions-topic", "p", "--name", rng.choice(["n", "", "a/b"])]
    args += ["--snapshot-dir", "snapshots", "--broker-timeout", "1"]
    args += [rng.choice(["--mapping", "--client-config", "--follow-order"]), rng.choice(files)]
    return [
        *args,
        rng.choice(["--partitions", "--model", "--set"]),
        rng.choice(["x", "0,0", "delta=2"]),
    ]


def run_forked(args: list[str]) -> Outcome:
    """Run a command line in a forked copy of this process; stop it after `SECONDS`."""
    read, write = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(read)
        _become(args, write)
    os.close(write)
    parts = []
    deadline = started + SECONDS + 5
    with os.fdopen(read, "rb", buffering=0) as pipe:
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([pipe], [], [], left)[0]:
                break
            some = pipe.read(1 << 16)
            if not some:
                break
            parts.append(some)
    if deadline - time.monotonic() <= 0:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    err = b"".join(parts).decode("utf-8", "replace")
    return Outcome(args, code, time.monotonic() - started, usage.ru_maxrss / 1024, err)


def _become(args: list[str], err: int) -> None:
    """In the forked process: the command, with its standard error at the pipe."""
    code = 99
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.dup2(err, 2)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        from stream.cli import main

        code = main(args)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 98
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def fuzz(folder: Path, seed: int, count: int, say: bool = False) -> list[Outcome]:
    """Run ``count`` random command lines in a folder; those that did what they may not do."""
    rng = random.Random(seed)
    files = write_files(folder, rng)
    os.environ.pop("DRIFTHOMER_DATA", None)
    before = os.getcwd()
    os.chdir(folder)
    bad, codes, slowest, largest = [], collections.Counter[int](), 0.0, 0.0
    try:
        for number in range(count):
            outcome = run_forked(random_command(rng, files))
            codes[outcome.code] += 1
            slowest, largest = max(slowest, outcome.seconds), max(largest, outcome.megabytes)
            if outcome.problem() is not None:
                bad.append(outcome)
                if say:
                    print(
                        f"{number}: {outcome.problem()}: {outcome.args}\n{outcome.err[-1500:]}",
                        flush=True,
                    )
            if say and (number + 1) % 100 == 0:
                print(number + 1, dict(codes), f"{slowest:.1f} s, {largest:.0f} MB", flush=True)
    finally:
        os.chdir(before)
    if say:
        print(
            f"seed {seed}: {count} command lines, exit codes {dict(sorted(codes.items()))}, ",
            end="",
        )
        print(f"slowest {slowest:.1f} s, largest {largest:.0f} MB, {len(bad)} wrong")
    return bad


def load() -> None:
    """Import, and compile, what commands need, before the first fork."""
    import pyarrow  # noqa: F401
    import rich.console  # noqa: F401

    from stream.models.registry import MODELS, create_model

    for name in MODELS:
        warm_up = getattr(create_model(name), "warm_up", None)
        if warm_up is not None:
            warm_up()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    load()
    with tempfile.TemporaryDirectory() as folder:
        return int(bool(fuzz(Path(folder), chosen.seed, chosen.count, say=True)))


if __name__ == "__main__":
    sys.exit(main())
