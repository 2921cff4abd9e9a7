"""Streams of labelled rows: files, frames, River's datasets, and a catalogue of benchmark streams.

Start with :func:`open_source`, which takes any of them.
"""

from stream.data.arff import ArffSource
from stream.data.catalogue import Entry, entries, find_entry
from stream.data.resolving import open_source, resolve
from stream.data.schema import Schema
from stream.data.source import DEFAULT_CHUNK_ROWS, Source, rows_as_dicts

__all__ = [
    "DEFAULT_CHUNK_ROWS",
    "ArffSource",
    "Entry",
    "Schema",
    "Source",
    "entries",
    "find_entry",
    "open_source",
    "resolve",
    "rows_as_dicts",
]
