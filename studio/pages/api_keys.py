"""/app/api-keys: the keys with which programs call the API."""

from __future__ import annotations

import reflex as rx

from studio.components.behaviour import ticker
from studio.components.layout import allowed, page, studio_page
from studio.components.parts import button
from studio.pages import api_key_view
from studio.pages.api_key_forms import ApiKeyForms, ApiKeysState
from studio.pages.dialog_forms import THIS_PAGE

AGAIN_MS = 15_000


@studio_page("/app/api-keys", title="API keys", on_load=ApiKeysState.load)
def api_keys_page() -> rx.Component:
    new = button("New API key", kind="primary", icon="plus", on_click=ApiKeyForms.begin(THIS_PAGE))
    there_are_some = ApiKeysState.rows.length() > 0  # where there are none, the button stands there
    return page(
        api_key_view.view(),
        api_key_view.dialogs(),
        ticker(every_ms=AGAIN_MS, on_tick=ApiKeysState.load),
        active="api-keys",
        crumbs=["API keys"],
        needs="api_keys:read",
        actions=[allowed("api_keys:write", rx.cond(there_are_some, new))],
    )
