"""What the editor's forms are made of: every field says what it is for, and every number of what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from engine.language.triggers import CONFIGS
from studio.services.editor_specs import node_specs
from studio.services.trigger_specs import trigger_specs

Json = Any


def fields(found: Iterable[dict[str, Json]], where: str) -> Iterator[tuple[str, dict[str, Json]]]:
    """Every field of a form and of the forms within it, with its place."""
    for field in found:
        place = f"{where}.{field['key']}"
        yield place, field
        yield from fields(field.get("items", ()), place)


EVERY = [
    found
    for specs in (node_specs(), trigger_specs())
    for kind, spec in specs.items()
    for found in fields(spec["fields"], kind)
]


def test_every_field_has_help() -> None:
    assert len(EVERY) > 100
    assert [place for place, field in EVERY if not field.get("description")] == []


def test_every_number_has_a_unit() -> None:
    numbers = [(place, field) for place, field in EVERY if field["widget"] in ("number", "slider")]
    assert len(numbers) > 30
    assert [place for place, field in numbers if not field.get("unit")] == []


def test_every_field_has_a_title_of_its_own() -> None:
    assert [place for place, field in EVERY if field["title"] == field["key"]] == []


def test_every_kind_of_trigger_has_a_form() -> None:
    specs = trigger_specs()
    assert specs.keys() == CONFIGS.keys()
    assert all(spec["title"] and spec["summary"] for spec in specs.values())
    for kind, spec in specs.items():
        keys = {field["key"] for field in spec["fields"]}
        assert spec["initial"].keys() <= keys, kind
