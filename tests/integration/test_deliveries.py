"""Events reach subscribers: signed, in order per run, at least once, and a broken one holds up nobody else."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa
from redis.asyncio import Redis
from standardwebhooks.webhooks import Webhook

from connectors.http.client import EgressClient
from connectors.shared_limits import shared_guard
from engine.errors import ConfigError, Conflict, InputError, NotFound
from engine.store.access import audit, deliveries, events, runs, subscriptions, workflows
from engine.store.session import Database, Scope
from engine.store.tables.events import Delivery
from engine.store.vault import Vault
from runners import outbox, outgoing
from runners.event_starts import EventStarter
from runners.outbox import Deliverer, fan_out
from runners.outgoing import WebhookSender
from runners.queue import RunQueue
from runners.scheduler import Scheduler
from runners.tasks import cancel_all
from studio.services import events as service
from tests.conftest import make_tenant
from tests.support.counting import until
from tests.support.echo import Echo, Page, echo_server, redirect
from tests.support.servers import MASTER_KEY


@pytest.fixture
def owner_url(fresh_owner_url: str) -> str:
    """A database of its own: deliveries of all tenants are made together."""
    return fresh_owner_url


@pytest.fixture
def echo() -> Iterator[Echo]:
    with echo_server() as running:
        yield running


@pytest.fixture
def vault() -> Vault:
    return Vault(MASTER_KEY)


@asynccontextmanager
async def deliverer(database: Database, redis: Redis, *allow: str) -> AsyncIterator[Deliverer]:
    http = EgressClient(allow=allow, guard=shared_guard(redis))
    made = Deliverer(
        database, WebhookSender(database, http, Vault(MASTER_KEY)), EventStarter(database, RunQueue(redis))
    )
    try:
        yield made
    finally:
        await made.close()
        await http.aclose()


async def subscribed(database: Database, scope: Scope, url: str, *topics: str) -> tuple[UUID, str]:
    place = urlsplit(url).netloc
    row, secret = await service.subscribe(
        database, Vault(MASTER_KEY), scope, url=url, topics=topics or ("*",), allow=[place, f"{place}:80"]
    )
    await hand_out(database, scope)  # its own audit entry is no part of what is tested here
    async with database.transaction(scope) as tx:
        await tx.session.execute(sa.text("DELETE FROM deliveries"))
    return row.subscription_id, secret


async def hand_out(database: Database, scope: Scope) -> None:
    while await fan_out(database):
        pass


async def publish(database: Database, scope: Scope, *numbers: int, run_id: UUID | None = None) -> None:
    for number in numbers:
        async with database.transaction(scope) as tx:
            await events.publish(tx, "test.number", {"number": number}, run_id=run_id)
    await hand_out(database, scope)


async def due_now(database: Database, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        await tx.session.execute(sa.text("UPDATE deliveries SET next_at = now()"))


async def waiting(database: Database, scope: Scope) -> list[Delivery]:
    async with database.transaction(scope) as tx:
        query = sa.select(Delivery).order_by(Delivery.delivery_id)
        return list((await tx.session.execute(query)).scalars())


async def letters(database: Database, scope: Scope) -> list[Any]:
    async with database.transaction(scope) as tx:
        return list(await deliveries.dead(tx))


async def again_and_again(working: Deliverer) -> None:
    while True:
        await working.deliver()
        await asyncio.sleep(0.02)


def numbers_of(echo: Echo, path: str = "/") -> list[int]:
    return [json.loads(seen["body"])["data"]["number"] for seen in echo.seen if seen["path"] == path]


async def test_an_event_arrives_signed(database: Database, redis: Redis, scope: Scope, echo: Echo) -> None:
    subscription_id, secret = await subscribed(database, scope, echo.url("/hook?a=1"), "test.*")
    await publish(database, scope, 7)
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
    (seen,) = echo.seen
    body = Webhook(secret).verify(seen["body"], seen["headers"])
    assert (body["type"], body["data"]) == ("test.number", {"number": 7})
    assert (seen["method"], seen["path"], seen["headers"]["content-type"]) == ("POST", "/hook?a=1", "application/json")
    async with database.transaction(scope) as tx:
        event = await events.get(tx, UUID(seen["headers"]["webhook-id"]))
        row = await subscriptions.get(tx, subscription_id)
    assert event.payload == {"number": 7}
    assert row.last_success_at is not None
    assert await waiting(database, scope) == []


async def test_only_what_was_asked_for_is_sent_and_only_to_its_tenant(
    database: Database, redis: Redis, scope: Scope, echo: Echo
) -> None:
    other = await make_tenant(database, "other")
    await subscribed(database, scope, echo.url("/exact"), "test.number")
    await subscribed(database, scope, echo.url("/prefix"), "other.*", "test.*")
    await subscribed(database, scope, echo.url("/near"), "test.numbers", "tes.*", "agent_run")
    await subscribed(database, other, echo.url("/theirs"), "*")
    await publish(database, scope, 1)
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
    assert sorted(seen["path"] for seen in echo.seen) == ["/exact", "/prefix"]


async def test_the_time_of_a_signature_is_the_databases(
    database: Database, redis: Redis, scope: Scope, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = await subscribed(database, scope, echo.url())
    await publish(database, scope, 1)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
    monkeypatch.undo()
    (seen,) = echo.seen
    Webhook(secret).verify(seen["body"], seen["headers"])


async def test_events_of_a_run_arrive_in_their_order_whatever_fails(
    database: Database, redis: Redis, scope: Scope, echo: Echo
) -> None:
    await subscribed(database, scope, echo.url())
    runs_of = [uuid.uuid4() for _ in range(3)]
    for number in range(6):
        for index, run_id in enumerate(runs_of):
            await publish(database, scope, index * 100 + number, run_id=run_id)
    echo.pages["/"] = Page(500)
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
        assert sorted(numbers_of(echo)) == [0, 100, 200], "what is behind one that failed waits"
        assert {row.attempts for row in await waiting(database, scope)} == {0, 1}
        await working.deliver()
        assert len(echo.seen) == 3, "nothing is sent again before its time"
        del echo.pages["/"]
        echo.seen.clear()
        await due_now(database, scope)
        await working.deliver()
    for index in range(3):
        assert [n for n in numbers_of(echo) if n // 100 == index] == [index * 100 + n for n in range(6)]
    assert await waiting(database, scope) == []


async def test_a_slow_and_a_broken_subscriber_hold_up_nobody(
    database: Database, redis: Redis, scope: Scope, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "TIMEOUT_S", 30.0)
    with echo_server() as hanging, echo_server() as broken:
        hanging.pages["/"] = Page(drip=60.0)
        broken.pages["/"] = Page(500)
        for server in (hanging, broken, echo):
            await subscribed(database, scope, server.url())
        for number in range(20):
            await publish(database, scope, number)
        async with deliverer(database, redis, hanging.host, broken.host, echo.host) as working:
            serving = asyncio.create_task(again_and_again(working))
            await until(lambda: len(echo.seen) == 20, 20)
            assert len(hanging.seen) <= 4, "a bounded number of requests hangs"
            hanging.closing.set()
            await cancel_all([serving])
            await working.close(0.1)
    assert sorted(numbers_of(echo)) == list(range(20))


async def test_a_subscriber_that_never_answers_is_left_alone_for_a_while(
    database: Database, redis: Redis, scope: Scope, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt ends in time; after some, nobody asks any more, and what nobody asked is no attempt."""
    monkeypatch.setattr(outgoing, "TIMEOUT_S", 0.3)
    echo.pages["/"] = Page(drip=60.0)
    await subscribed(database, scope, echo.url())
    await publish(database, scope, *range(20))
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
    rows = await waiting(database, scope)
    assert len(rows) == 20
    asked = [row for row in rows if row.attempts == 1]
    rested = [row for row in rows if row.attempts == 0]
    assert len(asked) + len(rested) == 20
    assert 0 < len(echo.seen) <= len(asked) < 20, "on a busy machine the time is over before the subscriber has heard"
    assert {row.last_error for row in asked} == {"No answer within 0.3 s."}
    assert len({row.last_error for row in rested}) == 1
    echo.closing.set()


async def test_after_the_last_attempt_an_event_is_given_up_and_can_be_sent_again(
    database: Database, redis: Redis, scope: Scope, echo: Echo
) -> None:
    subscription_id, _ = await subscribed(database, scope, echo.url())
    run_id = uuid.uuid4()
    await publish(database, scope, 1, 2, run_id=run_id)
    echo.pages["/"] = Page(500)
    pauses = []
    for attempt in range(1, len(outbox.BACKOFF_S) + 2):
        async with deliverer(database, redis, echo.host) as working:
            await working.deliver()
        assert len(echo.seen) == attempt + (attempt == len(outbox.BACKOFF_S) + 1)
        async with database.transaction(scope) as tx:
            query = sa.text("SELECT extract(epoch FROM min(next_at) - now()) FROM deliveries")
            pauses.append((await tx.session.execute(query)).scalar_one())
        await due_now(database, scope)
    pairs = list(zip(pauses, outbox.BACKOFF_S, strict=False))
    assert [p for p in pairs if not 0.8 * p[1] - 30 < p[0] <= 1.2 * p[1]] == []
    (letter,) = await letters(database, scope)
    assert (letter.payload, letter.attempts, letter.consumer) == ({"number": 1}, 9, "webhook")
    assert letter.error == "The address answered 500."
    (behind,) = await waiting(database, scope)
    assert behind.attempts == 1, "what is behind it goes on"

    del echo.pages["/"]
    echo.seen.clear()
    assert await service.redeliver(database, scope, [letter.dead_letter_id]) == 1
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
    assert sorted(numbers_of(echo)) == [1, 2]
    assert await letters(database, scope) == []
    with pytest.raises(NotFound):
        await service.redeliver(database, scope, [letter.dead_letter_id])
    async with database.transaction(scope) as tx:
        assert (await subscriptions.get(tx, subscription_id)).last_error == "The address answered 500."


async def test_a_letter_outlives_its_event(database: Database, redis: Redis, scope: Scope, echo: Echo) -> None:
    subscription_id, _ = await subscribed(database, scope, echo.url())
    await publish(database, scope, 1)
    async with database.transaction(scope) as tx:
        await deliveries.bury_all(tx, "webhook", subscription_id, "by hand")
        await tx.session.execute(sa.text("DELETE FROM outbox"))
    assert await service.redeliver(database, scope, target_id=subscription_id) == 1
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
    assert numbers_of(echo) == [1]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(
    database: Database, redis: Redis, scope: Scope, echo: Echo, status: int
) -> None:
    with echo_server() as inside:
        await subscribed(database, scope, echo.url())
        echo.pages["/"] = redirect(inside.url("/admin"), status)
        await publish(database, scope, 1)
        async with deliverer(database, redis, echo.host) as working:
            await working.deliver()
        assert inside.seen == []
    (row,) = await waiting(database, scope)
    assert row.last_error == f"The address answered {status}: redirects are not followed."


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/", "http://2130706433:{port}/", "http://[::1]:{port}/", "http://169.254.169.254/"]
)
async def test_an_address_inside_the_house_gets_nothing(
    database: Database, redis: Redis, scope: Scope, echo: Echo, url: str
) -> None:
    await subscribed(database, scope, url.format(port=echo.port))
    await publish(database, scope, 1)
    async with deliverer(database, redis) as working:
        await working.deliver()
    assert echo.seen == []
    (letter,) = await letters(database, scope)
    assert "not on the public internet" in letter.error
    assert await waiting(database, scope) == []


async def test_who_says_that_it_is_gone_is_switched_off(
    database: Database, redis: Redis, scope: Scope, echo: Echo
) -> None:
    subscription_id, _ = await subscribed(database, scope, echo.url())
    echo.pages["/"] = Page(410)
    await publish(database, scope, 1)
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
        await publish(database, scope, 2)
        await working.deliver()
    assert len(echo.seen) == 1
    async with database.transaction(scope) as tx:
        row = await subscriptions.get(tx, subscription_id)
    assert (row.enabled, row.fault) == (False, "the address answered 410: it is gone for good")
    assert [letter.payload["number"] for letter in await letters(database, scope)] == [1]
    assert await service.redeliver(database, scope, target_id=subscription_id) == 0, "nobody listens there"
    await service.change(database, scope, subscription_id, service.Change(enabled=True))
    del echo.pages["/"]
    assert await service.redeliver(database, scope, target_id=subscription_id) == 1
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
    assert 1 in [json.loads(s["body"])["data"].get("number") for s in echo.seen[1:]]


async def test_a_subscriber_that_asks_for_time_gets_it(
    database: Database, redis: Redis, scope: Scope, echo: Echo
) -> None:
    await subscribed(database, scope, echo.url())
    echo.pages["/"] = Page(429, (("Retry-After", "1800"),))
    await publish(database, scope, 1)
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
    async with database.transaction(scope) as tx:
        query = sa.text("SELECT extract(epoch FROM next_at - now()) FROM deliveries")
        assert 1700 < (await tx.session.execute(query)).scalar_one() <= 1800


async def test_several_schedulers_send_each_event_once(
    database: Database, redis: Redis, scope: Scope, echo: Echo
) -> None:
    await subscribed(database, scope, echo.url())
    for number in range(40):
        await publish(database, scope, number, run_id=uuid.UUID(int=number % 7))
    async with deliverer(database, redis, echo.host) as one, deliverer(database, redis, echo.host) as two:
        for _ in range(3):
            await asyncio.gather(one.deliver(), two.deliver())
    found = numbers_of(echo)
    assert sorted(found) == list(range(40))
    for run in range(7):
        mine = [number for number in found if number % 7 == run]
        assert mine == sorted(mine)


async def test_a_scheduler_that_dies_with_a_delivery_in_its_hands(
    database: Database, redis: Redis, scope: Scope, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribed(database, scope, echo.url())
    await publish(database, scope, 1)
    async with database.anonymous() as session:
        (taken,) = await deliveries.due(session, busy=[], runs=4, limit=10, lease_s=0.3)
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
        assert echo.seen == [], "it is another one's for a while"
        await asyncio.sleep(0.4)
        await working.deliver()
    assert numbers_of(echo) == [1]
    async with database.transaction(scope) as tx:
        assert not await deliveries.arrived(tx, taken), "who comes back late changes nothing"


async def test_an_event_that_kills_its_scheduler_each_time_is_given_up(
    database: Database, redis: Redis, scope: Scope, echo: Echo
) -> None:
    await subscribed(database, scope, echo.url())
    await publish(database, scope, 1)
    for _ in range(len(outbox.BACKOFF_S) + 1):
        async with database.anonymous() as session:
            assert len(await deliveries.due(session, busy=[], runs=4, limit=10, lease_s=0)) == 1
    echo.pages["/"] = Page(500)
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
    assert len(await letters(database, scope)) == 1


async def test_a_redis_that_forgets_everything_loses_nothing(
    database: Database, redis: Redis, scope: Scope, echo: Echo
) -> None:
    await subscribed(database, scope, echo.url())
    await publish(database, scope, *range(5))
    await redis.flushall()
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
    assert sorted(numbers_of(echo)) == list(range(5))


async def test_a_secret_that_was_moved_signs_nothing(
    database: Database, redis: Redis, scope: Scope, echo: Echo, vault: Vault
) -> None:
    first, _ = await subscribed(database, scope, echo.url("/a"), "none")
    second, _ = await subscribed(database, scope, echo.url("/b"))
    async with database.transaction(scope) as tx:
        source = await subscriptions.get(tx, first)
        target = await subscriptions.get(tx, second)
        target.secret_sealed = source.secret_sealed
        with pytest.raises(ConfigError):
            await vault.open(tx, target.secret_sealed or b"", **subscriptions.secret_place(target))
    await publish(database, scope, 1)
    async with deliverer(database, redis, echo.host) as working:
        await working.deliver()
    assert echo.seen == []
    assert len(await letters(database, scope)) == 1


@pytest.mark.parametrize(
    ("url", "topics", "field"),
    [
        ("ftp://x.test/", ["*"], "url"),
        ("https://", ["*"], "url"),
        ("https://x.test:99999/", ["*"], "url"),
        ("https://user:pw@x.test/", ["*"], "url"),
        ("https://x.test/\r\nX: y", ["*"], "url"),
        ("https://x.test/" + "a" * 2000, ["*"], "url"),
        ("javascript:alert(1)", ["*"], "url"),
        ("https://ü.test/", ["*"], "url"),
        ("https://x.test/", [], "topics"),
        ("https://x.test/", ["a"] * 51, "topics"),
        ("https://x.test/", ["a b"], "topics"),
        ("https://x.test/", ["**"], "topics"),
        ("https://x.test/", ["a*"], "topics"),
    ],
)
async def test_what_cannot_be_subscribed(
    database: Database, scope: Scope, url: str, topics: list[str], field: str
) -> None:
    vault = Vault(MASTER_KEY)
    with pytest.raises(InputError) as caught:
        await service.subscribe(database, vault, scope, url=url, topics=topics)
    assert caught.value.details["field"] == field


async def test_there_are_so_many_subscriptions_and_no_more(
    database: Database, scope: Scope, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "MAX_SUBSCRIPTIONS", 2)
    for _ in range(2):
        await service.subscribe(database, vault, scope, url="https://x.test/", topics=["*"])
    with pytest.raises(Conflict):
        await service.subscribe(database, vault, scope, url="https://x.test/", topics=["*"])


async def test_who_changed_what_is_on_the_record(database: Database, scope: Scope, vault: Vault) -> None:
    row, secret = await service.subscribe(database, vault, scope, url="https://x.test/h?key=abc", topics=["*"])
    again = await service.renew_secret(database, vault, scope, row.subscription_id)
    await service.change(database, scope, row.subscription_id, service.Change(enabled=False))
    await service.unsubscribe(database, scope, row.subscription_id)
    async with database.transaction(scope) as tx:
        found = (await audit.entries(tx))[0][::-1]
        assert await audit.verify(tx) is None
    actions = ["create", "renew_secret", "change", "delete"]
    assert [entry.action for entry in found] == [f"subscription.{action}" for action in actions]
    assert {(entry.user_id, entry.resource_id) for entry in found} == {(scope.user_id, str(row.subscription_id))}
    shown = str([entry.details for entry in found])
    assert all(hidden not in shown for hidden in (secret, again, "abc"))
    other = await make_tenant(database, "other")
    async with database.transaction(other) as tx:
        assert await audit.entries(tx) == ([], None)
        with pytest.raises(NotFound):
            await subscriptions.get(tx, row.subscription_id)


async def test_the_scheduler_role_delivers(database: Database, redis: Redis, scope: Scope, echo: Echo) -> None:
    await subscribed(database, scope, echo.url(), "agent_run")
    async with database.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, "w", "name: w\n")
        row, _ = await runs.create_run(tx, runs.NewRun("w", digest, "manual", {}))
        await runs.request_cancel(tx, row.run_id)
    async with deliverer(database, redis, echo.host) as working:
        scheduler = Scheduler(database, redis, 0.05, working)
        serving = asyncio.create_task(scheduler.serve())
        await until(lambda: len(echo.seen) == 1, 20)
        scheduler.stop()
        await serving
    assert json.loads(echo.seen[0]["body"])["data"]["run_id"] == str(row.run_id)
