"""Puts the results of the experiments on the site, where pages of ``docs/`` link to them.

Links between pages are those of the repository, so that they work there too. What a page links to
and the site does not hold (code, data) becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ("CHANGELOG.md", "CONTRIBUTING.md", "experiments/README.md")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add pages and figures from outside of ``docs/``."""
    results = ROOT / "experiments" / "results"
    found = [ROOT / name for name in SHOWN]
    found += sorted([*results.rglob("*.md"), *results.rglob("*.svg")])
    for path in found:
        place = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Point links at the site's own places."""
    here = page.file.src_uri
    inside = here.startswith("experiments/") or here in SHOWN

    def changed(match: re.Match[str]) -> str:
        mark, text, target, anchor = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        folder = (
            posixpath.dirname(here) if inside else posixpath.join("docs", posixpath.dirname(here))
        )
        place = posixpath.normpath(posixpath.join(folder, target))
        place = place.removeprefix("docs/")
        if files.get_file_from_path(place) is None:
            # Links within docs/ stay as they are, so that a strict build names the broken ones.
            return match[0] if not inside and not target.startswith("..") else text
        relative = posixpath.relpath(place, posixpath.dirname(here) or ".")
        return f"{mark}[{text}]({relative}{anchor or ''})"

    return LINK.sub(changed, markdown)
