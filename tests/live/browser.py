"""A real browser for the tests of pages; they are skipped where there is none."""

from __future__ import annotations

import contextlib
import os
import shutil

import pytest

# Milliseconds for what takes a moment: on a machine that others keep busy it may take minutes.
PATIENCE = 300_000
ARGUMENTS = [
    *("--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@contextlib.contextmanager
def open_browser():
    """Debian's Chromium, or the test is skipped; with DRIFTHOMER_REQUIRE_BROWSER it fails."""
    required = bool(os.environ.get("DRIFTHOMER_REQUIRE_BROWSER"))
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        binary = None
    if binary is None:
        missing = "Chromium or Playwright is absent: 'make browser' installs both on Debian"
        (pytest.fail if required else pytest.skip)(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=binary, args=ARGUMENTS, timeout=PATIENCE
        )
        try:
            yield browser
        finally:
            browser.close()


def open_tab(browser, width=1280, height=900, **options):
    """A page of a browser that waits as long as it takes; its context ends with it."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(PATIENCE)
    return context.new_page()
