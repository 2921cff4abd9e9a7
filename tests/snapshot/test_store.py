"""The store under every failure of the file system, once and for ever, and killed anywhere."""

import errno
import logging
import os
import stat
import subprocess
import sys

import pytest
from faulty_files import STEPS, FaultyFiles, Killed

from stream.errors import ParameterError, SnapshotError
from stream.snapshot import SnapshotStore, capture, dumps, load, save


def numbered(n, size=3_000):
    """The bytes of a snapshot that says its number."""
    return dumps({"number": n, "filling": b"x" * size})


def found(folder):
    newest = SnapshotStore(folder, "a").read_newest()
    return None if newest is None else newest.value["number"]


@pytest.fixture
def folder(tmp_path):
    """A folder with two snapshots."""
    store = SnapshotStore(tmp_path, "a")
    for n in (1, 2):
        store.write(numbered(n))
    return tmp_path


def test_the_last_two_are_kept(folder):
    store = SnapshotStore(folder, "a")
    for n in range(3, 8):
        assert store.write(numbered(n)).name == f"a.{n:010d}.safetensors"
    assert [number for number, _ in store.snapshots()] == [7, 6]
    assert len(list(folder.iterdir())) == 2
    assert found(folder) == 7


def test_nothing_written_yet(tmp_path):
    assert SnapshotStore(tmp_path / "absent", "a").read_newest() is None


def test_names_do_not_meet(folder):
    """A store that reads or removes what belongs to another."""
    for name in ("a.b", "A", "a-2"):
        SnapshotStore(folder, name).write(numbered(99))
    (folder / "a.0000000009.safetensors.bak").write_bytes(b"")
    assert found(folder) == 2
    assert SnapshotStore(folder, "a.b").read_newest().value["number"] == 99


@pytest.mark.parametrize("name", ["", "../a", ".a", "a/b", "a" * 101, "ä", "a\n"])
def test_names_that_are_none(name, tmp_path):
    with pytest.raises(ParameterError, match="SnapshotStore must begin with"):
        SnapshotStore(tmp_path, name)


def test_a_damaged_one_is_named_and_the_one_before_is_used(folder, caplog):
    path = folder / "a.0000000002.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with caplog.at_level(logging.WARNING):
        newest = SnapshotStore(folder, "a").read_newest()
    assert newest.value["number"] == newest.number == 1
    assert newest.path == folder / "a.0000000001.safetensors"
    [refused] = newest.refused
    assert refused.path == path
    assert str(path) in refused.reason
    assert "damaged" in refused.reason
    assert refused.reason in caplog.text


def test_what_is_whole_but_wrong_is_damaged_too(folder):
    """A hash that fits, over what this version cannot read."""
    data = dumps({"number": 3}).replace(b"{", b"[", 1)
    (folder / "a.0000000003.safetensors").write_bytes(data)
    newest = SnapshotStore(folder, "a").read_newest()
    assert newest.number == 2


def test_all_damaged_is_an_error(folder):
    """A learner that begins from nothing because its snapshots cannot be read."""
    for path in folder.iterdir():
        path.write_bytes(b"")
    with pytest.raises(SnapshotError, match=r"none of the 2 .*a\.0000000002.*a\.0000000001"):
        SnapshotStore(folder, "a").read_newest()


def test_a_number_is_not_given_twice(folder):
    """A new snapshot in the place of the damaged one, which was to be looked at."""
    (folder / "a.0000000002.safetensors").write_bytes(b"")
    assert SnapshotStore(folder, "a").write(numbered(3)).name == "a.0000000003.safetensors"
    assert found(folder) == 3


@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("step", STEPS)
def test_a_failure_leaves_what_was_there(folder, step, error, forever):
    """A failure that is swallowed, that harms the snapshots before, or after which no other can be
    written."""
    files = FaultyFiles(step, error, forever=forever)
    store = SnapshotStore(folder, "a", files=files)
    for _ in range(2 if forever else 1):
        with pytest.raises(SnapshotError, match=os.strerror(error)) as raised:
            store.write(numbered(3))
        assert str(folder / "a.000000000") in str(raised.value)
    assert found(folder) in ({2, 3} if step == "sync_folder" else {2})
    assert not [path for path in folder.iterdir() if path.suffix == ".tmp"]
    healthy = SnapshotStore(folder, "a") if forever else store
    healthy.write(numbered(4))
    assert found(folder) == 4


def test_a_failed_sync_is_not_tried_again(folder):
    """After a failed fsync the next one on the file may succeed though its pages are lost."""
    files = FaultyFiles("sync", errno.EIO)
    with pytest.raises(SnapshotError):
        SnapshotStore(folder, "a", files=files).write(numbered(3))
    assert files.calls.count("sync") == 1
    assert "rename" not in files.calls


def test_short_writes_go_on(folder):
    files = FaultyFiles(at_once=7)
    SnapshotStore(folder, "a", files=files).write(numbered(3))
    assert files.calls.count("write") > 400
    assert found(folder) == 3


def test_a_write_of_nothing_does_not_hang(folder):
    with pytest.raises(SnapshotError, match="nothing was written"):
        SnapshotStore(folder, "a", files=FaultyFiles(at_once=0)).write(numbered(3))


def test_order_of_operations(folder):
    """A name that stands for content which is not on the disk yet."""
    files = FaultyFiles()
    SnapshotStore(folder, "a", files=files).write(numbered(3))
    done = [call for call in files.calls if call != "names"]
    first, last = done.index("write"), done.index("sync")
    assert set(done[first:last]) == {"write"}
    assert done[last : last + 4] == ["sync", "close", "rename", "sync_folder"]
    assert set(done[last + 4 :]) == {"remove"}


def test_killed_at_every_boundary(tmp_path):
    """A moment at which neither the old nor the new snapshot can be read."""
    boundaries = 0
    for step in (*STEPS, "remove", "names"):
        for at in range(1_000):
            folder = tmp_path / f"{step}{at}"
            store = SnapshotStore(folder, "a")
            store.write(numbered(1, 100))
            store.write(numbered(2, 100))
            files = FaultyFiles(step, Killed, at=at, at_once=64)
            try:
                SnapshotStore(folder, "a", files=files).write(numbered(3, 100))
            except Killed:
                boundaries += 1
            else:
                break
            assert found(folder) in (2, 3)
            SnapshotStore(folder, "a").write(numbered(4, 100))
            assert found(folder) == 4
            assert sorted(path.suffix for path in folder.iterdir()) == [".safetensors"] * 2
    assert boundaries > 15


def test_old_ones_that_cannot_be_removed(folder, caplog):
    """A snapshot that was written is reported as failed."""
    store = SnapshotStore(folder, "a", files=FaultyFiles("remove", errno.EIO))
    store.write(numbered(3))
    assert "cannot be removed" in caplog.text
    assert len(store.snapshots()) == 3
    store.write(numbered(4))
    assert [number for number, _ in store.snapshots()] == [4, 3]


def test_a_folder_that_cannot_be_listed(folder):
    with pytest.raises(SnapshotError, match="cannot be listed"):
        SnapshotStore(folder, "a", files=FaultyFiles("names", errno.EIO)).write(numbered(3))


def test_a_file_that_cannot_be_read(folder):
    store = SnapshotStore(folder, "a", files=FaultyFiles("read", errno.EIO))
    assert store.read_newest().number == 1
    forever = SnapshotStore(folder, "a", files=FaultyFiles("read", errno.EIO, forever=True))
    with pytest.raises(SnapshotError, match="none of the 2"):
        forever.read_newest()


def test_a_capture_is_written_as_its_bytes(folder):
    value = {"number": 3, "more": [1.5]}
    path = SnapshotStore(folder, "a").write(capture(value))
    assert path.read_bytes() == dumps(value)


def test_save_replaces_at_once(tmp_path):
    path = tmp_path / "below" / "value"
    save({"n": 1}, path)
    for step in STEPS[:-1]:
        with pytest.raises(SnapshotError, match="value cannot be written"):
            save({"n": 2}, path, files=FaultyFiles(step, errno.ENOSPC))
        assert load(path) == {"n": 1}
    save({"n": 2}, path)
    assert load(path) == {"n": 2}
    assert [each.name for each in path.parent.iterdir()] == ["value"]


def test_only_the_owner_reads_a_snapshot(tmp_path):
    path = SnapshotStore(tmp_path, "a").write(dumps({"n": 1}))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_planted_link_is_refused(tmp_path):
    """A link with the name of the file that is written first: what it leads to was overwritten."""
    other = tmp_path / "other"
    other.write_text("somebody else's")
    planted = tmp_path / ".value.tmp"
    planted.symlink_to(other)
    with pytest.raises(SnapshotError, match=r"\.value\.tmp is a link, or no plain file; remove it"):
        save({"n": 1}, tmp_path / "value")
    assert other.read_text() == "somebody else's"
    assert planted.is_symlink()
    assert not (tmp_path / "value").exists()
    planted.unlink()
    planted.write_text("left by a process that was killed")
    save({"n": 1}, tmp_path / "value")
    assert load(tmp_path / "value") == {"n": 1}


def test_load_names_the_file(tmp_path):
    with pytest.raises(SnapshotError, match="absent cannot be used: it cannot be read: No such"):
        load(tmp_path / "absent")
    with pytest.raises(SnapshotError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_a_process_killed_while_it_writes(tmp_path):
    """SIGKILL at moments that nobody chose."""
    script = (
        "import sys; from stream.snapshot import SnapshotStore, dumps\n"
        "store = SnapshotStore(sys.argv[1], 'a')\n"
        "for n in range(10**6):\n"
        "    store.write(dumps({'number': n, 'filling': b'x' * 200_000}))\n"
        "    print(n, flush=True)\n"
    )
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            told = -1
            for _ in range(20):
                told = int(process.stdout.readline())
            process.kill()
            told = max([told, *(int(line) for line in process.stdout.read().split())])
        assert found(tmp_path) >= told
