"""What lets an estimator be saved, pickled and copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any, SupportsIndex

from stream.snapshot import dumps, loads, register, save


class Saved:
    """An estimator whose files, pickles and deep copies are the same bytes: those of
    :func:`stream.snapshot.dumps`.

    They hold all of its attributes, or what ``__getstate__`` returns, and depend on nothing else.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register(cls)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        # the class is named so that a pickle imports the module of one that is not ours
        return _restored, (type(self), dumps(self))

    def save(self, path: str | Path) -> None:
        """Write the estimator to a file that :func:`stream.load` reads.

        The file is written whole or not at all.

        Parameters
        ----------
        path
            The file; ``.safetensors`` is the usual ending.

        Raises
        ------
        SnapshotError
            When the file cannot be written, or a name is of a type that snapshots do not hold.
        """
        save(self, path)


def _restored(kind: type, data: bytes) -> Any:
    return loads(data)
