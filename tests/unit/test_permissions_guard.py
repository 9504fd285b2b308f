"""The guard refuses when it cannot look, keeps a tab's state to its session, and knows its own origin."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from engine.store.callers import Person
from engine.store.session import Scope
from studio.auth import cookies, guard, origins, sockets
from studio.auth.guard import Guard, TabState, current_scope, signed_in
from studio.auth.permissions import public, requires


@requires("workflows:write")
def writes() -> None: ...


@public
def anybody() -> None: ...


def unmarked() -> None: ...


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch) -> Tab:
    """A tab whose events go through the guard; tests say who holds its cookie."""
    found = Tab()
    monkeypatch.setattr(guard, "_permission_of", lambda name: guard.permission_of(globals()[name]))
    monkeypatch.setattr(guard, "token_of", lambda _sid: found.token)
    monkeypatch.setattr(guard, "_identify", found.identify)
    return found


class Tab:
    """Enough of a Reflex state for the guard."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.people: dict[str, Person] = {}
        self.broken = False
        self.resets = 0
        self.router = SimpleNamespace(session=SimpleNamespace(session_id="sid"), url=SimpleNamespace(path="", query=""))
        self._tab = SimpleNamespace(_session="")

    async def identify(self, token: str | None) -> Person | None:
        if self.broken:
            raise OSError("the database is away")
        return self.people.get(token or "")

    async def get_state(self, kind: Any) -> Any:
        assert kind is TabState
        return self._tab

    def _get_root_state(self) -> Tab:
        return self

    def reset(self) -> None:
        self.resets += 1

    def enter(self, token: str, role: str) -> None:
        self.token = token
        self.people[token] = Person(Scope(uuid4(), uuid4(), role), "a@b.c", "A", "t", "T", None)  # type: ignore[arg-type]

    async def send(self, name: str) -> Any:
        return await Guard().preprocess(None, self, SimpleNamespace(name=name))  # type: ignore[arg-type]


async def test_nobody_is_sent_to_the_sign_in_page(tab: Tab) -> None:
    answer = await tab.send("writes")
    assert answer.events[0].payload["path"] == "/login"


async def test_a_session_that_is_over_is_told_so(tab: Tab) -> None:
    tab.token = "gone"
    answer = await tab.send("writes")
    assert answer.events[0].payload["path"] == "/login?reason=ended"


async def test_signing_in_leads_back_to_the_page(tab: Tab) -> None:
    tab.router.url.path, tab.router.url.query = "/app/runs", "status=failed&search=a%20b"
    answer = await tab.send("writes")
    assert answer.events[0].payload["path"] == "/login?next=%2Fapp%2Fruns%3Fstatus%3Dfailed%26search%3Da%2520b"
    tab.router.url.path, tab.router.url.query = "//evil.example/app/", ""
    answer = await tab.send("writes")
    assert answer.events[0].payload["path"] == "/login"


async def test_a_role_without_the_permission_is_refused(tab: Tab) -> None:
    tab.enter("vic", "viewer")
    answer = await tab.send("writes")
    assert "Your role (viewer)" in str(answer.events[0].payload)


async def test_a_role_with_the_permission_passes_with_its_scope(tab: Tab) -> None:
    tab.enter("alice", "agent")
    assert await tab.send("writes") is None
    assert current_scope() == tab.people["alice"].scope


async def test_an_unmarked_handler_is_refused_even_to_an_admin(tab: Tab) -> None:
    tab.enter("root", "admin")
    answer = await tab.send("unmarked")
    assert "This is not allowed" in str(answer.events[0].payload)


async def test_a_public_handler_passes_for_nobody(tab: Tab) -> None:
    assert await tab.send("anybody") is None
    assert not signed_in()


@pytest.mark.parametrize("name", ["writes", "anybody", "unmarked", sorted(guard.FRAMEWORK_HANDLERS)[0]])
async def test_a_guard_that_cannot_look_lets_nobody_pass(tab: Tab, name: str) -> None:
    tab.enter("root", "admin")
    tab.broken = True
    assert await tab.send(name) is not None
    assert not signed_in()


async def test_a_failed_look_does_not_leave_the_last_person_behind(tab: Tab) -> None:
    tab.enter("alice", "agent")
    await tab.send("writes")
    tab.broken = True
    await tab.send("writes")
    assert not signed_in()


async def test_a_change_of_role_holds_from_the_next_event_on(tab: Tab) -> None:
    tab.enter("alice", "agent")
    assert await tab.send("writes") is None
    tab.enter("alice", "viewer")
    assert await tab.send("writes") is not None


async def test_another_session_finds_the_tab_empty(tab: Tab) -> None:
    tab.enter("alice", "agent")
    await tab.send("writes")
    await tab.send("writes")
    assert tab.resets == 0
    tab.enter("bob", "agent")
    await tab.send("writes")
    assert tab.resets == 1


async def test_signing_out_empties_the_tab_before_anything_is_sent(tab: Tab) -> None:
    tab.enter("alice", "agent")
    await tab.send("writes")
    tab.people.clear()
    await tab.send("anybody")
    assert tab.resets == 1


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        (None, "localhost:8000", True),
        ("http://localhost:8001", "localhost:8000", False),
        ("http://evil.example", "localhost:8000", False),
        ("http://localhost:8000.evil.example", "localhost:8000", False),
        ("null", "localhost:8000", False),
        ("", "", False),
    ],
)
def test_own_origin(origin: str | None, host: str, own: bool) -> None:
    assert origins.is_own(origin, host) is own


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("heddle_session=abc", "abc"),
        ("a=1; heddle_session=abc; b=2", "abc"),
        ("", None),
        ("heddle_session=", None),
        ("other=abc", None),
        ("x" * 10_000, None),
    ],
)
def test_the_token_in_a_cookie_header(header: str, token: str | None) -> None:
    assert cookies.token_in(header) == token


def test_secret_headers_stay_out_of_state() -> None:
    left: list[str] = []
    namespace: Any = SimpleNamespace(
        _build_static_router_data=lambda _sid, environ: {"headers": dict(environ)}, on_disconnect=left.append
    )
    sockets.keep_tokens_back(namespace)
    data = namespace._build_static_router_data(
        "s1", {"cookie": "heddle_session=abc", "authorization": "Bearer x", "host": "h"}
    )
    assert data == {"headers": {"host": "h"}}
    assert sockets.token_of("s1") == "abc"
    namespace.on_disconnect("s1")
    assert sockets.token_of("s1") is None
    assert left == ["s1"]
