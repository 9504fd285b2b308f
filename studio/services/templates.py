"""The shipped workflows as something to start from: what each does, what it needs, and a small picture of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import yaml

import engine.nodes
from engine.errors import NotFound
from engine.language import node_types
from engine.language.document import Document
from engine.language.model import Workflow
from engine.language.node_types import Group
from studio.services import words
from studio.services.workflow_files import SHIPPED

CARD = (200, 60)  # as on the canvas
MARGIN = 60


@dataclass(frozen=True, slots=True)
class Template:
    """`needs`: a sentence, or empty; `picture`: a picture of one colour, as a URL for CSS."""

    name: str
    description: str
    size: str
    needs: str
    picture: str


@lru_cache(maxsize=1)
def templates() -> tuple[Template, ...]:
    """The shipped workflows, by name."""
    engine.nodes.load()
    found = []
    for path in sorted(SHIPPED.glob("*.yaml")):
        workflow = Document.parse(path.read_text("utf-8")).workflow
        if workflow is not None:
            found.append(_template(workflow, _places(path.stem)))
    return tuple(found)


def text_of(name: str) -> str:
    """The file of the template; raises NotFound."""
    for path in SHIPPED.glob("*.yaml"):
        text = path.read_bytes().decode()
        workflow = Document.parse(text).workflow
        if workflow is not None and workflow.name == name:
            return text
    raise NotFound(f"There is no template {name!r}.")


def _template(workflow: Workflow, places: Mapping[str, tuple[int, int]]) -> Template:
    size = words.some(len(workflow.nodes), "node")
    return Template(workflow.name, workflow.description, size, _needs(workflow), _drawn(workflow, places))


def _needs(workflow: Workflow) -> str:
    """What has to be there for it to work: other workflows, connectors, people who answer."""
    called = {str(node.config["workflow_name"]) for node in workflow.nodes if node.config.get("workflow_name")}
    groups = {kind.group for node in workflow.nodes if (kind := node_types.get(node.type)) is not None}
    needs = [
        "a model" if Group.MODEL in groups else "",
        "tools" if Group.TOOLS in groups else "",
        "people who answer" if Group.PEOPLE in groups else "",
        words.some(len(called), "other workflow") if called else "",
    ]
    return ", ".join(filter(None, needs))


def _places(name: str) -> dict[str, tuple[int, int]]:
    layout = SHIPPED / ".layout" / f"{name}.yaml"
    stored: Any = yaml.safe_load(layout.read_text("utf-8")) if layout.exists() else {}
    return {node: (x, y) for node, (x, y) in (stored.get("nodes") or {}).items()}


def _drawn(workflow: Workflow, places: Mapping[str, tuple[int, int]]) -> str:
    """Its picture as its layout has it; without one, one card below the other."""
    number = {node.name: i for i, node in enumerate(workflow.nodes)}
    ends = [(number.get(edge.source), number.get(edge.target)) for edge in workflow.edges]
    ways = [(one, other) for one, other in ends if one is not None and other is not None]
    return picture([places.get(name, (0, 140 * i)) for name, i in number.items()], ways)


def picture(places: Sequence[tuple[int, int]], ways: Iterable[tuple[int, int]]) -> str:
    """Cards at these places, and the ways between them by number, as `url("...")`: black, to be used as a mask."""
    left, top = (min(place[axis] for place in places) - MARGIN for axis in (0, 1))
    width, height = (max(place[axis] for place in places) + CARD[axis] + MARGIN for axis in (0, 1))
    cards = "".join(f'<rect x="{x}" y="{y}" width="{CARD[0]}" height="{CARD[1]}" rx="14"/>' for x, y in places)
    lines = "".join(_way(places[one], places[other]) for one, other in ways)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left} {top} {width - left} {height - top}">'
        f'{cards}<g fill="none" stroke="#000" stroke-opacity=".45" stroke-width="12">{lines}</g></svg>'
    )
    return f'url("data:image/svg+xml,{quote(svg, safe="/:=")}")'


def _way(one: tuple[int, int], other: tuple[int, int]) -> str:
    x, y, to_x, to_y = one[0] + CARD[0] // 2, one[1] + CARD[1], other[0] + CARD[0] // 2, other[1]
    return f'<path d="M{x} {y}V{y + max(20, (to_y - y) // 2)}H{to_x}V{to_y}"/>'
