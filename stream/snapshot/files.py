"""File-system operations, and a file that is written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from stream.errors import SnapshotError

_CHUNK = 1 << 24  # bytes of one write: larger ones are cut by the operating system


class Files:
    """The operations on files that snapshots need; a test puts faults in their place.

    All raise OSError.
    """

    def make_folder(self, path: Path) -> None:
        """Make a folder and those above it, unless they are there."""
        path.mkdir(parents=True, exist_ok=True)

    def create(self, path: Path) -> int:
        """Make a file that only its owner reads and writes, and open it for writing; returns its
        descriptor.

        A plain file of that name, which an interrupted write has left, is removed first. Anything
        else there, such as a link to a file of somebody else's, is refused.
        """
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(path.lstat().st_mode):
                raise FileExistsError(
                    errno.EEXIST, f"{path} is a link, or no plain file; remove it"
                )
            path.unlink()
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write bytes; returns how many were written, perhaps fewer than given."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Wait until what was written is on the disk."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a file."""
        os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Replace a file by another one atomically."""
        os.replace(old, new)

    def sync_folder(self, path: Path) -> None:
        """Wait until the names in a folder are on the disk."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def names(self, path: Path) -> list[str]:
        """Names of the files in a folder; none when there is no such folder."""
        return sorted(os.listdir(path)) if path.is_dir() else []

    def size(self, path: Path) -> int:
        """Bytes of a file."""
        return path.stat().st_size

    def read(self, path: Path) -> bytes:
        """The content of a file."""
        return path.read_bytes()


def write_whole(files: Files, path: Path, chunks: Iterable[memoryview]) -> None:
    """Write a file so that at every moment its name stands for all of the old or all of the new
    content, also after the power has failed.

    The content goes to a file beside it, which is put in its place once it is on the disk. After a
    failure the file beside it is removed and nothing else has changed, unless it was the folder
    that could not be synchronised: then the new content has its name, but perhaps not for good.

    Raises
    ------
    SnapshotError
        When the file system fails, naming file and reason.
    """
    beside = path.with_name(f".{path.name}.tmp")
    try:
        files.make_folder(path.parent)
        descriptor = files.create(beside)
        try:
            _write(files, descriptor, chunks)
            files.rename(beside, path)
        except OSError:
            with contextlib.suppress(OSError):  # the first failure is the one to be told
                files.remove(beside)
            raise
        files.sync_folder(path.parent)
    except OSError as error:
        raise SnapshotError(
            f"the snapshot {path} cannot be written: {error.strerror or error}; what was there "
            "before is still valid"
        ) from error


def _write(files: Files, descriptor: int, chunks: Iterable[memoryview]) -> None:
    """Write a file until it is on the disk, and close it."""
    try:
        for chunk in chunks:
            written = 0
            while written < len(chunk):
                n = files.write(descriptor, chunk[written : written + _CHUNK])
                if n <= 0:
                    raise OSError(0, "nothing was written")
                written += n
        files.sync(descriptor)
    finally:
        files.close(descriptor)
