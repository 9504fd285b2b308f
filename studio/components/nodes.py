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
    cases = [(t.type, rx.icon(t.icon, size=size, color=f"var(--{COLOURS[t.group]})")) for t in all_types()]
    return rx.match(node_type, *cases, rx.icon("circle", size=size, color="var(--flow)"))


def node_colour(node_type: rx.Var[str]) -> rx.Var[str]:
    """The CSS colour of the type's group."""
    engine.nodes.load()
    cases = [(t.type, f"var(--{COLOURS[t.group]})") for t in all_types()]
    colour: rx.Var[str] = rx.match(node_type, *cases, "var(--flow)")
    return colour
