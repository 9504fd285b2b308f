"""The island's sources, and how the frontend build finds them."""

from __future__ import annotations

from pathlib import Path

import reflex as rx

SOURCES = {".js", ".jsx", ".css"}
HERE = Path(__file__).parent


def entry() -> str:
    """Link every source below this folder into the frontend; returns the path to import the editor from.

    Only what is not linked yet goes through `rx.asset`: it reads the whole call stack each time, which costs seconds
    for so many files. Links to sources that were moved go, or the build would stumble over them.
    """
    editor = rx.asset("editor.jsx", shared=True)
    linked = (Path.cwd() / "assets" / editor.partition("?")[0].lstrip("/")).parent
    for link in linked.rglob("*"):
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)
    for source in sorted(HERE.rglob("*")):
        path = source.relative_to(HERE)
        if source.suffix in SOURCES and (linked / path).resolve() != source.resolve():
            (linked / path).parent.mkdir(parents=True, exist_ok=True)
            rx.asset(path.as_posix(), shared=True)
    return editor.importable_path
