"""A raw websocket client against the running server: what a page shows protects nothing, the guard must.

Cases A42 (every handler, as nobody and as a viewer), A43 (no setters), A44 (foreign origin), A50 (signed out or
demoted while the socket is open), A51 (reading does not imply running).
"""

from __future__ import annotations

import asyncio
import json
import urllib.parse
import urllib.request
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import socketio

from engine.store.access import identity
from engine.store.session import Database, Scope
from engine.store.urls import app_url
from studio.auth.permissions import PUBLIC, permission_of, role_allows
from tests.support.servers import SECRET

NAMESPACE = "/_event"
PASSWORD = "a password of the tests"


class Socket:
    """One tab without a browser."""

    def __init__(self, client: socketio.AsyncClient) -> None:
        self.client = client
        self.got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(self, name: str, payload: dict[str, Any] | None = None, wait_s: float = 5.0) -> dict[str, Any]:
        """Send an event; returns what comes back first."""
        while not self.got.empty():
            self.got.get_nowait()
        event = {"name": name, "payload": payload or {}, "router_data": {"pathname": "/app/runs", "query": {}}}
        await self.client.emit("event", event, namespace=NAMESPACE)
        async with asyncio.timeout(wait_s):
            return await self.got.get()


@asynccontextmanager
async def connected(url: str, *, cookie: str = "", origin: str | None = None) -> AsyncIterator[Socket]:
    headers = {"Origin": origin if origin is not None else url} | ({"Cookie": cookie} if cookie else {})
    async with aiohttp.ClientSession() as http:
        client = socketio.AsyncClient(reconnection=False, http_session=http)
        socket = Socket(client)
        client.on("event", socket.got.put, namespace=NAMESPACE)
        await client.connect(
            f"{url}?token={uuid.uuid4()}",
            headers=headers,
            transports=["websocket"],
            socketio_path=NAMESPACE,
            namespaces=[NAMESPACE],
        )
        try:
            yield socket
        finally:
            await client.disconnect()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def session_cookie(url: str, email: str, password: str) -> str:
    """Sign in without a browser; returns the Cookie header."""
    form = urllib.parse.urlencode({"email": email, "password": password}).encode()
    request = urllib.request.Request(f"{url}/auth/sign-in", form, {"Origin": url})
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.build_opener(_NoRedirect).open(request, timeout=20)
    cookie = answer.value.headers["Set-Cookie"]
    answer.value.close()
    assert answer.value.code == 303
    assert cookie, "not signed in"
    return str(cookie.partition(";")[0])


def sign_out(url: str, cookie: str) -> None:
    request = urllib.request.Request(f"{url}/auth/sign-out", b"", {"Origin": url, "Cookie": cookie})
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.build_opener(_NoRedirect).open(request, timeout=20)
    answer.value.close()
    assert answer.value.code == 303


def handlers() -> dict[str, str | None]:
    """Name -> permission, of every handler in the code but those that Reflex itself needs."""
    import studio.app
    from studio.auth.guard import FRAMEWORK_HANDLERS

    registered = studio.app.app._registration_context.event_handlers
    return {
        name: permission_of(found.handler.fn) for name, found in registered.items() if name not in FRAMEWORK_HANDLERS
    }


def is_refused(answer: dict[str, Any]) -> bool:
    """No state comes back, only a word to the person or the way to the sign-in page."""
    names = {event["name"] for event in answer.get("events", [])}
    return not answer.get("delta") and names <= {"_redirect", "_call_function"} and bool(names)


async def test_nobody_can_call_any_handler(studio: Any) -> None:
    known = handlers()
    assert len(known) > 30
    async with connected(studio.url) as socket:
        let_through = [
            name
            for name, permission in known.items()
            if permission != PUBLIC and not is_refused(await socket.send(name))
        ]
    assert let_through == []


async def test_a_viewer_can_call_only_what_a_viewer_may(studio: Any, people: Any) -> None:
    cookie = session_cookie(studio.url, people.viewer, PASSWORD)
    forbidden = {n: p for n, p in handlers().items() if p is None or (p != PUBLIC and not role_allows("viewer", p))}
    assert {"workflows:write", "runs:cancel"} <= set(forbidden.values())
    async with connected(studio.url, cookie=cookie) as socket:
        answers = {name: await socket.send(name) for name in forbidden}
    assert [name for name, answer in answers.items() if not is_refused(answer)] == []
    assert "does not allow this" in json.dumps(list(answers.values()))


async def test_a_viewer_can_read(studio: Any, people: Any) -> None:
    cookie = session_cookie(studio.url, people.viewer, PASSWORD)
    async with connected(studio.url, cookie=cookie) as socket:
        answer = await socket.send("reflex___state____state.studio___state____shell_state.load")
    assert "Viewer" in json.dumps(answer["delta"])


async def test_no_event_sets_state_directly(studio: Any) -> None:
    cookie = session_cookie(studio.url, studio.email, studio.password)
    shell = "reflex___state____state.studio___state____shell_state"
    async with connected(studio.url, cookie=cookie) as socket:
        for name, payload in (
            (f"{shell}.setvar", {"var_name": "role", "value": "admin"}),
            (f"{shell}.set_role", {"value": "admin"}),
            ("reflex___state____state.setvar", {"var_name": "is_hydrated", "value": True}),
        ):
            try:
                answer = await socket.send(name, payload, wait_s=2)
            except TimeoutError:
                continue  # an unknown handler is not answered at all
            assert is_refused(answer), name


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
async def test_a_foreign_origin_gets_no_socket(studio: Any, origin: str) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        async with connected(studio.url, origin=origin):
            pass


async def test_a_page_is_never_sent_its_cookie(studio: Any) -> None:
    """HttpOnly would be worth nothing if the state brought the cookie back to the page."""
    cookie = session_cookie(studio.url, studio.email, studio.password)
    async with connected(studio.url, cookie=cookie) as socket:
        answer = await socket.send("reflex___state____state.hydrate")
        said = json.dumps(answer)
    assert "studio___state____shell_state" in said
    assert cookie.partition("=")[2] not in said


async def test_signing_out_ends_an_open_socket_s_rights(studio: Any, people: Any) -> None:
    cookie = session_cookie(studio.url, people.agent, PASSWORD)
    load = "reflex___state____state.studio___state____shell_state.load"
    async with connected(studio.url, cookie=cookie) as socket:
        assert (await socket.send(load)).get("delta")
        await asyncio.to_thread(sign_out, studio.url, cookie)
        refused = await socket.send(load)
    assert refused["events"][0]["payload"]["path"] == "/login?reason=ended"
    # The tab's state went with the session: nothing of it is left for whoever comes next.
    assert people.agent not in json.dumps(refused)


async def test_a_lost_role_holds_at_once(studio: Any, people: Any) -> None:
    cookie = session_cookie(studio.url, people.agent, PASSWORD)
    opens = next(name for name in handlers() if name.endswith("workflow_forms.open_new"))
    async with connected(studio.url, cookie=cookie) as socket:
        assert (await socket.send(opens, {"page": 1.0})).get("delta")
        await _set_role(studio.owner_url, people.agent, "viewer")
        try:
            assert is_refused(await socket.send(opens, {"page": 1.0}))
        finally:
            await _set_role(studio.owner_url, people.agent, "agent")


async def _set_role(owner_url: str, email: str, role: str) -> None:
    database = Database(app_url(owner_url, SECRET), pool_size=1)
    try:
        async with database.anonymous() as session:
            person = await identity.sign_in_lookup(session, email)
        assert person is not None
        tenant_id: UUID = person.memberships[0].tenant_id
        async with database.transaction(Scope(tenant_id, None, "system")) as tx:
            await identity.set_role(tx, person.user_id, role)
    finally:
        await database.close()
