"""A Chromium for the browser tests: found, or installed.

    python -m tests.support.browser

In this order: Playwright's own, one on the PATH, `playwright install chromium`, Debian's package (as root). What has no
window goes before what has: Chromium itself draws its own tabs and menus for each page, also where nobody sees them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")


def browser_path() -> Path | None:
    """The browser to use, or None. Pass it to Playwright as `executable_path`; ask before you start Playwright."""
    for candidate in (_playwright_path(), *(shutil.which(name) for name in _NAMES)):
        if candidate and Path(candidate).exists():
            return Path(candidate)
    return None


def _playwright_path() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _works(browser: Path) -> bool:
    """Whether it opens a page; a downloaded browser may lack the system's libraries."""
    with tempfile.TemporaryDirectory() as profile:
        command = [str(browser), *_FLAGS, f"--user-data-dir={profile}", "--dump-dom", "data:text/html,<p>ready</p>"]
        try:
            done = subprocess.run(command, check=False, capture_output=True, timeout=60, text=True)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return "ready" in done.stdout


def ensure_browser() -> Path:
    """A browser that works, installed if need be; ends the program with one sentence when that fails."""
    attempts = [None, [sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "-qq"]
        attempts += [["apt-get", "update", "-qq"], [*install, "chromium-headless-shell"], [*install, "chromium"]]
    for command in attempts:
        if command is not None:
            print(f"[browser] {' '.join(command[-3:])}", file=sys.stderr, flush=True)
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in (_playwright_path(), *map(shutil.which, _NAMES)):
            if name and Path(name).exists() and _works(Path(name)):
                return Path(name)
    sys.exit(
        "heddle: the browser tests need Chromium and none could be installed: run `apt-get install chromium` "
        "(Debian) or `.venv/bin/playwright install --with-deps chromium` as root, then make test again"
    )


if __name__ == "__main__":
    ensure_browser()
