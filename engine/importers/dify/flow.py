"""A Dify file as a draft: triggers, branches, and what stands in iterations and loops."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.importers import comparing
from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.attempt import attempt
from engine.importers.dify import apps, containers, models, nodes
from engine.importers.dify.file import File, Node, read_file
from engine.importers.dify.job import FAIL, Converter, Job
from engine.importers.draft import Draft, DraftNode
from engine.importers.names import slug
from engine.importers.script_syntax import Unsayable
from engine.importers.wording import Said
from engine.language.schedules import ScheduleError, check_schedule

Json = Any
STRETCH = (1.4, 0.5)  # across and down
NEVER = "false"
_TYPES = {"text-input": "string", "paragraph": "string", "select": "string", "number": "number", "checkbox": "boolean",
          "json_object": "object"}  # fmt: skip
_STARTING = ("start", "trigger-webhook", "trigger-schedule", "trigger-plugin", "datasource")
_INSIDE = ("iteration-start", "loop-start")
_UNSUPPORTED = {
    "datasource": "knowledge is filled on its page, not by a workflow",
    "knowledge-index": "knowledge is filled on its page, not by a workflow",
}
TABLE: Mapping[str, Converter] = {
    "llm": models.llm,
    "agent": models.agent,
    "knowledge-retrieval": models.knowledge,
    "question-classifier": models.classifier,
    "parameter-extractor": models.extractor,
    "code": nodes.code,
    "template-transform": nodes.template,
    "http-request": nodes.http,
    "tool": nodes.tool,
    "answer": nodes.answer,
    "end": nodes.end,
    "variable-aggregator": nodes.aggregator,
    "variable-assigner": nodes.aggregator,
    "assigner": nodes.assigner,
    "list-operator": nodes.list_operator,
    "document-extractor": nodes.document,
    "human-input": nodes.human,
    "note": nodes.note,
    "datasource-empty": nodes.note,
    "iteration": containers.iteration,
    "loop": containers.loop,
    "loop-end": containers.loop_end,
}


def convert(data: dict[str, Json]) -> Draft:
    """Never raises for what the file holds."""
    app = v.mapping(data, "app")
    draft = Draft("dify", title=v.text(app, "name"), description=v.text(app, "description"))
    draft.start = draft.names.take("start", "start")
    if not isinstance(v.at(data, "workflow", "graph", "nodes"), list):
        return apps.convert(data, draft)
    file = read_file(data, draft)
    for node in file.nodes:
        if node.kind not in _STARTING and node.kind not in _INSIDE:
            node.name = draft.names.take(node.title, node.kind)
    _environment(file, data)
    starting = [node for node in file.nodes if node.kind in _STARTING]
    draft.nodes[draft.start] = DraftNode(draft.start, "start", {}, starting[0].entry.source.place if starting else None)
    containers.prepare(file)
    for node in file.nodes:
        _node(file, node)
    if not draft.triggers:
        draft.triggers = [_chat(file, data) if file.is_chat else {"type": "manual"}]
    first = [target.name for node in starting for target in node.targets if target.name and target.parent is None]
    draft.first = _conversation(file, data, [containers.entrance(file, name) for name in first])
    return draft


def _environment(file: File, data: dict[str, Json]) -> None:
    """Environment variables become variables; a secret's value is not taken along."""
    for one in v.mappings(data, "workflow", "environment_variables"):
        if name := v.text(one, "name"):
            read = file.draft.read_variable(name)
            if v.text(one, "value_type") != "secret":
                file.draft.variables[read] = file.draft.plain(one.get("value"))


def _conversation(file: File, data: dict[str, Json], first: list[str]) -> list[str]:
    """Conversation variables get their first values at the start of a run."""
    values: dict[str, Json] = {}
    for one in v.mappings(data, "workflow", "conversation_variables"):
        if name := v.text(one, "name"):
            literal = w.data_literal(one.get("value"))
            values[name] = f"default({w.path('context', name).text}, {literal})"
    if not values:
        return first
    file.draft.report.remark("Conversation variables last for a run, not for the conversation.")
    helper = file.draft.helper("conversation_variables", "transform", {"set": values})
    for name in first:
        file.draft.link(helper.name, name)
    return [helper.name]


def _chat(file: File, data: dict[str, Json]) -> dict[str, Json]:
    greeting = v.text(data, "workflow", "features", "opening_statement")
    config: dict[str, Json] = {"path": slug(file.draft.title) or "chat"}
    return {"type": "chat", "config": config | ({"greeting": greeting[:500]} if greeting else {})}


def _node(file: File, node: Node) -> None:
    entry = node.entry
    if node.kind in _INSIDE:
        entry.node = node.parent.name if node.parent is not None else file.draft.start
        return
    if node.kind in _STARTING and node.kind != "datasource":
        attempt(file.draft, entry, file.draft.names.take(node.title, node.kind), node.data, lambda: _start(file, node))
        return
    node.name = node.name or file.draft.names.take(node.title, node.kind)
    job = Job(file, node)
    attempt(file.draft, entry, node.name, node.data, lambda: _convert(job))
    if job.leads_on:
        _links(job)


def _convert(job: Job) -> None:
    kind = job.node.kind
    if kind == "if-else":
        if_else(job)
    elif kind in TABLE:
        TABLE[kind](job)
    else:
        job.unsupported(_UNSUPPORTED.get(kind, "nothing of ours does this"))


def _links(job: Job) -> None:
    node, draft = job.node, job.file.draft
    is_fork = bool(job.branches)
    for handle, targets in node.handles.items():
        on = "error" if handle == FAIL else "success"
        condition, label = job.branches.get(handle, (None, None)) if on == "success" else (None, None)
        if is_fork and on == "success" and handle not in job.branches:
            condition = NEVER
        for target in targets:
            if target.name and target.parent is node.parent:
                draft.link(node.name, containers.entrance(job.file, target.name), condition, on=on, label=label)


# -- start and if-else ------------------------------------------------------------------------------------------------


def _start(file: File, node: Node) -> None:
    draft, entry = file.draft, node.entry
    entry.node = draft.start
    if node.kind == "trigger-schedule":
        config = {"cron": _cron(node)}
        zone = v.text(node.data, "timezone")
        if zone not in ("", "UTC") and _is_schedule(config["cron"], zone):
            config["timezone"] = zone
        draft.triggers.append({"type": "schedule", "config": config})
        return
    if node.kind == "trigger-webhook":
        entry.approximate("it is called by POST with JSON at an address of ours")
        draft.triggers.append({"type": "webhook", "config": {"path": slug(node.title) or "webhook"}})
        return
    if node.kind == "trigger-plugin":
        entry.approximate("the app has to be told to call this address")
        draft.triggers.append({"type": "webhook", "config": {"path": slug(node.title) or "webhook"}})
        return
    for one in v.mappings(node.data, "variables"):
        name, kind = v.text(one, "variable"), v.text(one, "type")
        if not name:
            continue
        if kind in ("file", "file-list"):
            entry.approximate(f"{name} is a file; a run takes data only")
        shape: dict[str, Json] = {"type": _TYPES[kind]} if kind in _TYPES else {}
        options = [option for option in v.items(one, "options") if isinstance(option, str) and option]
        if kind == "select" and options:
            shape = {"enum": list(dict.fromkeys(options))}
        if label := v.text(one, "label"):
            shape["description"] = label[:300]
        draft.inputs[name[:100]] = (
            shape if v.flag(one, "required") or "enum" not in shape else {**shape, "enum": [*shape["enum"], None]}
        )


def _cron(node: Node) -> str:
    """Its cron expression, or the times that were chosen in the form."""
    written = v.text(node.data, "cron_expression")
    return written if _is_schedule(written, "UTC") else _chosen(node)


def _is_schedule(cron: str, zone: str) -> bool:
    try:
        check_schedule(cron, zone)
    except ScheduleError:
        return False
    return True


def _chosen(node: Node) -> str:
    """`{frequency: weekly, visual_config: {time: "11:30 AM", weekdays: [mon]}}` as cron."""
    chosen = v.mapping(node.data, "visual_config")
    hour, minute = _time(v.text(chosen, "time"))
    frequency = v.text(node.data, "frequency", default="daily")
    days = [str(_DAYS[day]) for day in v.items(chosen, "weekdays") if day in _DAYS]
    dates = [str(int(day)) for day in v.items(chosen, "monthly_days") if isinstance(day, int) and 1 <= day <= 31]
    if "last" in v.items(chosen, "monthly_days"):
        node.entry.approximate("a schedule of ours has no last day of the month; the 28th is taken")
        dates = [*dates, "28"]
    if not chosen:
        node.entry.approximate("its times have to be written as a cron expression")
    if frequency == "hourly":
        return f"{int(v.within(v.number(chosen, 'on_minute'), 0, 59) or 0)} * * * *"
    return {
        "weekly": f"{minute} {hour} * * {','.join(days) or '1'}",
        "monthly": f"{minute} {hour} {','.join(dict.fromkeys(dates)) or '1'} * *",
    }.get(frequency, f"{minute} {hour} * * *")


_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_TIME = re.compile(r"(\d{1,2}):(\d{2})\s*([AaPp][Mm])?")


def _time(text: str) -> tuple[int, int]:
    """(hour, minute) of `11:30 AM`; nine in the morning for what is none."""
    found = _TIME.fullmatch(text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        return 9, 0
    hour = int(found[1])
    if found[3]:
        hour = hour % 12 + (12 if found[3].lower() == "pm" else 0)
    return hour, int(found[2])


def if_else(job: Job) -> None:
    cases = list(v.mappings(job.data, "cases"))
    if not cases:
        cases = [
            {
                "case_id": "true",
                "conditions": job.data.get("conditions"),
                "logical_operator": job.data.get("logical_operator"),
            }
        ]
    for case in cases:
        handle = v.text(case, "case_id") or v.text(case, "id")
        job.branches[handle] = (_case(job, case) or NEVER, "if" if len(cases) == 1 else None)
    job.branches["false"] = (None, "else")
    job.branches = comparing.live(job.branches)
    job.add("condition", {})


def _case(job: Job, case: dict[str, Json]) -> str | None:
    """The expression of a case; None when it cannot be said."""
    try:
        found = [compared(job, one) for one in v.mappings(case, "conditions")]
        return comparing.joined(found, "or" if v.text(case, "logical_operator") == "or" else "and").text
    except Unsayable as err:
        shown = "; ".join(_shown(one) for one in v.mappings(case, "conditions"))
        job.node.entry.keep("condition", shown, f"{err}; until it is written the default branch is taken")
        return None


def _shown(one: dict[str, Json]) -> str:
    selector = ".".join(map(str, v.items(one, "variable_selector")))
    return f"{selector} {v.text(one, 'comparison_operator')} {v.text(one, 'value')}"


def compared(job: Job, one: dict[str, Json]) -> Said:
    """`{variable_selector, comparison_operator, value}`; raises Unsayable."""
    if v.mapping(one, "sub_variable_condition"):
        raise Unsayable("a condition on the fields of files")
    left = job.file.selected(v.items(one, "variable_selector"), job.node)
    operator = v.text(one, "comparison_operator")
    raw = one.get("value")
    kind = v.text(one, "varType")
    if comparing.takes_no_right_side(operator):
        return comparing.compare(left, operator, None)
    if isinstance(raw, list) and operator in ("in", "not in"):
        return comparing.compare(left, operator, Said(w.data_literal([item for item in raw if isinstance(item, str)])))
    if isinstance(raw, bool) or kind == "boolean":
        word = str(raw).strip().lower()
        return comparing.compare(left, operator, Said("true" if word in ("true", "1") else "false"))
    if isinstance(raw, str):
        wording = job.file.wording(raw, job.node)
        if any(isinstance(part, w.Unsaid) for part in wording.parts):
            raise Unsayable("a value that cannot be said")
        right = wording.expression(lambda _text, _reason: None)
        right = w.literal(right.literal) if right.literal is not None else right
    elif isinstance(raw, int | float):
        right = Said(repr(raw))
    else:
        raise Unsayable("a value that is not a text or a number")
    is_number = kind in ("number", "integer", "float") or operator in (">", "<", "≥", "≤", "=", "≠")
    return comparing.compare(left, operator, right, is_number=is_number)
