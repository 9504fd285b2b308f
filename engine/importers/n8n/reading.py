"""n8n's values in our words: `=Hello {{ $json.name }}`, resource locators, JSON with expressions in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.importers import script, script_methods
from engine.importers import wording as w
from engine.importers.n8n import moments
from engine.importers.n8n.file import File, Item
from engine.importers.script import Step
from engine.importers.script_syntax import Unsayable
from engine.importers.wording import Part, Said, Unsaid, Wording

Json = Any
MAX_TEXT = 200_000
_DELIMITERS = re.compile(r"'(?:[^'\\\n]++|\\.)*+'|\"(?:[^\"\\\n]++|\\.)*+\"|\{|\}")
_WHOLE = re.compile(r"\s*\{\{.*\$.*\}\}\s*", re.DOTALL)
_OPEN, _CLOSE = "\ue000", "\ue001"
_TOKEN = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
# Where apps have the id in their addresses.
_IDS = (
    re.compile(r"google\.com/[\w/-]{0,60}?(?:/d|/folders)/([\w-]{10,})"),
    re.compile(r"airtable\.com/(app\w{14})"),
    re.compile(r"notion\.(?:so|site)/[^?#]{0,300}?([0-9a-f]{32})"),
    re.compile(r"slack\.com/[\w/]{0,60}?/([CUDG][A-Z0-9]{8,})"),
    re.compile(r"discord\.com/channels/\d+/(\d+)"),
)
_TABLE_IDS = (re.compile(r"airtable\.com/app\w{14}/(tbl\w{14})"),)
_JMESPATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[-?\d{1,6}\])*")
_JMESPATH_STEP = re.compile(r"([A-Za-z_]\w*)|\[(-?\d+)\]")
_LISTS = ("item", "first", "last", "all")


class FromModel(Unsayable):
    """`$fromAI(...)`: a value that the model chooses when it calls the tool."""


def split(text: str) -> list[tuple[bool, str]]:
    """The text in pieces: (is an expression, its source)."""
    found: list[tuple[bool, str]] = []
    at = 0
    while (start := text.find("{{", at)) >= 0:
        end = _closing(text, start + 2)
        if end < 0:
            break
        found.append((False, text[at:start]))
        found.append((True, text[start + 2 : end].strip()))
        at = end + 2
    found.append((False, text[at:]))
    return [piece for piece in found if piece[0] or piece[1]]


def _closing(text: str, start: int) -> int:
    """Where the `}}` stands that closes an expression; the first one where braces do not match."""
    depth = 0
    for found in _DELIMITERS.finditer(text, start):
        if found[0] == "{":
            depth += 1
        elif found[0] == "}":
            if depth == 0 and text.startswith("}}", found.start()):
                return found.start()
            depth = max(0, depth - 1)
    return text.find("}}", start)


@dataclass(slots=True)
class Reader:
    """Reads the values of one item, where its expressions stand. `arguments`: `$fromAI` means the caller's input."""

    file: File
    item: Item
    arguments: bool = False

    # -- values -----------------------------------------------------------------------------------------------------

    def wording(self, raw: Json) -> Wording:
        """A parameter as text. Lists and mappings are taken as JSON."""
        raw = plain(raw)
        if isinstance(raw, bool):
            raw = "true" if raw else "false"
        if isinstance(raw, dict | list):
            return Wording.of([json.dumps(raw, ensure_ascii=False)])
        if raw is None:
            return Wording()
        text = str(raw)[:MAX_TEXT]
        if text.startswith("="):
            text = text[1:]
        elif not _WHOLE.fullmatch(text):
            return Wording.of([text])
        parts: list[Part] = []
        for is_expression, piece in split(text):
            parts += self.parts(piece) if is_expression else [piece]
        return Wording.of(parts)

    def parts(self, source: str) -> list[Part]:
        try:
            return script.translate(source, self)
        except Unsayable as err:
            return [Unsaid(f"{{{{ {source} }}}}", str(err))]

    def asks_model(self, raw: Json) -> bool:
        """Does the model fill in this value?"""
        return not self.arguments and isinstance(raw := plain(raw), str) and "$fromAI" in raw

    def value(self, field: str, raw: Json) -> Json:
        """For fields that take `${...}`; keeps numbers, true and false, and structures."""
        raw = plain(raw)
        if isinstance(raw, dict):
            return {key: self.value(field, item) for key, item in raw.items()}
        if isinstance(raw, list):
            return [self.value(field, item) for item in raw]
        if not isinstance(raw, str):
            return raw
        return self.file.draft.value(self.item.entry, field, self.wording(raw))

    def template(self, field: str, raw: Json) -> str:
        return self.file.draft.template(self.item.entry, field, self.wording(raw))

    def expression(self, field: str, raw: Json) -> str:
        raw = plain(raw)
        if raw is None or isinstance(raw, bool | int | float):
            return json.dumps(raw)
        return self.file.draft.expression(self.item.entry, field, self.wording(raw))

    def data(self, field: str, raw: Json, leaf: Callable[[str, Wording], Json]) -> Json | None:
        """JSON with expressions in it as data whose texts went through `leaf`; None when it is no JSON.

        `={{ {a: $json.b} }}`, `={"a": "{{ $json.b }}"}` and `{"a": 1}` are all read.
        """
        raw = plain(raw)
        if isinstance(raw, dict | list):
            return _mapped(raw, lambda text: leaf(field, self.wording(text)))
        if not isinstance(raw, str):
            return None
        pieces = split(raw[1:]) if raw.startswith("=") else [(False, raw)]
        pieces = [piece for piece in pieces if piece[0] or piece[1].strip()]
        if len(pieces) == 1 and pieces[0][0]:
            return self._written_out(field, pieces[0][1], leaf)
        return self._json_text(field, pieces, leaf)

    def _written_out(self, field: str, source: str, leaf: Callable[[str, Wording], Json]) -> Json | None:
        try:
            found = script.translate_data(source, self)
        except Unsayable:
            return None
        return None if found is None else _mapped(found, lambda wording: leaf(field, wording))

    def _json_text(
        self, field: str, pieces: Sequence[tuple[bool, str]], leaf: Callable[[str, Wording], Json]
    ) -> Json | None:
        """Each expression becomes a mark, the JSON is read, and the marks become wordings again."""
        sources = [piece for is_expression, piece in pieces if is_expression]
        text = ""
        in_text = False
        number = 0
        for is_expression, piece in pieces:
            if is_expression:
                mark = f"{_OPEN}{number}{_CLOSE}"
                text += mark if in_text else f'"{mark}"'
                number += 1
            else:
                in_text ^= len(re.findall(r'(?<!\\)"', piece)) % 2 == 1
                text += piece
        try:
            found = json.loads(text.strip() or "x", strict=False, parse_constant=lambda _name: None)
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict | list):
            return None
        return _mapped(found, lambda text: leaf(field, self._unmarked(text, sources)))

    def _unmarked(self, text: str, sources: Sequence[str]) -> Wording:
        parts: list[Part] = []
        for number, piece in enumerate(_TOKEN.split(text)):
            if number % 2:
                parts += self.parts(sources[int(piece)]) if int(piece) < len(sources) else []
            else:
                parts.append(piece)
        return Wording.of(parts)

    # -- what names mean --------------------------------------------------------------------------------------------

    def chain(self, name: str, steps: Sequence[Step]) -> tuple[Said, int] | None:
        found = self._chain(name, steps)
        return None if found is None else self._as_moment(*found, steps)

    def _as_moment(self, said: Said, done: int, steps: Sequence[Step]) -> tuple[Said, int]:
        """`$json.day.toDateTime()...` is a moment like any other."""
        here, at = said, done
        while at < len(steps) and steps[at][0] == "get" and steps[at][1] != "toDateTime":
            here, at = script_methods.get(here, steps[at][1]), at + 1
        if steps[at : at + 1] != [("get", "toDateTime")] or steps[at + 1 : at + 2] == []:
            return said, done
        moment, more = moments.follow(here, steps[at + 2 :], self.file.timezone)
        return moment, at + 2 + more

    def _chain(self, name: str, steps: Sequence[Step]) -> tuple[Said, int] | None:
        if name == "$json":
            return self._below(None, steps, 0)
        if name in ("$", "$node", "$items") and steps:
            return self._named(steps)
        if name == "$input" and steps:
            return self._below(None, steps, self._past_item(steps, 0))
        if name in ("$fromAI", "$fromai", "$fromAi"):
            return self._from_model(steps)
        return _root(name, steps, self)

    def _named(self, steps: Sequence[Step]) -> tuple[Said, int]:
        """`$('A').item.json`, `$node["A"].json`, `$items("A")[0].json`."""
        kind, value = steps[0]
        if kind == "call":
            label = value[0].value if len(value) and isinstance(getattr(value[0], "value", None), str) else ""
        else:
            label = str(value)
        found = self.file.by_label.get(label)
        if found is None:
            raise Unsayable(f"there is no node {label[:60]!r} in the file")
        if steps[1:2] in ([("get", "parameter")], [("get", "params")]):
            return _parameter(found, steps[2:]), 3
        if found.into and not self.arguments:
            raise Unsayable(f"{label[:60]!r} is a part of an agent")
        if steps[1:2] == [("get", "isExecuted")]:
            return Said(f"nodes.{found.name}.output != null", w.COMPARE), 2
        return self._below(found, steps, self._past_item(steps, 1))

    def _past_item(self, steps: Sequence[Step], at: int) -> int:
        """Behind `.item.json`, `.first().json`, `.json`."""
        if at < len(steps) and steps[at][1] in ("itemMatching", "context", "params", "binary"):
            raise Unsayable(f"`{steps[at][1]}`")
        if steps[at : at + 1] == [("get", "all")] and steps[at + 2 : at + 3] != [("get", 0)]:
            raise Unsayable("all items of a node")
        if at < len(steps) and steps[at][0] == "get" and (steps[at][1] in _LISTS or isinstance(steps[at][1], int)):
            at += 1
            if at < len(steps) and steps[at][0] == "call":
                at += 1
            if steps[at - 2 : at - 1] == [("get", "all")]:
                at += 1
        if at < len(steps) and steps[at] in (("get", "json"), ("get", "data")):
            return at + 1
        if at < len(steps) and steps[at] == ("get", "binary"):
            raise Unsayable("a file")
        raise Unsayable("something of a node that is not its data")

    def _below(self, named: Item | None, steps: Sequence[Step], at: int) -> tuple[Said, int]:
        """The place of an item's data (None: of what comes in), with the part of the path that changed its name."""
        producer = producer_of(self.item if named is None else named, skip_first=named is None)
        keys: list[str | int] = []
        for kind, value in steps[at:]:
            if kind != "get":
                break
            keys.append(value)
        called = at + len(keys) < len(steps) and steps[at + len(keys)][0] == "call"
        keys = keys[: len(keys) - 1] if called else keys
        if "length" in keys:
            keys = keys[: keys.index("length")]
        renames = producer.renames if producer is not None else {}
        for length in range(len(keys), 0, -1):
            if tuple(keys[:length]) in renames:
                in_context, own = renames[tuple(keys[:length])]
                return self._place(named, producer, in_context, own), at + length
        if not keys:
            whole = producer is not None and () in renames
            return self._place(named or producer, producer, *(renames[()] if whole else ((), ()))), at
        return self._place(named, producer, (), ()), at

    def _place(self, named: Item | None, producer: Item | None, in_context: Sequence[str], own: Sequence[str]) -> Said:
        if producer is not None and producer is self.item.loop:
            return w.path("item")
        if named is None or producer is None:
            return w.path("context", *in_context)
        if producer.trigger:
            return w.path("inputs", *in_context)
        if producer.kind == "splitInBatches":
            return w.path("context")
        return w.path("nodes", producer.name, "output", *own)

    def _from_model(self, steps: Sequence[Step]) -> tuple[Said, int]:
        if not steps or steps[0][0] != "call" or not steps[0][1]:
            raise Unsayable("`$fromAI`")
        key = getattr(steps[0][1][0], "value", None)
        if not self.arguments or not isinstance(key, str) or not key:
            raise FromModel("the model chooses it")
        return w.path("context", key), 1


def plain(raw: Json) -> Json:
    """A resource locator's value; anything else as it is."""
    if isinstance(raw, dict) and ("__rl" in raw or set(raw) == {"mode", "value"}):
        return raw.get("value")
    return raw


def located(raw: Json, name: str = "") -> Json:
    """What a parameter names, as an API wants it: of a locator by address, the id that stands in the address."""
    value = plain(raw)
    if not isinstance(raw, dict) or not isinstance(value, str) or not value.startswith("http"):
        return value
    for pattern in _TABLE_IDS if "table" in name.lower() else _IDS:
        if found := pattern.search(value[:2000]):
            return found[1]
    return value


def _mapped(data: Json, leaf: Callable[[Any], Json]) -> Json:
    if isinstance(data, dict):
        return {key: _mapped(item, leaf) for key, item in data.items()}
    if isinstance(data, list):
        return [_mapped(item, leaf) for item in data]
    return leaf(data) if isinstance(data, str | Wording) else data


def producer_of(item: Item, *, skip_first: bool) -> Item | None:
    """The item whose data is here: through those that pass data on; None where several ways come together."""
    found = _producer(item, skip_first=skip_first)
    return None if found is not None and found.is_part else found


def _producer(item: Item, *, skip_first: bool) -> Item | None:
    seen: set[int] = set()
    here: Item = item
    if skip_first:
        before = _entering(item)
        if len(before) != 1:
            return None
        here = before[0]
    while here.passes and id(here) not in seen:
        seen.add(id(here))
        before = _entering(here)
        if len(before) != 1:
            return None
        here = before[0]
    return here


def _entering(item: Item) -> list[Item]:
    """What leads to the item, its own loop's way back left out."""
    return [before for before in item.before if before.loop is not item]


def _root(  # noqa: PLR0911  (one return per name)
    name: str, steps: Sequence[Step], reader: Reader
) -> tuple[Said, int] | None:
    """The other `$` names."""
    keys = [value for kind, value in steps[:2] if kind == "get"]
    called = steps[0][1] if steps and steps[0][0] == "call" else None
    if name in _DATES:
        return _moment(name, steps, reader)
    if name in ("$vars", "$env") and keys and isinstance(keys[0], str):
        variable = reader.file.draft.read_variable(keys[0])
        return w.path("variables", variable), 1
    if name == "$parameter" and steps:
        return _parameter(reader.item, steps), 1
    if name in ("$itemIndex", "$runIndex"):
        return (w.path("index") if reader.item.loop is not None else Said("0")), 0
    if name == "$jmespath" and called is not None and len(called) == 2:
        return _searched(called[0], getattr(called[1], "value", None), reader), 1
    if name == "$execution" and keys[:1] == ["id"]:
        return w.path("run", "id"), 1
    if name == "$workflow" and keys[:1] in (["name"], ["id"]):
        return w.path("run", "workflow"), 1
    if name == "$ifEmpty" and called is not None and len(called) == 2:
        first, second = (script.say(arg, reader) for arg in called)
        return Said(f"{first.within(w.OR)} or {second.within(w.AND)}", w.OR), 1
    if name == "$if" and called is not None and len(called) == 3:
        return script.choice(called[0], called[1], called[2], reader), 1
    if name in ("$max", "$min") and called:
        return Said(f"{name[1:]}({', '.join(script.say(arg, reader).text for arg in called)})"), 1
    if name.startswith("$"):
        raise Unsayable("a file" if name == "$binary" else f"`{name[:40]}`")
    return None


_DATES = ("$now", "$today", "DateTime", "Date", "new Date")
_READ = ("fromISO", "fromSeconds", "fromMillis", "fromJSDate")


def _moment(name: str, steps: Sequence[Step], reader: Reader) -> tuple[Said, int]:
    """`$now...`, `DateTime.fromISO(x)...`, `new Date(x)...`: the moment, and what is made of it."""
    zone = reader.file.timezone
    if name in ("$now", "$today"):
        return moments.follow(moments.NOW, steps, zone, day=name == "$today")
    method = steps[0][1] if name != "new Date" and steps and steps[0][0] == "get" else None
    start = 0 if name == "new Date" else 1
    args = steps[start][1] if start < len(steps) and steps[start][0] == "call" else None
    if name == "Date":
        if method != "now" or args is None:
            raise Unsayable("a date")
        return Said("now() * 1000", w.PRODUCT), 2
    if args is None or (name == "DateTime" and method not in ("now", "local", "utc", *_READ)):
        raise Unsayable("a date")
    moment = moments.given(args if method not in ("local", "utc") else (), lambda tree: script.say(tree, reader))
    if method == "fromMillis":
        moment = Said(f"{moment.within(w.PRODUCT)} / 1000", w.PRODUCT)
    said, done = moments.follow(moment, steps[start + 1 :], zone if name == "DateTime" else "UTC")
    return said, start + 1 + done


def _parameter(item: Item, steps: Sequence[Step]) -> Said:
    """What is written in a node's own field, when that is no expression."""
    raw = located(item.params.get(str(steps[0][1]))) if steps and steps[0][0] == "get" else None
    if isinstance(raw, bool) or not isinstance(raw, str | int | float) or str(raw).startswith("="):
        raise Unsayable("a field of a node")
    return w.literal(raw) if isinstance(raw, str) else Said(repr(raw))


def _searched(data: Any, query: Any, reader: Reader) -> Said:
    """A JMESPath query that is nothing but a path."""
    if not isinstance(query, str) or not _JMESPATH.fullmatch(query):
        raise Unsayable("`$jmespath`")
    found = script.say(data, reader)
    for name, number in _JMESPATH_STEP.findall(query):
        found = script_methods.get(found, name or int(number))
    return found
