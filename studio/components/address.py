"""What a page shows stands in its address: a link carries it, a reload and the way back keep it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

import reflex as rx


def keep_in_address(page: str, query: Mapping[str, str]) -> rx.event.EventSpec:
    """Put these in the place of the address' query, without a step of the history; what is empty is left out.

    Who has left the page (a path, as `/app/runs`) by the time the answer comes keeps the address of where they are.
    """
    text = urlencode({name: value for name, value in query.items() if value})
    there = json.dumps(page + (text and f"?{text}"))
    return rx.call_script(f"{_is_at(page)} && history.replaceState(history.state, '', {there})")


def lead_on(page: str, to: str) -> rx.event.EventSpec:
    """Go from a page (a path) to another, unless one has left it by the time this arrives."""
    return rx.call_script(f"{_is_at(page)} ? {json.dumps(to)} : undefined", callback=rx.redirect)


def _is_at(page: str) -> str:
    return f"location.pathname.replace(/[/]$/, '') === {json.dumps(page)}"
