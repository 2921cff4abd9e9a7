"""Every measured number of the README and the documentation stands in a result file.

A section links the file (``experiments/results/NAME.md``, ``.csv`` or ``.json``) that its numbers
are from. Tables between markers are made of result files, and compared elsewhere.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "experiments" / "results"
# What measures nothing: forms of messages, meanings of values, names of the reference.
PAGES = [
    ROOT / "README.md",
    *(
        path
        for path in sorted((ROOT / "docs").rglob("*.md"))
        if "reference" not in path.parts and path.name not in ("messages.md", "values.md")
    ),
    ROOT / "experiments" / "README.md",
]
# What is measured: decimals, and whole numbers with a unit of cost.
MEASURED = re.compile(
    r"(?<![\w.,])[+−-]?(\d[\d,]*\.\d+|"
    r"\d[\d,]*(?= ?(?:rows/s|rows a second|MB\b|GB\b|ms\b|×)))(?![\w.]*\d)"
)
NUMBER = re.compile(r"(?<![\w.])[+−-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w])")
LINK = re.compile(r"experiments/results/(\w+)\.(?:md|csv|json)|\(results/(\w+)\.(?:md|csv|json)")
# How texts name models, and how result files do.
MODELS = {
    "drifthomer": r"DriftHOMER|whole model",
    "ihomer": r"IHOMER|iHOMER",
    "driftmoe": r"DriftMoE\b|MoE-",
    "tree": r"\btrees?\b|HoeffdingTree",
}


class Line(NamedTuple):
    """A line of a result file: its numbers, and the models that it, or its table, names."""

    numbers: list[float]
    models: set[str]


def models_in(text: str) -> set[str]:
    return {name for name, pattern in MODELS.items() if re.search(pattern, text, re.IGNORECASE)}


def numbers_in(text: str) -> list[float]:
    return [float(t.replace(",", "").replace("−", "-")) for t in NUMBER.findall(text)]


@cache
def lines_of(name: str) -> tuple[Line, ...]:
    """The lines of the files of a result."""
    found = []
    for path in sorted(RESULTS.glob(f"{name}.*")):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            found += list(json_lines(json.loads(text), set()))
        elif path.suffix == ".csv":
            for row in csv.DictReader(text.splitlines()):
                cells = [v for k, v in row.items() if k not in ("key", "machine", "params")]
                models = models_in(row.get("model") or " ".join(cells))
                found.append(Line(numbers_in(" ".join(cells)), models))
        else:
            above: set[str] = set()
            for line in text.splitlines():
                above = models_in(line) or above if line.startswith("#") else above
                found.append(Line(numbers_in(line), models_in(line) or above))
    return tuple(found)


def json_lines(value, models: set[str]) -> Iterator[Line]:
    """Each object with the models that its texts, or those of what holds it, name.

    A line of a table that names none of our models is a peer's; an object is nobody's.
    """
    values = list(value.values()) if isinstance(value, dict) else list(value)
    texts = " ".join(each for each in values if isinstance(each, str))
    models = models_in(texts) or models
    plain = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    yield Line([*plain, *numbers_in(texts)], models or {"nobody"})
    for each in values:
        if isinstance(each, dict | list):
            yield from json_lines(each, models)


def sections(text: str) -> Iterator[tuple[str, str]]:
    """Prose under each heading with the text that may link results; no code, no made tables."""
    text = re.sub(r"<!-- (\w+) -->.*?<!-- /\1 -->", "", text, flags=re.S)
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    for part in re.split(r"(?m)^(?=#{1,4} )", text):
        plain = re.sub(r"`([A-Za-z]+)`", r"\1", part)
        plain = re.sub(r"`[^`\n]*`|\]\([^)]*\)|<!--.*?-->|https?://\S+", " ", plain)
        yield (
            part,
            re.sub(r"(?:arXiv|Python|River|Numba|format|versions?)[: ]?[\d.]+\+?", " ", plain),
        )


def claims() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    for page in PAGES:
        for part, plain in sections(page.read_text(encoding="utf-8")):
            linked = tuple(dict.fromkeys(a or b for a, b in LINK.findall(part)))
            # A statement is a line of a table, an entry of a list or a paragraph.
            for block in re.split(r"\n\s*\n|\n(?=[|-] ?)", plain):
                for found in MEASURED.finditer(block):
                    yield page.relative_to(ROOT).as_posix(), block, found[1], linked


def is_traced(number: str, models: set[str], linked: tuple[str, ...]) -> bool:
    """Whether a line that names one of the models has a value that is written like this."""
    whole, _, digits = number.replace(",", "").partition(".")
    # 119,000 is written for 119,315: zeros at the end of a whole number are no digits.
    zeros = len(whole) - max(len(whole.rstrip("0")), min(len(whole), 3)) if not digits else 0
    wanted, half = float(number.replace(",", "")), 0.5 * 10.0 ** (zeros - len(digits)) + 1e-12
    return any(
        abs(abs(value) - wanted) <= half
        for name in linked
        for line in lines_of(name)
        if not models or not line.models or line.models & models
        for value in line.numbers
    )


@pytest.mark.parametrize("page", [page.relative_to(ROOT).as_posix() for page in PAGES])
def test_measured_numbers_stand_in_linked_results(page):
    """A number that was typed, is of an earlier run, or is that of another model."""
    lost = [
        f"{number} in {' '.join(block.split())[:120]!r} (linked: {', '.join(linked) or 'nothing'})"
        for where, block, number, linked in claims()
        if where == page and not is_traced(number, models_in(block), linked)
    ]
    assert not lost, (
        f"{page}: these numbers stand in no result file that their section links; link the file "
        "of experiments/results that has them, or take them out:\n" + "\n".join(lost)
    )


def test_a_number_of_another_model_is_found():
    """The check compares numbers without their models."""
    assert is_traced("47,646", {"tree"}, ("speed",))
    assert not is_traced("47,646", {"drifthomer"}, ("speed",))
    assert not is_traced("47,645", {"tree"}, ("speed",))
    assert is_traced("1.06", {"drifthomer"}, ("ranks",))
    assert not is_traced("1.48", {"drifthomer"}, ("ranks",))


def test_rows_of_speed_say_what_gives_them():
    """A speed without its model, seed, command or version."""
    found = json.loads((RESULTS / "speed.json").read_text(encoding="utf-8"))
    for part in found["parts"].values():
        assert part["command"].startswith("python experiments/")
        assert part["machine"]["versions"]["drifthomer"]
        for finding in part["findings"]:
            assert finding["seed"], finding
            assert finding["model"] or "--version" in finding["what"], finding
