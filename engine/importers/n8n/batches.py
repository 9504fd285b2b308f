"""Loops: Loop Over Items, and what follows Split Out, which n8n does for each item without saying so."""

from __future__ import annotations

from engine.importers import values as v
from engine.importers.n8n.file import File, Item
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import producer_of
from engine.importers.wording import path

KIND = "splitInBatches"
SPLITS = frozenset({"splitOut", "itemLists"})
_AGGREGATES = frozenset({"aggregate", "concatenateItems", "aggregateItems"})
# Nodes that take all items at once: what is done for each item ends in front of them.
_WHOLE = frozenset({"aggregate", "summarize", "sort", "limit", "removeDuplicates", "itemLists", "compareDatasets",
                    "convertToFile", "spreadsheetFile", "respondToWebhook", "code", "function", KIND})  # fmt: skip


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
    found = [(item, _each_of(item)) for item in file.items if _splits(item)]
    for split, body in sorted(found, key=lambda one: -len(one[1])):
        split.body = [item for item in body if item.loop is split.loop]
        if len(split.body) < len(body):  # a loop of the file's own stands across it
            split.body = []
        for item in split.body:
            item.loop = split
            file.draft.homes[item.name] = split.name
        if split.body and (name := split_field(split).rpartition(".")[2]):
            split.renames = {(name,): ((), ())}  # an entry that is no mapping stands under the list's own name


def _splits(item: Item) -> bool:
    operation = item.text("operation", default="splitOutItems")
    is_one = item.kind == "splitOut" or (item.kind == "itemLists" and operation == "splitOutItems")
    return is_one and not item.into and not item.disabled and bool(item.name)


def split_field(item: Item) -> str:
    """The path of the list; empty for what is computed or names several."""
    return item.text("fieldToSplitOut").strip().removeprefix("$json.")


def _each_of(split: Item) -> list[Item]:
    """What is reached through the split alone, up to nodes that take all items at once."""
    seen: dict[int, Item] = {}
    todo = [target for targets in split.out.values() for target in targets]
    while todo:
        here = todo.pop()
        if id(here) in seen or here is split or here.trigger or here.into or _takes_all(here):
            continue
        seen[id(here)] = here
        todo += [target for targets in here.out.values() for target in targets]
    while outside := [one for one in seen.values() if any(b is not split and id(b) not in seen for b in one.before)]:
        for item in outside:
            del seen[id(item)]
    return list(seen.values())


def _takes_all(item: Item) -> bool:
    if item.kind == "code" and item.text("mode") == "runOnceForEachItem":
        return False
    if item.kind == "itemLists" and _splits(item):
        return False
    return item.kind in _WHOLE or v.flag(item.raw, "executeOnce")


def each(job: Job, over: str) -> None:
    """Split Out with what follows it: a loop over the list."""
    split = job.item
    job.skip |= set(split.out)
    first = [target for targets in split.out.values() for target in targets if target.loop is split]
    job.add(
        "loop",
        {"over": over, "body": _entrance(job, list(dict.fromkeys(first))), **_kept(split)},
    )
    job.approximate(f"what follows is done for each entry of `{over}`, one at a time")
    for target in exits(split):
        job.draft.link(split.name, target.name)


def exits(split: Item) -> list[Item]:
    """Where it goes on when all entries are done."""
    inside = {id(split), *map(id, split.body)}
    found = [
        target
        for item in [split, *split.body]
        for targets in item.out.values()
        for target in targets
        if target.name and id(target) not in inside
    ]
    return list(dict.fromkeys(found))


def _kept(split: Item) -> dict[str, object]:
    """What of an entry is kept: the field that an Aggregate behind it asks for, or the last node's output."""
    behind = exits(split)
    more: dict[str, object] = {"max_iterations": 1000}
    if len(behind) == 1 and (field := one_field(behind[0])):
        more["collect"] = path("context", *[step for step in field.split(".") if step]).text
    return more


def one_field(item: Item) -> str:
    """The one field that an Aggregate collects."""
    names = [
        v.text(one, "fieldToAggregate") for one in v.mappings(item.params, "fieldsToAggregate", "fieldToAggregate")
    ]
    is_one = item.kind == "aggregate" or item.text("operation") in _AGGREGATES
    return names[0] if is_one and len(names) == 1 and "{{" not in names[0] else ""


def split_before(item: Item) -> Item | None:
    """The split whose entries come in here, when a loop works on them."""
    found = {id(one.loop): one.loop for one in item.before if one.loop is not None and one.loop.body}
    found |= {id(one): one for one in item.before if one.body}
    inside = {split for split in found.values() if split is not item.loop}
    return inside.pop() if len(inside) == 1 else None


def loop(job: Job) -> None:
    """A loop node; what does not lead back is done once."""
    output = looping_output(job.item)
    targets = [one for one in job.item.out.get(output, []) if one.name and not one.is_part and one.kind != "stickyNote"]
    if not body_of(job.item) or not targets:
        job.approximate("nothing leads back to the loop, so it is done once")
        job.add("transform", {})
        return
    job.skip.add(output)
    over = _list_of(job)
    job.approximate(f"it works on the list `{over}`, one entry at a time; check that the list is there")
    job.add("loop", {"over": over, "body": _entrance(job, targets), "max_iterations": 1000})


def _entrance(job: Job, targets: list[Item]) -> str:
    """The first node of a loop's body; a helper where there are several."""
    if len(targets) == 1:
        return targets[0].name
    fork = job.draft.helper(f"{job.item.name[:48]}_body", "parallel", {})
    job.draft.homes[fork.name] = job.item.name
    for target in targets:
        job.draft.link(fork.name, target.name)
    return fork.name


def _list_of(job: Job) -> str:
    split = split_before(job.item)
    if split is not None:
        return f"nodes.{split.name}.output.results"
    source = producer_of(job.item, skip_first=True)
    if source is None or source.trigger:
        return "context.items"
    if source.kind in ("splitOut", "itemLists"):
        return f"nodes.{source.name}.output.items"
    if source.kind == "googleSheets":
        return f"nodes.{source.name}.output.values"
    return f"nodes.{source.name}.output"
