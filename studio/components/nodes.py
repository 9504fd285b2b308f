"""Icon and colour of node types, from the registry of the language."""

from __future__ import annotations

import reflex as rx

import engine.nodes
from engine.language.node_types import Group, all_types

# Group -> name of its colour token in studio/style.py
COLOURS = {
    Group.FLOW: "flow",
    Group.MODEL: "model",
    Group.TOOLS: "tools",
    Group.DATA: "data",
    Group.PEOPLE: "people",
    Group.MESSAGES: "msg",
    Group.SAFETY: "safe",
}


def node_icon(node_type: rx.Var[str], size: int = 15) -> rx.Component:
    """The type's icon in the colour of its group."""
    engine.nodes.load()
    cases = [(t.type, _icon(t.icon, size, COLOURS[t.group])) for t in all_types()]
    return rx.match(node_type, *cases, _icon("circle", size, "flow"))


def _icon(name: str, size: int, colour: str) -> rx.Component:
    return rx.icon(name, size=size, custom_attrs={"color": f"var(--{colour})"})


def node_colour(node_type: rx.Var[str]) -> rx.Var[str]:
    """The CSS colour of the type's group."""
    engine.nodes.load()
    cases = [(t.type, f"var(--{COLOURS[t.group]})") for t in all_types()]
    colour: rx.Var[str] = rx.match(node_type, *cases, "var(--flow)")
    return colour
