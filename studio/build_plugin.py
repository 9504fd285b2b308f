"""What the frontend build needs beyond Reflex's defaults: our fonts, a build that does not know its own address, and
pages that ask for all they need at once.

Reflex bakes the backend's address into the build. Ours must serve any port and any public name, so after the build
the chunk that holds the addresses is rewritten to take them from the page's own location. The editor is asked for by a
chunk that is asked for by another one, and fonts only by the style sheet; on the first visit each link of such a chain
is a wait, so the pages name what stands at its end.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from reflex.plugins import Plugin

FONT_PACKAGES = ("@fontsource-variable/inter@5.3.0", "@fontsource-variable/jetbrains-mono@5.3.0")
FONT_SHEETS = ("@fontsource-variable/inter/wght.css", "@fontsource-variable/jetbrains-mono/wght.css")

EDITOR_PAGE = "app/workflows/_editor.html"

_SHARED = "shared"
_FONTS = ("inter-latin-wght-normal", "jetbrains-mono-latin-wght-normal")
_EDITOR_CHUNK = "_app_._workflows_.__workflow_name_"
_NAMED = re.compile(r"""["'`](?:\./|assets/)([^"'`/]+\.(?:js|css))["'`]""")
# Behind the name of a constant only: an address in a text that people read stays as it is.
_ADDRESS = re.compile(r"""(?<=[A-Z][=:])(["'`])(ws|http)s?://localhost:\d+(/[^"'`]*)\1""")


class StudioPlugin(Plugin):
    """Adds the self-hosted fonts, and makes the finished build independent of host and port."""

    def get_frontend_dependencies(self, **_: Any) -> tuple[str, ...]:
        return FONT_PACKAGES

    def get_stylesheet_paths(self, **_: Any) -> tuple[str, ...]:
        return FONT_SHEETS

    def pre_compile(self, **context: Any) -> None:
        context["add_modify_task"]("vite.config.js", share_one_chunk)

    def post_build(self, **context: Any) -> None:
        static_dir = Path(context["static_dir"])
        make_relative(static_dir)
        add_editor_page(static_dir)
        preload_fonts(static_dir)


def share_one_chunk(config: str) -> str:
    """Let what several pages use stand in one chunk: a file for each icon is a request for each icon."""
    groups = "codeSplitting: {\n          groups: ["
    if groups not in config:
        raise RuntimeError("The build's configuration has no groups of chunks: Reflex's way of building has changed.")
    return config.replace(groups, f'{groups}\n            {{ name: "{_SHARED}", minShareCount: 2 }},')


def make_relative(static_dir: Path) -> None:
    """Replace the baked addresses by ones from `location`; raises RuntimeError when there is nothing to replace."""
    replaced = sum(_rewrite(chunk) for chunk in static_dir.glob(f"assets/{_SHARED}-*.js"))
    if not replaced:
        raise RuntimeError("The build holds no address to rewrite: Reflex's way of building has changed.")


def _rewrite(chunk: Path) -> int:
    def from_location(match: re.Match[str]) -> str:
        scheme = 'location.protocol.replace("http","ws")' if match[2] == "ws" else "location.protocol"
        return f'({scheme}+"//"+location.host+"{match[3]}")'

    text, count = _ADDRESS.subn(from_location, chunk.read_text("utf-8"))
    chunk.write_text(text, "utf-8")
    return count


def add_editor_page(static_dir: Path) -> None:
    """Write the page of a workflow: the one for all addresses, and at once what the editor needs."""
    chunk = _only(static_dir, f"{_EDITOR_CHUNK}*.js")
    needed = dict.fromkeys([chunk.name, *_NAMED.findall(chunk.read_text("utf-8"))])
    links = "".join(_preload(f"/assets/{name}") for name in needed if (static_dir / "assets" / name).exists())
    page = static_dir / EDITOR_PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(_with_links((static_dir / "__spa-fallback.html").read_text("utf-8"), links), "utf-8")


def preload_fonts(static_dir: Path) -> None:
    """Let every page ask for the fonts before its style sheet does."""
    names = [_only(static_dir, f"{font}-*.woff2").name for font in _FONTS]
    links = "".join(
        f'<link rel="preload" as="font" type="font/woff2" crossorigin="" href="/assets/{name}"/>' for name in names
    )
    for page in static_dir.rglob("*.html"):
        page.write_text(_with_links(page.read_text("utf-8"), links), "utf-8")


def _preload(address: str) -> str:
    if address.endswith(".css"):
        return f'<link rel="preload" as="style" crossorigin="" href="{address}"/>'
    return f'<link rel="modulepreload" href="{address}"/>'


def _with_links(page: str, links: str) -> str:
    """Behind the links that stand there, before the first script."""
    head, script, rest = page.partition("<script")
    if not script:
        raise RuntimeError("A page of the build has no script: Reflex's way of building has changed.")
    return head + links + script + rest


def _only(static_dir: Path, pattern: str) -> Path:
    found = list(static_dir.glob(f"assets/{pattern}"))
    if len(found) != 1:
        raise RuntimeError(f"The build holds {len(found)} of {pattern}: Reflex's way of building has changed.")
    return found[0]
