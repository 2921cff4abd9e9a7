"""Text lines out of plain and compressed files, in bounded memory, with errors that say where."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import zstandard

from stream.errors import DataError, NotAvailableError, ParameterError

COMPRESSION_SUFFIXES = (".gz", ".bz2", ".zst", ".xz")

READ_BYTES = (
    1 << 18
)  # decompressed bytes asked for at a time: large enough that Python's cost per read vanishes
MAX_LINE_CHARACTERS = (
    1 << 25
)  # a longer line is no line of a table; its cells, held at once, take 20 to 40 times as much

_MAGIC = {
    b"\x1f\x8b": ".gz",
    b"BZh": ".bz2",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"\xfd7zXZ\x00": ".xz",
}
_REFUSED_MAGIC = {
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
}


def strip_compression(path: str | os.PathLike[str]) -> Path:
    """Path without its compression suffix.

    Examples
    --------
    >>> strip_compression("yeast.arff.gz").name
    'yeast.arff'
    """
    path = Path(path)
    return path.with_suffix("") if path.suffix.lower() in COMPRESSION_SUFFIXES else path


def open_bytes(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file for reading its decompressed bytes; the first bytes decide about the compression.

    Parameters
    ----------
    path
        Plain file, or one compressed with gzip, bzip2, zstd or xz.

    Raises
    ------
    NotAvailableError
        When there is no such file.
    DataError
        When it is a directory, empty, unreadable, or not what its suffix says.
    """
    path = Path(path)
    try:
        raw = path.open("rb")
    except FileNotFoundError:
        raise NotAvailableError(f"There is no file {str(path)!r}; check the path.") from None
    except IsADirectoryError:
        raise DataError("is a directory; give the path of a file in it", source=str(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot be opened: {reason}", source=str(path)) from error
    try:
        return _decompressor(raw, path)
    except OSError as error:
        raw.close()
        raise DataError(f"cannot be read: {error.strerror or error}", source=str(path)) from error
    except BaseException:
        raw.close()
        raise


def _decompressor(raw: io.BufferedReader, path: Path) -> IO[bytes]:
    head = raw.read(6)
    raw.seek(0)
    if not head:
        raise DataError("the file is empty; expected rows of data", source=str(path))
    for magic, what in _REFUSED_MAGIC.items():
        if head.startswith(magic):
            raise DataError(f"is {what}, which is not read; unpack it first", source=str(path))
    found = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")
    expected = path.suffix.lower() if path.suffix.lower() in COMPRESSION_SUFFIXES else ""
    if expected and found != expected:
        raise DataError(
            f"the name ends in {expected} but the content is not compressed that way; rename or "
            "replace the file",
            source=str(path),
        )
    if found == ".gz":
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if found == ".bz2":
        return bz2.BZ2File(raw)
    if found == ".xz":
        return lzma.LZMAFile(raw)
    if found == ".zst":
        return io.BufferedReader(_ZstdFrames(raw), READ_BYTES)
    return raw


class _ZstdFrames(io.RawIOBase):
    """Zstd frames one after the other; unlike the library's reader it notices when the last one is
    cut off.
    """

    # A thousand bytes may stand for tens of megabytes, so more are not fed at once.
    INPUT_BYTES = 1 << 10

    def __init__(self, raw: io.BufferedReader):
        self._raw = raw
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._fed = False
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            data = self._raw.read(self.INPUT_BYTES)
            if not data:
                if self._fed:
                    raise EOFError("compressed file ended inside a zstd frame")
                return 0
            self._ready = memoryview(self._decompress(data))
        n = min(len(buffer), len(self._ready))
        buffer[:n] = self._ready[:n]
        self._ready = self._ready[n:]
        return n

    def _decompress(self, data: bytes) -> bytes:
        parts = []
        while data:
            parts.append(self._frame.decompress(data))
            self._fed = not self._frame.eof
            data = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        return b"".join(parts)

    def close(self) -> None:
        self._raw.close()
        super().close()


def read_lines(
    path: str | os.PathLike[str], encoding: str = "utf-8"
) -> Iterator[tuple[int, list[str]]]:
    """Lines of a text file, many at a time.

    Parameters
    ----------
    path
        Plain or compressed file; see :func:`open_bytes`.
    encoding
        How its bytes stand for characters. A byte order mark is skipped.

    Yields
    ------
    tuple
        Number of the first line (from 1) and the lines without their ends (any of ``\\n``,
        ``\\r\\n``, ``\\r``).

    Raises
    ------
    DataError
        Naming the line where the compressed data broke off or a byte could not be decoded; the
        lines before have been yielded.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.txt"
    >>> _ = path.write_text("first\\nsecond\\n")
    >>> list(read_lines(path))
    [(1, ['first', 'second'])]
    """
    try:
        name = codecs.lookup(encoding).name
        b"a".decode(encoding, "ignore")  # refuses what is no encoding of text, such as base64
    except (LookupError, ValueError, TypeError):
        raise ParameterError(
            "'encoding' must be one that Python knows, such as 'utf-8' or 'latin-1'. Got "
            f"{encoding!r}."
        ) from None
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)(), translate=True
    )
    source = str(path)
    line = 1
    rest: list[str] = []  # pieces of a line whose end has not been read; joined once
    with open_bytes(path) as file:
        final = False
        while not final:
            data = _read(file, source, line)
            final = not data
            try:
                text = decoder.decode(data, final=final)
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode(name, "ignore")
                lines = good.replace("\r\n", "\n").replace("\r", "\n").split("\n")
                if len(lines) > 1:
                    yield line, ["".join([*rest, lines[0]]), *lines[1:-1]]
                line += len(lines) - 1
                raise DataError(
                    f"byte 0x{error.object[error.start]:02x} is not valid {encoding}; name the "
                    "file's encoding, such as --encoding latin-1 (encoding='latin-1')",
                    source=source,
                    line=line,
                ) from None
            except UnicodeError as error:
                raise DataError(
                    f"not valid {encoding}: {error}", source=source, line=line
                ) from None
            lines = text.split("\n")
            if len(lines) > 1:
                lines[0] = "".join([*rest, lines[0]])
                rest = []
            rest.append(lines.pop())
            if sum(map(len, rest)) > MAX_LINE_CHARACTERS:
                if lines:
                    yield line, lines
                raise DataError(
                    f"the line is longer than {MAX_LINE_CHARACTERS:,} characters; is this a text "
                    "file?",
                    source=source,
                    line=line + len(lines),
                )
            if final and any(rest):
                lines.append("".join(rest))
            if lines:
                yield line, lines
                line += len(lines)


def _read(file: IO[bytes], source: str, line: int) -> bytes:
    try:
        return file.read1(READ_BYTES)  # type: ignore[attr-defined]
    except EOFError:
        reason = "the compressed data end too early: the file is truncated; fetch it again"
    except (zlib.error, lzma.LZMAError, zstandard.ZstdError, gzip.BadGzipFile) as error:
        reason = f"the compressed data are corrupt ({error}); fetch the file again"
    except OSError as error:
        reason = f"the data cannot be read ({error.strerror or error}); fetch the file again"
    raise DataError(reason, source=source, line=line)
