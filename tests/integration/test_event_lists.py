"""What the page of events shows, on a real database: who is told, what happened, what did not arrive and why."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from engine.errors import Conflict, InputError, NotFound
from engine.store.access import deliveries, events, listeners, paging, workflows
from engine.store.access.listeners import DISPATCH
from engine.store.session import Database, Scope
from engine.store.tables.events import DeadLetter, EventTrigger, Subscription
from engine.store.vault import Vault
from studio.services import event_lists
from studio.services import events as service
from tests.support.api import key_for
from tests.support.servers import MASTER_KEY

HOOK = "https://example.test/hook"


@pytest.fixture
def viewer(scope: Scope) -> Scope:
    return Scope(scope.tenant_id, uuid.uuid4(), "viewer")


async def subscribed(database: Database, scope: Scope, url: str = HOOK) -> UUID:
    row, _ = await service.subscribe(database, Vault(MASTER_KEY), scope, url=url, topics=["order.*"])
    return row.subscription_id


async def published(database: Database, scope: Scope, topic: str, count: int = 1) -> list[UUID]:
    async with database.transaction(scope) as tx:
        return [await events.publish(tx, topic, {"number": number}) for number in range(1, count + 1)]


async def buried(database: Database, scope: Scope, target: UUID | None, count: int = 1, **values: Any) -> list[UUID]:
    """Dead letters, all given up at the same moment."""
    given: dict[str, Any] = {"consumer": "webhook", "topic": "order.paid", "event_id": None} | values
    moment = datetime.now(UTC)
    async with database.transaction(scope) as tx:
        rows = [
            DeadLetter(
                tenant_id=scope.tenant_id,
                target_id=target,
                payload={},
                event_at=moment,
                created_at=moment,
                error="it hung",
                **given | {"event_id": given["event_id"] or uuid.uuid4()},
            )
            for _ in range(count)
        ]
        tx.session.add_all(rows)
    return [row.dead_letter_id for row in rows]


async def test_each_letter_says_why_it_cannot_be_sent_again(database: Database, scope: Scope) -> None:
    live, off, gone = [await subscribed(database, scope, f"{HOOK}/{name}?key=abc") for name in ("live", "off", "gone")]
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, "name: takes_orders\nnodes: [{name: start, type: start}]\nedges: []\n")
        trigger = EventTrigger(tenant_id=scope.tenant_id, workflow_id=row.workflow_id, key="paid", topic="order.paid")
        tx.session.add(trigger)
    (event_id,) = await published(database, scope, "order.paid")
    for target, consumer, event in (
        (live, "webhook", None),
        (off, "webhook", None),
        (gone, "webhook", None),
        (trigger.trigger_id, "trigger", None),
        (uuid.uuid4(), "trigger", None),
        (None, DISPATCH, event_id),
        (None, DISPATCH, None),
    ):
        await buried(database, scope, target, consumer=consumer, event_id=event)
    await service.change(database, scope, off, service.Change(enabled=False))
    await service.unsubscribe(database, scope, gone)

    found = await event_lists.undelivered(database, scope)
    assert [(line.whom, line.hindrance) for line in reversed(found.rows)] == [
        (f"{HOOK}/live?…", ""),
        (f"{HOOK}/off?…", listeners.OFF),
        ("a deleted subscription", listeners.GONE["webhook"]),
        ("takes_orders", ""),
        ("a workflow that no longer listens", listeners.GONE["trigger"]),
        (event_lists.NOBODY, ""),
        (event_lists.NOBODY, listeners.GONE[DISPATCH]),
    ]
    assert found.count == 7
    hindrances = {target.title: target.hindrance for target in found.targets}
    assert (hindrances[f"{HOOK}/live?…"], hindrances[f"{HOOK}/off?…"]) == ("", listeners.OFF)
    sent = await service.redeliver(database, scope, [UUID(line.letter_id) for line in found.rows])
    assert sent == 3
    left = await event_lists.undelivered(database, scope)
    assert len(left.rows) == 4
    assert all(line.hindrance for line in left.rows)


async def test_letters_of_one_moment_come_page_by_page(
    database: Database, scope: Scope, other_scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_lists, "PAGE", 2)
    which = await subscribed(database, scope)
    made = await buried(database, scope, which, 5)
    await buried(database, scope, uuid.uuid4())
    seen, cursor = [], ""
    while True:
        page = await event_lists.undelivered(database, scope, which, cursor)
        seen += [line.letter_id for line in page.rows]
        cursor = page.cursor
        if not cursor:
            break
    assert seen == [str(letter) for letter in sorted(made, reverse=True)]
    assert (await event_lists.undelivered_count(database, scope), page.count) == (6, 6)
    with pytest.raises(InputError):
        await event_lists.undelivered(database, scope, cursor="nonsense")
    foreign = await event_lists.undelivered(database, other_scope, which)
    assert (foreign.rows, foreign.count) == ([], 0)
    with pytest.raises(NotFound):
        await event_lists.letter_payload(database, other_scope, made[0])


async def test_of_many_letters_the_oldest_are_sent_again_first(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent again arrives in the order in which it happened, also where it takes several times."""
    monkeypatch.setattr(service, "MOST_LETTERS", 2)
    which = await subscribed(database, scope)
    made = [(await buried(database, scope, which, topic=f"number.{number}"))[0] for number in range(5)]
    async with database.transaction(scope) as tx:
        for hours, letter in enumerate(made):
            row = await deliveries.letter(tx, letter)
            row.event_at = datetime(2026, 1, 1, hours, tzinfo=UTC)
    left = []
    for _ in range(3):
        await service.redeliver(database, scope, target_id=which)
        left.append([line.topic for line in (await event_lists.undelivered(database, scope)).rows])
    assert left == [["number.4", "number.3", "number.2"], ["number.4"], []]


async def test_the_count_of_letters_is_bounded(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "COUNTED", 3)
    await buried(database, scope, await subscribed(database, scope), 5)
    assert await event_lists.undelivered_count(database, scope) == 3
    assert [event_lists.count_text(count) for count in (0, 2, 3)] == ["", "2", "3+"]
    monkeypatch.undo()
    assert event_lists.count_text(1234) == "1,234"


async def test_a_rare_topic_is_looked_for_from_the_newest_on(
    database: Database, scope: Scope, other_scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    await published(database, scope, "rare.one", 3)
    await published(database, scope, "often", 20)
    await published(database, other_scope, "rare.one")
    assert await event_lists.topics(database, scope) == ["often", "rare.one"]
    whole, older = await event_lists.happened(database, scope, "rare.one")
    assert ([line.what for line in whole], older) == (["number: 3", "number: 2", "number: 1"], 0)
    monkeypatch.setattr(paging, "LOOK_AT", 4)
    monkeypatch.setattr(paging, "SEARCH_S", 0.0)
    found, pages, before = [], 0, None
    while before != 0:
        rows, before = await event_lists.happened(database, scope, "rare.one", before)
        found, pages = found + rows, pages + 1
    assert [line.event_id for line in found] == [line.event_id for line in whole]
    assert pages == 6, "each look ends in time and says where the next one begins"


async def test_who_may_not_read_the_record_does_not_read_it_among_the_events(
    database: Database, scope: Scope, viewer: Scope
) -> None:
    which = await subscribed(database, scope)  # which is an entry of the record
    await published(database, scope, "order.paid")
    (letter,) = await buried(database, scope, which, topic="audit_log")
    assert "audit_log" in await event_lists.topics(database, scope)
    (entry,) = (await event_lists.happened(database, scope, "audit_log"))[0]
    assert "https://example.test" in await event_lists.payload(database, scope, UUID(entry.event_id))

    assert await event_lists.topics(database, viewer) == ["order.paid"]
    assert [line.topic for line in (await event_lists.happened(database, viewer))[0]] == ["order.paid"]
    assert (await event_lists.happened(database, viewer, "audit_log"))[0] == []
    found = await event_lists.undelivered(database, viewer)
    assert (found.rows, found.count) == ([], 0)
    for look, what in ((event_lists.payload, UUID(entry.event_id)), (event_lists.letter_payload, letter)):
        with pytest.raises(NotFound):
            await look(database, viewer, what)


async def test_how_a_subscription_goes(database: Database, scope: Scope) -> None:
    which = await subscribed(database, scope, f"{HOOK}?key=abc")

    async def look(**values: Any) -> tuple[str, str]:
        async with database.transaction(scope) as tx:
            row = await tx.session.get(Subscription, (scope.tenant_id, which))
            for name, value in values.items():
                setattr(row, name, value)
        (line,) = await event_lists.subscribed(database, scope)
        assert line.address == f"{HOOK}?…"
        return line.state, line.remark

    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    assert await look() == ("fresh", "")
    assert await look(last_success_at=early) == ("live", "")
    assert await look(last_failure_at=late, last_error="it hung") == ("failing", "It hung")
    assert await look(last_success_at=late) == ("live", "")
    assert await look(enabled=False, fault="it is gone for good") == ("off", "It is gone for good")
    await buried(database, scope, which, 2)
    assert [line.undelivered for line in await event_lists.subscribed(database, scope)] == [2]


async def test_nothing_is_sent_again_to_who_is_switched_off(database: Database, scope: Scope) -> None:
    which = await subscribed(database, scope)
    (event_id,) = await published(database, scope, "order.paid")
    await service.change(database, scope, which, service.Change(enabled=False))
    with pytest.raises(Conflict, match="switched off"):
        await service.send_again(database, scope, which, event_id)


async def test_private_addresses_are_refused_when_they_are_given(database: Database, scope: Scope) -> None:
    vault, private = Vault(MASTER_KEY), "http://10.1.2.3:8080/hook"
    with pytest.raises(InputError, match="not on the public internet") as caught:
        await service.subscribe(database, vault, scope, url=private, topics=["*"], allow=["10.1.2.3:80"])
    assert caught.value.details["field"] == "url"
    row, _ = await service.subscribe(database, vault, scope, url=private, topics=["*"], allow=[" 10.1.2.3:8080"])
    with pytest.raises(InputError, match="not on the public internet"):
        await service.change(database, scope, row.subscription_id, service.Change(url="https://[::1]/"))
    # What the operator allowed once, and no more, can still be described and switched off.
    changed = await service.change(database, scope, row.subscription_id, service.Change(description="old"))
    assert (changed.url, changed.description) == (private, "old")


async def test_dead_letters_over_http_have_pages_and_reasons(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    await buried(database, scope, uuid.uuid4(), 3)
    first = (await http.get("/api/v1/events/dead", headers=key, params={"limit": 2})).json()
    rest = await http.get("/api/v1/events/dead", headers=key, params={"limit": 2, "cursor": first["cursor"]})
    assert [len(page["dead_letters"]) for page in (first, rest.json())] == [2, 1]
    assert rest.json()["cursor"] is None
    assert {letter["hindrance"] for letter in first["dead_letters"]} == {listeners.GONE["webhook"]}
    assert (await http.get("/api/v1/events/dead", headers=key, params={"cursor": "x"})).status_code == 422
