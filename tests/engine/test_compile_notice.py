"""Whoever waits for the compiler is told so, and nobody else."""

import time
from types import SimpleNamespace

import pytest

from stream.engine import compile_notice
from stream.engine.jit import kernel


@pytest.fixture
def quick(monkeypatch, tmp_path):
    monkeypatch.setenv("DRIFTHOMER_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compile_notice, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(compile_notice, "_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(compile_notice, "_REDRAW_SECONDS", 0.01)


def add(x, y):
    return x + y


class Compilation:
    """A kernel that is being compiled until :meth:`end`."""

    def __init__(self) -> None:
        self.notice = compile_notice.CompileNotice()
        self._event = SimpleNamespace(data={"dispatcher": kernel(add)}, _exc_details=None)
        self.notice.on_start(self._event)

    def end(self) -> None:
        self.notice.on_end(self._event)
        deadline = time.monotonic() + 300
        while self.notice._thread is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.notice._thread is None


def read_until(capture, text: str) -> str:
    """What is written to standard error until the text stands there."""
    said, deadline = "", time.monotonic() + 300
    while text not in said and time.monotonic() < deadline:
        said += capture.readouterr().err
        time.sleep(0.01)
    return said


def test_python_users_are_told_once(quick, capfd):
    """The first call from Python is silent for a minute, or the log is full of notices."""
    compilation = Compilation()
    said = read_until(capfd, "(about a minute) ...\n")
    compilation.end()
    said += read_until(capfd, "next time.\n")
    assert said.count("DriftHOMER compiles its kernels, once") == 1
    assert said.count("DriftHOMER compiled 1 kernels in") == 1
    assert len(said.splitlines()) == 2


def test_a_terminal_shows_elapsed_time(quick, capsys, monkeypatch):
    """The line does not move, and seems to hang."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    compilation = Compilation()
    assert "so far 0 s) ..." in read_until(capsys, "so far 0 s) ...")
    compilation.end()


def test_the_notice_can_be_switched_off(quick, capfd, monkeypatch):
    """A log that may hold only the program's own lines gets others."""
    monkeypatch.setenv(compile_notice.VARIABLE, "0")
    Compilation().end()
    assert capfd.readouterr().err == ""


def test_what_is_kept_is_not_announced(quick, monkeypatch):
    """Each start says that it compiles, though it only loads."""
    told = []
    monkeypatch.setattr(compile_notice.CompileNotice, "on_start", lambda *given: told.append(given))
    assert kernel(add)(1, 2) == 3
    assert len(told) == 1
    assert kernel(add)(1, 2) == 3
    assert len(told) == 1
