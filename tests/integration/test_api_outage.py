"""The database is away: callers of the API are told so by name, and served again as soon as it is back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from engine.settings import Settings
from engine.store.session import Scope
from runners.connections import Connections
from tests.support.api import key_for, open_container, open_http
from tests.support.bad_network import bad_network


async def test_a_database_that_is_away_is_no_internal_error(
    settings: Settings, connections: Connections, scope: Scope
) -> None:
    async with (
        bad_network(connections.app_database_url) as (network, url),
        open_container(settings, replace(connections, app_database_url=url)) as container,
        open_http(container) as http,
    ):
        key = await key_for(container.db, scope)
        network.refuse()
        answers = await asyncio.gather(
            http.get("/api/v1/workflows", headers=key),  # asks who calls
            http.get("/api/v1/runs", headers={"Cookie": "heddle_session=abc"}),
            http.post("/hooks/nobody/nothing", json={}),  # asks what is published there
        )
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
            assert answer.headers["Retry-After"] == "2"
            assert "host" not in answer.text
        network.heal()

        async with asyncio.timeout(10):
            while (await http.get("/api/v1/workflows", headers=key)).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def test_a_database_that_leaves_in_the_middle_is_none_either(
    settings: Settings, connections: Connections, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the look at who calls: the transactions of the routes themselves."""
    async with (
        bad_network(connections.app_database_url) as (network, url),
        open_container(settings, replace(connections, app_database_url=url)) as container,
        open_http(container) as http,
        open_container(settings, connections) as other,
    ):
        key = await key_for(other.db, scope)
        monkeypatch.setattr(container, "_callers", other.callers)  # its network holds
        assert (await http.get("/api/v1/workflows", headers=key)).status_code == 200
        network.refuse()
        answer = await http.get("/api/v1/workflows", headers=key)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
