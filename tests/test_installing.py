"""How `make` installs: with uv, or with pip where only pip does what it is configured to do."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Notes what it is called with; "config" prints what the test wants pip to be configured with.
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> "$(dirname "$0")/called"
case "$*" in *"config list"*) cat "$(dirname "$0")/configured" ;; esac
case "$0" in */uv) echo "no such package" >&2; exit {code} ;; esac
"""


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("install_tool", ROOT / "tools" / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def install(tool, tmp_path, monkeypatch):
    """Install with a Python and a uv that only note their arguments; these."""

    def run(configured: str = "", code: int = 0) -> list[str]:
        for name in ("python", "uv"):
            (tmp_path / name).write_text(PROGRAM.format(code=code))
            (tmp_path / name).chmod(0o700)
        (tmp_path / "configured").write_text(configured)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
        assert tool.main(["-e", "."]) == 0
        lines = (tmp_path / "called").read_text().splitlines()
        return [line for line in lines if "config list" not in line]

    monkeypatch.delenv("INSTALLER", raising=False)
    return run


def test_uv_installs_from_the_index_that_pip_is_configured_with(install):
    """A site with its own index has no other: uv does not read pip's configuration."""
    configured = "global.index-url='https://site/simple'\n:env:.find-links='/archives'\n"
    of_pip, of_uv = install(configured)
    assert of_pip.startswith("python ")
    assert " uv==" in of_pip
    assert of_uv.startswith("uv pip install ")
    assert "--index-url https://site/simple --find-links /archives -e ." in of_uv


def test_the_environment_counts_more_than_files(tool):
    """PIP_INDEX_URL is overruled by a file."""
    listed = ":env:.index-url='a'\nglobal.index-url='b'\ninstall.index-url='c'\n"
    assert tool.pip_options(listed) == {"index-url": "a"}


def test_the_certificate_is_passed_on(tool):
    """uv meets a proxy whose certificate only pip knows."""
    assert tool.uv_settings({"cert": "/site.pem"}) == ([], {"SSL_CERT_FILE": "/site.pem"})


@pytest.mark.parametrize("option", ["extra-index-url", "no-index", "trusted-host", "constraint"])
def test_pip_installs_what_uv_cannot_be_told(install, capsys, option):
    """Packages come from where they should not, or in other versions."""
    (called,) = install(f"global.{option}='something'\n")
    assert called.startswith("python -m pip ")
    assert called.endswith("install --quiet -e .")
    assert f"pip is configured with {option}" in capsys.readouterr().out


def test_pip_goes_on_where_uv_fails_and_says_so_in_a_line(install, capsys):
    """Without uv nothing can be installed, or nobody learns why it takes longer."""
    *_, called = install(code=2)
    assert called.endswith("install --quiet -e .")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Installing with pip")
    assert line.endswith("no such package")


def test_one_can_ask_for_pip(install, monkeypatch):
    """`make INSTALLER=pip` is not heeded."""
    monkeypatch.setenv("INSTALLER", "pip")
    (called,) = install()
    assert called.startswith("python -m pip ")


@pytest.mark.parametrize("dont_write", [False, True])
def test_bytecode_is_made_where_python_makes_none(install, monkeypatch, dont_write):
    """With PYTHONDONTWRITEBYTECODE each start compiles a thousand modules: pip makes their files
    at once, uv when it is told to."""
    monkeypatch.setattr(sys, "dont_write_bytecode", dont_write)
    *_, called = install()
    assert called.startswith("uv ")
    assert ("--compile-bytecode" in called) == dont_write


def test_every_target_installs_in_the_same_way():
    """A target takes other versions than those of constraints.txt, or is slow."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "pip install" not in text
    assert text.count("$(INSTALL) -e ") == 5
