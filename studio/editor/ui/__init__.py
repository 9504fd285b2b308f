"""The island's sources, and how the frontend build finds them."""

from __future__ import annotations

from pathlib import Path

import reflex as rx

SOURCES = {".js", ".jsx", ".css"}


def entry() -> str:
    """Link every source beside this file into the frontend; returns the path to import the editor from."""
    for source in sorted(Path(__file__).parent.iterdir()):
        if source.suffix in SOURCES:
            rx.asset(source.name, shared=True)
    return rx.asset("editor.jsx", shared=True).importable_path
