"""Records of finished cells, a file for each: it is there complete or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stream.evaluate.result import write_text


class Store:
    """A folder of records.

    Parameters
    ----------
    folder
        Made when the first record is written.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def read(self, key: str) -> dict[str, Any] | None:
        """The record of a key; None where there is none."""
        try:
            return json.loads(self._path(key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def write(self, key: str, record: dict[str, Any]) -> None:
        """Keep a record, in place of an earlier one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self._path(key), json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n")

    def remove(self, key: str) -> None:
        """Forget a record, if there is one."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"
