"""An n8n export as items and links. Nothing is converted here.

Connections are keyed by a node's name; files that other tools have rewritten key them by id, so both are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.importers import values as v
from engine.importers.draft import Draft
from engine.importers.report import Entry, Source
from engine.language.schedules import ScheduleError, check_schedule

Json = Any
MAIN = "main"
LANGCHAIN = "@n8n/n8n-nodes-langchain"
# A path that the foreign node puts its result under -> (where that is in context, where in its own output of ours).
Renames = dict[tuple[str | int, ...], tuple[tuple[str, ...], tuple[str, ...]]]


@dataclass(slots=True, eq=False)
class Item:
    """A node of the file. `kind` is the type without its package; `name` is the name that the draft's node will have.

    `out[n]` are the targets of output n, `subs` the nodes plugged into it by kind of plug, `into` where it is plugged
    in itself. `passes` says that data goes through it unchanged; `renames` where its results stand with us.
    """

    label: str
    type: str
    version: float
    params: dict[str, Json]
    raw: dict[str, Json]
    entry: Entry
    name: str = ""
    out: dict[int, list[Item]] = field(default_factory=dict)
    before: list[Item] = field(default_factory=list)
    subs: dict[str, list[Item]] = field(default_factory=dict)
    into: list[tuple[str, Item]] = field(default_factory=list)
    loop: Item | None = None  # the innermost loop that it stands in
    body: list[Item] = field(default_factory=list)  # what is done for each entry of the list that it splits
    passes: bool = False
    trigger: bool = False
    trigger_data: list[dict[str, Json]] = field(default_factory=list)  # what the draft says of it, when it is one
    renames: Renames = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.type.rpartition(".")[2]

    @property
    def is_langchain(self) -> bool:
        return self.type.startswith(LANGCHAIN)

    @property
    def targets(self) -> list[Item]:
        """Where its first output leads."""
        return self.out.get(0, [])

    @property
    def is_part(self) -> bool:
        """Is it a part of another node? A tool of an MCP trigger is not: it becomes a step of its own."""
        return bool(self.into) and not any(target.kind == "mcpTrigger" for _, target in self.into)

    @property
    def disabled(self) -> bool:
        return v.flag(self.raw, "disabled")

    def text(self, *path: str | int, default: str = "") -> str:
        return v.text(self.params, *path, default=default)

    def credential(self) -> str | None:
        """The name of the first credential that the node uses."""
        for kind, held in v.mapping(self.raw, "credentials").items():
            return v.text(held, "name") or (held if isinstance(held, str) else "") or kind
        return None


@dataclass(slots=True)
class File:
    """The items of a file in its order, and the sub-nodes' roots."""

    draft: Draft
    items: list[Item] = field(default_factory=list)
    by_label: dict[str, Item] = field(default_factory=dict)
    timezone: str = "UTC"

    def roots(self, item: Item) -> list[Item]:
        """The items of the flow that a sub-node serves, directly or through other sub-nodes."""
        found: list[Item] = []
        seen = {id(item)}
        todo = [item]
        while todo:
            for _, target in todo.pop().into:
                if id(target) not in seen:
                    seen.add(id(target))
                    todo.append(target)
                    if not target.into:
                        found.append(target)
        return found


def read_file(data: dict[str, Json], draft: Draft) -> File:
    file = File(draft, timezone=_clock(v.text(data, "settings", "timezone")))
    by_id: dict[str, Item] = {}
    for number, raw in enumerate(v.items(data, "nodes")):
        item = _item(number, raw, draft)
        file.items.append(item)
        file.by_label.setdefault(item.label, item)
        if identity := v.text(raw, "id"):
            by_id.setdefault(identity, item)
    for source, plug, output, target in _connections(v.mapping(data, "connections")):
        start = file.by_label.get(source) or by_id.get(source)
        end = file.by_label.get(target) or by_id.get(target)
        if start is not None and end is not None:
            _connect(start, plug, output, end)
    return file


def _clock(name: str) -> str:
    """The workflow's time zone; ours where the file has none, or none that is known."""
    try:
        check_schedule("0 0 * * *", name)
    except ScheduleError:
        return "UTC"
    return name


def _item(number: int, raw: Json, draft: Draft) -> Item:
    data = raw if isinstance(raw, dict) else {}
    label = v.text(data, "name") or f"Node {number + 1}"
    kind = v.text(data, "type")
    source = Source(str(number), label[:200], kind[:200] or "unknown", v.place(data, "position"))
    version = v.number(data, "typeVersion")
    params = v.mapping(data, "parameters")
    return Item(label, kind, float(version or 1), params, data, draft.entry(source))


def _connections(data: dict[str, Json]) -> Iterator[tuple[str, str, int, str]]:
    """(source, plug, number of the output, target) of each link."""
    for source, plugs in data.items():
        for plug in plugs if isinstance(plugs, dict) else ():
            for output, targets in enumerate(v.items(plugs, plug)):
                for target in targets if isinstance(targets, list) else [targets]:
                    if name := v.text(target, "node"):
                        yield source, plug, output, name


def _connect(start: Item, plug: str, output: int, end: Item) -> None:
    if plug != MAIN:
        if start is not end:
            end.subs.setdefault(plug, []).append(start)
            start.into.append((plug, end))
        return
    targets = start.out.setdefault(output, [])
    if end not in targets:
        targets.append(end)
    if start not in end.before:
        end.before.append(start)
