"""Ten thousand damaged files: each ends in a parse or a DataError, never another exception."""

from __future__ import annotations

import bz2
import gzip
import io
import random

import pandas as pd
import pytest
import zstandard
from data_helpers import dense, same

from stream.data import open_path
from stream.errors import DataError
from stream.rows.batch import concatenate

ARFF_DENSE = """% moods
@relation 'moods: -C -2'
@attribute tempo numeric
@attribute 'key of' {major, 'a minor'}
@attribute mode {2,0,1}
@attribute happy {0,1}
@attribute calm {1,0}
@data
120.5,major,2,1,0
?,'a minor',0,0,?
-1e3, 'a minor' ,1,1,1 % note
90,major,1,0,0
"""
ARFF_SPARSE = (
    ARFF_DENSE.partition("@data\n")[0]
    + "@data\n{0 1.5,2 1,3 1}\n{}\n{1 'a minor', 4 0}\n{0 ?,3 1}\n"
)
CSV = "a,colour,flag,happy,calm\n1.5,red,true,1,0\n"
CSV += '?,"blue, ""dark""",false,0,\n-2e3,,NA,1,1\n4,red,true,0,0\n'
SVM = "0,2 1:0.5 9:1 # two\n 3:2\n1 qid:4 2:-1e3 0:7\n\n2\n1 5:0.25 6:1\n"
XMC = "4 10 3\n0,2 1:0.5 9:1\n 3:2\n\n1 2:-1e3 0:7\n"
JSON = """{"a": 1.5, "t": "x", "b": true, "n": {"d": [1, null, "y"]}, "tags": ["p", "q"]}
{"a": null, "tags": []}
{"a": -2e3, "t": "z", "tags": {"p": true, "q": null}}
{"n": {"d": [0]}, "tags": ["r"]}
"""


def parquet() -> bytes:
    frame = pd.DataFrame(
        {"a": [1.5, None, 3.0], "t": ["x", "y", None], "happy": [1, 0, 1], "calm": [0, 0, 1]}
    )
    out = io.BytesIO()
    frame.to_parquet(out)
    return out.getvalue()


TABLE = {"labels": ["happy", "calm"]}
VALID = {
    "dense.arff": (ARFF_DENSE.encode(), {}, 1500),
    "sparse.arff": (ARFF_SPARSE.encode(), {}, 1500),
    "class.arff": (ARFF_DENSE.replace(": -C -2", "").encode(), {"target": "mode"}, 800),
    "table.csv": (CSV.encode(), TABLE, 1500),
    "class.csv": (CSV.encode(), {"target": "colour"}, 700),
    "labels.svm": (SVM.encode(), {"empty_rows": True}, 1200),
    "extreme.txt": (XMC.encode(), {}, 1000),
    "tags.jsonl": (JSON.encode(), {"labels": "tags"}, 1200),
    "dense.arff.gz": (gzip.compress(ARFF_DENSE.encode(), mtime=0), {}, 250),
    "table.csv.bz2": (bz2.compress(CSV.encode()), TABLE, 150),
    "labels.svm.zst": (
        zstandard.ZstdCompressor(write_checksum=True).compress(SVM.encode()),
        {"empty_rows": True},
        150,
    ),
    "table.parquet": (parquet(), TABLE, 50),
}
assert sum(count for _, _, count in VALID.values()) == 10_000

TELLING = [
    *(bytes([i]) for i in b",;:{}'\"%?\\ \t\n\r\0#@[]-+._e0189a\xff"),
    *(
        b"inf",
        b"nan",
        b"1e999",
        b"NaN",
        b"-1",
        b"99999999999999999999",
        b"1_0",
        b"''",
        b'""',
        b"{}",
        b"@data",
    ),
    *("é".encode(), "٣".encode(), b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\\u00e9", b"null", b"true"),
]


def mutate(data: bytes, random: random.Random) -> bytes:
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        at = random.randrange(len(data) + 1)
        length = random.choice((0, 1, 1, 2, 10))
        kind = random.random()
        if kind < 0.45:
            data = data[:at] + random.choice(TELLING) + data[at + length :]
        elif kind < 0.6:
            data = data[:at] + random.randbytes(random.choice((1, 4))) + data[at + length :]
        elif kind < 0.75:
            data = data[:at] + data[at + length :]
        elif kind < 0.8:
            data = data[:at]
        else:
            lines = data.split(b"\n")
            i, j = random.randrange(len(lines)), random.randrange(len(lines))
            if kind < 0.87:
                del lines[i]
            elif kind < 0.94:
                lines.insert(j, lines[i])
            else:
                lines[i], lines[j] = lines[j], lines[i]
            data = b"\n".join(lines)
    return data


@pytest.mark.parametrize("name", VALID)
def test_damaged_files_end_in_a_parse_or_a_clear_error(tmp_path, name):
    data, options, count = VALID[name]
    path = tmp_path / name
    path.write_bytes(data)
    assert sum(batch.n_rows for batch in open_path(path, **options).batches()) >= 3
    generator = random.Random(name)
    parsed = refused = 0
    for i in range(count):
        damaged = mutate(data, generator)
        path.write_bytes(damaged)
        batches = []
        try:
            source = open_path(path, **options)
            batches.extend(source.batches(generator.choice((1, 2, 1000))))
        except DataError as error:
            refused += 1
            last_line = damaged.count(b"\n") + damaged.count(b"\r") + 60
            if not str(error).startswith(str(path)) or not 1 <= (error.line or 1) <= last_line:
                raise AssertionError(f"case {i}, {damaged!r}: {error}") from error
        except Exception as error:
            raise AssertionError(f"case {i}, {damaged!r}: {error!r}") from error
        else:
            parsed += 1
            again = list(source.batches())
            if batches and not same(concatenate(batches), concatenate(again)):
                raise AssertionError(f"case {i}, {damaged!r}: the second pass differs")
        # What was read keeps the promises of a batch, also when an error came later.
        if batches:
            whole = concatenate(batches)
            if max(len(source.schema.features), len(source.schema.labels)) < 10_000:
                dense(whole, len(source.schema.features), len(source.schema.labels))
    assert parsed > 0 or name.endswith((".gz", ".bz2", ".zst", ".parquet"))
    assert refused > count // 10
