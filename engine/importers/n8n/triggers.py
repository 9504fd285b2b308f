"""n8n's triggers: what starts a run, and where what they bring stands with us."""

from __future__ import annotations

import re
from typing import Any

from engine.importers import schemas
from engine.importers import values as v
from engine.importers.draft import Draft
from engine.importers.n8n.file import File, Item, Renames
from engine.importers.n8n.reading import plain
from engine.importers.names import slug
from engine.importers.report import Outcome
from engine.language.schedules import ScheduleError, check_schedule

Json = Any
_ANY = ((), ())
MAX_TIMES = 20
_QUEUES = frozenset({"kafkaTrigger", "rabbitmqTrigger", "mqttTrigger", "amqpTrigger", "redisTrigger", "sseTrigger",
                     "postgresTrigger", "awsSnsTrigger", "n8nTrigger", "workflowTrigger"})  # fmt: skip
_MAIL = frozenset({"emailReadImap", "gmailTrigger", "microsoftOutlookTrigger"})
_MANUAL = frozenset({"manualTrigger", "start", "evaluationTrigger"})
SCHEDULED = frozenset({"scheduleTrigger", "cron", "interval"})
NAMES = frozenset(
    {"webhook", "chatTrigger", "formTrigger", "executeWorkflowTrigger", "errorTrigger", *_MAIL, *_MANUAL, *SCHEDULED}
)
_FIELD = {"number": "number", "checkbox": "array", "date": "string", "email": "string", "file": "string"}
_MODES = {"everyMinute": "* * * * *", "everyHour": "0 * * * *", "everyDay": "0 9 * * *", "everyWeek": "0 9 * * 1",
          "everyMonth": "0 9 1 * *"}  # fmt: skip


def is_trigger(item: Item) -> bool:
    return item.kind in NAMES or (item.kind.endswith("Trigger") and not item.before)


def prepare(item: Item) -> None:
    """What its data is called with us; before any expression is read."""
    item.trigger = True
    item.renames = renames_of(item)


def renames_of(item: Item) -> Renames:
    if item.kind == "webhook":
        return {("body",): _ANY, ("query",): _ANY, ("params",): _ANY}
    if item.kind == "chatTrigger":
        said, session = ("message",), ("conversation_id",)
        return {("chatInput",): (said, said), ("sessionId",): (session, session)}
    return {}


def convert(file: File, item: Item) -> None:
    """Add the trigger to the draft."""
    draft, entry = file.draft, item.entry
    entry.node = draft.start
    if item.kind == "errorTrigger":
        draft.fallback = item.targets[0].name if item.targets else None
        entry.approximate(
            "a failure of this workflow leads here; in n8n it is the failure of any workflow that names this one"
        )
        if not item.targets:
            entry.lower(Outcome.UNSUPPORTED, "it leads nowhere")
        return
    kind, config = _trigger(file, item)
    for one in _times(file, item) if kind == "schedule" else [config]:
        trigger: dict[str, Json] = {"type": kind}
        if one:
            trigger["config"] = one
        if item.disabled:
            trigger["enabled"] = False
        draft.triggers.append(trigger)
        item.trigger_data.append(trigger)


def _times(file: File, item: Item) -> list[dict[str, Json]]:
    """A schedule for each of the trigger's times, by the clock of the workflow."""
    rules = _rules(item)
    if len(rules) > MAX_TIMES:
        item.entry.approximate(f"only the first {MAX_TIMES} of its times are kept")
    clock = {} if file.timezone == "UTC" else {"timezone": file.timezone}
    crons = dict.fromkeys(_cron(item, rule) for rule in rules[:MAX_TIMES])
    return [{"cron": cron, **clock} for cron in crons]


def _trigger(  # noqa: PLR0911  (one return per kind)
    file: File, item: Item
) -> tuple[str, dict[str, Json]]:
    draft, entry = file.draft, item.entry
    if item.kind in _MANUAL:
        return "manual", {}
    if item.kind == "webhook":
        return "webhook", _webhook(item)
    if item.kind in SCHEDULED:
        return "schedule", {}
    if item.kind == "chatTrigger":
        return "chat", {"path": _path(draft, item), "greeting": _greeting(item)} if _greeting(item) else {
            "path": _path(draft, item)
        }
    if item.kind == "formTrigger":
        return "form", _form(item)
    if item.kind == "executeWorkflowTrigger":
        _inputs(draft, item)
        return "workflow", {}
    if item.kind in _MAIL:
        entry.approximate("mailboxes are not read: the service that gets the mail has to call this address with it")
        return "webhook", {"path": _path(draft, item)}
    if item.kind == "mcpTrigger":
        entry.approximate("the tools are offered through the API, not as an MCP server: the input `tool` names one")
        return "api", {}
    if item.kind in _QUEUES:
        entry.approximate("the source has to publish to the event stream of this name")
        return "event", {"topic": slug(item.text("topic") or item.text("queue") or item.label) or "event"}
    if "pollTimes" in item.params or item.kind == "rssFeedReadTrigger":
        entry.approximate("the run starts on this schedule and has to fetch by itself what is new")
        return "schedule", {}
    entry.approximate(f"the app ({item.kind}) has to be told to call this address")
    return "webhook", {"path": _path(draft, item)}


def _path(draft: Draft, item: Item) -> str:
    """An address for the trigger: its own where it has one, and never one that stands in the file twice."""
    own = re.sub(r"[^A-Za-z0-9/_-]+", "-", item.text("path")).strip("/-_")
    path = own[:90] or slug(draft.title) or slug(item.label) or "imported"
    taken = {v.text(trigger, "config", "path") for trigger in draft.triggers}
    return path if path not in taken else f"{path[:90]}-{len(draft.triggers) + 1}"


def _webhook(item: Item) -> dict[str, Json]:
    entry = item.entry
    method = item.text("httpMethod", default="GET")
    if method != "POST":
        entry.approximate(f"it is called by POST with JSON, not by {method[:10]}")
    auth = item.text("authentication", default="none")
    config: dict[str, Json] = {
        "path": re.sub(r"[^A-Za-z0-9/_-]+", "-", item.text("path")).strip("/-_")[:90] or slug(item.label) or "webhook"
    }
    if ":" in item.text("path"):
        entry.approximate("a place in the address is a part of it like any other; its value has to come in the body")
    if auth == "none":
        config["auth"] = "none"
    else:
        config["auth"] = "token"
        entry.approximate(f"callers sign in with a token of ours, not by {auth[:30]}")
    mode = item.text("responseMode", default="onReceived")
    config["respond"] = "immediate" if mode == "onReceived" else "last_node"
    return config


def _greeting(item: Item) -> str:
    return item.text("initialMessages")[:500]


def _form(item: Item) -> dict[str, Json]:
    properties: dict[str, Json] = {}
    required = []
    for field in v.mappings(item.params, "formFields", "values"):
        label = v.text(field, "fieldName") or v.text(field, "fieldLabel")
        if not label:
            continue
        options = [v.text(one, "option") for one in v.mappings(field, "fieldOptions", "values")]
        shape: dict[str, Json] = {"type": _FIELD.get(v.text(field, "fieldType"), "string")}
        if shape["type"] == "string" and any(options):
            shape = {"enum": [option for option in options if option]}
        properties[label[:100]] = shape
        if v.flag(field, "requiredField"):
            required.append(label[:100])
        if v.text(field, "fieldType") == "file":
            item.entry.approximate("a file cannot be sent with the form")
    schema: dict[str, Json] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    title = item.text("formTitle")
    return {"title": title[:200], "fields": schema} if title else {"fields": schema}


def _inputs(draft: Draft, item: Item) -> None:
    for one in v.mappings(item.params, "workflowInputs", "values"):
        if name := v.text(one, "name"):
            kind = v.text(one, "type", default="string")
            draft.inputs[name[:100]] = (
                {"type": kind} if kind in ("string", "number", "boolean", "object", "array") else {}
            )
    example = schemas.of_example(schemas.parsed(item.text("jsonExample")))
    for name, shape in v.mapping(example, "properties").items():
        draft.inputs.setdefault(name[:100], shape)


def _rules(item: Item) -> list[dict[str, Json]]:
    """The times that it names."""
    rules = [
        *v.mappings(item.params, "rule", "interval"),
        *v.mappings(item.params, "triggerTimes", "item"),
        *v.mappings(item.params, "pollTimes", "item"),
    ]
    if not rules and item.kind == "interval":
        unit = item.text("unit", default="seconds")
        rules = [{"field": unit, f"{unit}Interval": item.params.get("interval", 1)}]
    return rules or [{}]


def _cron(item: Item, rule: dict[str, Json]) -> str:
    """A time as a cron expression of five fields."""
    if "field" in rule or item.kind in ("scheduleTrigger", "interval"):
        return _scheduled(item, rule)
    mode = v.text(rule, "mode", default="everyDay" if item.kind == "cron" else "everyMinute")
    if mode in ("custom", "cronExpression"):
        return _five(item, v.text(rule, "cronExpression"))
    hour, minute = _number(rule, "hour", 14 if mode != "everyHour" else 0, 23), _number(rule, "minute", 0, 59)
    if mode == "everyX":
        return _every(item, v.text(rule, "unit", default="hours"), _number(rule, "value", 2, 10_000))
    return {
        "everyMinute": "* * * * *",
        "everyHour": f"{minute} * * * *",
        "everyDay": f"{minute} {hour} * * *",
        "everyWeek": f"{minute} {hour} * * {_number(rule, 'weekday', 1, 7) % 7}",
        "everyMonth": f"{minute} {hour} {_number(rule, 'dayOfMonth', 1, 31) or 1} * *",
    }.get(mode, "0 9 * * *")


def _scheduled(item: Item, rule: dict[str, Json]) -> str:
    kind = v.text(rule, "field", default="days")
    minute, hour = _number(rule, "triggerAtMinute", 0, 59), _number(rule, "triggerAtHour", 0, 23)
    if kind == "cronExpression":
        return _five(item, v.text(rule, "expression"))
    if kind in ("seconds", "minutes", "hours"):
        return _every(
            item,
            kind,
            _number(rule, f"{kind}Interval", 30 if kind == "seconds" else 1 if kind == "hours" else 5, 10_000),
            minute,
        )
    if kind == "weeks" and _number(rule, "weeksInterval", 1, 52) > 1:
        item.entry.approximate("a schedule of ours runs every week, not every few weeks")
    if kind == "weeks":
        days = [
            str(int(day) % 7)
            for day in v.items(rule, "triggerAtDay")
            if isinstance(day, int | float) and not isinstance(day, bool)
        ]
        return f"{minute} {hour} * * {','.join(days) or '0'}"
    if kind == "months":
        every = _number(rule, "monthsInterval", 1, 12)
        return (
            f"{minute} {hour} {_number(rule, 'triggerAtDayOfMonth', 1, 31) or 1} {f'*/{every}' if every > 1 else '*'} *"
        )
    every = _number(rule, "daysInterval", 1, 31)
    return f"{minute} {hour} {f'*/{every}' if every > 1 else '*'} * *"


def _every(item: Item, unit: str, count: int, minute: int = 0) -> str:
    count = max(1, count)
    if unit == "seconds":
        item.entry.approximate("a schedule of ours runs once a minute at most")
        return "* * * * *" if count < 120 else f"*/{min(59, count // 60)} * * * *"
    if unit == "minutes":
        if count > 59:
            if count % 60:
                item.entry.approximate("a schedule of ours counts minutes within the hour")
            return f"0 */{min(23, max(1, count // 60))} * * *"
        return f"*/{count} * * * *" if count > 1 else "* * * * *"
    return f"{minute} */{min(23, count)} * * *" if count > 1 else f"{minute} * * * *"


def _number(data: dict[str, Json], key: str, default: int, most: int) -> int:
    found = v.within(v.number(plain(data.get(key))), 0, most)
    return default if found is None else int(found)


def _is_cron(text: str) -> bool:
    try:
        check_schedule(text, "UTC")
    except ScheduleError:
        return False
    return True


def _five(item: Item, text: str) -> str:
    """Five fields: n8n also takes six, with seconds first."""
    fields = text.lstrip("=").split()
    if len(fields) == 6:
        fields = fields[1:]
    if len(fields) == 5 and _is_cron(" ".join(fields)):
        return " ".join(fields)
    item.entry.keep("cron", text, "this is no cron expression of five fields")
    return "0 9 * * *"
