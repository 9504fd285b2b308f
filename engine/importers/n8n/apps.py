"""App nodes of n8n as requests to the app's web API, by the table in apps.yaml."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from engine.importers import values as v
from engine.importers.n8n import data, notion, parts, sheets
from engine.importers.n8n.file import Item
from engine.importers.n8n.job import HOUSEKEEPING, Converter, Job
from engine.importers.n8n.reading import located
from engine.importers.names import slug
from engine.importers.wording import escaped_template

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
_FILES = ("binaryData", "inputDataFieldName", "mediaPropertyName", "binaryPropertyName", "attachmentsUi")
MAX_FIELDS = 60


@dataclass(frozen=True, slots=True)
class App:
    """One entry of the table; `default` as a list has the app's own first."""

    base: str
    default: str | list[str] = ""
    calls: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    sends: Mapping[str, Json] = field(default_factory=dict)
    asks: Mapping[str, Json] = field(default_factory=dict)

    @property
    def defaults(self) -> list[tuple[str, str]]:
        """(resource, operation) of each."""
        names = [self.default] if isinstance(self.default, str) else self.default
        parts = [name.rpartition(".") for name in names]
        return [(resource, operation) for resource, _, operation in parts]


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
    if item.is_langchain:
        return table().get(f"langchain.{kind}")
    return table().get(kind) or (None if item.type.startswith("n8n-nodes-base.") else _by_lower().get(kind.lower()))


def find(item: Item) -> Converter | None:
    return call if not item.is_langchain and app_of(item) is not None else None


def call(job: Job) -> None:
    """The request; an operation that waits for a person is a question to a person, and mail is sent as mail."""
    app = app_of(job.item)
    assert app is not None
    operation, spec = _operation(job.item, app)
    if job.item.kind == "discord" and ("webhookUri" in job.params or job.item.text("authentication") == "webhook"):
        operation, spec = "webhook.send", "POST {webhookUri|webhookUrl}"
    if operation.endswith(("sendAndWait", "dispatchAndWait")):
        data.ask_person(job, "approval", job.params.get("message") or job.params.get("subject"))
        return
    own = _OWN.get(job.item.kind.removesuffix("Tool"))
    if own is not None and own(job, operation):
        return
    method, _, path = (spec or _guess(operation, job.params)).partition(" ")
    job.approximate(CALLED if spec else GUESSED)
    if any(job.params.get(name) for name in _FILES):
        job.approximate("files are not carried along")
    used: set[str] = set()
    config: dict[str, Json] = {"method": method, "url": address(job, app, path, used), "headers": dict(app.headers)}
    key = _written_for(app, operation)
    if key is not None:
        sent = parts.Filled(job, given(job.params, set()))
        config["query"] = sent.data(app.asks.get(key))
        config["body"] = sent.data(app.sends.get(key))
        if left := sorted(set(given(job.params, used)) - sent.used):
            job.approximate(f"not sent along: {', '.join(left)[:200]}")
    elif fields := _fields(job, app, used):
        if method == "DELETE":
            job.approximate(f"not sent along: {', '.join(sorted(fields))[:200]}")
        else:
            config["query" if method == "GET" else "body"] = fields
    if "telegram_token" not in config["url"]:
        config["credential"] = job.credential(job.item.kind.removesuffix("Tool"))
    job.add("http", config)


def _written_for(app: App, operation: str) -> str | None:
    """What the table calls the operation, when it has what is sent."""
    names = (operation, operation.rpartition(".")[2], operation.partition(".")[0] + ".*")
    return next((name for name in names if name in app.sends or name in app.asks), None)


def _operation(item: Item, app: App) -> tuple[str, str | None]:
    """(resource.operation, how it is called); what the file leaves out is the app's default."""
    home, usual = app.defaults[0]
    resource = item.text("resource") or home
    operation = item.text("operation") or next((name for of, name in app.defaults if of == resource), usual)
    name = f"{resource}.{operation}".strip(".")
    spec = app.calls.get(name) or app.calls.get(operation)
    if spec is None and not item.text("resource"):  # versions that had no resources yet
        name = next((known for known in app.calls if known.endswith(f".{operation}")), name)
        spec = app.calls.get(name)
    return name, spec


def _guess(operation: str, params: Mapping[str, Json]) -> str:
    """The usual form: the verb decides the method, the resource is the path, with its id where the node has one."""
    resource, _, verb = operation.rpartition(".")
    lowered = verb.lower()
    method = next((method for words, method in _VERBS if lowered.startswith(words)), "POST")
    path = re.sub(r"[^A-Za-z0-9_-]+", "-", resource or verb).strip("-")[:60]
    one = next((name for name in (f"{resource}Id", "id") if name in params), None)
    if one and not lowered.startswith(("create", "add", "getall", "getmany", "list", "search")):
        path += f"/{{{one}}}"
    return f"{method} /{path}" if path else f"{method} "


def address(job: Job, app: App, path: str, used: set[str]) -> str:
    """The address with its places filled; `used` gets the parameters that stand in it."""
    whole = path if path.startswith(("http", "{webhook", "{url}")) else app.base + path
    for name in _VARIABLE.findall(whole):
        job.draft.read_variable(name)
    return _PLACE.sub(lambda found: _filled(job, found[1], used), whole)


def _filled(job: Job, names: str, used: set[str]) -> str:
    """A place of the path: what the node's parameter says, or a place that the run has to fill."""
    if names.startswith("variables."):
        return f"{{{names}}}"
    for name in names.split("|"):
        raw = located(v.at(job.params, *name.split(".")), name)
        if isinstance(raw, str | int | float) and not isinstance(raw, bool) and str(raw).strip():
            used.add(name.partition(".")[0])
            if job.reader.asks_model(raw):
                break
            found = job.reader.template(f"url.{name}", raw).strip()
            return found if "{" in found else escaped_template(quote(found, safe="!:,@$+/=()'*%"))
    return f"{{{slug(names.split('|', maxsplit=1)[0]) or 'id'}}}"


def _fields(job: Job, app: App, used: set[str]) -> dict[str, Json]:
    """What is sent along: by the app's names where the table has them, else by the node's."""
    filled = parts.Filled(job, given(job.params, used))
    if app.body:
        found = filled.data({ours: f"${theirs}" for ours, theirs in app.body.items()})
        if isinstance(found, dict):
            return found
    return filled.data({name: f"${name}" for name in filled.given if "." not in name and "|" not in name}) or {}


def given(params: Mapping[str, Json], used: Container[str]) -> dict[str, Json]:
    """The node's parameters that say what is to be sent, those of its lists of further fields among them."""
    found: dict[str, Json] = {}
    for name, raw in params.items():
        if name in used or not name or (name in HOUSEKEEPING and name not in _WRAPPERS):
            continue
        inner = v.mapping(raw) if name in _WRAPPERS else {name: raw}
        for key, value in inner.items():
            if key and key not in used and len(found) < MAX_FIELDS and value not in (None, "", {}, []):
                found[key] = value
    return found


def _mail(job: Job, operation: str) -> bool:
    """Gmail and Outlook: what is sent and answered goes out by mail, as their APIs want whole messages."""
    if operation not in ("message.send", "message.reply", "thread.reply"):
        return False
    if operation == "message.send":
        data.email(job)
    else:
        job.approximate("the answer goes to context.from, as a mail of its own")
        data.email(job, to="context.from")
    return True


_OWN: Mapping[str, Callable[[Job, str], bool]] = {
    "gmail": _mail, "microsoftOutlook": _mail, "googleSheets": sheets.call, "notion": notion.call,
}  # fmt: skip
