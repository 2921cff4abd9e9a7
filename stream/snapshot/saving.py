"""One snapshot in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stream.constraints import AMOUNT, check_value
from stream.errors import SnapshotError
from stream.snapshot.codec import Capture, capture, loads
from stream.snapshot.container import MAX_BYTES
from stream.snapshot.files import Files, write_whole


def save(value: Any, path: str | Path, *, files: Files | None = None) -> None:
    """Write a model, or any other value that :func:`stream.snapshot.dumps` takes, to a file.

    The file is written whole or not at all: whatever happens on the way, it holds all of its old or
    all of its new content.

    Parameters
    ----------
    value
        The model or value; or what :func:`stream.snapshot.capture` gave.
    path
        The file; its folder is made if needed.
    files
        The file system.

    Raises
    ------
    SnapshotError
        When the value cannot be held, or the file system fails.
    """
    captured = value if isinstance(value, Capture) else capture(value, copy=False)
    write_whole(Files() if files is None else files, Path(path), captured.chunks())


def load(path: str | Path, *, max_bytes: int = MAX_BYTES, files: Files | None = None) -> Any:
    """The model, or other value, that a file holds. Nothing in the file is executed.

    Parameters
    ----------
    path
        A file that :meth:`save` of a model or :func:`stream.snapshot.save` has written.
    max_bytes
        Bytes that the file may have.
    files
        The file system.

    Raises
    ------
    SnapshotError
        Naming the file, and why it cannot be used: absent, damaged, of another version, larger than
        allowed, or not a snapshot.

    Examples
    --------
    >>> import tempfile
    >>> import stream
    >>> model = stream.MultiLabelHoeffdingTree()
    >>> model.learn_one({"temperature": 25.0}, {"sun": True})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/model.safetensors")
    ...     restored = stream.load(f"{folder}/model.safetensors")
    >>> restored.predict_one({"temperature": 24.0})
    {'sun': True}
    """
    try:
        return loads(read(path, max_bytes=max_bytes, files=files), max_bytes=max_bytes)
    except SnapshotError as error:
        raise SnapshotError(f"the snapshot {path} cannot be used: {error}") from error


def read(path: str | Path, *, max_bytes: int = MAX_BYTES, files: Files | None = None) -> bytes:
    """The bytes of a file, if they are not too many.

    Raises
    ------
    SnapshotError
        When the file is too large or cannot be read.
    """
    check_value("load", "max_bytes", max_bytes, (AMOUNT,))
    files = Files() if files is None else files
    try:
        size = files.size(Path(path))
        if size > max_bytes:
            raise SnapshotError(
                f"it has {size} bytes, more than the {max_bytes} allowed; raise max_bytes if it is "
                "meant to be that large"
            )
        return files.read(Path(path))
    except OSError as error:
        raise SnapshotError(f"it cannot be read: {error.strerror or error}") from error
