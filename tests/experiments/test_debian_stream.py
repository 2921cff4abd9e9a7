"""Streams from package lists: what stands in a row, on lists of any kind."""

from __future__ import annotations

import doctest
import gzip
import json
import sys

import debian_stream
import pytest

from stream import open_source

PACKAGES = """Package: {name}
Description: {name} for people
Description-md5: {name}sum
Tag: role::program, use::{{playing,
 {use}}}

"""
TRANSLATION = """Package: {name}
Description-md5: {name}sum
Description-en: {name} for people
 It has a board, dice and {text}.
 .
 Everybody knows it.

"""
SOURCES = """Package: {name}-src
Binary: {name}, {name}-doc
Build-Depends: debhelper (>= 11), lib{use} [amd64] | other
Build-Depends-Indep: doxygen

"""
NAMES = ("chess", "checkers", "ludo", "halma", "goose", "mikado", "domino", "poker", "rummy")


@pytest.fixture
def lists(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    for kind, text in (
        ("main_binary-amd64_Packages", PACKAGES),
        ("main_i18n_Translation-en", TRANSLATION),
        ("main_source_Sources", SOURCES),
    ):
        told = (
            text.format(name=name, use="one" if i % 2 else "two", text="wood" if i < 4 else "rules")
            for i, name in enumerate(NAMES)
        )
        (folder / f"deb_{kind}").write_text("".join(told), encoding="utf-8")
    return folder


def made(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["debian_stream.py", *map(str, words)])
    code = debian_stream.main()
    return code, capsys.readouterr()


def rows_of(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_examples():
    """An example that shows what the code no longer does."""
    assert doctest.testmod(debian_stream).failed == 0


def test_tags_and_the_long_description(lists, monkeypatch):
    """Words of short descriptions only, or words that every row has."""
    monkeypatch.setattr(debian_stream, "MOST_SHARE", 0.5)
    rows = debian_stream.without_rare_and_common(debian_stream.tag_rows(lists))
    assert [row.name for row in rows] == ["checkers", "chess", "halma", "ludo"]
    words = set().union(*(row.words for row in rows))
    assert words == {"wood"}  # "rules" is in too many rows, the names are in too few
    assert rows[0].labels[0] == "role::program"
    assert set(rows[0].labels) & {"use::one", "use::two"}


def test_a_stream_that_we_can_read(lists, tmp_path, monkeypatch, capsys):
    """A format that only its writer reads, or bytes that change from run to run."""
    monkeypatch.setattr(debian_stream, "MOST_SHARE", 1.0)
    first, second = tmp_path / "tags.jsonl.gz", tmp_path / "again.jsonl.gz"
    code, told = made(monkeypatch, capsys, "tags", first, "--lists", lists)
    assert code == 0
    assert "9 rows" in told.out
    made(monkeypatch, capsys, "tags", second, "--lists", lists)
    assert first.read_bytes() == second.read_bytes()
    source = open_source(str(first), labels="tags")
    assert sum(batch.n_rows for batch in source.batches()) == 9
    assert set(source.schema.labels) == {"role::program", "use::playing", "use::one", "use::two"}
    made(monkeypatch, capsys, "tags", second, "--lists", lists, "--shuffle", 3)
    assert rows_of(second) != rows_of(first)
    assert sorted(map(str, rows_of(second))) == sorted(map(str, rows_of(first)))


def test_build_dependencies(lists):
    """Alternatives, versions and architectures that become labels of their own."""
    rows = debian_stream.dependency_rows(lists)
    assert len(rows) == 9
    assert rows[0].name == "checkers-src"
    assert rows[0].labels == ["debhelper", "doxygen", "libone"]
    assert rows[0].words["board"] == 1


def test_no_lists_say_what_to_do(tmp_path, monkeypatch, capsys):
    """An empty stream that is found out hours later."""
    code, told = made(monkeypatch, capsys, "tags", tmp_path / "a.gz", "--lists", tmp_path)
    assert code == 2
    assert "apt-get update" in told.err
    assert not (tmp_path / "a.gz").exists()
