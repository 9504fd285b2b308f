"""A Flowise file as a draft: an Agentflow of steps, or a chatflow of parts around a chain."""

from __future__ import annotations

from typing import Any

from engine.importers import values as v
from engine.importers.attempt import attempt
from engine.importers.draft import Draft, DraftNode
from engine.importers.flowise import agentflow, chatflow
from engine.importers.flowise.agentflow import Job, keep_state
from engine.importers.flowise.file import File, Node, read_file
from engine.importers.names import slug
from engine.importers.report import Outcome

Json = Any
STRETCH = (2.2, 0.7)  # across and down
_FIELD = {"string": "string", "number": "number", "boolean": "boolean", "options": "string", "date": "string"}
_STARTS = ("startAgentflow", "seqStart")
_NOTES = ("stickyNoteAgentflow", "stickyNote")


def convert(data: dict[str, Json]) -> Draft:
    """Never raises for what the file holds."""
    draft = Draft("flowise", title=v.text(data, "name"), description=v.text(data, "description"))
    draft.start = draft.names.take("start", "start")
    file = read_file(data, draft)
    steps = [node for node in file.nodes if _is_step(node)]
    for node in steps:
        node.name = node.exit = draft.names.take(node.label, node.kind)
        if node.parent is not None:
            draft.homes[node.name] = ""
    for node in steps:
        if node.parent is not None and node.parent.name:
            draft.homes[node.name] = node.parent.name
    starts = [node for node in file.nodes if node.kind in _STARTS]
    draft.nodes[draft.start] = DraftNode(draft.start, "start", {}, starts[0].entry.source.place if starts else None)
    for node in file.nodes:
        _node(file, node)
    for node in steps:
        _links(file, node)
    draft.first = _first(file, starts, steps)
    for node in file.nodes:
        _leftover(file, node)
    if not draft.triggers:
        draft.triggers.append({"type": "chat", "config": {"path": slug(draft.title) or "chat"}})
    return draft


def _is_note(node: Node) -> bool:
    return node.kind in _NOTES or v.text(node.raw, "type") == "stickyNote"


def _is_step(node: Node) -> bool:
    return (
        node.kind not in _STARTS
        and (node.kind in agentflow.TABLE or chatflow.is_flow(node) or node.category == "Agent Flows")
        and not _is_note(node)
    )


def _node(file: File, node: Node) -> None:
    draft, entry = file.draft, node.entry
    if _is_note(node):
        draft.note(entry, v.text(node.inputs, "note"), name=draft.names.take("note", "note"))
    elif node.kind in _STARTS:
        attempt(draft, entry, draft.names.take(node.label, node.kind), node.inputs, lambda: _start(file, node))
    elif node.name:
        job = Job(file, node)
        attempt(draft, entry, node.name, node.inputs, lambda: _convert(job))
        file.branches[node.key] = job.branches


def _convert(job: Job) -> None:
    converter = agentflow.TABLE.get(job.node.kind)
    if converter is not None:
        converter(job)
    elif chatflow.is_flow(job.node):
        chatflow.step(job)
    else:
        job.unsupported("nothing of ours does this")


def _links(file: File, node: Node) -> None:
    """Edges to the steps that follow. What is said of an output goes for its edges."""
    draft, branches = file.draft, file.branches.get(node.key, {})
    if chatflow.is_flow(node):
        following = {0: chatflow.following(node)}
        if node.kind in ("supervisor",):
            following = {0: [one for one in file.nodes if one.kind == "worker" and node in one.before]}
    else:
        following = node.out
    first = True
    for output, targets in sorted(following.items()):
        condition, label = branches.get(output, ("false" if branches else None, None))
        for target in targets:
            if not target.name or target.parent is not node.parent:
                continue
            if node.kind in ("seqCondition", "seqConditionAgent") and not first:
                condition = "false"
            draft.link(node.exit or node.name, target.name, condition, label=label)
            first = False


def _start(file: File, node: Node) -> None:
    draft, entry = file.draft, node.entry
    entry.node = draft.start
    kind = v.text(node.inputs, "startInputType", default="chatInput")
    if kind == "formInput":
        draft.triggers.append({"type": "form", "config": _form(node)})
    elif kind in ("webhookTrigger", "webhookInput", "webhook"):
        entry.approximate("it is called by POST with JSON at an address of ours")
        draft.triggers.append({"type": "webhook", "config": {"path": slug(draft.title) or "webhook"}})
    elif kind in ("scheduleInput", "scheduleTrigger", "schedule"):
        entry.approximate("its times have to be written as a cron expression")
        draft.triggers.append({"type": "schedule", "config": {"cron": "0 9 * * *"}})
    else:
        draft.triggers.append({"type": "chat", "config": {"path": slug(draft.title) or "chat"}})
    node.name = node.exit = draft.start
    keep_state(Job(file, node), v.items(node.inputs, "startState"))
    node.name = ""


def _form(node: Node) -> dict[str, Json]:
    properties: dict[str, Json] = {}
    for one in v.mappings(node.inputs, "formInputTypes"):
        if name := v.text(one, "name"):
            options = [v.text(option, "option") for option in v.mappings(one, "addOptions") if v.text(option, "option")]
            shape: dict[str, Json] = (
                {"enum": options} if options else {"type": _FIELD.get(v.text(one, "type"), "string")}
            )
            if label := v.text(one, "label"):
                shape["title"] = label[:200]
            properties[name[:100]] = shape
    found: dict[str, Json] = {"fields": {"type": "object", "properties": properties}}
    for key, said in (("title", "formTitle"), ("description", "formDescription")):
        if text := v.text(node.inputs, said):
            found[key] = text[:200]
    return found


def _first(file: File, starts: list[Node], steps: list[Node]) -> list[str]:
    """Where the start leads: to what follows the file's own start, or to the steps that nothing leads to."""
    led = [target for node in starts for target in ([*node.targets, *chatflow.following(node)]) if target.name]
    if starts and starts[0].exit and starts[0].exit != file.draft.start:
        for target in dict.fromkeys(target.name for target in led):
            file.draft.link(starts[0].exit, target)
        return [starts[0].exit]
    if led:
        return list(dict.fromkeys(target.name for target in led))
    entered = {
        id(target)
        for node in steps
        for target in (chatflow.following(node) if chatflow.is_flow(node) else node.targets)
    }
    return [node.name for node in steps if id(node) not in entered and node.parent is None and chatflow.is_flow(node)]


def _leftover(file: File, node: Node) -> None:
    """A part that no step took up."""
    entry = node.entry
    if entry.node is not None:
        return
    entry.lower(
        Outcome.UNSUPPORTED,
        "it is plugged into no chain and no agent" if node.category else "nothing of ours does this",
    )
    file.draft.placeholder(entry, file.draft.names.take(node.label, node.kind), node.inputs)
