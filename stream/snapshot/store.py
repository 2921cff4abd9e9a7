"""The last snapshots of a name in a folder."""

from __future__ import annotations

import contextlib
import logging
import re
from pathlib import Path
from typing import Any, NamedTuple

from stream.errors import ParameterError, SnapshotError
from stream.snapshot.codec import Capture
from stream.snapshot.container import MAX_BYTES
from stream.snapshot.files import Files, write_whole
from stream.snapshot.saving import load

logger = logging.getLogger(__name__)

SUFFIX = ".safetensors"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Refused(NamedTuple):
    """A snapshot that could not be used."""

    path: Path
    reason: str


class Found(NamedTuple):
    """The newest snapshot that can be used."""

    value: Any
    path: Path
    number: int
    refused: tuple[Refused, ...]  # newer ones, newest first


class SnapshotStore:
    """Writes snapshots under increasing numbers, keeps the last ones, and reads the newest that is
    whole.

    A store belongs to one writer at a time.

    Parameters
    ----------
    directory
        Folder; made with the first snapshot.
    name
        Begins the names of the files: letters, digits, ``.``, ``_`` and ``-``.
    keep
        Snapshots that stay.
    max_bytes
        Bytes that a snapshot may have to be read.
    files
        The file system.

    Examples
    --------
    >>> import tempfile
    >>> from stream.snapshot import SnapshotStore, dumps
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = SnapshotStore(folder, "learner")
    ...     path = store.write(dumps({"offset": 17}))
    ...     found = store.read_newest()
    >>> path.name, found.value, found.refused
    ('learner.0000000001.safetensors', {'offset': 17}, ())
    """

    def __init__(
        self,
        directory: str | Path,
        name: str,
        *,
        keep: int = 2,
        max_bytes: int = MAX_BYTES,
        files: Files | None = None,
    ):
        if not _NAME.fullmatch(name):
            raise ParameterError(
                "The 'name' of a SnapshotStore must begin with a letter or digit and hold letters, "
                f"digits, '.', '_' and '-'. Got {name!r} instead."
            )
        if keep < 1:
            raise ParameterError(f"The 'keep' of a SnapshotStore must be 1 or more. Got {keep!r}.")
        self.directory = Path(directory)
        self.name = name
        self.keep = keep
        self.max_bytes = max_bytes
        self.files = Files() if files is None else files
        self._file_name = re.compile(
            rf"(\.?){re.escape(name)}\.(\d{{10,}}){re.escape(SUFFIX)}(\.tmp)?"
        )

    def write(self, payload: bytes | Capture) -> Path:
        """Write a snapshot and remove those that are not kept any more; returns its file.

        Parameters
        ----------
        payload
            What :func:`stream.snapshot.dumps` or :func:`stream.snapshot.capture` gave.

        Raises
        ------
        SnapshotError
            When the file system fails; the snapshots before are still there then.
        """
        chunks = payload.chunks() if isinstance(payload, Capture) else [memoryview(payload)]
        try:
            number = max((number for number, _ in self.snapshots()), default=0) + 1
        except OSError as error:
            raise SnapshotError(f"{self.directory} cannot be listed: {error}") from error
        path = self.directory / f"{self.name}.{number:010d}{SUFFIX}"
        write_whole(self.files, path, chunks)
        self._remove_old(number)
        return path

    def snapshots(self) -> list[tuple[int, Path]]:
        """Number and file of every snapshot, newest first."""
        found = []
        for file_name in self.files.names(self.directory):
            match = self._file_name.fullmatch(file_name)
            if match and not match[1] and not match[3]:
                found.append((int(match[2]), self.directory / file_name))
        return sorted(found, reverse=True)

    @property
    def exists(self) -> bool:
        """Whether there is a snapshot, whether or not it can be used."""
        return self.directory.is_dir() and bool(self.snapshots())

    def _remove_old(self, newest: int) -> None:
        """Remove what is not kept, and what an interrupted write has left.

        A file that cannot be removed now is removed after a later write.
        """
        with contextlib.suppress(OSError):
            old = [path for _, path in self.snapshots()[self.keep :]]
            for file_name in self.files.names(self.directory):
                match = self._file_name.fullmatch(file_name)
                if match and match[1] and match[3] and int(match[2]) <= newest:
                    old.append(self.directory / file_name)
            for path in old:
                try:
                    self.files.remove(path)
                except OSError as error:
                    logger.warning("%s cannot be removed: %s", path, error)

    def read_newest(self) -> Found | None:
        """The newest snapshot that can be used; None when nothing was ever written.

        Every newer one that is damaged is named in a warning and in the result.

        Raises
        ------
        SnapshotError
            When there are snapshots and none can be used, naming each.
        """
        refused: list[Refused] = []
        for number, path in self.snapshots():
            try:
                value = load(path, max_bytes=self.max_bytes, files=self.files)
            except SnapshotError as error:
                logger.warning("%s", error)
                refused.append(Refused(path, str(error)))
            else:
                return Found(value, path, number, tuple(refused))
        if refused:
            raise SnapshotError(
                f"none of the {len(refused)} snapshots of {self.name!r} in {self.directory} can be "
                f"used: {'; '.join(each.reason for each in refused)}"
            )
        return None
