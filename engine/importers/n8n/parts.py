"""What an app's table says of a request's data, filled with the parameters of a node.

text: $text|message          the first of these parameters that is there
to: {id: $user.id}           a parameter inside another
fields: $ui.rows{key:value}  a list of pairs as a mapping; {key:a,=b} joins a's value and the word b with a point
rows: $rows|=${context}      what stands behind the = where there is no such parameter
kind: note                   everything else is sent as it stands
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.importers import values as v
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import located, plain
from engine.importers.wording import Wording

Json = Any
_PAIRS = re.compile(r"([\w.]+)\{(\w+):([\w,=]+)\}")
WHOLE = "${context}"  # all that the data has
_NOTHING: tuple[Json, ...] = (None, "", {}, [])


@dataclass(slots=True)
class Filled:
    """Fills tables for one node; `used` are the parameters that were taken."""

    job: Job
    given: Mapping[str, Json]
    used: set[str] = field(default_factory=set)

    def data(self, table: Json, name: str = "") -> Json:
        """The table with its places filled; None where nothing is left of it, or only what stands in the table."""
        if isinstance(table, dict):
            found = {key: self.data(value, key) for key, value in table.items()}
            kept = {key: value for key, value in found.items() if value not in _NOTHING}
            idle = name and _has_place(table) and not any(_has_place(table[key]) for key in kept)
            return None if idle else kept
        if isinstance(table, list):
            return [value for item in table if (value := self.data(item, name)) not in _NOTHING] or None
        if isinstance(table, str) and table.startswith("$"):
            return self._parameter(table[1:], name)
        return table

    def _parameter(self, names: str, name: str) -> Json:
        for path in names.split("|"):
            if path.startswith("="):
                return int(path[1:]) if path[1:].isdecimal() else path[1:]
            if pairs := _PAIRS.fullmatch(path):
                found = self._pairs(pairs[1], pairs[2], pairs[3].split(","))
            else:
                found = self.value(name, self._raw(path), path)
            if found not in _NOTHING:
                return found
        return None

    def _raw(self, path: str) -> Json:
        if path in self.given:
            self.used.add(path)
            return self.given[path]
        steps = path.split(".")
        self.used.update(steps[:2])
        raw = v.at(dict(self.given), *[int(step) if step.isdecimal() else step for step in steps])
        return v.at(self.job.params, *path.split(".")) if raw is None else raw

    def _pairs(self, path: str, key: str, values: list[str]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        raw = self._raw(path)
        for one in raw if isinstance(raw, list) else [raw]:
            if name := v.text(one, key):
                texts = [part[1:] if part[0] == "=" else self.value(name, v.at(one, part), part) for part in values]
                found[name] = texts[0] if len(texts) == 1 else ".".join(map(_within, texts))
        return found

    def value(self, name: str, raw: Json, path: str = "") -> Json:
        """A parameter as the field `name` sends it; None for one that the model chooses."""
        job = self.job
        if isinstance(raw, dict) and "mappingMode" in raw:  # a table's columns; the rest is how the form looked
            if raw.get("mappingMode") == "autoMapInputData":
                return WHOLE
            by_id = raw.get("matchingColumns") == ["id"]  # then the id stands in the address
            raw = {key: cell for key, cell in v.mapping(raw, "value").items() if key != "id" or not by_id}
        raw = located(raw, path)
        if raw in _NOTHING or job.reader.asks_model(raw):
            return None
        if isinstance(raw, str) and raw.lstrip("= \n").startswith(("{", "[")):
            structured = job.reader.data(name, raw, self._leaf)
            if structured is not None:
                inner = structured.get(name) if isinstance(structured, dict) and len(structured) == 1 else None
                return structured if inner is None else inner
        return job.reader.value(name, plain(raw))

    def _leaf(self, name: str, wording: Wording) -> str:
        return self.job.draft.value(self.job.entry, name, wording)


def _within(value: Json) -> str:
    """A value inside a text: `context.x` only means something when it is the whole text."""
    return f"${{{value}}}" if isinstance(value, str) and value.startswith("context.") else str(value)


def _has_place(table: Json) -> bool:
    if isinstance(table, dict):
        return any(map(_has_place, table.values()))
    if isinstance(table, list):
        return any(map(_has_place, table))
    return isinstance(table, str) and table.startswith("$")
