"""Make label-rich streams from the package lists of this Debian or Ubuntu machine.

Run: python experiments/debian_stream.py tags debian_tags.jsonl.gz
     python experiments/debian_stream.py builddeps debian_builddeps.jsonl.gz

A row is a package: the words of its description and of its name, with their counts, and its debtags
(``tags``) or the packages that its source needs to be built (``builddeps``). Words have at least
three letters and occur in at least three rows and at most a fifth of them. Rows are in alphabetical
order, families of packages one after another, which is drift; ``--shuffle SEED`` mixes them.

``apt-get update`` fetches the lists. Long descriptions need ``-o Acquire::Languages=en`` where apt
is set up without translations (containers), source packages a line ``deb-src`` (``Types: deb
deb-src``) in the sources of apt. Read a stream with
``drifthomer prequential debian_tags.jsonl.gz --labels tags``.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

LISTS = Path("/var/lib/apt/lists")
WORD = re.compile(r"[a-z]{3,}")
LEAST_ROWS, MOST_SHARE = 3, 0.2  # rows of a word
Fields = dict[str, str]


class Row(NamedTuple):
    """A package."""

    name: str
    words: collections.Counter[str]
    labels: list[str]  # sorted, each once


def stanzas(lines: Iterable[str]) -> Iterator[Fields]:
    """The packages of a list: their fields, with the lines of a long field joined.

    >>> list(stanzas(["Package: a", "Tag: x::y,", " z", "", "Package: b"]))
    [{'Package': 'a', 'Tag': 'x::y,\\n z'}, {'Package': 'b'}]
    """
    fields: Fields = {}
    name = ""
    for line in lines:
        line = line.rstrip("\n")
        if not line.strip():
            if fields:
                yield fields
            fields = {}
        elif line[0] in " \t":
            if name:
                fields[name] += "\n" + line
        else:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    if fields:
        yield fields


def read_list(path: Path) -> Iterator[Fields]:
    """The packages of a file as apt keeps it, plain or compressed.

    Raises
    ------
    FileNotFoundError
        When the program that unpacks it is not here.
    """
    if path.suffix == "":
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from stanzas(file)
        return
    helper = shutil.which("/usr/lib/apt/apt-helper")
    if helper is None:
        raise FileNotFoundError(f"apt-helper, which unpacks {path.name}, is not on this machine")
    command = [helper, "cat-file", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        yield from stanzas(process.stdout)
    if process.returncode:
        raise OSError(f"apt-helper cannot unpack {path.name}")


def files_of(folder: Path, kind: str) -> list[Path]:
    """The lists of a kind, in order of their names."""
    return sorted(
        path for path in folder.iterdir() if re.search(rf"{kind}(\.[a-z0-9]+)?$", path.name)
    )


def words_of(*texts: str) -> collections.Counter[str]:
    """How often each word occurs.

    >>> words_of("A game of Go, or two games; game", "lib-go3d").most_common(2)
    [('game', 2), ('two', 1)]
    """
    return collections.Counter(WORD.findall(" ".join(texts).lower()))


def tags_of(field: str) -> list[str]:
    """Debtags, with the short form of several tags of a facet written out.

    >>> tags_of("role::program, works-with::{audio,\\n video}, ")
    ['role::program', 'works-with::audio', 'works-with::video']
    """
    found = set()
    for facet, several, single in re.findall(r"([^\s,{]+::)\{([^}]*)\}|([^\s,{}]+)", field):
        found |= {facet + each.strip() for each in several.split(",")} if facet else {single}
    return sorted(found)


def depends_on(field: str) -> list[str]:
    """Packages that a relation names: the first of alternatives, without versions, architectures
    and profiles.

    >>> depends_on("debhelper (>= 11), gcc [amd64], a:native | b, x <!nocheck>")
    ['a', 'debhelper', 'gcc', 'x']
    """
    firsts = (part.partition("|")[0].strip() for part in field.split(","))
    names = (re.match(r"[a-z0-9][a-z0-9+.-]+|[a-z]", first) for first in firsts)
    return sorted({name.group(0) for name in names if name})


def descriptions(folder: Path) -> dict[str, str]:
    """Long descriptions by their checksum."""
    return {
        fields["Description-md5"]: fields["Description-en"]
        for path in files_of(folder, "Translation-en")
        for fields in read_list(path)
        if "Description-en" in fields and "Description-md5" in fields
    }


def packages(folder: Path) -> dict[str, Fields]:
    """Binary packages by name; the first list that has one counts."""
    found: dict[str, Fields] = {}
    for path in files_of(folder, "_Packages"):
        for fields in read_list(path):
            found.setdefault(fields.get("Package", ""), fields)
    found.pop("", None)
    return found


def text_of(fields: Fields, long: dict[str, str]) -> str:
    """What describes a binary package."""
    return long.get(fields.get("Description-md5", ""), fields.get("Description", ""))


def tag_rows(folder: Path) -> list[Row]:
    """A row for each binary package that has tags."""
    long = descriptions(folder)
    return [
        Row(name, words_of(text_of(fields, long), name), tags_of(fields["Tag"]))
        for name, fields in sorted(packages(folder).items())
        if fields.get("Tag")
    ]


def dependency_rows(folder: Path) -> list[Row]:
    """A row for each source package, with the texts of all its binary packages."""
    long, binaries = descriptions(folder), packages(folder)
    sources: dict[str, Row] = {}
    for path in files_of(folder, "_Sources"):
        for fields in read_list(path):
            name = fields["Package"]
            relations = [value for key, value in fields.items() if key in RELATIONS]
            built = [each.strip() for each in fields.get("Binary", "").split(",")]
            texts = [text_of(binaries[each], long) for each in built if each in binaries]
            labels = depends_on(",".join(relations))
            if labels and texts and name not in sources:
                sources[name] = Row(name, words_of(*texts, name), labels)
    return [sources[name] for name in sorted(sources)]


RELATIONS = ("Build-Depends", "Build-Depends-Indep", "Build-Depends-Arch")
STREAMS = {"tags": tag_rows, "builddeps": dependency_rows}


def without_rare_and_common(rows: list[Row]) -> list[Row]:
    """Rows with the words that are worth a column; rows without any are left out."""
    n_rows = collections.Counter(word for row in rows for word in row.words)
    most = MOST_SHARE * len(rows)
    kept = {word for word, n in n_rows.items() if LEAST_ROWS <= n <= most}
    cut = (
        row._replace(words=collections.Counter({w: n for w, n in row.words.items() if w in kept}))
        for row in rows
    )
    return [row for row in cut if row.words]


def write(path: Path, kind: str, rows: list[Row]) -> None:
    """JSON lines; the same rows give the same bytes."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        for row in rows:
            line = {"words": dict(sorted(row.words.items())), kind: row.labels}
            text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
            packed.write(text.encode() + b"\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stream", choices=STREAMS)
    parser.add_argument("output", type=Path, help="a file .jsonl.gz")
    parser.add_argument("--lists", type=Path, default=LISTS, help="folder of apt's lists")
    parser.add_argument("--shuffle", type=int, metavar="SEED")
    given = parser.parse_args()
    try:
        rows = without_rare_and_common(STREAMS[given.stream](given.lists))
    except OSError as error:
        print(f"The package lists cannot be read: {error}.", file=sys.stderr)
        return 2
    if not rows:
        print(
            f"{given.lists} has no lists with {given.stream}: 'apt-get update' fetches them "
            "(source packages need 'deb-src' in the sources of apt; Ubuntu has no tags).",
            file=sys.stderr,
        )
        return 2
    if given.shuffle is not None:
        random.Random(given.shuffle).shuffle(rows)
    write(given.output, given.stream, rows)
    words = {word for row in rows for word in row.words}
    labels = {label for row in rows for label in row.labels}
    print(
        f"{given.output}: {len(rows):,} rows, {len(words):,} words, {len(labels):,} {given.stream}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
