"""Figures of an earlier version are told as such, and lost comparisons are told at all."""

import re
from pathlib import Path

import pytest

from stream import __version__

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "experiments" / "results"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"results/(?:figures/)?(\w+)\.(?:md|svg|csv|json)")
# The experiment of a figure whose name begins with it.
NAMES = sorted((path.stem for path in RESULTS.glob("*.md")), key=len, reverse=True)
METRICS = {
    "subset_accuracy": "subset accuracy",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "example_f1": "example-F1",
    "hamming_loss": "Hamming loss",
}


def versions_of(name: str) -> set[str]:
    """The versions that a result says it is of."""
    text = (RESULTS / f"{name}.md").read_text(encoding="utf-8")
    return set(re.findall(r"(?:drifthomer|version) (\d+\.\d+\.\d+)", text))


def earlier_figures():
    for page in PAGES:
        for section in re.split(r"(?m)^(?=#{1,3} )", page.read_text(encoding="utf-8")):
            heading = section.partition("\n")[0]
            for linked in dict.fromkeys(LINK.findall(section)):
                name = next((each for each in NAMES if linked.startswith(each)), None)
                for version in versions_of(name) - {__version__} if name else ():
                    yield pytest.param(
                        section, version, id=f"{page.name} {heading} {linked} {version}"
                    )


def test_there_are_results_that_say_their_version():
    """A pattern that finds nothing any more."""
    assert versions_of("speed")
    assert versions_of("threads")


@pytest.mark.parametrize(("section", "version"), list(earlier_figures()))
def test_sections_tell_of_which_version_their_figures_are(section, version):
    """A figure of an earlier version is shown as if the present one had it."""
    assert version in re.sub(r"!\[.*?\]|\(\S*\)", "", section)  # texts behind pictures are unseen


def test_every_lost_comparison_is_told():
    """'It loses on VirusGO', and a reader of the table finds six streams more."""
    ranks = (RESULTS / "ranks.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for metric, words in METRICS.items():
        table = re.search(rf"(?m)^{metric}: ours.*?(?=^\w+: |\Z)", ranks, re.S)
        assert table is not None
        lost = set(re.findall(r"(?m)^ +(\S+) .* lose ", table[0]))
        line = re.search(rf"(?m)^- in {words} on (.*)[;.]$", page)
        assert line is not None, words
        plain = re.sub(r"\(.*?\)", "", line[1]).replace(" and ", ",").lower()
        told = {name.strip().replace("-", "") for name in plain.split(",")}
        assert told == {name.replace("-", "") for name in lost}, words
