"""What a page shows stands in its address: a link carries it, a reload and the way back keep it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

import reflex as rx


def keep_in_address(query: Mapping[str, str]) -> rx.event.EventSpec:
    """Put these in the place of the address' query, without a step of the history; what is empty is left out."""
    text = urlencode({name: value for name, value in query.items() if value})
    return rx.call_script(
        f"history.replaceState(history.state, '', location.pathname + {json.dumps(text and f'?{text}')})"
    )
