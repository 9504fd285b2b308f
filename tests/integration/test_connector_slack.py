"""Slack-compatible webhooks, credentials of requests, and what blocks an address of the house (A37)."""

from __future__ import annotations

import json
import traceback
from collections.abc import AsyncIterator, Iterator

import pytest

from engine.errors import AppError, AuthError, EgressBlocked, PermanentError, RateLimited, TransientError
from engine.execution.ports import HttpRequest
from engine.store.session import Database, Scope
from tests.support.echo import Echo, Page, echo_server, redirect
from tests.support.outside import Outside, outside

SECRET = "T0SECRET-path"


@pytest.fixture
def server() -> Iterator[Echo]:
    with echo_server() as found:
        found.pages[f"/services/{SECRET}"] = Page(body=b"ok")
        yield found


@pytest.fixture
async def world(database: Database, scope: Scope, server: Echo) -> AsyncIterator[Outside]:
    async with outside(database, scope, server.host) as found:
        await found.keep("slack", server.url(f"/services/{SECRET}"))
        yield found


def everything(error: BaseException) -> str:
    """All that a log or a stored error could show of it."""
    shown = "".join(traceback.format_exception(error))
    return shown + (json.dumps(error.to_dict()) if isinstance(error, AppError) else "")


async def test_a_message_is_posted(world: Outside, server: Echo) -> None:
    result = await world.call("send_slack_message", text="Order ORD-10000007 & more", channel="#sales")
    assert result == {"sent": True}
    assert json.loads(server.seen[0]["body"]) == {"text": "Order ORD-10000007 & more", "channel": "#sales"}
    assert server.seen[0]["headers"]["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("page", "error", "said"),
    [
        (Page(403, body=b"action_prohibited"), AuthError, "action_prohibited"),
        (Page(404, body=b"no_service"), PermanentError, "no_service"),
        (Page(400, body=b"<b>invalid</b>"), PermanentError, "status 400"),
        (Page(429, (("Retry-After", "30"),)), RateLimited, "slow down"),
        (Page(500), TransientError, "500"),
    ],
)
async def test_refusals_are_named_and_not_repeated(
    world: Outside, server: Echo, page: Page, error: type[AppError], said: str
) -> None:
    server.pages[f"/services/{SECRET}"] = page
    with pytest.raises(error, match=said) as caught:
        await world.call("send_slack_message", text="x")
    assert (caught.value.error_type, len(server.seen)) == ("slack_error", 1)
    assert SECRET not in everything(caught.value)
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after_s == 30


async def test_a_credential_must_be_there_whole_and_of_the_right_kind(world: Outside) -> None:
    await world.keep("http_bearer", f"https://hooks.example.com/{SECRET}", "wrong-kind")
    await world.keep("slack", json.dumps({"url": 5, "token": SECRET}), "broken")
    await world.keep("slack", f"ftp://{SECRET}", "no-url")
    for name in (None, "unknown", "wrong-kind", "broken", "no-url"):
        with pytest.raises((PermanentError, AuthError), match="credential") as caught:
            await world.call("send_slack_message", name, text="x")
        assert SECRET not in everything(caught.value), name
    assert await world.call("search_order", "unknown", order_id="ORD-10000007") == {"order_found": False}


async def test_another_tenants_credential_does_not_exist(
    world: Outside, database: Database, other_scope: Scope, server: Echo
) -> None:
    async with outside(database, other_scope, server.host) as stranger:
        with pytest.raises(PermanentError, match="no credential"):
            await stranger.call("send_slack_message", text="x")
    assert server.seen == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/", "http://2130706433:{port}/", "http://[::1]:{port}/"])
async def test_callbacks_to_addresses_of_the_house_are_blocked(
    database: Database, scope: Scope, server: Echo, address: str
) -> None:
    async with outside(database, scope) as world:
        await world.keep("slack", address.format(port=server.port))
        with pytest.raises(EgressBlocked):
            await world.call("send_slack_message", text="x")
    assert server.seen == []


async def test_a_request_is_signed_with_the_named_credential(world: Outside, server: Echo) -> None:
    await world.keep("http_bearer", "token-1", "bearer")
    await world.keep("http_basic", "ada:pass:word", "basic")
    await world.keep("http_header", "X-Api-Key: key-1", "header")
    for name in ("bearer", "basic", "header"):
        request = HttpRequest(
            "POST",
            server.url("/in"),
            headers={"authorization": "mine"},
            tenant_id=world.scope.tenant_id,
            credential=name,
            idempotency_key="run:step:1",
        )
        assert (await world.http.request(request)).status == 200
    bearer, basic, header = (seen["headers"] for seen in server.seen)
    assert bearer["authorization"] == "Bearer token-1"
    assert basic["authorization"] == "Basic YWRhOnBhc3M6d29yZA=="
    assert (header["authorization"], header["x-api-key"]) == ("mine", "key-1")
    assert bearer["idempotency-key"] == "run:step:1"


async def test_a_credential_does_not_follow_to_another_origin(world: Outside, server: Echo) -> None:
    await world.keep("http_header", "X-Api-Key: key-1", "header")
    with echo_server() as other:
        async with outside(world.database, world.scope, server.host, other.host) as wide:
            server.pages["/away"] = redirect(other.url("/in"))
            request = HttpRequest(
                "GET", server.url("/away"), tenant_id=world.scope.tenant_id, credential="header", idempotency_key="k"
            )
            assert (await wide.http.request(request)).status == 200
        assert "x-api-key" in server.seen[0]["headers"]
        assert "x-api-key" not in other.seen[0]["headers"]


@pytest.mark.parametrize(("kind", "value"), [("slack", "https://x.example"), ("http_header", "no colon here")])
async def test_a_request_takes_no_credential_of_another_form(world: Outside, kind: str, value: str) -> None:
    await world.keep(kind, value, "odd")
    request = HttpRequest("GET", "https://example.com/", tenant_id=world.scope.tenant_id, credential="odd")
    with pytest.raises(AuthError) as caught:
        await world.http.request(request)
    assert value not in everything(caught.value)
