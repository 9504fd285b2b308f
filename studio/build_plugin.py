"""What the frontend build needs beyond Reflex's defaults: our fonts, and a build that does not know its own address.

Reflex bakes the backend's address into the build. Ours must serve any port and any public name, so after the build
the chunk that holds the addresses is rewritten to take them from the page's own location.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from reflex.plugins import Plugin

FONT_PACKAGES = ("@fontsource-variable/inter@5.3.0", "@fontsource-variable/jetbrains-mono@5.3.0")
FONT_SHEETS = ("@fontsource-variable/inter/wght.css", "@fontsource-variable/jetbrains-mono/wght.css")

_ADDRESS = re.compile(r"""(["'`])(ws|http)s?://localhost:\d+(/[^"'`]*)\1""")


class StudioPlugin(Plugin):
    """Adds the self-hosted fonts, and makes the finished build independent of host and port."""

    def get_frontend_dependencies(self, **_: Any) -> tuple[str, ...]:
        return FONT_PACKAGES

    def get_stylesheet_paths(self, **_: Any) -> tuple[str, ...]:
        return FONT_SHEETS

    def post_build(self, **context: Any) -> None:
        make_relative(Path(context["static_dir"]))


def make_relative(static_dir: Path) -> None:
    """Replace the baked addresses by ones from `location`; raises RuntimeError when there is nothing to replace."""
    chunks = list(static_dir.glob("assets/reflex-env*.js"))
    replaced = sum(_rewrite(chunk) for chunk in chunks)
    if not replaced:
        raise RuntimeError("The build holds no address to rewrite: Reflex's way of building has changed.")


def _rewrite(chunk: Path) -> int:
    def from_location(match: re.Match[str]) -> str:
        scheme = 'location.protocol.replace("http","ws")' if match[2] == "ws" else "location.protocol"
        return f'({scheme}+"//"+location.host+"{match[3]}")'

    text, count = _ADDRESS.subn(from_location, chunk.read_text("utf-8"))
    chunk.write_text(text, "utf-8")
    return count
