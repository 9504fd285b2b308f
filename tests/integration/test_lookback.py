"""What a step saw when it began, folded from the journal; and expressions on that data."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError, NotFound
from engine.settings import Settings
from engine.store.session import Scope
from runners.client import ByText, RunRequest
from runners.connections import Connections
from runners.runtime import Runtime
from studio.services import scope as scopes
from tests.support.counting import counting_world, workflow_text

START = "- {name: start, type: start, config: {}}"
TEXT = workflow_text(
    "looked_at",
    [
        START,
        "- {name: first, type: transform, config: {set: {name: 'context.name', one: '1 + 0'}}}",
        "- {name: second, type: transform, config: {output_key: kept, set: {two: 'context.one + 1'}}}",
        "- {name: end, type: end, config: {}}",
    ],
    ["- {from: start, to: first}", "- {from: first, to: second}", "- {from: second, to: end}"],
)


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, tmp_path: Path) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    yield opened
    await opened.close()


@pytest.fixture
async def run_id(runtime: Runtime, scope: Scope) -> uuid.UUID:
    view = await runtime.client.run_inline(scope, RunRequest(ByText(TEXT), {"name": "Ada", "long": "x" * 9_000}), 10)
    assert view.status == "succeeded", view.error
    return view.run_id


async def test_each_step_sees_what_was_there_when_it_began(runtime: Runtime, scope: Scope, run_id: uuid.UUID) -> None:
    seen = await runtime.client.scope_before(scope, run_id, "second")
    assert seen["context"]["one"] == 1
    assert "kept" not in seen["context"]
    assert seen["nodes"]["first"]["output"] == {"name": "Ada", "one": 1}
    assert "second" not in seen["nodes"]
    assert seen["run"]["id"] == str(run_id)
    first = await runtime.client.scope_before(scope, run_id, "first")
    assert "one" not in first["context"]


async def test_edges_see_what_their_step_gave(runtime: Runtime, scope: Scope, run_id: uuid.UUID) -> None:
    after = await runtime.client.scope_before(scope, run_id, "second", after=True)
    assert after["context"]["kept"] == {"two": 2}
    assert "kept" not in (await runtime.client.scope_before(scope, run_id, "second"))["context"]


async def test_without_a_run_a_text_is_only_read(runtime: Runtime, scope: Scope) -> None:
    for kind, text in (("expression", "context.a + 1"), ("template", "{a | b}"), ("value", "${len(context.a)} of 5")):
        assert await scopes.evaluate(runtime.client, scope, None, kind, text) == {}
    for kind, text in (("expression", "context.a +"), ("value", "${context.a +}")):
        assert (await scopes.evaluate(runtime.client, scope, None, kind, text))["unreadable"]


async def test_a_step_that_never_ran_sees_the_end(runtime: Runtime, scope: Scope, run_id: uuid.UUID) -> None:
    seen = await runtime.client.scope_before(scope, run_id, "added_since")
    assert seen["context"]["kept"] == {"two": 2}


@pytest.mark.parametrize(
    ("read", "gives"),
    [
        (("expression", "context.one + 1"), {"value": 2}),
        (("expression", "context.nothing.there"), {"value": None}),
        (("template", "Dear {name | you}"), {"value": "Dear Ada"}),
        (("value", "${context.one > 0}"), {"value": True}),
        (("value", "context.name"), {"value": "Ada"}),
    ],
)
async def test_expressions_on_the_data_of_a_step(
    runtime: Runtime, scope: Scope, run_id: uuid.UUID, read: tuple[str, str], gives: dict[str, Any]
) -> None:
    at = scopes.At(run_id, "second")
    assert await scopes.evaluate(runtime.client, scope, at, *read) == gives


async def test_faults_are_said_with_their_column(runtime: Runtime, scope: Scope, run_id: uuid.UUID) -> None:
    at = scopes.At(run_id, "second")
    parsed = await scopes.evaluate(runtime.client, scope, at, "expression", "context.one +")
    assert parsed["column"] == 14
    assert parsed["unreadable"]
    mixed = await scopes.evaluate(runtime.client, scope, at, "expression", "context.name < 5")
    assert "error" in mixed
    assert "unreadable" not in mixed
    hostile = "__import__('os').system('id')"
    assert "error" in await scopes.evaluate(runtime.client, scope, at, "expression", hostile)
    with pytest.raises(InputError):
        await scopes.evaluate(runtime.client, scope, at, "python", "1")


async def test_what_is_large_is_shortened(runtime: Runtime, scope: Scope, run_id: uuid.UUID) -> None:
    seen = await scopes.seen(runtime.client, scope, scopes.At(run_id, "second"))
    assert seen["context"]["long"].endswith("(9,000 characters)")
    deep: Any = 0
    for _ in range(50):
        deep = [deep]
    assert "…" in repr(scopes.shortened(deep))
    assert len(scopes.shortened(list(range(500)))) == 101


async def test_another_tenants_run_is_not_found(
    runtime: Runtime, scope: Scope, other_scope: Scope, run_id: uuid.UUID
) -> None:
    with pytest.raises(NotFound):
        await scopes.seen(runtime.client, other_scope, scopes.At(run_id, "second"))
    with pytest.raises(NotFound):
        await scopes.evaluate(runtime.client, other_scope, scopes.At(run_id, "second"), "expression", "1")
