"""Nothing is left of a driver that ends; no other machine is let in; without Ray, the error says
what to do."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stream import DriftHOMER
from stream.cli import main
from stream.distributed import WorkerError, on_ray
from stream.distributed import session as session_module
from stream.errors import NotAvailableError

DEADLINE = 600.0
DRIVER = """
import signal, sys, time
from stream import DriftHOMER
from stream.distributed import on_ray
if sys.argv[1] == "handled":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
model = on_ray(DriftHOMER(), 2)
model.learn_one({"a": 1.0}, {"b"})
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""
WAYS = {
    "ctrl-c": ("default", signal.SIGINT),
    "sigterm": ("handled", signal.SIGTERM),
}


def descendants(process):
    """Numbers of the processes that a process has started, and those have, in turn."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(folder.name)] = int(fields[1])
    found = [process]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def runs(process):
    """Whether a process is there and not merely waiting to be asked for its exit code."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def open_files(process):
    """What a process has open; it may close some, or end, while this looks."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for number in os.listdir(f"/proc/{process}/fd"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                yield os.readlink(f"/proc/{process}/fd/{number}")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are listed by Linux")
def test_no_process_stays_behind():
    """A worker, or a part of Ray, that outlives the driver; a handler for SIGTERM that Ray took
    away."""
    drivers = {
        way: subprocess.Popen([sys.executable, "-c", DRIVER, kind], stdout=subprocess.PIPE)
        for way, (kind, _) in WAYS.items()
    }
    try:
        started = {}
        for way, driver in drivers.items():
            assert driver.stdout.readline() == b"ready\n", way
            started[way] = descendants(driver.pid)
            assert len(started[way]) >= 4  # two workers, and what Ray consists of
            driver.send_signal(WAYS[way][1])
        codes = {way: driver.wait(DEADLINE) for way, driver in drivers.items()}
    finally:
        for driver in drivers.values():
            driver.kill()
            driver.stdout.close()
    assert codes["sigterm"] == 7
    until = time.monotonic() + DEADLINE
    for way, processes in started.items():
        while any(map(runs, processes)) and time.monotonic() < until:
            time.sleep(0.1)
        left = [each for each in processes if runs(each)]
        assert not left, way


def test_without_ray_the_error_says_what_to_install(monkeypatch):
    """A traceback from the inside."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(NotAvailableError, match=r"pip install 'drifthomer\[ray\]'"):
        on_ray(DriftHOMER(), 2)


def test_ray_listens_on_this_machine_alone(running_ray):
    """A worker, or a part of Ray, that other machines can reach."""
    own = {str(each) for each in [os.getpid(), *descendants(os.getpid())]}
    inodes = {name[8:-1] for process in own for name in open_files(process) if "socket:" in name}
    listening = [
        fields[1].rpartition(":")[0]
        for table in ("tcp", "tcp6")
        for fields in map(str.split, Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if fields[3] == "0A" and fields[9] in inodes
    ]
    assert listening
    assert set(listening) <= {"0100007F", "0000000000000000FFFF00000100007F", "0" * 24 + "01000000"}


def test_the_command_line_has_workers(running_ray, tmp_path):
    """Options that are not passed on, or a result that is another one with workers."""
    results = []
    for words in ([], ["--workers", "2"]):
        path = tmp_path / "result.json"
        command = ["prequential", "yeast", "--limit", "300", "--json", str(path), *words]
        assert main(command) == 0
        results.append(json.loads(path.read_text())["metrics"])
    assert results[0] == results[1]
    assert main(["prequential", "yeast", "--ray", "auto"]) == 2
    assert main(["prequential", "yeast", "--model", "ihomer", "--workers", "2"]) == 2


class UnsteadyRay:
    """A Ray that cannot be started a number of times."""

    def __init__(self, failures):
        self.failures = failures
        self.started, self.ended = [], 0

    def is_initialized(self):
        return False

    def init(self, **options):
        self.started.append(options)
        if len(self.started) <= self.failures:
            raise RuntimeError("the raylet timed out")

    def shutdown(self):
        self.ended += 1


@pytest.mark.parametrize(("failures", "fits"), [(0, True), (2, True), (3, False)])
def test_ray_is_started_for_this_process_alone(monkeypatch, failures, fits):
    """A Ray of somebody else on this machine that is taken for one of ours; a busy machine that is
    given up at once, or never."""
    ray = UnsteadyRay(failures)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(session_module, "_shared", session_module._Shared())
    monkeypatch.setattr(session_module, "import_ray", lambda address: ray)
    if not fits:
        with pytest.raises(WorkerError, match="too busy: the raylet timed out"):
            session_module.Session(None, 2)
        assert len(ray.started) == 3
        return
    one, other = session_module.Session(None, 2), session_module.Session(None, 2)
    assert {each["address"] for each in ray.started} == {"local"}
    assert not any(each["include_dashboard"] for each in ray.started)
    assert one.is_local
    other.close()
    before = ray.ended
    one.close()
    one.close()
    assert ray.ended == before + 1
