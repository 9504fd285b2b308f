"""The editor's Reflex component: one React island, driven by node specs and fed through four props.

The parts of the island are the files of `ui/`; see `ui/editor.jsx`. Python knows the node types, so it names their
icons: a new node type needs no change in the island.
"""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.components.component import NoSSRComponent
from reflex.utils.imports import ImportVar
from reflex.vars import Var

from studio.editor import ui
from studio.services.editor_specs import icon_names

# Asks for the draft before any other script is there; taken over by ui/core/api.js.
EARLY_DRAFT = (
    "{const name=location.pathname.match(/^\\/app\\/workflows\\/([^\\/]+)$/)?.[1];"
    'if(name){const asked=fetch("/api/v1/editor/draft?workflow="+name,{headers:{Accept:"application/json"}});'
    "asked.catch(()=>{});window.heddleDraft={name,asked}}}"
)
LOADED = "heddle:loaded"  # the event of the window by which the page says that it was loaded or is connected again


class WorkflowEditor(NoSSRComponent):
    """`saved`, `checked`, `started` and `published` answer its requests."""

    library = ui.entry()
    tag = "WorkflowEditor"
    lib_dependencies: list[str] = [  # noqa: RUF012  # Reflex's way of declaring npm packages
        "@xyflow/react@12.12.1",
        "@codemirror/autocomplete@6.20.4",
        "@codemirror/state@6.7.6",
        "@codemirror/view@6.43.15",
        "@codemirror/commands@6.11.1",
        "@codemirror/language@6.13.1",
        "@codemirror/lint@6.9.8",
        "@codemirror/merge@6.12.3",
        "@codemirror/search@6.7.2",
        "@lezer/highlight@1.2.5",
    ]

    saved: rx.Var[dict[str, Any]]
    checked: rx.Var[dict[str, Any]]
    started: rx.Var[dict[str, Any]]
    published: rx.Var[dict[str, Any]]
    icons: rx.Var[dict[str, Any]]

    on_commit: rx.EventHandler[rx.event.passthrough_event_spec(dict)]
    on_run: rx.EventHandler[rx.event.passthrough_event_spec(dict)]
    on_cancel: rx.EventHandler[rx.event.passthrough_event_spec(dict)]
    on_publish: rx.EventHandler[rx.event.passthrough_event_spec(dict)]
    on_addresses: rx.EventHandler[rx.event.passthrough_event_spec(dict)]
    on_renew: rx.EventHandler[rx.event.passthrough_event_spec(dict)]

    def add_imports(self) -> dict[str, list[ImportVar]]:
        """The icons of the node types, under names of their own."""
        return {"lucide-react": [ImportVar(tag=tag, alias=f"Type{tag}") for tag in sorted(icon_tags().values())]}


def icon_tags() -> dict[str, str]:
    """Icon name of each node type and tool ("message-square") -> its React component ("MessageSquare")."""
    return {name: "".join(part.capitalize() for part in name.replace("_", "-").split("-")) for name in icon_names()}


def workflow_editor(**props: Any) -> rx.Component:
    """The editor with the icons of all registered node types."""
    pairs = ", ".join(f"{name!r}: Type{tag}" for name, tag in sorted(icon_tags().items()))
    return WorkflowEditor.create(icons=Var(f"({{{pairs}}})"), **props)
