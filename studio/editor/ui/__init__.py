"""The island's sources, and how the frontend build finds them."""

from __future__ import annotations

from pathlib import Path

import reflex as rx

SOURCES = {".js", ".jsx", ".css"}


def entry() -> str:
    """Link every source beside this file into the frontend; returns the path to import the editor from.

    Only what is not linked yet goes through `rx.asset`: it reads the whole call stack each time, which costs seconds
    for so many files.
    """
    editor = rx.asset("editor.jsx", shared=True)
    linked = (Path.cwd() / "assets" / editor.partition("?")[0].lstrip("/")).parent
    for source in sorted(Path(__file__).parent.iterdir()):
        if source.suffix in SOURCES and (linked / source.name).resolve() != source.resolve():
            rx.asset(source.name, shared=True)
    return editor.importable_path
