"""What starts a published workflow, over HTTP: shown, taken away with the version, and no business of other tenants."""

from __future__ import annotations

from datetime import datetime

import httpx

from engine.store.access import workflows
from engine.store.session import Database, Scope
from tests.support.api import key_for, slug_of

TEXT = """\
name: "{name}"
version: "1.0.0"
description: "Started in several ways"
category: "system"
priority: "low"
triggers:
  - {{name: "hook", type: "webhook", config: {{path: "{name}", auth: "none"}}}}
  - {{name: "morning", type: "schedule", config: {{cron: "0 8 * * mon-fri", timezone: "Europe/Berlin"}}}}
nodes:
  - {{name: "start", type: "start"}}
  - {{name: "end", type: "end"}}
edges:
  - {{from: "start", to: "end", condition: null}}
"""

NOTHING = {"addresses": [], "schedules": [], "events": []}


async def test_triggers_are_shown_and_go_with_the_version(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    await http.post("/api/v1/workflows", headers=key, json={"text": TEXT.format(name="mornings")})
    place = "/api/v1/workflows/mornings"
    assert (await http.get(f"{place}/triggers", headers=key)).json() == NOTHING
    assert (await http.post(f"{place}/publish", headers=key, json={})).status_code == 201
    shown = (await http.get(f"{place}/triggers", headers=key)).json()
    (schedule,) = shown["schedules"]
    assert (schedule["name"], schedule["timezone"], schedule["fault"]) == ("morning", "Europe/Berlin", None)
    upcoming = [datetime.fromisoformat(moment) for moment in schedule["next"]]
    assert len(upcoming) == 3
    assert all((m.hour, m.minute, m.weekday() < 5) == (8, 0, True) for m in upcoming)
    hook = f"/hooks/{await slug_of(database, scope)}/mornings"
    assert [address["path"] for address in shown["addresses"]] == [hook]
    assert (await http.post(hook, json={})).status_code == 200

    assert (await http.post(f"{place}/unpublish", headers=key)).status_code == 204
    assert (await http.get(f"{place}/triggers", headers=key)).json() == NOTHING
    assert (await http.post(hook, json={})).status_code == 404
    assert (await http.post("/api/v1/runs", headers=key, json={"workflow": "mornings"})).status_code == 404
    again = await http.post(f"{place}/unpublish", headers=key)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert (await http.post(f"{place}/publish", headers=key, json={})).json()["number"] == 2
    assert (await http.post(hook, json={})).status_code == 200


async def test_an_archived_workflow_answers_nowhere(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    key = await key_for(database, scope)
    await http.post("/api/v1/workflows", headers=key, json={"text": TEXT.format(name="gone")})
    await http.post("/api/v1/workflows/gone/publish", headers=key, json={})
    hook = f"/hooks/{await slug_of(database, scope)}/gone"
    assert (await http.post(hook, json={})).status_code == 200
    async with database.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, "gone")
        await workflows.archive(tx, row.workflow_id)
    assert (await http.post(hook, json={})).status_code == 404


async def test_who_may_look_and_who_may_unpublish(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope
) -> None:
    mine = await key_for(database, scope)
    await http.post("/api/v1/workflows", headers=mine, json={"text": TEXT.format(name="mine")})
    await http.post("/api/v1/workflows/mine/publish", headers=mine, json={})
    reader = await key_for(database, scope, "workflows:read")
    assert (await http.get("/api/v1/workflows/mine/triggers", headers=reader)).status_code == 200
    refused = await http.post("/api/v1/workflows/mine/unpublish", headers=reader)
    assert (refused.status_code, refused.json()["permission"]) == (403, "workflows:publish")
    theirs = await key_for(database, other_scope)
    for method, path in (("GET", "triggers"), ("POST", "unpublish")):
        foreign = await http.request(method, f"/api/v1/workflows/mine/{path}", headers=theirs)
        unknown = await http.request(method, f"/api/v1/workflows/none/{path}", headers=theirs)
        assert foreign.status_code == unknown.status_code == 404
    async with database.transaction(scope) as tx:
        assert (await workflows.get_by_name(tx, "mine")).published_number == 1


async def test_a_body_that_does_not_follow_the_schema_starts_nothing(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    schema = "{type: object, required: [order], properties: {order: {type: string, pattern: '^O-'}}}"
    text = TEXT.format(name="strict").replace('auth: "none"', f'auth: "none", schema: {schema}')
    await http.post("/api/v1/workflows", headers=key, json={"text": text})
    assert (await http.post("/api/v1/workflows/strict/publish", headers=key, json={})).status_code == 201
    hook = f"/hooks/{await slug_of(database, scope)}/strict"
    for body in ({}, {"order": 5}, {"order": "X-1"}):
        refused = await http.post(hook, json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_error"), body
    assert (await http.post(hook, json={"order": "O-1"})).status_code == 200
    assert len((await http.get("/api/v1/runs", headers=key)).json()["runs"]) == 1
