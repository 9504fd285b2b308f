"""Runs as their callers see them: inline, cancelled, signalled, watched, and never another tenant's."""

from __future__ import annotations

import asyncio
import itertools
import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from engine.errors import Conflict, DefinitionError, InputError, NotFound
from engine.settings import Settings
from engine.store.access import conversations, run_list, runs, workflows
from engine.store.leases import Claim
from engine.store.session import Database, Scope
from runners.client import ByName, ByText, ByVersion, RunRequest
from runners.connections import Connections
from runners.host import CONTROL_CHANNEL
from runners.runtime import Runtime
from tests.support.channels import drop_listeners
from tests.support.counting import chain, counting_world, effects_of, until, workflow_text
from tests.support.shop import open_shop

START = "- {name: start, type: start, config: {}}"


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, tmp_path: Path) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    yield opened
    await opened.close()


async def test_inline_run_ends_here(runtime: Runtime, scope: Scope, tmp_path: Path) -> None:
    view = await runtime.client.run_inline(scope, RunRequest(ByText(chain(3, 0)), {"message": "hi"}), 10)
    assert (view.status, view.output, view.error) == ("succeeded", {"reply": "call_2"}, None)
    assert view.steps == 8
    assert view == await runtime.client.get(scope, view.run_id)
    assert len(effects_of(tmp_path / "effects")) == 3
    steps = await runtime.client.steps(scope, view.run_id)
    assert [s.path for s in steps][:3] == ["start", "call_0", "note_call_0"]
    assert await runtime.queue.length() == 0


async def test_inline_run_is_seen_as_it_is_kept(runtime: Runtime, scope: Scope) -> None:
    """What is answered without another look at the database is what a look would show: odd values and failures too."""
    text = workflow_text(
        "odd",
        [START, "- {name: odd, type: transform, config: {set: {a: 'context.given', b: '1 / context.by'}}}",
         "- {name: end, type: end, config: {output: {a: context.a, b: context.b}}}"],
        ["- {from: start, to: odd, condition: null}", "- {from: odd, to: end, condition: null}"],
    )  # fmt: skip
    odd = ["\u00e4\ud83d\ude00", 1e16, 2**53 + 1, -0.5, {"z": None, "aa": [True, {}]}, ""]
    for by, status in ((4, "succeeded"), (0, "failed")):
        given = RunRequest(ByText(text), {"given": odd, "by": by})
        view = await runtime.client.run_inline(scope, given, 10)
        assert view.status == status, view.error
        assert view == await runtime.client.get(scope, view.run_id)


async def test_inline_run_is_handed_over_at_its_deadline(runtime: Runtime, scope: Scope, tmp_path: Path) -> None:
    view = await runtime.client.run_inline(scope, RunRequest(ByText(chain(5, 0.15)), {}), 0.2)
    assert view.status == "queued"
    assert await runtime.queue.length() == 1
    assert await runtime.host.execute(scope.tenant_id, view.run_id) == "succeeded"
    effects = effects_of(tmp_path / "effects")
    assert len(effects) == len({e["key"] for e in effects}) == 5


async def test_inline_run_is_handed_over_before_a_long_node(runtime: Runtime, scope: Scope) -> None:
    text = workflow_text(
        "asks",
        [START, "- {name: ask, type: agent, config: {model: 'tier:A', prompt_template: 'Say {message}'}}",
         "- {name: end, type: end, config: {}}"],
        ["- {from: start, to: ask, condition: null}", "- {from: ask, to: end, condition: null}"],
    )  # fmt: skip
    view = await runtime.client.run_inline(scope, RunRequest(ByText(text), {"message": "yes"}), 10)
    assert view.status == "queued"
    whole = await runtime.client.run_inline(scope, RunRequest(ByText(text), {"message": "yes"}), 10, whole=True)
    assert (whole.status, whole.tokens_in, whole.cost_usd_micros) == ("succeeded", 3, 50)
    assert "Say yes" in whole.output["reply"]


async def test_a_text_that_is_no_workflow_is_refused_before_anything_is_kept(
    runtime: Runtime, scope: Scope, database: Database
) -> None:
    for text in ("", "nodes: [", "just a text", "name: x\nnodes: 5\n"):
        with pytest.raises(DefinitionError):
            await runtime.client.submit(scope, RunRequest(ByText(text), {}))
    async with database.transaction(scope) as tx:
        assert (await run_list.list_runs(tx)).rows == []


async def test_a_text_that_cannot_be_planned_fails_the_run_with_a_typed_error(runtime: Runtime, scope: Scope) -> None:
    text = workflow_text("odd", [START, "- {name: end, type: end, config: {surprise: 1}}"],
                         ["- {from: start, to: end, condition: null}"])  # fmt: skip
    view = await runtime.client.run_inline(scope, RunRequest(ByText(text), {}), 10)
    assert view.status == "failed"
    assert view.error["code"] in ("schema_error", "graph_error")


async def test_same_key_gives_the_same_run(runtime: Runtime, scope: Scope, tmp_path: Path) -> None:
    request = RunRequest(ByText(chain(1, 0)), {"message": "a"}, idempotency_key="k1")
    first, second = await asyncio.gather(*(runtime.client.submit(scope, request) for _ in range(2)))
    assert first == second
    assert await runtime.queue.length() == 1
    assert (await runtime.client.wait(scope, first, 0)).status == "queued"
    with pytest.raises(Conflict):
        await runtime.client.submit(scope, RunRequest(request.source, {"message": "b"}, idempotency_key="k1"))
    await runtime.host.execute(scope.tenant_id, first)
    again = await runtime.client.run_inline(scope, request, 5)
    assert (again.run_id, again.status) == (first, "succeeded")
    assert len(effects_of(tmp_path / "effects")) == 1


async def test_wait_returns_with_the_end_and_no_earlier(runtime: Runtime, scope: Scope) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(chain(2, 0.1)), {}))
    assert (await runtime.client.wait(scope, run_id, 0.1)).status == "queued"
    waiting = asyncio.create_task(runtime.client.wait(scope, run_id, 20))
    await runtime.host.execute(scope.tenant_id, run_id)
    async with asyncio.timeout(2):
        view = await waiting
    assert view.status == "succeeded"
    assert view.ended_at is not None


async def test_run_waits_for_the_end_from_the_first_moment(
    runtime: Runtime, scope: Scope, database: Database, tmp_path: Path
) -> None:
    request = RunRequest(ByText(chain(2, 0)), {"message": "a"}, idempotency_key="k2")
    assert (await runtime.client.run(scope, request, 0)).status == "queued"
    waiting = [asyncio.create_task(runtime.client.run(scope, request, 20)) for _ in range(2)]
    fresh = [
        asyncio.create_task(runtime.client.run(scope, RunRequest(ByText(chain(1, 0)), {"n": n}), 20)) for n in range(8)
    ]
    async with asyncio.timeout(20):
        while await runtime.queue.length() < 9:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    async with database.transaction(scope) as tx:
        queued = [row.run_id for row in (await run_list.list_runs(tx, status="queued")).rows]
    assert len(queued) == 9
    await asyncio.gather(*(runtime.host.execute(scope.tenant_id, run_id) for run_id in queued))
    async with asyncio.timeout(2):  # told of, not found when looking again after seconds
        first, second, *others = await asyncio.gather(*waiting, *fresh)
    assert first == second == await runtime.client.get(scope, first.run_id)
    assert {view.status for view in (first, *others)} == {"succeeded"}
    assert len({view.run_id for view in others}) == 8
    with pytest.raises(Conflict):
        await runtime.client.run(scope, RunRequest(request.source, {"message": "b"}, idempotency_key="k2"), 5)
    assert len(effects_of(tmp_path / "effects")) == 2 + 8


async def test_cancel_reaches_a_run_in_the_middle_of_a_step(runtime: Runtime, scope: Scope, tmp_path: Path) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(chain(3, 20)), {}))
    executing = asyncio.create_task(runtime.host.execute(scope.tenant_id, run_id))
    await until(lambda: bool(effects_of(tmp_path / "effects")))
    assert (await runtime.client.cancel(scope, run_id)).status == "running"
    async with asyncio.timeout(5):
        assert await executing == "cancelled"
    view = await runtime.client.get(scope, run_id)
    assert view.status == "cancelled"
    assert (await runtime.client.cancel(scope, run_id)).status == "cancelled"
    assert len(effects_of(tmp_path / "effects")) == 1


async def test_cancel_reaches_a_run_that_is_just_being_leased(
    runtime: Runtime, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has it as running, this process does not know it yet. Nonsense on the channel changes nothing."""
    lease = runtime.hub.claim

    async def slow(*run: UUID) -> Claim:
        claim = await lease(*run)
        for nonsense in ('{"cancel": 5}', "[1]", "7", "{", '{"cancel": "no id"}', "{}", '{"signalled": null}'):
            await runtime.redis.publish(CONTROL_CHANNEL, nonsense)
        assert (await runtime.client.cancel(scope, run[1])).status == "running"
        await asyncio.sleep(0.3)
        return claim

    monkeypatch.setattr(runtime.hub, "claim", slow)
    run_id = await runtime.client.submit(scope, RunRequest(ByText(chain(1, 20)), {}))
    async with asyncio.timeout(4):
        assert await runtime.host.execute(scope.tenant_id, run_id) == "cancelled"


BESIDE = workflow_text(
    "beside",
    [
        "- {name: start, type: start, config: {}}",
        "- {name: fork, type: parallel, config: {}}",
        "- {name: paid, type: wait, config: {event: {name: paid}}}",
        "- {name: short, type: tool, config: {tool_name: count, parameters: {}}}",
        "- {name: long, type: tool, config: {tool_name: count, parameters: {seconds: 20}}}",
        "- {name: end, type: end, config: {}}",
    ],
    [
        "- {from: start, to: fork}",
        "- {from: fork, to: paid}",
        "- {from: fork, to: long}",
        "- {from: paid, to: short}",
        "- {from: short, to: end}",
        "- {from: long, to: end}",
    ],
)


async def test_what_was_said_while_the_connection_was_lost_is_caught_up_with(
    runtime: Runtime, database: Database, scope: Scope, tmp_path: Path
) -> None:
    """A signal and a cancellation of which no message came."""
    run_id = await runtime.client.submit(scope, RunRequest(ByText(BESIDE), {}))
    executing = asyncio.create_task(runtime.host.execute(scope.tenant_id, run_id))
    await until(lambda: len(effects_of(tmp_path / "effects")) == 1)
    async with database.transaction(scope) as tx:
        await runs.add_signal(tx, run_id, "paid", {})
    await drop_listeners(runtime.redis)
    await until(lambda: len(effects_of(tmp_path / "effects")) == 2, 5)
    async with database.transaction(scope) as tx:
        assert (await runs.request_cancel(tx, run_id)).status == "running"
    await drop_listeners(runtime.redis)
    async with asyncio.timeout(5):  # the next heartbeat would be in ten seconds
        assert await executing == "cancelled"


async def test_cancel_of_a_queued_run_is_immediate(runtime: Runtime, scope: Scope, tmp_path: Path) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(chain(1, 0)), {}))
    assert (await runtime.client.cancel(scope, run_id)).status == "cancelled"
    assert await runtime.host.execute(scope.tenant_id, run_id) == "over"
    assert effects_of(tmp_path / "effects") == []
    with pytest.raises(Conflict):
        await runtime.client.signal(scope, run_id, "go", {})


async def test_another_tenant_sees_nothing(
    runtime: Runtime, scope: Scope, other_scope: Scope, database: Database
) -> None:
    view = await runtime.client.run_inline(scope, RunRequest(ByText(chain(1, 0)), {"secret": 1}), 10)
    client = runtime.client
    for call in (
        client.get(other_scope, view.run_id),
        client.steps(other_scope, view.run_id),
        client.wait(other_scope, view.run_id, 1),
        client.cancel(other_scope, view.run_id),
        client.signal(other_scope, view.run_id, "x", {}),
        anext(client.events(other_scope, view.run_id)),
    ):
        with pytest.raises(NotFound):
            await call
    async with database.transaction(other_scope) as tx:
        assert (await run_list.list_runs(tx)).rows == []
    async with database.transaction(scope) as tx:
        workflow = await workflows.create(tx, chain(1, 0))
        await workflows.publish(tx, workflow.workflow_id)
        conversation = await conversations.create_conversation(tx, "chain", "chat")
    for request in (
        RunRequest(ByVersion(workflow.workflow_id), {}),
        RunRequest(ByText(chain(1, 0)), {}, conversation_id=conversation.conversation_id),
    ):
        with pytest.raises(NotFound):
            await client.submit(other_scope, request)


async def test_published_version_is_pinned_for_a_run(runtime: Runtime, scope: Scope, database: Database) -> None:
    async with database.transaction(scope) as tx:
        child = await workflows.create(tx, _says("child", "first"))
        await workflows.publish(tx, child.workflow_id)
        parent = await workflows.create(tx, _calls("parent", "child"))
        with pytest.raises(NotFound):
            await _started(runtime, scope, ByVersion(parent.workflow_id))
        await workflows.publish(tx, parent.workflow_id)
    view = await runtime.client.run_inline(scope, RunRequest(ByVersion(parent.workflow_id), {}), 10)
    assert (view.status, view.output["reply"], view.version_number) == ("succeeded", "first", 1)
    async with database.transaction(scope) as tx:
        pinned = (await runs.get_run(tx, view.run_id)).bindings
        published = await workflows.published_definition(tx, "child", None)
    assert pinned == {"child": published.hash}


async def test_a_published_workflow_is_started_by_its_name(
    runtime: Runtime, scope: Scope, other_scope: Scope, database: Database
) -> None:
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, _says("named", "hello"))
    with pytest.raises(NotFound, match="not published"):
        await _started(runtime, scope, ByName("named"))
    async with database.transaction(scope) as tx:
        await workflows.publish(tx, row.workflow_id)
    for conversation in (False, True):  # a run of a conversation takes another way
        view = await runtime.client.run_inline(scope, await _named(database, scope, ByName("named"), conversation), 10)
        assert (view.status, view.output["reply"], view.version_number) == ("succeeded", "hello", 1)
        for wrong in (ByName("named", 2), ByName("other"), ByName(str(row.workflow_id))):
            with pytest.raises(NotFound):
                await runtime.client.submit(scope, await _named(database, scope, wrong, conversation))
    with pytest.raises(NotFound):
        await _started(runtime, scope, ByName("named\0"))
    with pytest.raises(NotFound, match="No workflow is named 'named'"):
        await _started(runtime, other_scope, ByName("named"))
    async with database.transaction(scope) as tx:
        await workflows.archive(tx, row.workflow_id)
    with pytest.raises(NotFound, match="No workflow is named 'named'"):
        await _started(runtime, scope, ByName("named"))


async def test_runs_that_are_accepted_together_are_each_of_its_own_workflow(
    runtime: Runtime, scope: Scope, other_scope: Scope, database: Database
) -> None:
    """What follows each other in a batch is looked up once where it is the same."""
    ids: dict[tuple[Scope, str], uuid.UUID] = {}
    for whose in (scope, other_scope):
        for name in ("one", "two"):
            async with database.transaction(whose) as tx:
                row = await workflows.create(tx, _says(name, f"{name}, first"))
                await workflows.publish(tx, row.workflow_id)
                await workflows.save_draft(tx, row.workflow_id, text=_says(name, f"{name}, second"), revision=1)
                await workflows.publish(tx, row.workflow_id)
            ids[whose, name] = row.workflow_id
    wanted: list[tuple[Scope, ByVersion | ByName, tuple[str, int] | None]] = []
    for whose in (scope, other_scope):
        for name, number in itertools.product(("one", "two"), (None, 1, 2, 3)):
            found = None if number == 3 else (name, number or 2)
            wanted += [(whose, ByName(name, number), found), (whose, ByVersion(ids[whose, name], number), found)]
        wanted += [(whose, ByName("1/one"), None), (whose, ByName(str(ids[whose, "one"])), None)]
    wanted = random.Random(7).sample(wanted * 3, len(wanted) * 3)
    found = await asyncio.gather(*(_accepted(runtime, whose, source) for whose, source, _ in wanted))
    assert found == [expected for _, _, expected in wanted]


async def _accepted(runtime: Runtime, scope: Scope, source: ByVersion | ByName) -> tuple[str, int | None] | None:
    """The run's workflow and version; None when there is no such thing."""
    try:
        view = await runtime.client.get(scope, await _started(runtime, scope, source))
    except NotFound:
        return None
    return view.workflow_name, view.version_number


async def _named(database: Database, scope: Scope, source: ByName, in_conversation: bool) -> RunRequest:
    if not in_conversation:
        return RunRequest(source, {})
    async with database.transaction(scope) as tx:
        conversation = await conversations.create_conversation(tx, source.name, "preview")
    return RunRequest(source, {"message": "hi"}, conversation_id=conversation.conversation_id)


async def _started(runtime: Runtime, scope: Scope, source: ByVersion | ByName) -> uuid.UUID:
    return await runtime.client.submit(scope, RunRequest(source, {}))


async def test_siblings_of_a_file_come_before_what_is_published(
    runtime: Runtime, scope: Scope, database: Database
) -> None:
    async with database.transaction(scope) as tx:
        child = await workflows.create(tx, _says("child", "published"))
        await workflows.publish(tx, child.workflow_id)
    source = ByText(_calls("parent", "child"), {"child": _says("child", "of the file")})
    view = await runtime.client.run_inline(scope, RunRequest(source, {}), 10)
    assert view.output["reply"] == "of the file"


async def test_a_missing_sub_workflow_fails_only_when_the_run_reaches_it(runtime: Runtime, scope: Scope) -> None:
    view = await runtime.client.run_inline(scope, RunRequest(ByText(_calls("parent", "nowhere")), {}), 10)
    assert (view.status, view.error["code"]) == ("failed", "definition_missing")


def _says(name: str, text: str) -> str:
    return workflow_text(
        name,
        [START, f"- {{name: end, type: end, config: {{output: {{reply: '{text}'}}}}}}"],
        ["- {from: start, to: end, condition: null}"],
    )


def _calls(name: str, called: str) -> str:
    return workflow_text(
        name,
        [START, f"- {{name: sub, type: sub_workflow, config: {{workflow_name: {called}}}}}",
         "- {name: end, type: end, config: {output: {reply: '${nodes.sub.output.reply}'}}}"],
        ["- {from: start, to: sub, condition: null}", "- {from: sub, to: end, condition: null}"],
    )  # fmt: skip


async def test_conversation_is_kept_and_given_to_the_next_run(
    runtime: Runtime, scope: Scope, database: Database
) -> None:
    async with database.transaction(scope) as tx:
        conversation_id = (await conversations.create_conversation(tx, "child", "chat")).conversation_id
    for said in ("one", "two"):
        request = RunRequest(
            ByText(_says("child", f"re {said}")), {"message": said}, "chat", conversation_id=conversation_id
        )
        await runtime.client.run_inline(scope, request, 10)
    async with database.transaction(scope) as tx:
        messages = await conversations.list_messages(tx, conversation_id)
    assert [(m.role, m.content) for m in messages] == [
        ("user", "one"), ("assistant", "re one"), ("user", "two"), ("assistant", "re two"),
    ]  # fmt: skip


async def test_run_list_filters_and_pages(runtime: Runtime, scope: Scope, database: Database) -> None:
    for number in range(5):
        trigger = "webhook" if number % 2 else "manual"
        await runtime.client.submit(scope, RunRequest(ByText(chain(1, 0)), {"n": f"order 10% {number}"}, trigger))
    await runtime.client.run_inline(scope, RunRequest(ByText(chain(1, 0, name="other")), {}), 10)
    async with database.transaction(scope) as tx:
        first = await run_list.list_runs(tx, limit=4)
        second = await run_list.list_runs(tx, limit=4, cursor=first.cursor)
        assert (len(first.rows), len(second.rows), second.cursor) == (4, 2, None)
        ids = [row.run_id for row in (*first.rows, *second.rows)]
        assert ids == sorted(set(ids), reverse=True)
        assert [r.workflow_name for r in (await run_list.list_runs(tx, status="succeeded")).rows] == ["other"]
        assert len((await run_list.list_runs(tx, trigger="webhook", workflow="chain")).rows) == 2
        assert len((await run_list.list_runs(tx, search="10% 3")).rows) == 1
        assert len((await run_list.list_runs(tx, search="10_ 3")).rows) == 0
        for cursor in ("nonsense", "bm90aGluZw==", "\ud800"):
            with pytest.raises(InputError):
                await run_list.list_runs(tx, cursor=cursor)


async def test_links_that_tools_make_lead_to_the_running_instance(
    settings: Settings, connections: Connections, database: Database, scope: Scope
) -> None:
    shop = await open_shop(database, scope)
    order = await shop.call("create_order_draft", customer_id=None, items=[{"product_id": "PRD-0001", "quantity": 1}])
    text = workflow_text(
        "pays",
        [START, "- {name: link, type: tool, config: {tool_name: generate_payment_link, parameters:"
         " {order_id: context.order_id, amount: context.amount, customer_id: null}}}",
         "- {name: end, type: end, config: {output: {link: context.payment_link}}}"],
        ["- {from: start, to: link, condition: null}", "- {from: link, to: end, condition: null}"],
    )  # fmt: skip
    elsewhere = replace(connections, instance_url="http://localhost:8123")
    runtime = await Runtime.open(settings, elsewhere)
    try:
        run_input = {"order_id": order["order_id"], "amount": order["total_amount"]}
        view = await runtime.client.run_inline(scope, RunRequest(ByText(text), run_input), 20, whole=True)
    finally:
        await runtime.close()
    assert view.status == "succeeded", view.error
    assert view.output["link"].startswith(f"http://localhost:8123/orders/{order['order_id']}/pay?")
