"""Iterations and loops: nodes that stand in another one are the body of a loop of ours."""

from __future__ import annotations

from typing import Any

from engine.importers import comparing
from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.dify.file import File
from engine.importers.dify.job import Job
from engine.importers.script_syntax import Unsayable

Json = Any
BROKEN_OFF = "loop_ended"
_STARTS = ("iteration-start", "loop-start")


def prepare(file: File) -> None:
    """Children lead back to the loop that they stand in. Loops with variables are entered through a transform."""
    for node in file.nodes:
        for child in node.children:
            if child.name:
                file.draft.homes[child.name] = node.name


def entrance(file: File, name: str) -> str:
    """Where an edge to this node leads: to the transform that sets a loop's variables, if there is one."""
    return file.entrances.get(name, name)


def _body(job: Job) -> str:
    """The first node inside; a helper where there are several or none."""
    node, draft = job.node, job.file.draft
    start = next((child for child in node.children if child.kind in _STARTS), None)
    wanted = v.text(node.data, "start_node_id")
    inside = [child for child in node.children if child.name]
    first = [target for target in start.targets if target.parent is node and target.name] if start is not None else []
    first = first or [child for child in inside if child.key == wanted] or inside[:1]
    if len(first) == 1:
        return first[0].name
    helper = draft.helper(f"{node.name[:48]}_body", "parallel" if first else "transform", {})
    draft.homes[helper.name] = node.name
    for child in first:
        draft.link(helper.name, child.name)
    return helper.name


def iteration(job: Job) -> None:
    config: dict[str, Json] = {
        "over": job.selector("over", job.data.get("iterator_selector"), "context.items"),
        "body": _body(job),
    }
    selector = v.items(job.data, "output_selector")
    if len(selector) > 1:
        collected = job.selector("collect", selector)
        if collected != "null":
            config["collect"] = collected
    if v.flag(job.data, "is_parallel"):
        config["concurrency"] = int(v.within(v.number(job.data, "parallel_nums"), 1, 100) or 10)
    if v.text(job.data, "error_handle_mode") in ("continue-on-error", "remove-abnormal-output"):
        config["on_item_error"] = "skip"
    config["max_iterations"] = 1000
    job.add("loop", config)


def loop(job: Job) -> None:
    rounds = v.within(v.number(job.data, "loop_count"), 1, 10_000)
    config: dict[str, Json] = {"body": _body(job), "max_iterations": int(rounds or 100)}
    until = _until(job)
    if until:
        config["until"] = until
    job.add("loop", config)
    _variables(job)


def _until(job: Job) -> str | None:
    from engine.importers.dify.flow import compared  # noqa: PLC0415  # flow has the table that names this module

    found = []
    for one in v.mappings(job.data, "break_conditions"):
        try:
            found.append(compared(job, one))
        except Unsayable as err:
            job.node.entry.keep("until", str(one.get("variable_selector")), str(err))
    parts = [comparing.joined(found, "or" if v.text(job.data, "logical_operator") == "or" else "and")] if found else []
    if any(child.kind == "loop-end" for child in job.node.children):
        parts.append(w.path("context", BROKEN_OFF))
    return comparing.joined(parts, "or").text if parts else None


def _variables(job: Job) -> None:
    """The loop's variables get their first values before it."""
    values: dict[str, Json] = {}
    for one in v.mappings(job.data, "loop_variables"):
        name = v.text(one, "label")
        if not name:
            continue
        if v.text(one, "value_type") == "variable":
            values[name] = job.selector(name, one.get("value"))
        else:
            values[name] = _first_value(one)
    if not values:
        return
    helper = job.file.draft.helper(f"{job.node.name[:44]}_variables", "transform", {"set": values})
    job.file.draft.link(helper.name, job.node.name)
    job.file.entrances[job.node.name] = helper.name
    if job.node.parent is not None:
        job.file.draft.homes[helper.name] = job.node.parent.name


def _first_value(one: dict[str, Json]) -> Json:
    raw = one.get("value")
    if v.text(one, "var_type") == "number" and (number := v.number(one, "value")) is not None:
        return number
    if v.text(one, "var_type") == "boolean":
        return str(raw).lower() == "true"
    return w.data_literal(raw)


def loop_end(job: Job) -> None:
    job.add("transform", {"set": {BROKEN_OFF: True}})
