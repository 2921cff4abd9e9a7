"""What the rows of a stream are, in a few characters: the same digest is the same rows."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from harness.fingerprint import code_of, digest
from harness.store import Store
from stream.data import Source


class RowDigests:
    """Digests of streams. A file is read once for as long as it and its reader stay as they are.

    A change in a reader that gives the same rows makes no model run again.

    Parameters
    ----------
    store
        Where digests of files are kept.
    """

    def __init__(self, store: Store):
        self.store = store
        self._known: dict[str, str] = {}

    def of(self, source: Source) -> str:
        """Digest of the rows of a file; of a generator's parameters and code otherwise."""
        code = code_of([type(source).__module__])
        path = getattr(source, "path", None)
        if path is None:
            description = getattr(source, "description", None)
            told = source.name if description is None else description.as_dict()
            return digest(json.dumps([told, code], sort_keys=True, default=str))
        with Path(path).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        key = "rows-" + digest(json.dumps([content, code, _names(source)], default=str))
        if key not in self._known:
            kept = self.store.read(key) or {"rows": _read(source)}
            self.store.write(key, kept)
            self._known[key] = kept["rows"]
        return self._known[key]


def _names(source: Source) -> list[Any]:
    """The columns as they are before the first row: how the file was asked to be read."""
    return [source.schema.task, list(source.schema.features), list(source.schema.labels)]


def _read(source: Source) -> str:
    """Digest of what all batches hold."""
    found = hashlib.sha256()
    for batch in source.batches():
        for array in batch[:-1]:
            found.update(array.tobytes())
    found.update(json.dumps(_names(source), default=str).encode())
    return found.hexdigest()[:32]
