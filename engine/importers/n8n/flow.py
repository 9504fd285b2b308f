"""An n8n file as a draft: who is a trigger, who is plugged into whom, and each node through its converter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from engine.importers import comparing
from engine.importers import values as v
from engine.importers.attempt import attempt
from engine.importers.draft import Draft, DraftNode
from engine.importers.n8n import agents, apps, batches, table, triggers
from engine.importers.n8n.file import File, Item, read_file
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import Reader
from engine.importers.names import slug
from engine.importers.report import Outcome

Json = Any
STRETCH = (1.6, 0.6)  # across and down
PASSING = frozenset({"if", "switch", "filter", "noOp", "wait", "merge", "limit", "sort", "stopAndError",
                     "respondToWebhook", "textClassifier", "sentimentAnalysis", "removeDuplicates"})  # fmt: skip


def convert(data: dict[str, Json]) -> Draft:
    """Never raises for what the file holds."""
    draft = Draft(
        "n8n",
        title=v.text(data, "name"),
        description=v.text(data, "description") or v.text(data, "meta", "description"),
    )
    draft.start = draft.names.take("start", "start")
    file = read_file(data, draft)
    timeout = v.within(v.number(data, "settings", "executionTimeout"), 1, 31_536_000)
    draft.timeout_s = timeout
    if v.mapping(data, "pinData"):
        draft.report.remark("Pinned data is not imported; pin an output of a run instead.")
    for item in file.items:
        if not triggers.is_trigger(item):
            item.name = draft.names.take(item.label, item.kind)
    flow = [item for item in file.items if not item.is_part]
    starting = [item for item in flow if triggers.is_trigger(item)]
    in_flow, is_start = set(map(id, flow)), set(map(id, starting))
    for item in file.items:
        _prepare(item, is_trigger=id(item) in is_start)
    batches.prepare(file)
    _start(draft, starting)
    for item in file.items:
        if id(item) in is_start:
            attempt(
                draft,
                item.entry,
                draft.names.take(item.label, item.kind),
                item.params,
                partial(triggers.convert, file, item),
            )
        elif id(item) in in_flow:
            _flow_item(file, item)
    _entries_of_triggers(file, starting)
    for item in file.items:
        _leftover(file, item)
    return draft


def _prepare(item: Item, *, is_trigger: bool) -> None:
    if is_trigger:
        triggers.prepare(item)
        return
    item.passes = item.kind in PASSING or (item.disabled and not item.into)
    if (
        item.kind in agents.AGENTS
        or item.kind == "informationExtractor"
        or (item.kind in agents.VENDORS and (item.is_langchain or item.kind in ("openAi", "perplexity")))
    ):
        agents.prepare(item)


def _start(draft: Draft, starting: list[Item]) -> None:
    place = min((item.entry.source.place for item in starting if item.entry.source.place), default=None)
    draft.nodes[draft.start] = DraftNode(draft.start, "start", {}, place)


def _flow_item(file: File, item: Item) -> None:
    job = Job(file, item, Reader(file, item, arguments=any(target.kind == "mcpTrigger" for _, target in item.into)))
    attempt(file.draft, item.entry, item.name, item.params, lambda: _convert(job))
    if not job.ends:
        _links(job)


def _convert(job: Job) -> None:
    converter = table.find(job.item) or apps.find(job.item)
    if converter is None:
        job.unsupported("nothing of ours does this")
        return
    converter(job)


def _links(job: Job) -> None:
    item, draft = job.item, job.draft
    if item.name not in draft.nodes:
        return
    errors = v.text(item.raw, "onError") == "continueErrorOutput"
    is_fork = bool(job.branches) and draft.nodes[item.name].type != "transform"
    job.branches = comparing.live(job.branches)
    for output, targets in item.out.items():
        if output in job.skip:
            continue
        on = "error" if errors and output == job.error_output else "success"
        condition, label = job.branches.get(output, (None, None)) if on == "success" else (None, None)
        if is_fork and on == "success" and output not in job.branches:
            condition = "false"
        for target in targets:
            if item.loop is not None and item.loop.body and target.loop is not item.loop and target is not item.loop:
                continue  # the loop itself goes on there, when all entries are done
            if target.name:
                draft.link(item.name, target.name, condition, on=on, label=label)


def _entries_of_triggers(file: File, starting: list[Item]) -> None:
    """Where the start leads. Triggers that lead to different places are told apart by their kind."""
    draft = file.draft
    ways: dict[tuple[str, ...], list[Item]] = {}
    for item in starting:
        targets = tuple(target.name for target in item.targets if target.name)
        if item.kind == "mcpTrigger":
            targets = (_which_tool(file, item),)
        if targets and item.kind != "errorTrigger":
            ways.setdefault(targets, []).append(item)
    if len(ways) <= 1:
        draft.first = [name for targets in ways for name in targets]
        return
    fork = draft.helper("which_trigger", "condition", {"description": "Each kind of trigger has its own way"})
    draft.link(draft.start, fork.name)
    seen: set[str] = set()
    general: list[tuple[tuple[str, ...], str, str]] = []
    for targets, items in ways.items():
        signs = [sign for sign in dict.fromkeys(_sign_of(item, ways) for item in items) if sign not in seen]
        seen.update(signs)
        if signs:
            general.append((targets, " or ".join(signs), items[0].label))
            continue
        said = slug(items[0].label) or "other"
        for item in items:
            item.entry.approximate(
                f"another trigger of its kind leads elsewhere; who means this one sends `trigger`: {said}"
            )
        for name in targets:
            draft.link(fork.name, name, f"context.trigger == '{said}'", label=items[0].label)
    for targets, condition, label in general:  # behind those that callers name
        for name in targets:
            draft.link(fork.name, name, condition, label=label)


def _sign_of(item: Item, ways: Mapping[tuple[str, ...], list[Item]]) -> str:
    """The expression that is true for runs of this trigger. Schedules say by their input which one they are."""
    kind = _kind_of(item)
    schedules = [other for items in ways.values() for other in items if _kind_of(other) == "schedule"]
    if kind == "schedule" and len(schedules) > 1 and item.trigger_data:
        said = slug(item.label) or "schedule"
        for one in item.trigger_data:
            one.setdefault("config", {})["input"] = {"started_by": said}
        return f"context.started_by == '{said}'"
    return f"run.trigger == '{kind}'"


def _kind_of(item: Item) -> str:
    """The kind of our trigger that it became."""
    return str(item.trigger_data[0]["type"]) if item.trigger_data else "webhook"


def _which_tool(file: File, trigger: Item) -> str:
    """The tools of an MCP trigger as branches of one fork."""
    tools = [item for subs in trigger.subs.values() for item in subs]
    fork = file.draft.helper("which_tool", "condition", {"description": "The tool that the caller names"})
    for item in tools:
        if item.name:
            file.draft.link(fork.name, item.name, f"context.tool == '{item.name}'", label=item.label)
    return fork.name


def _leftover(file: File, item: Item) -> None:
    """A part of an agent that no agent took up."""
    entry = item.entry
    if entry.node is not None:
        return
    roots = file.roots(item)
    home = next((root for root in roots if root.entry.node), None)
    if home is not None:
        entry.node = home.entry.node
        if home.entry.outcome is Outcome.UNSUPPORTED:
            entry.lower(Outcome.UNSUPPORTED, "what it is plugged into is not supported")
        return
    entry.lower(Outcome.UNSUPPORTED, "it is plugged into nothing")
    file.draft.placeholder(entry, item.name or file.draft.names.take(item.label, item.kind), item.params)
