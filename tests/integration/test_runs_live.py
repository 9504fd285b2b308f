"""Live events: in order, resumable, rebuilt when Redis forgot them, and never a run's problem."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from engine.errors import InputError
from engine.execution.events import RunEvent
from engine.settings import Settings
from engine.store.access import run_list
from engine.store.session import Database, Scope
from runners import live
from runners.client import ByText, RunRequest
from runners.connections import Connections
from runners.live import EVENTS_AN_ENTRY, MAX_ENTRIES, LiveReader, LiveWriter, is_event_id, stream_key
from runners.runtime import Runtime
from tests.support.counting import chain, counting_world, effects_of, until, workflow_text

TENANT = uuid4()


@pytest.fixture
async def reader(redis: Redis) -> AsyncIterator[LiveReader]:
    opened = LiveReader(redis)
    yield opened
    await opened.close()


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, tmp_path: Path) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    yield opened
    await opened.close()


def event(run_id: UUID, number: int, type: str = "step.succeeded", **data: object) -> RunEvent:
    return RunEvent(type, str(run_id), time.time(), f"n{number}", "tool", data=data or {"n": number})


async def collect(runtime: Runtime, scope: Scope, run_id: UUID, after: str = "0") -> list[tuple[str, str, str]]:
    async with asyncio.timeout(20):
        return [(i, e["type"], e["path"]) async for i, e in runtime.client.events(scope, run_id, after)]


async def test_many_readers_of_many_streams_get_everything_in_order(writer: LiveWriter, reader: LiveReader) -> None:
    ids = [uuid4() for _ in range(5)]

    async def read(run_id: UUID) -> list[int]:
        got = []
        async with reader.subscribe(TENANT, run_id, "0") as queue:
            while len(got) < 60:
                got.append((await queue.get())[1]["data"]["n"])
        return got

    for run_id in ids:
        writer.put(TENANT, event(run_id, 0))
    readers = [asyncio.create_task(read(run_id)) for run_id in ids for _ in range(3)]
    for number in range(1, 60):
        for run_id in ids:
            writer.put(TENANT, event(run_id, number))
        if number % 20 == 0:
            await asyncio.sleep(0.02)
            readers.append(asyncio.create_task(read(ids[number % 5])))  # comes late, sees all
    async with asyncio.timeout(10):
        assert await asyncio.gather(*readers) == [list(range(60))] * len(readers)


async def test_a_new_reader_does_not_wait_for_the_blocked_one(writer: LiveWriter, reader: LiveReader) -> None:
    first, second = uuid4(), uuid4()
    async with reader.subscribe(TENANT, first, "0"):
        await asyncio.sleep(0.2)  # now the reading task blocks
        async with reader.subscribe(TENANT, second, "0") as queue:
            await asyncio.sleep(0.05)
            writer.put(TENANT, event(second, 1))
            async with asyncio.timeout(0.5):
                assert (await queue.get())[1]["path"] == "n1"


async def test_resume_gives_exactly_what_was_missed(writer: LiveWriter, reader: LiveReader, redis: Redis) -> None:
    run_id = uuid4()
    for number in range(4):
        writer.put(TENANT, event(run_id, number))
    await writer.close()
    seen = await reader.replay(TENANT, run_id)
    assert [e["path"] for _, e in seen] == ["n0", "n1", "n2", "n3"]
    async with reader.subscribe(TENANT, run_id, seen[1][0]) as queue:
        assert [(await queue.get())[1]["path"] for _ in range(2)] == ["n2", "n3"]
    for place, (event_id, _) in enumerate(seen):
        assert await reader.replay(TENANT, run_id, event_id) == seen[place + 1 :]
    assert 80_000 < await redis.ttl(stream_key(TENANT, run_id)) <= 86_400


async def test_events_of_a_run_that_is_over_are_kept_for_five_minutes(writer: LiveWriter, redis: Redis) -> None:
    run_id = uuid4()
    for number in range(EVENTS_AN_ENTRY + 1):
        writer.put(TENANT, event(run_id, number))
    writer.put(TENANT, event(run_id, 99, type="run.succeeded"))
    await writer.close()
    assert 200 < await redis.ttl(stream_key(TENANT, run_id)) <= 300


async def test_events_that_share_an_entry_have_ids_of_their_own(writer: LiveWriter, reader: LiveReader) -> None:
    run_id, count = uuid4(), 3 * (EVENTS_AN_ENTRY + 2)
    for number in range(0, count, 3):  # of three events the second one's start travels with its end
        writer.put(TENANT, event(run_id, number))
        writer.put(TENANT, replace(event(run_id, number + 2), start=(number, {"n": number + 1})))
    await writer.close()
    seen = await reader.replay(TENANT, run_id)
    numbers = [e["data"]["input"]["n"] if e["type"] == "step.started" else e["data"]["n"] for _, e in seen]
    assert numbers == list(range(count))
    assert len({event_id for event_id, _ in seen}) == count
    for place in (0, EVENTS_AN_ENTRY - 2, EVENTS_AN_ENTRY - 1, EVENTS_AN_ENTRY, count - 2):
        assert is_event_id(seen[place][0])
        async with asyncio.timeout(20), reader.subscribe(TENANT, run_id, seen[place][0]) as queue:
            rest = [await queue.get() for _ in range(count - place - 1)]
        assert rest == seen[place + 1 :]


async def test_text_deltas_of_one_step_go_out_as_one_event(writer: LiveWriter, reader: LiveReader) -> None:
    """Also while other runs speak."""
    run_ids = uuid4(), uuid4()
    for word in ("one ", "two ", "three"):
        for run_id in run_ids:
            writer.put(TENANT, RunEvent("step.delta", str(run_id), time.time(), "a", "agent", data={"text": word}))
    for run_id in run_ids:
        writer.put(TENANT, RunEvent("step.delta", str(run_id), time.time(), "b", "agent", data={"text": "other"}))
    await writer.close()
    for run_id in run_ids:
        assert [e["data"]["text"] for _, e in await reader.replay(TENANT, run_id)] == ["one two three", "other"]


async def test_streams_are_bounded(writer: LiveWriter, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVENTS_AN_ENTRY", 1)
    run_id = uuid4()
    for number in range(3 * MAX_ENTRIES):
        writer.put(TENANT, event(run_id, number))
    await writer.close()
    assert MAX_ENTRIES <= await redis.xlen(stream_key(TENANT, run_id)) < 2 * MAX_ENTRIES


async def test_without_redis_a_run_goes_on_and_memory_is_bounded(
    settings: Settings, connections: Connections, scope: Scope, tmp_path: Path
) -> None:
    nowhere = Redis(host="127.0.0.1", port=1)
    runtime = await Runtime.open(settings, connections, redis=nowhere, ports=counting_world(tmp_path / "e"))
    for number in range(25_000):
        runtime.writer.put(TENANT, event(uuid4(), number, "step.delta", text="x"))
    assert runtime.writer._waiting.count <= 20_000
    async with asyncio.timeout(60):  # without Redis nothing may hang
        view = await runtime.client.run_inline(scope, RunRequest(ByText(chain(3, 0)), {}), 30)
        assert view.status == "succeeded"
        queued = await runtime.client.submit(scope, RunRequest(ByText(chain(1, 0)), {}))
        assert (await runtime.client.get(scope, queued)).status == "queued"
    await runtime.close()
    await nowhere.aclose()


async def test_events_of_a_run_tell_its_whole_story(runtime: Runtime, scope: Scope) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(chain(1, 0.1)), {}))
    watching = asyncio.create_task(collect(runtime, scope, run_id))
    await runtime.host.execute(scope.tenant_id, run_id)
    story = await watching
    assert [(t, p) for _, t, p in story][:4] == [
        ("run.queued", ""), ("run.started", ""), ("step.started", "start"), ("step.succeeded", "start"),
    ]  # fmt: skip
    assert story[-1][1] == "run.succeeded"
    assert ("step.succeeded", "call_0") in [(t, p) for _, t, p in story]
    middle = story[5][0]
    assert await collect(runtime, scope, run_id, middle) == story[6:]


async def test_whoever_begins_to_watch_at_any_moment_is_told_each_thing_once(runtime: Runtime, scope: Scope) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(chain(4, 0.03)), {}))
    running = asyncio.create_task(runtime.host.execute(scope.tenant_id, run_id))
    watching = []
    while not running.done():
        watching.append(asyncio.create_task(collect(runtime, scope, run_id)))
        await asyncio.sleep(0.004)
    stories = [[(type, path) for _, type, path in await story] for story in watching]
    assert len(stories) > 10
    for story in stories:
        assert len(story) == len(set(story)), story
        assert story[:2] == [("run.queued", ""), ("run.started", "")]
        assert {("step.started", "call_3"), ("step.succeeded", "call_3"), ("run.succeeded", "")} <= set(story)


async def test_of_a_run_that_is_over_at_once_the_journal_tells_alone(
    runtime: Runtime, scope: Scope, redis: Redis
) -> None:
    text = workflow_text(
        "quick", ["- {name: start, type: start}", "- {name: end, type: end}"], ["- {from: start, to: end}"]
    )
    views = [await runtime.client.run_inline(scope, RunRequest(ByText(text), {}), 10) for _ in range(5)]
    await asyncio.sleep(0.2)
    kept = [await redis.exists(stream_key(scope.tenant_id, view.run_id)) for view in views]
    assert not all(kept), "each run took longer than 20 ms, or was sent"
    for view in views:
        story = await collect(runtime, scope, view.run_id)
        assert [(type, path) for _, type, path in story if type != "step.skipped"] == [
            ("run.queued", ""), ("run.started", ""), ("step.started", "start"), ("step.succeeded", "start"),
            ("step.started", "end"), ("step.succeeded", "end"), ("run.succeeded", ""),
        ]  # fmt: skip


async def test_a_run_whose_caller_waits_is_told_from_its_beginning_when_it_takes_longer(
    runtime: Runtime, scope: Scope, redis: Redis, database: Database
) -> None:
    request = RunRequest(ByText(chain(1, 0.5)), {})
    running = asyncio.create_task(runtime.client.run_inline(scope, request, 10))
    await asyncio.sleep(0.25)
    async with database.transaction(scope) as tx:
        [row] = (await run_list.list_runs(tx)).rows
    seen = await runtime.reader.replay(scope.tenant_id, row.run_id)
    assert [event["type"] for _, event in seen][:2] == ["run.queued", "run.started"]
    assert ("step.started", "call_0") in [(event["type"], event["path"]) for _, event in seen]
    await running
    story = await collect(runtime, scope, row.run_id)
    assert story[-1][1] == "run.succeeded"
    assert not [event_id for event_id, _, _ in story if event_id.startswith("0-")]


async def test_who_calls_a_second_time_is_answered_though_nothing_is_told(
    runtime: Runtime, settings: Settings, connections: Connections, scope: Scope, tmp_path: Path
) -> None:
    """The same key, over another process, while the first call is carried out where nobody hears of it."""
    nowhere = Redis(host="127.0.0.1", port=1)
    deaf = await Runtime.open(settings, connections, redis=nowhere, ports=counting_world(tmp_path / "e"))
    request = RunRequest(ByText(chain(1, 0.4)), {}, idempotency_key="once")
    first = asyncio.create_task(deaf.client.run_inline(scope, request, 10))
    await asyncio.sleep(0.2)
    async with asyncio.timeout(3):
        again = await runtime.client.run_inline(scope, request, 10)
    assert again.status == "succeeded"
    assert again.run_id == (await first).run_id
    await deaf.close()
    await nowhere.aclose()


async def test_a_stream_that_lags_behind_the_journal_is_waited_for(
    runtime: Runtime, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes when the run has just ended reads the stream, with all that the journal does not keep."""
    send = runtime.writer._send

    async def late(batch: list[tuple[str, RunEvent]]) -> None:
        await asyncio.sleep(0.3)
        await send(batch)

    monkeypatch.setattr(runtime.writer, "_send", late)
    view = await runtime.client.run_inline(scope, RunRequest(ByText(chain(2, 0)), {}), 10, whole=True)
    told = await collect(runtime, scope, view.run_id)
    assert not [event_id for event_id, _, _ in told if event_id.startswith("0-")]
    assert [(type, path) for _, type, path in told if type == "step.queued"] == [
        ("step.queued", "call_0"), ("step.queued", "call_1"),
    ]  # fmt: skip


@pytest.mark.parametrize("lost", [False, True], ids=["the stream is there again", "the stream is lost"])
async def test_who_read_the_journal_goes_on_from_there(
    runtime: Runtime, scope: Scope, redis: Redis, *, lost: bool
) -> None:
    view = await runtime.client.run_inline(scope, RunRequest(ByText(chain(2, 0)), {}), 10, whole=True)
    whole = [(type, path) for _, type, path in await collect(runtime, scope, view.run_id)]
    if lost:
        await redis.flushdb()
    rest = [(type, path) for _, type, path in await collect(runtime, scope, view.run_id, "0-4")]
    kept = [one for one in whole if one[0] != "step.queued"]
    assert [one for one in rest if one[0] != "step.queued"] == kept[4:]


async def test_what_was_lost_behind_an_event_is_told_from_the_journal(
    runtime: Runtime, scope: Scope, redis: Redis
) -> None:
    view = await runtime.client.run_inline(scope, RunRequest(ByText(chain(2, 0)), {}), 10, whole=True)
    whole = await collect(runtime, scope, view.run_id)
    await redis.flushdb()
    rest = await collect(runtime, scope, view.run_id, whole[6][0])
    unseen = {(type, path) for _, type, path in whole[7:] if type != "step.queued"}
    assert unseen <= {(type, path) for _, type, path in rest}
    assert await collect(runtime, scope, view.run_id, rest[2][0]) == rest[3:]


async def test_events_are_rebuilt_from_the_journal_when_redis_forgot_them(
    runtime: Runtime, scope: Scope, redis: Redis
) -> None:
    view = await runtime.client.run_inline(scope, RunRequest(ByText(chain(2, 0)), {}), 10, whole=True)
    told = await collect(runtime, scope, view.run_id)
    await redis.flushdb()
    rebuilt = await collect(runtime, scope, view.run_id)
    kinds = {"run.queued", "run.started", "step.started", "step.succeeded", "run.succeeded"}
    assert [(t, p) for _, t, p in rebuilt] == [(t, p) for _, t, p in told if t in kinds]
    assert (await collect(runtime, scope, view.run_id, told[-1][0]))[-1][1] == "run.succeeded"


async def test_a_stream_that_lost_its_beginning_is_completed(
    runtime: Runtime, scope: Scope, redis: Redis, tmp_path: Path
) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(chain(3, 0.15)), {}))
    executing = asyncio.create_task(runtime.host.execute(scope.tenant_id, run_id))
    await until(lambda: bool(effects_of(tmp_path / "effects")))
    await redis.flushdb()
    story = [(t, p) for _, t, p in await collect(runtime, scope, run_id)]
    await executing
    assert story[0] == ("run.queued", "")
    assert [p for t, p in story if t == "step.succeeded"] == [
        "start", "call_0", "note_call_0", "call_1", "note_call_1", "call_2", "note_call_2", "end",
    ]  # fmt: skip
    assert story[-1] == ("run.succeeded", "")


async def test_what_waits_is_not_told_to_be_queued_when_the_stream_begins_late(
    runtime: Runtime, scope: Scope, redis: Redis, writer: LiveWriter
) -> None:
    """A worker may be faster than the process that accepted the run, whose event then is not the stream's first."""
    nodes = ["- {name: start, type: start, config: {}}", "- {name: ask, type: human, config: {message: Well?}}"]
    edges = ["- {from: start, to: ask}", "- {from: ask, to: end}"]
    text = workflow_text("asks", [*nodes, "- {name: end, type: end, config: {}}"], edges)
    run_id = await runtime.client.submit(scope, RunRequest(ByText(text), {}))
    assert await runtime.host.execute(scope.tenant_id, run_id) == "suspended"
    async for _, told in runtime.client.events(scope, run_id):
        if told["type"] == "run.suspended":
            break
    await redis.flushdb()
    writer.put(scope.tenant_id, RunEvent("step.queued", str(run_id), time.time(), "ask", "human", attempt=1))
    async with asyncio.timeout(20):
        while not await redis.exists(stream_key(scope.tenant_id, run_id)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    story: list[tuple[str, str]] = []

    async def watch() -> None:
        async for _, told in runtime.client.events(scope, run_id):
            story.append((told["type"], told["path"]))

    watching = asyncio.create_task(watch())
    await until(lambda: ("step.suspended", "ask") in story)
    await runtime.client.cancel(scope, run_id)
    await asyncio.wait_for(watching, 20)
    assert [kind for kind, path in story if path == "ask"] == ["step.started", "step.suspended"]
    assert story[-1][0] == "run.cancelled"


async def test_deltas_reach_a_watcher(runtime: Runtime, scope: Scope) -> None:
    text = workflow_text(
        "asks",
        ["- {name: start, type: start, config: {}}",
         "- {name: ask, type: agent, config: {model: 'tier:A', prompt_template: '{message}'}}",
         "- {name: end, type: end, config: {}}"],
        ["- {from: start, to: ask, condition: null}", "- {from: ask, to: end, condition: null}"],
    )  # fmt: skip
    request = RunRequest(ByText(text), {"message": "to be said"})
    view = await runtime.client.run_inline(scope, request, 10, whole=True)
    said = ""
    async for _, told in runtime.client.events(scope, view.run_id):
        if told["type"] == "step.delta":
            said += told["data"]["text"]
    assert "to be said" in said


@pytest.mark.parametrize("after", ["", "x", "-1", "1-", "1-2-3", "$", "9" * 40, "1-1; DROP", "\uff11"])
async def test_what_is_no_event_id_is_refused(runtime: Runtime, scope: Scope, after: str) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(chain(1, 0)), {}))
    with pytest.raises(InputError):
        await anext(runtime.client.events(scope, run_id, after))
