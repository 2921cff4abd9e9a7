from __future__ import annotations

import bz2
import gzip
import lzma

import pytest
import zstandard
from data_helpers import write

from stream.data import ArffSource, opening
from stream.data.opening import open_bytes, read_lines
from stream.errors import DataError, NotAvailableError, ParameterError

COMPRESS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
TEXT = "".join(f"line {i} {i * 7919 % 10007}\n" for i in range(1, 60_001))


def lines_of(path, **options):
    return [line for _, lines in read_lines(path, **options) for line in lines]


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compressed_text_reads_as_plain_text_does(tmp_path, suffix):
    plain = write(tmp_path, "a.txt", TEXT)
    packed = tmp_path / f"a.txt{suffix}"
    packed.write_bytes(COMPRESS[suffix](TEXT.encode()))
    assert lines_of(packed) == lines_of(plain) == TEXT.splitlines()


@pytest.mark.parametrize("suffix", COMPRESS)
def test_several_compressed_parts_follow_each_other(tmp_path, suffix):
    packed = tmp_path / f"a.txt{suffix}"
    packed.write_bytes(COMPRESS[suffix](b"one\n") + COMPRESS[suffix](b"two\n"))
    assert lines_of(packed) == ["one", "two"]


def test_the_content_decides_about_compression_where_the_name_does_not(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(gzip.compress(b"one\n"))
    assert lines_of(path) == ["one"]


def test_line_numbers_count_from_one_across_blocks(tmp_path):
    path = write(tmp_path, "a.txt", TEXT)
    blocks = list(read_lines(path))
    assert len(blocks) > 1
    for first, lines in blocks:
        assert lines[0].startswith(f"line {first} ")


@pytest.mark.parametrize("suffix", COMPRESS)
def test_truncated_file_names_file_line_and_reason(tmp_path, suffix):
    packed = tmp_path / f"a.txt{suffix}"
    data = COMPRESS[suffix](TEXT.encode())
    packed.write_bytes(data[: len(data) * 2 // 3])
    got: list[str] = []
    with pytest.raises(DataError, match="truncated") as caught:
        got.extend(line for _, lines in read_lines(packed) for line in lines)
    assert got == TEXT.splitlines()[: len(got)]
    assert caught.value.line == len(got) + 1
    assert str(caught.value).startswith(f"{packed}, line {len(got) + 1}: ")


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("kept", range(7, 60, 7))
def test_truncation_anywhere_near_the_start_is_noticed(tmp_path, suffix, kept):
    packed = tmp_path / f"a.txt{suffix}"
    packed.write_bytes(COMPRESS[suffix](TEXT.encode())[:kept])
    with pytest.raises(DataError):
        lines_of(packed)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_corrupt_file_is_refused(tmp_path, suffix):
    packed = tmp_path / f"a.txt{suffix}"
    data = bytearray(COMPRESS[suffix](TEXT.encode()))
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    packed.write_bytes(data)
    with pytest.raises(DataError, match="fetch"):
        lines_of(packed)


def test_empty_file(tmp_path):
    path = write(tmp_path, "a.arff", "")
    with pytest.raises(DataError, match="empty") as caught:
        ArffSource(path)
    assert str(caught.value).startswith(str(path))


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(NotAvailableError, match="no file"):
        open_bytes(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="is a directory"):
        open_bytes(tmp_path)
    with pytest.raises(DataError, match="cannot be opened"):
        open_bytes("a\0b.csv")


def test_name_that_promises_another_compression(tmp_path):
    path = tmp_path / "a.arff.gz"
    path.write_bytes(b"@relation a\n")
    with pytest.raises(DataError, match=r"ends in \.gz but"):
        open_bytes(path)


def test_archive_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"PK\x03\x04rest")
    with pytest.raises(DataError, match="zip archive"):
        open_bytes(path)


def test_wrong_encoding_names_the_line_and_the_remedy(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("eins\nzwei\nfünf\n".encode("latin-1"))
    with pytest.raises(DataError, match="encoding='latin-1'") as caught:
        lines_of(path)
    assert caught.value.line == 3
    assert lines_of(path, encoding="latin-1") == ["eins", "zwei", "fünf"]
    with pytest.raises(ParameterError, match="klingon"):
        lines_of(path, encoding="klingon")


def test_line_ends_and_byte_order_mark(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffä\r\nb\rc\n\nd".encode())
    assert lines_of(path) == ["ä", "b", "c", "", "d"]


def test_line_without_end_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "MAX_LINE_CHARACTERS", 1 << 19)
    path = write(tmp_path, "a.txt", "short\n" + "x" * (1 << 21))
    with pytest.raises(DataError, match="longer than") as caught:
        lines_of(path)
    assert caught.value.line == 2
