"""Where compiled kernels are kept: one folder per user, shared by environments and copies.

Numba keeps a kernel beside its source file and takes the file's place for the kernel's name, so
each copy of the sources compiles anew. Here the name of a file is a hash of what the compiler read
(:mod:`stream.engine.stamps`), the processor, and the versions of Python and Numba. Files are
written under another name and then renamed, and never changed: processes side by side need no lock.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import pickle
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import _Cache
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

from stream.engine import compile_helpers, compile_parts
from stream.engine.kernel_locks import KernelLock
from stream.engine.stamps import describe_type, function_name, kernel_stamp

logger = logging.getLogger(__name__)
_numba_config: Any = numba.config

# Kernels that nothing has used for so long are removed, and the oldest when all need more room.
UNUSED_SECONDS = 30 * 24 * 3600.0
MOST_BYTES = 1_000_000_000
_USED_AGAIN_SECONDS = 24 * 3600.0
SUFFIX = ".kernel"
_PACKAGE = __name__.partition(".")[0]
# Name and features of what Numba compiles for with NUMBA_CPU_NAME=generic.
GENERIC_PROCESSOR = ("generic", "")
# Changes when the content of the files does.
_FORMAT = 3


def versions() -> str:
    """Name of a folder of kernels: what decides, besides the processor, who can use them."""
    magic = importlib.util.MAGIC_NUMBER[:2].hex()
    return f"{sys.implementation.cache_tag}-{magic}-numba-{numba.__version__}-{sys.platform}"


def installed_folder() -> Path:
    """The folder of the kernels that came with a wheel, for any processor of the platform.

    It is missing where the sources are used, and has another name where the wheel was built for
    other versions of Python or Numba.
    """
    return Path(__file__).parent / "compiled" / versions()


def cache_root() -> Path:
    """The folder of this user's kernels.

    The first that is set: ``DRIFTHOMER_CACHE_DIR``; ``NUMBA_CACHE_DIR`` (in a folder
    ``drifthomer``); the place of the operating system for caches, which on Linux is
    ``$XDG_CACHE_HOME/drifthomer`` or ``~/.cache/drifthomer``.
    """
    if own := os.environ.get("DRIFTHOMER_CACHE_DIR"):
        root = Path(own).expanduser()
    elif of_numba := _numba_config.CACHE_DIR:
        root = Path(of_numba) / "drifthomer"
    else:
        root = Path(AppDirs(appname="drifthomer", appauthor=False).user_cache_dir)
    return root / "kernels"


class KernelCache(_Cache):
    """The kept forms of one kernel: one file for each combination of argument types.

    Parameters
    ----------
    function
        The function that is compiled.
    options
        How it is compiled.

    Attributes
    ----------
    wants_part
        Whether what is loaded or saved next is called by kernels only
        (:mod:`stream.engine.compile_parts`).
    """

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        self._function = function
        self._options = repr(sorted(options.items()))
        self._stamp: str | None = None
        self._enabled = True
        self.wants_part = False
        self._locks: dict[Path, KernelLock] = {}

    @property
    def cache_path(self) -> str:
        """The folder of the files."""
        return str(cache_root() / versions())

    def enable(self) -> None:
        """Keep kernels."""
        self._enabled = True

    def disable(self) -> None:
        """Keep none, use none."""
        self._enabled = False

    def flush(self) -> None:
        """Remove what is kept of this kernel."""
        for path in Path(self.cache_path).glob(f"{function_name(self._function)}-*{SUFFIX}"):
            path.unlink(missing_ok=True)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The kernel compiled for the types ``sig``; None when it is not kept.

        Whoever gets None compiles it, and others wait until it is kept, or :meth:`release` called.
        """
        target_context.refresh()
        if not self._enabled:
            return None
        processor = target_context.codegen().magic_tuple()
        path = self._path(sig, processor, self.wants_part)
        payload = _read(path)
        if payload is None and self.wants_part:
            payload = _read(self._path(sig, processor, False))
        if payload is None:
            generic = (processor[0], *GENERIC_PROCESSOR)
            payload = _read(installed_folder() / self.file_name(sig, generic))
        if payload is None and path not in self._locks:
            if self._function.__module__.partition(".")[0] == _PACKAGE:
                compile_helpers.start(path.parent, installed_folder())
            self._locks[path] = KernelLock(path)
            self._locks[path].acquire()
            payload = _read(path)
        if payload is None:
            return None
        self.release()
        _mark_as_used(path)
        return compile_parts.rebuild(target_context, payload)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel that was compiled for the types ``sig``."""
        if not self._enabled or data.library.has_dynamic_globals:
            return
        path = self._path(sig, data.codegen.magic_tuple(), compile_parts.is_part(data))
        try:
            _write(path, dumps(data._reduce()))
            prune(path.parents[1])
        except OSError as error:
            logger.warning(
                "Compiled kernels cannot be kept in %s and will be compiled again: %s "
                "(DRIFTHOMER_CACHE_DIR names another folder).",
                path.parent,
                error,
            )
        finally:
            self.release()

    def release(self) -> None:
        """Let other processes compile this kernel: it is kept, or cannot be compiled."""
        while self._locks:
            self._locks.popitem()[1].release()

    def _path(self, sig: Any, processor: tuple[str, str, str], part: bool) -> Path:
        return Path(self.cache_path) / self.file_name(sig, processor, part)

    def file_name(self, sig: Any, processor: tuple[str, str, str], part: bool = False) -> str:
        """Name of the file for argument types and a processor (triple, name, features); that of a
        kernel as a whole, or as a part of others."""
        # At the first use, not before: a kernel may call one that its module defines further down.
        if self._stamp is None:
            self._stamp = kernel_stamp(self._function)
        arguments = [describe_type(each) for each in sig]
        content = repr((self._stamp, self._options, arguments, processor, llvmlite.__version__))
        checks = " with bounds checks" if _numba_config.BOUNDSCHECK else ""
        kind = f" {compile_parts.KIND}" if part else ""
        digest = hashlib.sha256(f"{_FORMAT} {content}{checks}{kind}".encode()).hexdigest()[:32]
        return f"{function_name(self._function)}-{digest}{SUFFIX}"


def _read(path: Path) -> tuple | None:
    """What a file holds; None where there is none, or one that is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:32], content[32:]
    if hashlib.sha256(data).digest() != digest:
        logger.warning("The compiled kernel %s is damaged and is compiled again.", path)
        return None
    return pickle.loads(data)


def _write(path: Path, data: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        unfinished.write_bytes(hashlib.sha256(data).digest() + data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _mark_as_used(path: Path) -> None:
    try:
        if time.time() - path.stat().st_mtime > _USED_AGAIN_SECONDS:
            os.utime(path)
    except OSError as error:
        logger.debug("Cannot note that %s was used: %s", path, error)


def _kept(root: Path) -> Iterator[tuple[float, int, Path]]:
    """Time of last use, bytes and path of each file; others may remove files meanwhile."""
    for path in root.glob("*/*"):
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        yield found.st_mtime, found.st_size, path


def prune(root: Path, *, at_most_every: float = _USED_AGAIN_SECONDS) -> list[Path]:
    """Remove what was not used for long, and the oldest of what takes too much room.

    Parameters
    ----------
    root
        Folder that holds a folder of files for each combination of versions.
    at_most_every
        Seconds since the last look at the folder in which nothing is done.

    Returns
    -------
    The files that were removed.
    """
    looked = root / "pruned"
    now = time.time()
    if looked.exists() and now - looked.stat().st_mtime < at_most_every:
        return []
    looked.touch()
    files = sorted(_kept(root), reverse=True)
    removed, size = [], 0
    for used, n_bytes, path in files:
        size += n_bytes
        if now - used > UNUSED_SECONDS or size > MOST_BYTES:
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed
