"""n8n's own nodes that decide, compute and wait."""

from __future__ import annotations

import re
from typing import Any

from engine.importers import comparing
from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.n8n import batches
from engine.importers.n8n.conditions import condition_of, said, side
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import plain
from engine.importers.names import called_name, slug
from engine.importers.script_syntax import Unsayable
from engine.importers.wording import Said, Wording

Json = Any
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
NEVER = "false"  # the condition of a branch whose own cannot be said
DAY = 86_400
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": DAY, "weeks": 7 * DAY}
_TYPES = {"numberValue": "number", "booleanValue": "boolean", "arrayValue": "array", "objectValue": "object"}


def if_(job: Job) -> None:
    found = condition_of(job.reader, job.params.get("conditions"), job.item.text("combineOperation"))
    job.branches = {0: (found or NEVER, "true"), 1: (None, "false")}
    job.error_output = 2
    job.add("condition", {})


def filter_(job: Job) -> None:
    """Items that do not fit are dropped: with us, the run goes to the end."""
    found = condition_of(
        job.reader, job.params.get("conditions"), job.item.text("combineConditions").lower() == "or" and "any"
    )
    job.branches = {0: (found or NEVER, "fits"), 1: (None, "does not")}
    job.error_output = 2
    job.add("condition", {})


def switch(job: Job) -> None:
    if job.item.text("mode") == "expression":
        _by_number(job)
    else:
        _by_rules(job)
        if v.flag(job.params, "options", "allMatchingOutputs"):
            job.approximate("only the first branch that fits is taken")
    job.add("condition", {})


def _by_number(job: Job) -> None:
    outputs = int(v.within(v.number(job.params, "numberOutputs"), 1, 100) or len(job.item.out) or 1)
    raw = job.params.get("output")
    for number in range(outputs):
        try:
            text = comparing.compare(side(job.reader, raw), "equals", w.Said(str(number))).text
        except Unsayable as err:
            job.entry.keep("condition", str(raw), f"{err}; the branch is never taken until it is written")
            text = NEVER
        job.branches[number] = (text, str(number))
    job.error_output = outputs


def _by_rules(job: Job) -> None:
    rules = list(v.mappings(job.params, "rules", "values")) or list(v.mappings(job.params, "rules", "rules"))
    said_of: dict[int, list[Said]] = {}
    for place, rule in enumerate(rules):
        label = v.text(rule, "outputKey") or None
        if "conditions" in rule:
            number, one = place, Said(condition_of(job.reader, rule["conditions"]) or NEVER, w.OR)
        else:  # version 1 names the output, 0 where it is left out; version 2 has one for each rule
            number = int(v.within(v.number(rule, "output"), 0, 100) or 0) if job.item.version < 2 else place
            one = _old_rule(job, rule)
        said_of.setdefault(number, []).append(one)
        job.branches[number] = (_any_of(said_of[number]), label)
    last = max(job.branches, default=-1) + 1
    fallback = v.at(job.params, "options", "fallbackOutput")
    fallback = job.params.get("fallbackOutput", fallback)
    if fallback == "extra":
        job.branches[last] = (None, "otherwise")
        last += 1
    elif (other := v.within(v.number(fallback), 0, 100)) is not None:
        _, label = job.branches.get(int(other), (None, "otherwise"))
        job.branches[int(other)] = (None, label)
    job.error_output = last


def _any_of(rules: list[Said]) -> str:
    """Rules that lead to the same output."""
    live = [rule for rule in rules if rule.text != NEVER]
    return comparing.joined(live, "or").text if live else NEVER


def _old_rule(job: Job, rule: dict[str, Json]) -> Said:
    """Version 1: all rules compare one value."""
    kind = job.item.text("dataType", default="number")
    operation = v.text(rule, "operation") or ("smaller" if kind == "number" else "equal")
    try:
        left = side(job.reader, job.params.get("value1"), kind)
        right = side(job.reader, rule.get("value2", ""), kind)
        return comparing.compare(left, operation, right, is_number=kind == "number")
    except Unsayable as err:
        job.entry.keep("condition", f"{operation} {v.text(rule, 'value2')}", f"{err}; the branch is never taken")
        return Said(NEVER)


def set_(job: Job) -> None:
    """Edit Fields: each field an expression."""
    raw_json = job.params.get("jsonOutput")
    if job.item.text("mode") == "raw" or (raw_json is not None and "assignments" not in job.params):
        data = job.reader.data("set", raw_json, lambda field, found: _spoken(job, field, found))
        if isinstance(data, dict):
            job.add("transform", {"set": _named(data)})
            return
        job.entry.keep("set", str(raw_json)[:400], "this is not JSON that could be read")
        job.add("transform", {})
        return
    values: dict[str, Json] = {}
    for name, kind, raw in _assignments(job):
        _put(values, name, _field(job, name, kind, raw))
    job.add("transform", {"set": values})


def _named(data: dict[str, Json]) -> dict[str, Json]:
    return {str(key): value for key, value in data.items() if str(key)}


def _assignments(job: Job) -> list[tuple[str, str, Json]]:
    """(name, type, value) of each field, in the three forms of the node's versions."""
    found: list[tuple[str, str, Json]] = []
    for one in v.mappings(job.params, "assignments", "assignments"):
        found.append((v.text(one, "name"), v.text(one, "type"), one.get("value")))
    for one in v.mappings(job.params, "fields", "values"):
        kind = v.text(one, "type") or "stringValue"
        value = next((value for key, value in one.items() if key.endswith("Value")), None)
        found.append((v.text(one, "name"), _TYPES.get(kind, "string"), value))
    for kind, group in v.mapping(job.params, "values").items():
        for one in v.mappings(group):
            found.append((v.text(one, "name"), kind, one.get("value")))
    return [(_named_field(job, name), kind, value) for name, kind, value in found if name]


def _named_field(job: Job, written: str) -> str:
    """A field's name; one that is computed cannot be said."""
    plain_name = job.reader.wording(written).plain
    if plain_name:
        return plain_name
    job.entry.keep("set", written, "the name of a field must be written out")
    return slug(written) or "value"


def _field(job: Job, name: str, kind: str, raw: Json) -> Json:
    """The value of a field as transform has it: texts are expressions, structures hold expressions."""
    raw = plain(raw)
    if isinstance(raw, str) and not raw.startswith("="):
        if kind == "number" and (number := v.number(raw.strip())) is not None:
            return number
        if kind == "boolean" and raw.strip().lower() in ("true", "false"):
            return raw.strip().lower() == "true"
    if kind in ("array", "object") or isinstance(raw, dict | list):
        data = job.reader.data(name, raw, lambda field, found: _spoken(job, field, found))
        if data is not None:
            return data
    if raw is None:
        return "''" if kind in ("string", "") else None
    return job.reader.expression(name, raw)


def _spoken(job: Job, field: str, found: Wording) -> str:
    return job.draft.expression(job.entry, field, found)


def _put(values: dict[str, Json], name: str, value: Json) -> None:
    """`a.b` is a field of a."""
    steps = [step for step in name.split(".") if step][:8] or [name]
    here = values
    for step in steps[:-1]:
        below = here.setdefault(step, {})
        if not isinstance(below, dict):
            below = here[step] = {}
        here = below
    here[steps[-1]] = value


def nothing(job: Job) -> None:
    job.add("transform", {})


def code(job: Job) -> None:
    """A person has to look at code before it runs, and JavaScript has to become Python."""
    source = next(
        (text for key in ("jsCode", "pythonCode", "functionCode", "code") if (text := job.item.text(key))), ""
    ) or v.text(job.params, "code", "execute", "code")
    is_python = job.item.text("language").lower().startswith("python")
    job.approximate(
        "code does not run until a person has looked at it"
        if is_python
        else "JavaScript has to be rewritten in Python; switched off until then"
    )
    job.add("code", {"source": source or "# empty"})
    job.draft.nodes[job.item.name].more["disabled"] = True


def wait(job: Job) -> None:
    resume = job.item.text("resume", default="timeInterval")
    if resume in ("webhook", "form"):
        job.approximate("the run goes on with a signal of this name instead of a call of n8n's address")
        job.add("wait", {"event": {"name": job.item.name}})
    elif resume == "specificTime":
        job.add("wait", {"until": job.reader.template("until", job.params.get("dateTime")) or "{until}"})
    else:
        amount = v.number(plain(job.params.get("amount"))) if "amount" in job.params else 1.0
        unit = _UNITS.get(job.item.text("unit", default="hours" if job.item.version < 1.1 else "seconds"), 1)
        if amount is None:
            job.entry.keep("seconds", job.item.text("amount"), "the time to wait must be a number")
        seconds = v.within((amount if amount is not None else 1) * unit, 1, 30 * DAY)
        job.add("wait", {"seconds": int(seconds or 1)})


def merge(job: Job) -> None:
    """Branches come together; what they put into context is there anyway."""
    mode = job.item.text("mode", default="append")
    if mode not in ("append", "chooseBranch", "wait", "passThrough", "combine", "multiplex", "mergeByIndex"):
        job.approximate(f"the branches come together, but their items are not matched ({mode})")
    elif mode in ("combine", "mergeByIndex", "multiplex"):
        job.approximate("the branches come together in context; items are not paired")
    job.add("join", {})


def stop(job: Job) -> None:
    job.approximate("the run ends with this error as its output; it does not count as failed")
    message = job.reader.value("error", job.params.get("errorMessage") or job.params.get("errorObject") or "Stopped")
    job.ends = True
    job.add("end", {"output": {"error": message}})


def respond(job: Job) -> None:
    """Respond to Webhook."""
    what = job.item.text("respondWith", default="firstIncomingItem")
    options = v.mapping(job.params, "options")
    body: Json = None
    if what == "json":
        body = job.reader.data(
            "body", job.params.get("responseBody"), lambda field, found: job.draft.value(job.entry, field, found)
        )
        body = body if body is not None else job.reader.value("body", job.params.get("responseBody"))
    elif what in ("text", "html"):
        body = job.reader.value("body", job.params.get("responseBody"))
    elif what in ("binary", "jwt"):
        job.approximate(f"the answer is not sent as {what}")
    elif what == "redirect":
        body = {"location": job.reader.value("location", job.params.get("redirectURL"))}
    elif what in ("allIncomingItems", "firstIncomingItem"):
        body = "${context}"
    status = v.within(v.number(plain(options.get("responseCode"))), 100, 599)
    job.add("respond", {"status": int(status) if status else None, "headers": _headers(job, options), "body": body})


def _headers(job: Job, options: dict[str, Json]) -> dict[str, Json]:
    """A name that is computed is no name yet, and would make the whole answer invalid."""
    found: dict[str, Json] = {}
    for one in v.mappings(options, "responseHeaders", "entries"):
        name = job.reader.wording(one.get("name")).plain or ""
        if _HEADER.fullmatch(name):
            found[name] = job.reader.value("headers", one.get("value"))
        elif v.text(one, "name"):
            job.entry.keep("headers", v.text(one, "name"), "this is not the name of a header")
    return found


def sub_workflow(job: Job) -> None:
    """Execute Workflow."""
    raw = job.params.get("workflowId")
    cached = v.text(raw, "cachedResultName") if isinstance(raw, dict) else ""
    name = cached or job.reader.wording(plain(raw)).plain or job.item.label
    called = called_name(name, job.draft.title)
    job.approximate(f"the workflow it calls must be imported too, and be named {called}")
    given = v.mapping(job.params, "workflowInputs", "value")
    config: dict[str, Json] = {"workflow_name": called}
    if given:
        config["input"] = {key: job.reader.value(key, value) for key, value in given.items() if key}
    job.add("sub_workflow", config)


def split_out(job: Job) -> None:
    """A list becomes many items: a loop over what follows, or, where others lead there too, a list in context."""
    field = batches.split_field(job.item).split(",")[0].strip()
    try:
        found = said(job.reader.wording(f"={{{{ $json.{field} }}}}" if field else ""))
        text = found.text if field else "context"
    except Unsayable:
        text = "context"
    if job.item.body:
        batches.each(job, text)
        return
    job.approximate("the list stays one list; put a loop around what follows to work on each entry")
    job.add("transform", {"set": {"items": text}})


def aggregate(job: Job) -> None:
    """Many items become a list: what a loop kept of its entries; else they are one already."""
    into = job.item.text("destinationFieldName", default="data") or "data"
    split = batches.split_before(job.item)
    if split is not None:
        field = batches.one_field(job.item)
        if not field:
            job.approximate("what the last node said of each entry is collected")
        job.add("transform", {"set": {_collected(job, field) or into: f"nodes.{split.name}.output.results"}})
        return
    job.approximate("there are no separate items to collect; what is in context is put together")
    names = [
        job.reader.wording(one.get("fieldToAggregate")).plain
        for one in v.mappings(job.params, "fieldsToAggregate", "fieldToAggregate")
    ]
    values: dict[str, Json] = {}
    for name in (name for name in names if name):
        values[name.rpartition(".")[2]] = w.path("context", *[step for step in name.split(".") if step]).text
    job.add("transform", {"set": values or {into: "context"}})


def _collected(job: Job, field: str) -> str:
    """The name that a collected field gets."""
    one = next(v.mappings(job.params, "fieldsToAggregate", "fieldToAggregate"), {})
    renamed = v.text(one, "outputFieldName") if v.flag(one, "renameField") else ""
    return renamed or field.rpartition(".")[2]


def rename(job: Job) -> None:
    values: dict[str, Json] = {}
    gone = []
    for one in v.mappings(job.params, "keys", "key"):
        old, new = v.text(one, "currentKey"), v.text(one, "newKey")
        if old and new:
            values[new] = w.path("context", old).text
            gone.append(old)
    job.add("transform", {"set": values, "delete": gone})
