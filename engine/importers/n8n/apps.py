"""App nodes of n8n as requests to the app's web API, by the table in apps.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from engine.importers import values as v
from engine.importers.n8n import data
from engine.importers.n8n.file import Item
from engine.importers.n8n.job import HOUSEKEEPING, Converter, Job
from engine.importers.n8n.reading import plain
from engine.importers.names import slug
from engine.importers.wording import Wording, escaped_template

Json = Any
TABLE = Path(__file__).with_name("apps.yaml")
GUESSED = "the address of this operation follows the usual form of such APIs; check it"
CALLED = "the app's own web API is called; check the parameters and store the credential"
_PLACE = re.compile(r"\{([A-Za-z_][\w|.]*)\}")
_VARIABLE = re.compile(r"\{variables\.(\w+)\}")
_VERBS = (
    (("get", "list", "search", "find", "read", "fetch", "lookup", "download", "query", "check", "count"), "GET"),
    (("update", "edit", "patch", "set", "rename", "move", "modify", "mark"), "PATCH"),
    (("delete", "remove", "archive"), "DELETE"),
)
_WRAPPERS = ("additionalFields", "updateFields", "options", "filters", "otherOptions", "additionalOptions")
MAX_FIELDS = 60


@dataclass(frozen=True, slots=True)
class App:
    """One entry of the table."""

    base: str
    default: str | None = None
    calls: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)
    rows: str | None = None


@cache
def table() -> Mapping[str, App]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with TABLE.open(encoding="utf-8") as file:
        return {name: App(**entry) for name, entry in yaml.load(file, Loader=loader).items()}  # noqa: S506 - a safe loader


@cache
def _by_lower() -> Mapping[str, App]:
    return {name.lower(): app for name, app in table().items()}


def app_of(item: Item) -> App | None:
    """The app by the node's type; a tool's type ends in Tool, and packages of others write names in their own way."""
    kind = item.kind.removesuffix("Tool") if item.kind.endswith("Tool") else item.kind
    return table().get(kind) or (None if item.type.startswith("n8n-nodes-base.") else _by_lower().get(kind.lower()))


def find(item: Item) -> Converter | None:
    return call if not item.is_langchain and app_of(item) is not None else None


def call(job: Job) -> None:
    """The request; an operation that waits for a person is a question to a person."""
    app = app_of(job.item)
    assert app is not None
    if job.item.text("operation") in ("sendAndWait", "dispatchAndWait") and job.has("human"):
        data.ask_person(job, "approval", job.params.get("message") or job.params.get("subject"))
        return
    operation, spec = _operation(job.item, app)
    method, _, path = (spec or _guess(operation)).partition(" ")
    job.approximate(CALLED if spec else GUESSED)
    used: set[str] = set()
    config: dict[str, Json] = {"method": method, "url": _address(job, app, path, used)}
    fields = _row(job, app) if app.rows and method != "GET" else {}
    fields = fields or _fields(job, app, used)
    if fields:
        config["query" if method == "GET" else "body"] = fields
    if "telegram_token" not in config["url"]:
        config["credential"] = job.credential(job.item.kind.removesuffix("Tool"))
    job.add("http", config)


def _operation(item: Item, app: App) -> tuple[str, str | None]:
    """(resource.operation, how it is called); what the file leaves out is the app's default."""
    resource, operation = item.text("resource"), item.text("operation")
    base_resource, _, base_operation = (app.default or "").rpartition(".")
    names = [
        f"{resource or base_resource}.{operation or base_operation}",
        operation,
        resource and f"{resource}.{base_operation}",
    ]
    if not resource and not operation:
        names.insert(0, app.default or "")
    elif operation and not resource:
        names += [name for name in app.calls if name.endswith(f".{operation}")][:1]
    elif resource and not operation:
        names += [name for name in app.calls if name.startswith(f"{resource}.")][:1]
    found = next((name for name in names if name in app.calls), None)
    return names[0].strip("."), app.calls[found] if found else None


def _guess(operation: str) -> str:
    """The usual form: the verb decides the method, the resource is the path."""
    resource, _, verb = operation.rpartition(".")
    lowered = verb.lower()
    method = next((method for words, method in _VERBS if lowered.startswith(words)), "POST")
    path = "/".join(re.sub(r"[^A-Za-z0-9_-]+", "-", part).strip("-")[:60] for part in (resource or verb, "") if part)
    return f"{method} /{path}" if path else f"{method} "


def _address(job: Job, app: App, path: str, used: set[str]) -> str:
    whole = path if path.startswith(("http", "{webhook")) else app.base + path
    for name in _VARIABLE.findall(whole):
        job.draft.read_variable(name)
    return _PLACE.sub(lambda found: _filled(job, found[1], used), whole)


def _filled(job: Job, names: str, used: set[str]) -> str:
    """A place of the path: what the node's parameter says, or a place that the run has to fill."""
    if names.startswith("variables."):
        return f"{{{names}}}"
    for name in names.split("|"):
        raw = plain(job.params.get(name))
        if isinstance(raw, str | int | float) and not isinstance(raw, bool) and str(raw).strip():
            used.add(name)
            if job.reader.asks_model(raw):
                break
            found = job.reader.template(f"url.{name}", raw).strip()
            return found if "{" in found else escaped_template(found)
    return f"{{{slug(names.split('|', maxsplit=1)[0]) or 'id'}}}"


def _row(job: Job, app: App) -> dict[str, Json]:
    """The columns that the node fills, as one row, in the order of the file."""
    columns = v.mapping(job.params, "columns", "value")
    row = [_value(job, name, columns, name) for name in list(columns)[:MAX_FIELDS]]
    return {str(app.rows): [["" if cell is None else cell for cell in row]]} if row else {}


def _fields(job: Job, app: App, used: set[str]) -> dict[str, Json]:
    """What is sent along: by the app's names where the table has them, else by the node's."""
    given = dict(_given(job.params, used))
    if app.body:
        named = {ours: _value(job, ours, given, theirs) for ours, theirs in app.body.items()}
        found = {name: value for name, value in named.items() if value not in (None, "", {}, [])}
        if found:
            return found
    return {name: value for name in given if (value := _value(job, name, given, name)) not in (None, "", {}, [])}


def _given(params: Mapping[str, Json], used: set[str]) -> Iterator[tuple[str, Json]]:
    count = 0
    for name, raw in params.items():
        if name in used or not name or (name in HOUSEKEEPING and name not in _WRAPPERS):
            continue
        inner = v.mapping(raw) if name in _WRAPPERS else {name: raw}
        for key, value in inner.items():
            count += 1
            if key and count <= MAX_FIELDS:
                yield key, value


def _value(job: Job, name: str, given: Mapping[str, Json], paths: str) -> Json:
    for path in [paths] if paths in given else paths.split("|"):
        steps = [path] if path in given else path.split(".")
        raw = given.get(steps[-1]) if len(steps) > 1 and steps[0] in _WRAPPERS else v.at(dict(given), *steps)
        if isinstance(raw, dict) and "mappingMode" in raw:  # a table's columns; the rest is how the form looked
            raw = raw.get("value")
        if raw in (None, "", {}, []) or job.reader.asks_model(raw):
            continue
        if isinstance(raw, str) and raw.lstrip("= \n").startswith(("{", "[")):
            structured = job.reader.data(name, raw, lambda field, wording: _leaf(job, field, wording))
            if structured is not None:
                return structured
        return job.reader.value(name, raw)
    return None


def _leaf(job: Job, field: str, wording: Wording) -> str:
    return job.draft.value(job.entry, field, wording)
