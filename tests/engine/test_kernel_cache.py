"""Kernels are compiled once per user, whatever copy of the sources asks for them."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import TypingError

import stream
from stream.engine import compile_helpers, kernel_cache, kernel_locks
from stream.engine.jit import kernel
from stream.engine.kernel_cache import cache_root, prune
from stream.engine.kernel_locks import KernelLock

PROGRAM = """
import sys
import numpy as np
from stream.data.synthetic import rng
out = np.empty(3)
rng._fill_uniform(rng.stream_key(1, "x"), out)
stats = rng._fill_uniform.stats
print(rng.__file__, sum(stats.cache_misses.values()), sum(stats.cache_hits.values()), *out)
"""


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DRIFTHOMER_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run(folder: Path, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"PYTHONPATH": str(folder), compile_helpers.VARIABLE: "0"} | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def copy_package(folder: Path) -> Path:
    shutil.copytree(
        Path(stream.__file__).parent,
        folder / "stream",
        copy_function=shutil.copy,  # with the time of the copy
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return folder


def test_copies_share_what_one_of_them_compiled(tmp_path, own_cache):
    """Time, size or folder of the sources count, and each environment compiles all again; or a
    changed constant of another module does not count."""
    first, second = copy_package(tmp_path / "first"), copy_package(tmp_path / "second")
    (file, misses, hits, *answer) = run(first)
    assert file.startswith(str(first))
    assert (misses, hits) == ("1", "0")
    with (second / "stream" / "data" / "synthetic" / "rng.py").open("a") as source:
        source.write("# a comment\n")
    (file, misses, hits, *again) = run(second)
    assert file.startswith(str(second))
    assert (misses, hits) == ("0", "1")
    assert again == answer

    source = second / "stream" / "data" / "synthetic" / "rng.py"
    source.write_text(source.read_text().replace("UNIT = 2.0**-53", "UNIT = 2.0**-54"))
    (_, misses, hits, *halved) = run(second)
    assert (misses, hits) == ("1", "0")
    assert [2 * float(each) for each in halved] == [float(each) for each in answer]


def make_kernel():
    def plus_one(x):
        return x + 1

    return kernel(plus_one)


def make_kernel_and_call():
    made = make_kernel()
    assert made(1) == 2
    return made


def test_a_damaged_file_is_compiled_again(own_cache, caplog):
    """Half a file, or one with a wrong byte, is run as machine code."""
    assert make_kernel()(1) == 2
    (file,) = own_cache.rglob("*.kernel")
    content = file.read_bytes()
    for damaged in (b"", content[:-10], content[:-1] + bytes([content[-1] ^ 1])):
        file.write_bytes(damaged)
        assert sum(make_kernel_and_call().stats.cache_misses.values()) == 1
        assert sum(make_kernel_and_call().stats.cache_hits.values()) == 1
    assert "is damaged" in caplog.text
    assert not list(own_cache.rglob("*.part"))


def test_types_have_a_file_each(own_cache):
    """A kernel for one type is taken for another."""
    assert make_kernel()(1) == 2
    assert make_kernel()(1.5) == 2.5
    assert make_kernel()(np.float32(1.5)) == 2.5
    assert len(list(own_cache.rglob("*.kernel"))) == 3
    again = make_kernel()
    assert again(2.5) == 3.5
    assert sum(again.stats.cache_hits.values()) == 1


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch, caplog):
    """Nothing works on a read-only file system, or nobody learns why each start is slow."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DRIFTHOMER_CACHE_DIR", str(tmp_path / "file"))
    assert make_kernel()(1) == 2
    assert "DRIFTHOMER_CACHE_DIR names another folder" in caplog.text


def test_where_kernels_are_kept(monkeypatch, tmp_path):
    """An environment variable is not heeded."""
    monkeypatch.delenv("DRIFTHOMER_CACHE_DIR", raising=False)
    monkeypatch.setattr(kernel_cache._numba_config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform.startswith("linux"):
        assert cache_root() == tmp_path / "xdg" / "drifthomer" / "kernels"
    monkeypatch.setattr(kernel_cache._numba_config, "CACHE_DIR", str(tmp_path / "numba"))
    assert cache_root() == tmp_path / "numba" / "drifthomer" / "kernels"
    monkeypatch.setenv("DRIFTHOMER_CACHE_DIR", str(tmp_path / "own"))
    assert cache_root() == tmp_path / "own" / "kernels"


def test_old_kernels_are_removed(tmp_path, monkeypatch):
    """The folder grows for ever, or loses what is in use."""
    folder = tmp_path / "kernels" / "python"
    folder.mkdir(parents=True)
    now = kernel_cache.time.time()
    for name, days in (("new", 0), ("used", 20), ("old", 40)):
        file = folder / f"{name}.kernel"
        file.write_bytes(bytes(100))
        os.utime(file, (now - days * 86400, now - days * 86400))
    assert prune(tmp_path / "kernels") == [folder / "old.kernel"]
    monkeypatch.setattr(kernel_cache, "MOST_BYTES", 150)
    assert prune(tmp_path / "kernels") == []  # it has just been looked at
    assert prune(tmp_path / "kernels", at_most_every=0.0) == [folder / "used.kernel"]
    assert [path.name for path in folder.iterdir()] == ["new.kernel"]


LOCKED = """
import sys, time
from pathlib import Path
from stream.engine.kernel_locks import KernelLock
lock = KernelLock(Path(sys.argv[1]))
lock.acquire()
print("locked", flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(kernel_locks.fcntl is None, reason="there are no locks on this system")
@pytest.mark.parametrize("end", ["keeps", "dies"])
def test_one_process_compiles_and_the_other_waits(tmp_path, end):
    """Processes that start together compile the same kernels; or one that was killed leaves the
    others waiting."""
    path = tmp_path / "some.kernel"
    other = subprocess.Popen(
        [sys.executable, "-c", LOCKED, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout.readline() == "locked\n"
        lock = KernelLock(path)
        waiting = threading.Thread(target=lock.acquire)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        if end == "keeps":
            path.write_text("compiled")
        else:
            other.kill()
        waiting.join(300)
        assert not waiting.is_alive()
        lock.release()
        assert [each.name for each in tmp_path.iterdir()] == (["some.kernel"] * (end == "keeps"))
    finally:
        other.kill()
        other.communicate()


def test_a_kernel_that_cannot_be_compiled_is_no_longer_locked(own_cache):
    """Others wait two minutes for a kernel that nobody compiles."""

    def wrong(x):
        return x.nothing

    compiled = kernel(wrong)
    for _ in range(2):
        with pytest.raises(TypingError):
            compiled(1)
        assert compiled._cache._locks == {}
    assert not list(own_cache.rglob("*.lock"))


def make_reader():
    def third(values):
        return values[2]

    return kernel(third)


def test_bounds_checks_have_files_of_their_own(own_cache, monkeypatch):
    """``make paranoid`` that runs kernels which look at no index, or its kernels in other runs."""
    monkeypatch.setattr("numba.config.BOUNDSCHECK", None)
    assert make_reader()(np.arange(3)) == 2
    monkeypatch.setattr("numba.config.BOUNDSCHECK", 1)
    checked = make_reader()
    assert checked(np.arange(3)) == 2
    with pytest.raises(IndexError):
        checked(np.arange(2))
    assert len(list(own_cache.rglob("*.kernel"))) == 2
