"""Loop Over Items: which output loops, what stands in the loop, and what comes after it."""

from __future__ import annotations

from engine.importers.n8n.file import File, Item
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import producer_of

KIND = "splitInBatches"


def looping_output(item: Item) -> int:
    """Version 3 has `done` first and `loop` second; before that the loop came first."""
    return 1 if item.version >= 3 else 0


def body_of(item: Item) -> list[Item]:
    """What is reached from the looping output before the loop is reached again; empty when nothing leads back."""
    seen: dict[int, Item] = {}
    todo = list(item.out.get(looping_output(item), []))
    leads_back = False
    while todo:
        here = todo.pop()
        if here is item:
            leads_back = True
        elif id(here) not in seen:
            seen[id(here)] = here
            todo += [target for targets in here.out.values() for target in targets]
    return list(seen.values()) if leads_back else []


def prepare(file: File) -> None:
    """Note for each item the innermost loop that it stands in; before any expression is read."""
    bodies = [(item, body_of(item)) for item in file.items if item.kind == KIND and not item.into]
    for loop, body in sorted(bodies, key=lambda found: -len(found[1])):
        for item in body:
            item.loop = loop
            file.draft.homes[item.name] = loop.name
    for loop, body in bodies:
        loop.passes = not body


def loop(job: Job) -> None:
    """A loop node; what does not lead back is done once."""
    output = looping_output(job.item)
    targets = job.item.out.get(output, [])
    if not job.has("loop") or not body_of(job.item) or not targets:
        job.approximate("nothing leads back to the loop, so it is done once")
        job.add("transform", {})
        return
    first = targets[0].name
    if len(targets) > 1:
        fork = job.draft.helper(f"{job.item.name[:48]}_body", "parallel", {}, targets[0].entry.source.place)
        job.draft.homes[fork.name] = job.item.name
        for target in targets:
            job.draft.link(fork.name, target.name)
        first = fork.name
    job.skip.add(output)
    over = _list_of(job)
    job.approximate(f"it works on the list `{over}`, one entry at a time; check that the list is there")
    job.add("loop", {"over": over, "body": first, "max_iterations": 1000})


def _list_of(job: Job) -> str:
    source = producer_of(job.item, skip_first=True)
    if source is None or source.trigger:
        return "context.items"
    if source.kind in ("splitOut", "itemLists"):
        return f"nodes.{source.name}.output.items"
    if source.kind == "googleSheets":
        return f"nodes.{source.name}.output.values"
    return f"nodes.{source.name}.output"
