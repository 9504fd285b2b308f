"""The generated JSON Schema accepts what the language accepts and refuses what it refuses."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest

from engine.language.schema import language_schema

FILE: dict[str, Any] = {
    "schema_version": 1, "name": "a_b-c", "version": "1.0.0-rc.1", "description": "", "category": "anything", "priority": "high",
    "status": "active", "metadata": {"any": 1}, "config": {"timeout_seconds": 5, "more": {}}, "inputs": {}, "outputs": {},
    "variables": [{"name": "v", "type": "number", "default": 1, "env": {}, "more": 1}],
    "credentials": [{"name": "c", "type": "http_bearer", "scopes": []}],
    "triggers": [{"name": kind, "type": kind, "config": config, "enabled": True} for kind, config in {
        "manual": {}, "chat": {"path": "p"}, "webhook": {"path": "p", "schema": {}, "auth": "hmac"}, "api": {"auth": "key"}, "email": {},
        "schedule": {"cron": "0 8 * * *", "timezone": "UTC", "input": {"a": 1}, "overlap": "queue", "catch_up": 3},
        "form": {"path": "p", "fields": {"properties": {}}}, "event": {"topic": "a.b", "filter": "true"}, "workflow": None,
    }.items()],
    "nodes": [
        {"name": "start", "type": "start", "config": {"description": "x", "next_node": "ask"}, "x-mine": 1},
        {"name": "ask", "type": "agent", "config": {"temperature": 0.5}, "retry": {"max_attempts": 2, "why": "x"},
         "on_error": {"action": "goto", "node": "end", "more": 1}, "timeout_seconds": 1.5, "cache": {"ttl_seconds": 1}, "disabled": False},
        {"name": "later", "type": "saga", "config": {"steps": []}},
        {"name": "end", "type": "end", "config": None},
    ],
    "edges": [{"from": "start", "to": "ask", "condition": None, "on": "success", "label": "l"},
              {"from": "ask", "to": "end", "condition": "true", "x-colour": "red"}],
    "error_handling": [{"error_type": "*", "action": "anything", "fallback_node": "end", "more": 1}],
    "tests": {}, "monitoring": {}, "ui": {}, "x-free": [1],
}  # fmt: skip


def errors(data: Any) -> list[str]:
    schema = language_schema()
    return [e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(data)]


def test_it_is_a_schema_and_accepts_a_file_with_everything() -> None:
    jsonschema.Draft202012Validator.check_schema(language_schema())
    assert errors(FILE) == []


def test_a_classic_file_is_accepted() -> None:
    classic = {key: FILE[key] for key in ("name", "version", "description", "category", "priority", "nodes", "edges")}
    assert errors(classic) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["name"], "A B"), (["version"], "1.0"), (["priority"], "urgent"), (["unknown"], 1), (["status"], "on"),
        (["nodes"], []), (["nodes", 0, "name"], "9x"), (["nodes", 0, "typ"], 1), (["nodes", 1, "config", "temprature"], 1),
        (["nodes", 1, "config", "temperature"], "hot"), (["nodes", 1, "retry", "max_attempts"], 0),
        (["nodes", 1, "on_error", "action"], "explode"), (["edges", 0, "condition"], 5), (["edges", 0, "when"], 1),
        (["edges", 0, "on"], "maybe"), (["triggers", 0, "type"], "pigeon"), (["triggers", 1, "config", "paht"], "p"), (["triggers", 5, "config", "catch_up"], 999),
        (["schema_version"], 2),
        (["nodes", 2, "type"], "Not A Type"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused(path: list[Any], value: Any) -> None:
    data = copy.deepcopy(FILE)
    target = data
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    assert errors(data)


@pytest.mark.parametrize("key", ["name", "version", "description", "category", "priority", "nodes", "edges"])
def test_a_missing_key_is_refused(key: str) -> None:
    data = {k: v for k, v in FILE.items() if k != key}
    assert any(key in message for message in errors(data))
