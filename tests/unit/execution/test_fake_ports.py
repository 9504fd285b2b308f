"""The fakes keep the promises of the ports that other tests rely on."""

from __future__ import annotations

import pytest

from engine.errors import DefinitionMissing, LeaseLost, PermanentError
from engine.execution.ports import ModelRequest, StepRecord, ToolCall
from tests.support.ports import (
    RUN_ID,
    TENANT_ID,
    FakeClock,
    FakeDefinitions,
    FakeModels,
    FakeTools,
    MemoryJournal,
)


def call(tool: str, key: str) -> ToolCall:
    return ToolCall(TENANT_ID, tool, {}, key, RUN_ID)


async def test_clock_moves_by_sleeping_only() -> None:
    clock = FakeClock(5.0)
    assert clock.now() == clock.now() == 5.0
    await clock.sleep(2.5)
    assert clock.now() == 7.5


async def test_models_answer_by_node_and_stream_the_words() -> None:
    models = FakeModels({"greet": "hello there", "*": "else"})
    words: list[str] = []

    async def take(word: str) -> None:
        words.append(word)

    request = ModelRequest(TENANT_ID, "tier:A", [], "run:sub/greet:0")
    assert (await models.complete(request, take)).text == "hello there"
    assert words == ["hello", "there"]
    assert (await models.complete(ModelRequest(TENANT_ID, "x", [], "run:other:0"))).text == "else"


async def test_tools_use_up_their_script_and_count_an_effect_once_per_key() -> None:
    tools = FakeTools({"book": [PermanentError("no"), {"ok": True}]})
    with pytest.raises(PermanentError):
        await tools.call(call("book", "k"))
    assert await tools.call(call("book", "k")) == {"ok": True}
    assert await tools.call(call("book", "k")) == {"ok": True}
    assert tools.effects == ["k"]
    assert tools.spec("book") is not None
    assert tools.spec("absent") is None


async def test_definitions_by_name_and_hash() -> None:
    definitions = FakeDefinitions({"child": "name: child"})
    found = await definitions.load("child", None)
    assert await definitions.by_hash(found.hash) == found
    with pytest.raises(DefinitionMissing):
        await definitions.load("absent", None)


async def test_journal_is_durable_up_to_the_last_barrier_and_can_lose_its_lease() -> None:
    journal = MemoryJournal(lose_lease_at=2)
    record = StepRecord(0, "a", "start", 0, 1, "succeeded", {})
    journal.append(record)
    assert journal.durable == 0
    await journal.barrier()
    journal.append(record)
    assert journal.durable == 1
    with pytest.raises(LeaseLost):
        journal.append(record)
