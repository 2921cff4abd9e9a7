"""Models and other state in one file, written whole or not at all."""

from stream.errors import SnapshotError
from stream.snapshot.classes import register
from stream.snapshot.codec import Capture, capture, dumps, loads
from stream.snapshot.files import Files
from stream.snapshot.saving import load, save
from stream.snapshot.store import Found, Refused, SnapshotStore

__all__ = [
    "Capture",
    "Files",
    "Found",
    "Refused",
    "SnapshotError",
    "SnapshotStore",
    "capture",
    "dumps",
    "load",
    "loads",
    "register",
    "save",
]
