"""Is each trigger all right? Its config's keys and values, its cron expression, time zone and form fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.language import fixes, forms, schedules
from engine.language.diagnostics import Diagnostic
from engine.language.document import Document
from engine.language.positions import Path
from engine.language.schema_faults import Fault, find_faults
from engine.language.suggest import nearest
from engine.language.triggers import CONFIGS, PATH, TOPIC
from engine.scopes import PERMISSIONS, SCOPE, SCOPE_WORDS, scope_fault

_LOOKS = {
    PATH: "a path has letters, digits, / _ and - only, and starts with a letter or digit",
    TOPIC: "a topic has letters, digits, _ and - only, in parts joined by . : or /",
    SCOPE: SCOPE_WORDS,
}


def check_triggers(document: Document) -> Iterator[Diagnostic]:
    raw = document.data.get("triggers")
    names: dict[str, int] = {}
    for index, trigger in enumerate(raw if isinstance(raw, list) else ()):
        if not isinstance(trigger, dict):
            continue
        kind, config = trigger.get("type"), trigger.get("config")
        config = {} if config is None else config
        yield from _name(document, index, trigger.get("name"), names)
        if isinstance(kind, str) and kind in CONFIGS and isinstance(config, dict):
            yield from _config(document, ("triggers", index, "config"), kind, config)


def _name(document: Document, index: int, name: Any, names: dict[str, int]) -> Iterator[Diagnostic]:
    """Schedules are told apart by the trigger's name, from version to version."""
    if not isinstance(name, str):
        return
    if name in names:
        message = f"there are two triggers named `{name}`"
        yield document.diagnostic("bad-trigger", message, ("triggers", index, "name"))
    names[name] = index


def _config(document: Document, at: Path, kind: str, config: Mapping[str, Any]) -> Iterator[Diagnostic]:
    faults = find_faults(CONFIGS[kind], dict(config), at)
    for fault in faults:
        yield _diagnostic(document, kind, fault)
    wrong = {fault.path[len(at)] for fault in faults if len(fault.path) > len(at)}
    if kind == "schedule" and "cron" not in wrong and "cron" in config:
        yield from _schedule(document, at, config)
    if kind == "api" and "scopes" not in wrong:
        yield from _scopes(document, at, config)
    if kind == "email":
        message = "nothing fetches mail yet: this trigger starts no runs"
        yield document.diagnostic("unsupported", message, at[:-1], severity="warning")
    if kind == "form" and "fields" not in wrong:
        yield from _form(document, at, config)


def _diagnostic(document: Document, kind: str, fault: Fault) -> Diagnostic:
    if fault.code == "unknown-key":
        found = document.diagnostic("unknown-key", fault.message, fault.path, on_key=True, meant=fault.suggestion)
        return fixes.with_fix(document, found)
    if fault.code == "missing-key":
        key = fault.message.split("`")[1]
        return document.diagnostic("bad-trigger", f"the {kind} trigger needs `{key}`", (*fault.path, key))
    message = next((said for pattern, said in _LOOKS.items() if pattern in fault.message), fault.message)
    fix = fixes.replace_value(document, fault.path, fault.suggestion) if fault.suggestion else None
    return document.diagnostic("bad-trigger", message, fault.path, fix=fix)


def _schedule(document: Document, at: Path, config: Mapping[str, Any]) -> Iterator[Diagnostic]:
    timezone = config.get("timezone", "UTC")
    try:
        schedules.check_schedule(config["cron"], timezone if isinstance(timezone, str) else "UTC")
    except schedules.ScheduleError as error:
        path = (*at, str(error.details["field"]))
        meant = error.details.get("meant")
        fix = fixes.replace_value(document, path, meant) if meant else None
        yield document.diagnostic("bad-trigger", error.public_message, path, fix=fix)


def _scopes(document: Document, at: Path, config: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """A scope that no key can have lets nobody in."""
    for index, scope in enumerate(config.get("scopes") or ()):
        if fault := scope_fault(scope):
            path = (*at, "scopes", index)
            meant = nearest(scope, sorted(PERMISSIONS))
            hint, fix = (
                (f"; did you mean `{meant}`?", fixes.replace_value(document, path, meant)) if meant else ("", None)
            )
            yield document.diagnostic("bad-trigger", fault + hint, path, fix=fix)


def _form(document: Document, at: Path, config: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """A form shows its `fields`, or the file's `inputs`."""
    own, shared = config.get("fields"), document.data.get("inputs")
    schema, where, named = (own, (*at, "fields"), "fields") if own is not None else (shared, ("inputs",), "inputs")
    if schema is None:
        yield document.diagnostic("bad-trigger", "the form trigger needs `fields`, or `inputs` of the file", at)
    elif isinstance(schema, Mapping):
        try:
            forms.form_fields(schema)
        except forms.FormError as error:
            path = (*where, *error.details["path"])
            yield document.diagnostic("bad-trigger", f"`{named}`: {error.public_message}", path)
