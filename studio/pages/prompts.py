"""/app/prompts: the prompt library, with the versions of each prompt and the workflows that pin them."""

from __future__ import annotations

import reflex as rx

from studio.components.behaviour import search_key
from studio.components.layout import allowed, page, studio_page
from studio.components.parts import button, search_box
from studio.pages import prompt_view
from studio.pages.dialog_forms import THIS_PAGE
from studio.pages.prompt_forms import PromptForms
from studio.pages.prompt_library import ADDRESS, PromptsState


@studio_page(ADDRESS, title="Prompts", on_load=PromptsState.load)
def prompts_page() -> rx.Component:
    new = button("New prompt", kind="primary", icon="plus", on_click=PromptForms.open("", 0, THIS_PAGE))
    there_are_some = (PromptsState.rows.length() > 0) | (PromptsState.search != "")
    return page(
        prompt_view.body(),
        prompt_view.add_dialog(),
        search_key(),
        active="prompts",
        crumbs=["Prompts"],
        center=[search_box(PromptsState.search, PromptsState.set_search, "Search prompts by name")],
        needs="workflows:read",
        actions=[allowed("workflows:write", rx.cond(there_are_some, new))],
    )
