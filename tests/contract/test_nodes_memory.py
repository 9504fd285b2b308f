"""The memory node: whose memory it is, what is read back, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from engine.errors import TransientError
from engine.execution.events import RunStatus
from engine.execution.ports import MemoryPlace
from engine.language.document import Document
from engine.language.validate import validate
from engine.nodes.memory import MemoryConfig, MemoryNode
from tests.support.ports import RUN_ID, TENANT_ID, FakeMemory, World, workflow

CONVERSATION = UUID("00000000-0000-7000-8000-0000000000c0")


def steps(*configs: str) -> str:
    """A workflow of memory nodes m0, m1, ... one after the other."""
    names = ["start", *(f"m{n}" for n in range(len(configs))), "end"]
    nodes = "\n".join(f"  - {{name: m{n}, type: memory, config: {config}}}" for n, config in enumerate(configs))
    edges = ", ".join(f"{{from: {a}, to: {b}}}" for a, b in pairwise(names))
    return workflow(f"""\
nodes:
  - {{name: start, type: start}}
{nodes}
  - {{name: end, type: end}}
edges: [{edges}]
""")


async def run(w: World, *configs: str, **given: Any) -> Any:
    return await w.run(steps(*configs), given)


async def test_what_was_written_last_is_read() -> None:
    w = World()
    first, second = (
        "{op: write, scope: run, key: k, value: one}",
        "{op: write, scope: run, key: k, value: {a: context.x}}",
    )
    result = await run(w, first, second, "{scope: run, key: k}", x=7)
    assert result.output == {"reply": None, "remembered": {"a": 7}}


async def test_nothing_is_read_as_null_and_as_an_empty_list() -> None:
    result = await run(World(), "{scope: run, key: k}", "{scope: run, key: k, window: 3, output_key: all}")
    assert result.output == {"reply": None, "remembered": None, "all": []}


async def test_a_window_of_what_was_appended_and_clearing() -> None:
    append = [f"{{op: append, scope: run, key: k, value: '${{context.n + {n}}}'}}" for n in range(4)]
    result = await run(World(), *append, "{scope: run, key: k, window: 3}", n=1)
    assert result.output["remembered"] == [2, 3, 4]
    clear = "{op: clear, scope: run, key: k}"
    result = await run(World(), *append, clear, "{scope: run, key: k, window: 3}", n=1)
    assert result.output["remembered"] == []


async def test_a_mapping_that_is_read_overwrites_nothing_in_context() -> None:
    w = World()
    write = "{op: write, scope: run, key: k, value: {message: evil}}"
    await run(w, write, "{scope: run, key: k}", message="hello")
    result = await run(
        w, "{scope: run, key: k}", "{op: write, scope: run, key: said, value: context.message}", message="hi"
    )
    assert result.output == {"reply": None, "remembered": {"message": "evil"}}
    result = await run(w, "{scope: run, key: said}", "{scope: run, key: k, output_key: profile}")
    assert result.output == {"reply": None, "remembered": "hi", "profile": {"message": "evil"}}


async def test_keys_are_templates_and_each_scope_has_its_owner() -> None:
    w = World()
    w.info = replace(w.info, conversation_id=CONVERSATION)
    scopes = ("run", "conversation", "customer", "tenant")
    await run(w, *(f"{{op: write, scope: {s}, key: 'o:{{order}}', value: 1}}" for s in scopes), order=5, customer_id=42)
    owners = [str(RUN_ID), str(CONVERSATION), "42", str(TENANT_ID)]
    expected = [MemoryPlace(TENANT_ID, s, o, "o:5") for s, o in zip(scopes, owners, strict=True)]  # type: ignore[arg-type]
    assert list(w.memory.entries) == expected


@pytest.mark.parametrize(
    ("config", "given"),
    [
        ("{scope: conversation, key: k}", {}),
        ("{scope: customer, key: k}", {}),
        ("{scope: customer, key: k}", {"customer_id": None}),
        ("{scope: customer, key: k}", {"customer_id": ""}),
        ("{scope: customer, key: k}", {"customer_id": True}),
        ("{scope: customer, key: k}", {"customer_id": {"$ne": 1}}),
        ("{scope: customer, key: k}", {"customer_id": ["1"]}),
    ],
)
async def test_a_run_without_such_an_owner_fails(config: str, given: dict[str, Any]) -> None:
    w = World()
    result = await run(w, config, **given)
    assert (result.status, result.error["type"], w.memory.entries) == (RunStatus.FAILED, "validation_error", {})


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{op: write, key: k}", "write needs a value"),
        ("{op: append, key: k, ttl: 5}", "append needs a value"),
        ("{op: read, key: k, ttl: 5}", "ttl says nothing"),
        ("{op: read, key: k, value: 1}", "value says nothing"),
        ("{op: write, key: k, value: 1, window: 2}", "window says nothing"),
        ("{op: write, key: k, value: 1, ttl: 0}", "ttl"),
        ("{op: write, key: k, value: 1, ttl: 1000000000}", "ttl"),
        ("{op: read, key: k, window: 101}", "window"),
        ("{op: burn, key: k}", "op"),
        ("{op: read, key: k, scope: world}", "scope"),
        ("{op: read, key: ''}", "key"),
        ("{op: read}", "key"),
    ],
)
def test_configs_that_make_no_sense_are_diagnostics(config: str, said: str) -> None:
    found = [d for d in validate(Document.parse(steps(config))) if d.is_error]
    assert said in "; ".join(d.message for d in found)


async def test_a_value_of_null_is_remembered_too() -> None:
    w = World()
    await run(w, "{op: write, scope: run, key: k, value: null}")
    assert next(iter(w.memory.entries.values())) == [(None, None)]


async def test_each_write_has_the_key_of_its_step_at_every_attempt() -> None:
    keys: list[str] = []

    class Flaky(FakeMemory):
        async def write(self, place: MemoryPlace, value: Any, idempotency_key: str, ttl_s: float | None = None) -> None:
            keys.append(idempotency_key)
            raise TransientError

    w = World(memory=Flaky())
    text = steps("{op: write, scope: run, key: k, value: 1}")
    retry = "type: memory, retry: {max_attempts: 3, initial_seconds: 1}"
    result = await w.run(text.replace("type: memory", retry), {})
    assert result.status is RunStatus.FAILED
    assert keys == [f"{RUN_ID}:m0:0"] * 3


def test_reading_is_no_effect() -> None:
    node = MemoryNode()
    effects = [
        node.has_effect(MemoryConfig(op=op, key="k", **({"value": 1} if op in ("write", "append") else {})))
        for op in ("read", "write", "append", "clear")
    ]
    assert effects == [False, True, True, True]
