"""A Langflow file as a draft: its components in an order in which each finds what it needs."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import Any

from engine.importers import values as v
from engine.importers.attempt import attempt
from engine.importers.draft import Draft, DraftNode
from engine.importers.langflow import components
from engine.importers.langflow.components import Job
from engine.importers.langflow.file import INPUTS, MEMORIES, PARSERS, PROMPTS, TEXTS, File, Node, read_file
from engine.importers.names import slug
from engine.importers.report import Outcome
from engine.language.schedules import ScheduleError, check_schedule

Json = Any
STRETCH = (0.6, 0.35)  # across and down
MOST_PARTS = 400  # of one step
_PARTS = PROMPTS | PARSERS | TEXTS | MEMORIES


def convert(data: dict[str, Json]) -> Draft:
    """Never raises for what the file holds."""
    draft = Draft("langflow", title=v.text(data, "name"), description=v.text(data, "description"))
    draft.start = draft.names.take("start", "start")
    file = read_file(data, draft)
    tools = {id(node) for node in file.nodes if components.is_plugged_in(node)}
    steps = [
        node
        for node in file.nodes
        if id(node) not in tools and node.kind not in _PARTS | INPUTS and node.kind != "note"
    ]
    for node in steps:
        node.name = draft.names.take(node.label, node.kind)
    starts = [node for node in file.nodes if node.kind in INPUTS]
    draft.nodes[draft.start] = DraftNode(draft.start, "start", {}, starts[0].entry.source.place if starts else None)
    jobs = {}
    for node in file.nodes:
        if node.kind == "note":
            draft.note(
                node.entry, v.text(node.raw, "data", "node", "description"), name=draft.names.take("note", "note")
            )
        elif node.kind in INPUTS:
            _start(draft, node)
        elif node.name:
            jobs[id(node)] = job = Job(file, node)
            attempt(draft, node.entry, node.name, _shown(node), lambda job=job: components.convert(job))  # type: ignore[misc]
    _order(file, steps, jobs)
    for node in file.nodes:
        _part(file, node)
    if not draft.triggers:
        draft.triggers.append({"type": "manual"})
    return draft


def _shown(node: Node) -> dict[str, Json]:
    """The fields of a component that say something; its source is left out."""
    found = {}
    for name, one in node.template.items():
        value = one.get("value") if isinstance(one, dict) else None
        if name not in ("code", "_type") and value not in (None, "", [], {}):
            found[name] = value
    return found


def _start(draft: Draft, node: Node) -> None:
    node.entry.node = draft.start
    path = {"path": slug(draft.title) or "chat"}
    trigger: dict[str, Json] = {"type": "chat" if node.kind == "ChatInput" else "webhook", "config": path}
    if node.kind == "ScheduleTrigger":
        trigger = {"type": "schedule", "config": _times(node)}
    if trigger not in draft.triggers:
        draft.triggers.append(trigger)


def _times(node: Node) -> dict[str, Json]:
    cron, zone = node.text("cron_expression"), node.text("timezone") or "UTC"
    try:
        check_schedule(cron, zone)
    except ScheduleError:
        node.entry.keep("cron", cron, "this is no cron expression of five fields, or its time zone is not known")
        return {"cron": "0 9 * * *"}
    return {"cron": cron} if zone == "UTC" else {"cron": cron, "timezone": zone}


def _order(file: File, steps: list[Node], jobs: dict[int, Job]) -> None:
    """One after the other, each behind what it needs. Where a router decides, its branches part the way."""
    draft = file.draft
    order = _sorted(steps)
    branching = [node for node in order if jobs[id(node)].branches]
    if not branching:
        for before, after in pairwise(order):
            draft.link(before.name, after.name)
        draft.first = [order[0].name] if order else []
        return
    needs = {id(node): _needs(node) for node in steps}
    draft.first = [node.name for node in order if not needs[id(node)]]
    for node in order:
        for before in needs[id(node)]:
            outputs = {output for target, _, output in before.targets if target is node} or {""}
            for output in sorted(outputs):
                job = jobs[id(before)]
                condition, label = job.branches.get(output, ("false" if job.branches else None, None))
                draft.link(before.name, node.name, condition, label=label)


def _needs(node: Node) -> list[Node]:
    """The steps whose output a step needs, directly or through parts."""
    found: list[Node] = []
    seen: set[int] = {id(node)}
    todo = deque(source for sources in node.plugged.values() for source, _ in sources)
    while todo and len(seen) < MOST_PARTS:
        source = todo.popleft()
        if id(source) in seen:
            continue
        seen.add(id(source))
        if source.name:
            found.append(source)
        else:
            todo += [inner for sources in source.plugged.values() for inner, _ in sources]
    return found


def _sorted(steps: list[Node]) -> list[Node]:
    """Steps behind what they need, otherwise as they stand in the file; a cycle is cut where it is first met."""
    open_needs = {id(node): {id(one) for one in _needs(node)} for node in steps}
    waiting: dict[int, list[int]] = {}
    for key, needs in open_needs.items():
        for one in needs:
            waiting.setdefault(one, []).append(key)
    left = {id(node): node for node in steps}
    ready = deque(key for key in left if not open_needs[key])
    done: list[Node] = []
    while left:
        key = ready.popleft() if ready else next(iter(left))
        if key not in left:
            continue
        done.append(left.pop(key))
        for other in waiting.get(key, ()):
            open_needs[other].discard(key)
            if not open_needs[other] and other in left:
                ready.append(other)
    return done


def _part(file: File, node: Node) -> None:
    """Where a part is now: in the step that uses its text."""
    entry = node.entry
    if entry.node is not None:
        return
    seen: set[int] = set()
    todo = [target for target, _, _ in node.targets]
    while todo:
        target = todo.pop(0)
        if target.name:
            entry.node = target.name
            if node.kind in PARSERS:
                entry.approximate("the data is put into the text as a whole")
            return
        if id(target) not in seen:
            seen.add(id(target))
            todo += [one for one, _, _ in target.targets]
    entry.lower(Outcome.UNSUPPORTED, "it is plugged into nothing")
    file.draft.placeholder(entry, file.draft.names.take(node.label, node.kind), _shown(node))
