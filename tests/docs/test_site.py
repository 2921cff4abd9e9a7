"""The documentation names what there is: public names, commands, options, files."""

import importlib.util
import re
from pathlib import Path

import click
import pytest

from stream.cli import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_is_in_the_reference():
    """A new public name is nowhere explained; 'python tools/write_reference.py' puts it there."""
    pages = load("write_reference").pages()
    folder = ROOT / "docs" / "reference"
    assert {path.name: path.read_text() for path in folder.glob("*.md")} == pages
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert all(f"reference/{name}" in navigation for name in pages)
    everything = "".join(pages.values())
    for name in ("DriftHOMER", "prequential", "open_source", "LivePage", "compare", "load"):
        assert f".{name}\n" in everything


def commands():
    for path in PAGES:
        for block in re.findall(r"```(?:console|sh)\n(.*?)```", path.read_text(), re.S):
            joined = re.sub(r"\n {4}", " ", block)
            for line in re.findall(r"(?m)^(?:\$ )?(drifthomer (?!on ).*)$", joined):
                yield pytest.param(line.partition(" #")[0], id=f"{path.name}: {line[:50]}")


@pytest.mark.parametrize("line", list(commands()))
def test_commands_have_their_options(line):
    """A page shows an option that was renamed."""
    words = line.split()
    if words[1].startswith("-"):
        return
    command = cli.commands[words[1]]
    known = {
        name
        for each in command.params
        if isinstance(each, click.Option)
        for name in (*each.opts, *each.secondary_opts)
    } | {"--help"}
    assert {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)} <= known


def test_named_files_are_there():
    """A page says that a rule lives in a file that was moved."""
    for path in PAGES:
        for name in re.findall(r"`((?:stream|tests|tools)/[\w/.]*)`", path.read_text()):
            assert (ROOT / name).exists(), (path.name, name)


def test_links_between_pages_lead_somewhere():
    """A link of the README or a page leads nowhere in the repository."""
    for path in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
            if "://" not in target:
                assert (path.parent / target).exists(), (path.name, target)


def test_every_page_is_in_the_navigation():
    """A page that nobody finds."""
    navigation = (ROOT / "mkdocs.yml").read_text()
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages == set(re.findall(r"(?m)^ +- (?:[^:\n]+: )?([\w./-]+\.md)$", navigation)) - {
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "experiments/README.md",
    }


def test_the_start_page_leads_on():
    """A reader does not find River, Kafka, the costs or the code in three clicks."""
    start = (ROOT / "docs" / "index.md").read_text()
    pages = ("using.md", "kafka.md", "benchmarks.md", "scaling.md", "architecture.md")
    for page in (*pages, "reference/stream.md"):
        assert f"({page})" in start
    assert len((ROOT / "README.md").read_text().splitlines()) < 250
