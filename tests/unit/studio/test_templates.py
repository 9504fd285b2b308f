"""The gallery of shipped workflows: each with its size, its needs, and a picture that is an SVG."""

from __future__ import annotations

from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from engine.errors import NotFound
from engine.language.document import Document
from studio.services.templates import picture, templates, text_of

SVG = "{http://www.w3.org/2000/svg}"


def drawn(url: str) -> ElementTree.Element:
    start, end = 'url("data:image/svg+xml,', '")'
    assert url.startswith(start)
    assert url.endswith(end)
    inside = url.removeprefix(start).removesuffix(end)
    assert '"' not in inside
    return ElementTree.fromstring(unquote(inside))


def test_each_shipped_workflow_is_shown_as_it_is() -> None:
    found = templates()
    assert len(found) > 5
    for one in found:
        workflow = Document.parse(text_of(one.name)).workflow
        assert workflow is not None
        assert one.size == f"{len(workflow.nodes)} nodes"
        assert len(list(drawn(one.picture).iter(f"{SVG}rect"))) == len(workflow.nodes)
        assert len(list(drawn(one.picture).iter(f"{SVG}path"))) == len(workflow.edges)


def test_what_a_workflow_needs() -> None:
    needs = {one.name: one.needs for one in templates()}
    assert needs["customer_support_workflow"] == "a model, tools, 5 other workflows"


def test_everything_is_within_the_picture() -> None:
    root = drawn(picture([(-300, 0), (500, 900)], [(0, 1)]))
    left, top, width, height = map(int, root.attrib["viewBox"].split())
    for card in root.iter(f"{SVG}rect"):
        assert left <= int(card.attrib["x"]) <= left + width - 200
        assert top <= int(card.attrib["y"]) <= top + height - 60


def test_there_is_no_other_template() -> None:
    with pytest.raises(NotFound):
        text_of("../secrets")
