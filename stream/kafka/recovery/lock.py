"""A lock that lets only one learner of a name run on a machine."""

from __future__ import annotations

import fcntl
import os

from stream.kafka.errors import FencedError


class Lock:
    """A file that one process at a time holds; the operating system lets it go when the process
    ends, however it ends.

    Parameters
    ----------
    path
        The file.
    name
        The learner's name, for the error message.

    Raises
    ------
    FencedError
        When another process holds it.
    """

    def __init__(self, path: str | os.PathLike[str], name: str):
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise FencedError(
                f"A learner named {name!r} is running with this folder ({path} is locked); stop "
                "it, or give this one another name."
            ) from None

    def release(self) -> None:
        """Let it go."""
        os.close(self._descriptor)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()
