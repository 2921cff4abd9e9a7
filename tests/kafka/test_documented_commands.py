"""What a newcomer types: every block of commands about Kafka, in the order of its page, on a broker
that is started from nothing."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import real_kafka
from conftest import require_kafka
from kafka_helpers import PATIENCE
from real_kafka import free_ports, jars_folder

from stream.data import open_source
from stream.evaluate import prequential
from stream.kafka.process import EXIT_TEMPORARY
from stream.models.registry import DEFAULT_MODELS, create_model

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "docs/operations.md"]
SAME_AS_README = "docs/kafka.md"
BROKER = "python tools/real_kafka.py run --port 9092"
NOT_HERE = ("docker ", "kubectl ")  # what these start is looked at in test_deployment.py
PORTS = ("9092", "9100")
OWN_SHELL = "# in a shell of its own"


class Command(NamedTuple):
    line: str
    in_own_shell: bool


def blocks(page: str) -> list[tuple[str, str]]:
    """Kind and text of the blocks of a page, from the one that starts a broker on."""
    found = re.findall(
        r"^```(\w+)\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.S | re.M
    )
    first = next(n for n, (_, text) in enumerate(found) if BROKER in text)
    return found[first:]


def commands(text: str) -> list[Command]:
    """The commands of a block, each with its lines joined."""
    found = []
    for line in text.replace("\\\n", "").splitlines():
        assert line.startswith("$ "), f"{line!r} is no command: is a backslash missing?"
        line, _, comment = line.removeprefix("$ ").partition("   #")
        found.append(Command(line, OWN_SHELL in f"#{comment}"))
    return found


def test_commands_about_kafka_are_on_these_pages():
    """A block on another page, which nobody tries."""
    for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        page = path.relative_to(ROOT).as_posix()
        for text in re.findall(
            r"^```(?:console|sh)\n(.*?)^```", path.read_text("utf-8"), re.S | re.M
        ):
            if re.search(r"drifthomer (consume|produce|rollback)(?! --help)", text):
                assert page in (*PAGES, SAME_AS_README), text


def test_the_page_about_kafka_begins_as_the_readme_says():
    """Two quick starts, of which one is not tried."""
    console = [
        [text for kind, text in blocks(page) if kind == "console"]
        for page in ("README.md", SAME_AS_README)
    ]
    assert console[0] == console[1]


def test_the_broker_of_the_quick_start_where_its_port_is_taken(monkeypatch, capsys):
    """Somebody who has a broker already sees a stack trace of Java."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        monkeypatch.setattr(sys, "argv", ["real_kafka.py", "run", "--port", port])
        assert real_kafka.main() == 1
    assert f"Port {port} cannot be used (Address already in use)" in capsys.readouterr().err


class Shell:
    """Types commands in a folder of its own, at ports that are free."""

    def __init__(self, folder: Path):
        self.folder = folder
        (folder / "tools").symlink_to(ROOT / "tools")
        (folder / "docker").symlink_to(ROOT / "docker")
        (folder / "jars").symlink_to(jars_folder())  # the broker's log goes beside it
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "DRIFTHOMER_KAFKA_JARS": str(folder / "jars"),
        }
        self._ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
        self._running: list[tuple[str, subprocess.Popen, Path]] = []

    def here(self, text: str) -> str:
        """A text with the ports of this shell."""
        for port, own in self._ports.items():
            text = re.sub(rf"\b{port}\b", own, text)
        return text

    def type(self, command: Command) -> str:
        """Run a command; what it says, unless it goes on running."""
        line = self.here(command.line)
        said = self.folder / f"said-{len(self._running)}-{time.monotonic_ns()}"
        with said.open("w") as out:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {line}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        if command.in_own_shell:
            self._running.append((line, process, said))
            if command.line.startswith(BROKER):
                self._wait_until("runs until Ctrl-C", process, said)
            return ""
        code = process.wait(3 * PATIENCE)  # it may have to be compiled
        assert code == 0, f"{line}: exit code {code}\n{said.read_text()}"
        return said.read_text()

    @staticmethod
    def _wait_until(text: str, process: subprocess.Popen, said: Path) -> None:
        """Wait for what somebody waits for who types the next command."""
        deadline = time.monotonic() + PATIENCE
        while text not in said.read_text():
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.1)

    def close(self) -> None:
        """End what runs, as Ctrl-C would; the last one first."""
        codes = []
        for line, process, said in reversed(self._running):
            process.send_signal(signal.SIGTERM)
            codes.append((process.wait(PATIENCE), line, said.read_text()))
        for code, line, text in codes:
            # A learner that cannot end in time leaves without a last snapshot.
            in_time = (0, EXIT_TEMPORARY) if "drifthomer consume" in line else (0,)
            assert code in in_time, f"{line}: exit code {code}\n{text}"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page(page, tmp_path):
    """A block that cannot be typed as it stands. Produced, then consumed, as the README says, gave
    micro-F1 0.07 where the evaluation of the same rows with the same delay gives 0.63."""
    require_kafka()
    shell, typed, said = Shell(tmp_path), [], ""
    try:
        for kind, text in blocks(page):
            named = re.match(r"# (\S+\.toml)\n", text)
            if kind == "toml" and named:
                (tmp_path / named[1]).write_text(shell.here(text))
            for command in commands(text) if kind == "console" else ():
                if not command.line.startswith(NOT_HERE):
                    said += shell.type(command)
                    typed.append(command.line)
    finally:
        shell.close()
    found = re.search(r"2417 instances predicted, 2417 learnt \(micro_f1 ([0-9.]+)", said)
    assert found is not None, said
    (delay,) = {int(each) for each in re.findall(r"--label-delay (\d+)", "\n".join(typed))}
    model = create_model(DEFAULT_MODELS["multi-label"])
    expected = prequential(open_source("yeast"), model, delay=delay).metrics["micro_f1"]
    assert float(found[1]) == pytest.approx(expected, abs=0.02)
