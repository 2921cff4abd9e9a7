"""Streams of labelled rows: files, frames, River's datasets, and a catalogue of benchmark streams.

Start with :func:`open_source`, which takes any of them.
"""

from stream.data.arff import ArffSource
from stream.data.catalogue import Entry, entries, find_entry
from stream.data.delimited import CsvSource
from stream.data.formats import open_path
from stream.data.frames import FrameSource, ParquetSource
from stream.data.json_lines import JsonLinesSource
from stream.data.libsvm import LibsvmSource
from stream.data.pairs import PairSource
from stream.data.resolving import open_source, resolve
from stream.data.source import DEFAULT_CHUNK_ROWS, Source, rows_as_dicts
from stream.rows.schema import Schema

__all__ = [
    "DEFAULT_CHUNK_ROWS",
    "ArffSource",
    "CsvSource",
    "Entry",
    "FrameSource",
    "JsonLinesSource",
    "LibsvmSource",
    "PairSource",
    "ParquetSource",
    "Schema",
    "Source",
    "entries",
    "find_entry",
    "open_path",
    "open_source",
    "resolve",
    "rows_as_dicts",
]
