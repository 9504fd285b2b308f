"""Changes of a document's data as patches of its text.

Every function returns patches on `document.text` that touch only the value concerned; what cannot be written that way
is refused. Whether the patches say what was meant is checked by the caller (edits.py), who reads the new text.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from engine.language import emit
from engine.language.document import Document
from engine.language.emit import Habit
from engine.language.layout import (
    below,
    colon_after,
    column,
    comments_below,
    content_end,
    content_start,
    dash_of,
    entry_end,
    extent,
    habit_of,
    is_explicit,
    mapping_column,
    parents,
    quote_of,
    raw_end,
    refuse,
    starts_line,
)
from engine.language.operators import equal
from engine.language.positions import Patch, Path, line_end, line_start
from engine.language.removal import Piece, remove_in_flow, remove_lines
from engine.language.tree import MERGE_KEY, Entry, Kind, YamlNode

LONGEST_LINE = 120  # of an item that is written on one line, as the others of its list are


def same(left: Any, right: Any) -> bool:
    """JSON equality that tells 1 from 1.0 and from true."""
    if left is right:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(v, right[k]) for k, v in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and equal(left, right)


def _renamed_key(node: YamlNode, value: dict[str, Any]) -> tuple[str, str] | None:
    """The one key that has another name now, old and new: its value and its place are what they were."""
    gone = [key for key in node.value if key not in value]
    added = [key for key in value if key not in node.value]
    if len(gone) != 1 or len(added) != 1 or added[0] == MERGE_KEY:
        return None
    old, new = gone[0], added[0]
    entry = node.entries.get(old)
    if entry is None or entry.key.kind is not Kind.SCALAR or not same(node.value[old], value[new]):
        return None
    return (old, new) if list(node.value).index(old) == list(value).index(new) else None


def value_at(data: Any, path: Path) -> Any:
    """The value at a path of the data, None when there is none."""
    for step in path:
        if isinstance(data, dict) and isinstance(step, str):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data):
            data = data[step]
        else:
            return None
    return data


class Writer:
    """Makes patches on one document."""

    def __init__(self, document: Document, *, blocks: bool = True) -> None:
        self.document = document
        self.text = document.text
        self.habit: Habit = habit_of(document, blocks=blocks)

    # -- setting --------------------------------------------------------------------------------------------------

    def set(self, path: Path, value: Any) -> list[Patch]:
        """Write `value` at `path`; missing mappings on the way are created."""
        existing = self.document.find(path)
        if existing is not None:
            chain = parents(self.document, path)
            return self.replace(chain, path, value)
        if not path:
            raise refuse(self.document, None, "the whole file cannot be set")
        parent, step = self.document.find(path[:-1]), path[-1]
        merged = value_at(self.document.data, path[:-1]) if parent is None else None
        if isinstance(merged, dict) and isinstance(step, str):  # from a merge: written out here, with the change
            return self.set(path[:-1], {**merged, step: value})
        if parent is None or parent.value is None:
            if not isinstance(step, str):
                return self.set(path[:-1], [value])
            return self.set(path[:-1], {step: value})
        chain = parents(self.document, path[:-1])
        if parent.kind is Kind.MAPPING and isinstance(step, str):
            return self._insert_entries(chain, path[:-1], {step: value}, gone=())
        if parent.kind is Kind.SEQUENCE and step == len(parent.items):
            return self.insert(path[:-1], len(parent.items), value)
        raise refuse(self.document, parent, f"`{step}` cannot be set here")

    def replace(  # noqa: PLR0911  (one return per form)
        self, chain: Sequence[YamlNode], path: Path, value: Any
    ) -> list[Patch]:
        """Write `value` in place of the last node of `chain`, which leads from the root to `path`."""
        node = chain[-1]
        if same(node.value, value):
            return []
        if node.kind is Kind.MAPPING and isinstance(value, dict) and self._keeps_some(node, value):
            return self._diff_mapping(chain, path, value)
        if node.kind is Kind.SEQUENCE and isinstance(value, list) and value and node.items:
            return self._diff_sequence(chain, path, value)
        if any(parent.is_flow for parent in chain[:-1]) or len(chain) == 1:
            return self._replace_in_flow(chain, path, value)
        if self._stays_inline(node, value):
            start = content_start(self.text, node)
            return [Patch(start, node.end, emit.scalar_text(value, self._style(node, value)))]
        if isinstance(path[-1], int):
            return self._replace_item(node, value)
        return self._replace_after_key(chain[-2].entries[path[-1]], column_of=chain[-2], value=value)

    def _stays_inline(self, node: YamlNode, value: Any) -> bool:
        """Is this one written scalar in place of another, neither of them a block?"""
        if node.kind is not Kind.SCALAR or node.end <= content_start(self.text, node) or isinstance(value, dict | list):
            return False
        return node.style not in ("|", ">") and not (self.habit.blocks and emit.fits_block(value))

    def _style(self, node: YamlNode, value: Any) -> str:
        """The quotes for a scalar in place of another one: those it has, or the file's habit."""
        if not isinstance(value, str):
            return ""
        if node.style in ("'", '"'):
            return node.style
        return "" if node.kind is Kind.SCALAR and isinstance(node.value, str) else self.habit.quote

    def _replace_in_flow(self, chain: Sequence[YamlNode], path: Path, value: Any) -> list[Patch]:
        node = chain[-1]
        start = content_start(self.text, node)
        if isinstance(value, dict | list):
            new = emit.flow_text(value, self.habit)
        else:
            new = emit.scalar_text(value, self._style(node, value), in_flow=True)
        if node.end > start:
            return [Patch(start, node.end, new)]
        if not path:
            raise refuse(self.document, None, "the whole file cannot be set")
        if isinstance(path[-1], str):
            key = chain[-2].entries[path[-1]].key
            colon = colon_after(self.text, key)
            return [Patch(colon, colon, f" {new}") if colon is not None else Patch(key.end, key.end, f": {new}")]
        return [Patch(start, start, f" {new}")]

    def _replace_item(self, node: YamlNode, value: Any) -> list[Patch]:
        """An item of a block sequence: written where the old one starts, at its column."""
        start = content_start(self.text, node)
        is_empty = node.end <= start
        at = column(self.text, start) + is_empty
        new = emit.item_text(value, at - 2, self.habit).removeprefix("- ")
        end = max(start, content_end(self.text, node))
        return [Patch(start, end, (" " if is_empty else "") + new)]

    def _replace_after_key(self, entry: Entry, *, column_of: YamlNode, value: Any) -> list[Patch]:
        """The value of a block mapping's entry, whatever form the old and the new one have."""
        text, node = self.text, entry.value
        head = self._behind_key(entry)
        end = max(head, content_end(text, node))
        pad = mapping_column(self.document, column_of)
        if self.habit.blocks and node.style in ("|", ">") and emit.can_block(value):
            new = " " + emit.block_text(value, pad, pad + self.habit.step, self.habit)
        else:
            new = emit.after_key(value, pad, self.habit)
        comment_end = line_end(text, head)
        if node.end > node.start and line_start(text, content_start(text, node)) > comment_end:
            # `key:  # comment` and the value below it
            if new.startswith((" ", "[", "{")):
                first, _, rest = new.partition(self.habit.newline)
                if rest:  # a block scalar: its header cannot stand before the comment's line
                    return [Patch(head, end, new)]
                return [Patch(head, head, first), Patch(comment_end, end, "")]
            return [Patch(comment_end, end, new)]
        if new.startswith(self.habit.newline):
            tail = line_end(text, end)
            return [Patch(head, end, ""), Patch(tail, tail, new)]
        if self.habit.newline in new and text[end : line_end(text, end)].strip():
            return [Patch(head, line_end(text, end), new)]  # a block scalar cannot be followed by a comment
        return [Patch(head, end, new)]

    def _behind_key(self, entry: Entry) -> int:
        """Offset behind the colon of a block mapping's entry, or behind the anchor that stands there."""
        colon = colon_after(self.text, entry.key)
        if colon is None or is_explicit(self.text, entry.key):
            raise refuse(self.document, entry.key, "keys written with `?` cannot be edited here")
        node = entry.value
        head = content_start(self.text, node) if node.anchor and node.kind is not Kind.ALIAS else colon
        return len(self.text[:head].rstrip(" \t"))

    # -- mappings -------------------------------------------------------------------------------------------------

    def _keeps_some(self, node: YamlNode, value: dict[str, Any]) -> bool:
        return any(key in value for key in node.entries if key != MERGE_KEY or MERGE_KEY in value)

    def _diff_mapping(self, chain: Sequence[YamlNode], path: Path, value: dict[str, Any]) -> list[Patch]:
        node = chain[-1]
        patches: list[Patch] = []
        if (renamed := _renamed_key(node, value)) is not None:
            old, new_name = renamed
            patches += self.rename_key((*path, old), new_name)
            value = {old if key == new_name else key: new for key, new in value.items()}
        gone = [key for key in node.value if key not in value]
        for key, new in value.items():
            entry = node.entries.get(key)
            if entry is not None:
                patches += self.replace([*chain, entry.value], (*path, key), new)
        added = {
            key: new
            for key, new in value.items()
            if key not in node.entries and not (key in node.value and same(node.value[key], new))
        }
        if gone:
            patches += self.remove_entries(path, gone)
        if added:
            patches += self._insert_entries(chain, path, added, gone=gone)
        return patches

    def _insert_entries(
        self, chain: Sequence[YamlNode], path: Path, new: dict[str, Any], *, gone: Collection[str]
    ) -> list[Patch]:
        """Write new entries behind the last one that stays."""
        node = chain[-1]
        kept = [entry for key, entry in node.entries.items() if key not in gone]
        in_flow = any(parent.is_flow for parent in chain)
        if not kept:
            value = {k: v for k, v in node.value.items() if k not in gone} | new
            if any(parent.is_flow for parent in chain[:-1]) or len(chain) == 1:
                return [Patch(content_start(self.text, node), node.end, emit.flow_text(value, self.habit))]
            if isinstance(path[-1], int):
                return self._replace_item(node, value)
            return self._replace_after_key(chain[-2].entries[path[-1]], column_of=chain[-2], value=value)
        last = max(kept, key=raw_end)
        if in_flow:
            added = "".join(
                f", {emit.key_text(k, self.habit)}: {emit.flow_text(v, self.habit)}" for k, v in new.items()
            )
            return [Patch(raw_end(last), raw_end(last), added)]
        pad = mapping_column(self.document, node)
        offset, before, after = below(self.text, max(raw_end(last), entry_end(self.text, last)), self.habit.newline)
        lines = [" " * pad + emit.entry_text(k, v, pad, self.habit) for k, v in new.items()]
        return [Patch(offset, offset, before + self.habit.newline.join(lines) + after)]

    def remove_entries(self, path: Path, keys: Collection[str]) -> list[Patch]:
        """Remove keys of the mapping at `path`."""
        chain = parents(self.document, path)
        node = chain[-1]
        if node.kind is not Kind.MAPPING:
            raise refuse(
                self.document, node, "this is not a mapping" if node.kind is not Kind.ALIAS else "this is an alias"
            )
        for key in keys:
            if key not in node.entries:
                where = "comes from a merge (`<<`)" if key in node.value else "is not there"
                raise refuse(self.document, node, f"`{key}` {where}")
        entries = sorted(node.entries.values(), key=lambda e: e.key.start)
        gone = {node.entries[key].key.start for key in keys}
        pieces = [(e.key.start, entry_end(self.text, e), e.key.start in gone) for e in entries]
        if all(is_gone for _, _, is_gone in pieces):
            return self._empty(chain, path, "{}", pieces)
        if any(parent.is_flow for parent in chain):
            return remove_in_flow(pieces)
        mapping_column(self.document, node)  # refuses explicit keys
        return remove_lines(self.text, pieces)

    def _empty(self, chain: Sequence[YamlNode], path: Path, nothing: str, pieces: list[Piece]) -> list[Patch]:
        """Write `{}` or `[]` for a collection that lost all its `pieces`, keeping comments where lines allow."""
        node = chain[-1]
        start = content_start(self.text, node)
        if node.is_flow or len(chain) == 1:
            return [Patch(start, node.end, nothing)]
        if isinstance(path[-1], int):
            return self._replace_item(node, {} if nothing == "{}" else [])
        entry = chain[-2].entries[path[-1]]
        if any(parent.is_flow for parent in chain) or not all(starts_line(self.text, start) for start, _, _ in pieces):
            return self._replace_after_key(entry, column_of=chain[-2], value={} if nothing == "{}" else [])
        head = self._behind_key(entry)
        return [Patch(head, head, f" {nothing}"), *remove_lines(self.text, pieces)]

    # -- sequences ------------------------------------------------------------------------------------------------

    def _diff_sequence(self, chain: Sequence[YamlNode], path: Path, value: list[Any]) -> list[Patch]:
        """Common start and end stay; what lies between is replaced one by one, then added or removed."""
        items = chain[-1].items
        first = 0
        while first < min(len(items), len(value)) and same(items[first].value, value[first]):
            first += 1
        last = 0
        while last < min(len(items), len(value)) - first and same(items[-1 - last].value, value[-1 - last]):
            last += 1
        old_count, new_count = len(items) - first - last, len(value) - first - last
        both = min(old_count, new_count)
        patches: list[Patch] = []
        for at in range(first, first + both):
            patches += self.replace([*chain, items[at]], (*path, at), value[at])
        if old_count > both:
            patches += self.remove_items(path, range(first + both, first + old_count))
        for at in range(first + both, first + new_count):
            patches += self._insert(chain, first + both, value[at], is_more=at > first + both)
        return patches

    def insert(self, path: Path, index: int, value: Any) -> list[Patch]:
        """Put an item before the one at `index` of the sequence at `path`; `index` may be its length."""
        found = self.document.find(path)
        if found is None or not found.items or found.value is None:
            return self.set(path, [value])
        return self._insert(parents(self.document, path), index, value)

    def _insert(self, chain: Sequence[YamlNode], index: int, value: Any, *, is_more: bool = False) -> list[Patch]:
        node, text, habit = chain[-1], self.text, self.habit
        if node.kind is not Kind.SEQUENCE:
            raise refuse(self.document, node, "this is not a list written out here")
        if any(parent.is_flow for parent in chain):
            if index == 0 and not is_more:
                start = node.items[0].start
                return [Patch(start, start, emit.flow_text(value, self.habit) + ", ")]
            end = node.items[index - 1].end
            return [Patch(end, end, ", " + emit.flow_text(value, self.habit))]
        pad = column(text, dash_of(self.document, node.items[0]))
        gap = habit.newline if self._has_gaps(node) else ""
        new = self._item_text(node, value, pad)
        if index == 0 and not is_more:
            start = dash_of(self.document, node.items[0])
            return [Patch(start, start, f"{new}{habit.newline}{gap}{' ' * pad}")]
        end = content_end(text, node.items[index - 1])
        last = comments_below(text, pad, end)
        offset, before, after = below(text, last if last > end else node.items[index - 1].end, habit.newline)
        gap = gap if before else ""  # a blank line behind `|+` would belong to its text
        return [Patch(offset, offset, f"{before}{gap}{' ' * pad}{new}{after}")]

    def _item_text(self, node: YamlNode, value: Any, pad: int) -> str:
        """An item as the others of its list are written: on one line where each of them is."""
        beside = node.items[-4:]
        if isinstance(value, dict) and not isinstance(value, emit.Written) and all(item.is_flow for item in beside):
            quote = quote_of(beside)
            habit = self.habit if quote is None else replace(self.habit, quote=quote)
            line = f"- {emit.flow_text(value, habit)}"
            if pad + len(line) <= LONGEST_LINE and "\\n" not in line:
                return line
        return emit.item_text(value, pad, self.habit)

    def _has_gaps(self, node: YamlNode) -> bool:
        """Do blank lines stand between the items of a block sequence?"""
        pairs = list(zip(node.items, node.items[1:], strict=False))[-4:]
        return bool(pairs) and all(self._has_gap(one, two) for one, two in pairs)

    def _has_gap(self, one: YamlNode, two: YamlNode) -> bool:
        between = self.text[content_end(self.text, one) : dash_of(self.document, two)]
        return any(not line.strip() for line in between.splitlines()[1:-1])

    def remove_items(self, path: Path, indexes: Collection[int], *, with_comments: bool = False) -> list[Patch]:
        """Remove items of the sequence at `path`; comments above them stay, unless they go too (layout.extent)."""
        chain = parents(self.document, path)
        node = chain[-1]
        if node.kind is not Kind.SEQUENCE:
            raise refuse(self.document, node, "this is not a list written out here")
        goes_all = len(set(indexes)) >= len(node.items)
        if any(parent.is_flow for parent in chain):
            pieces = [(item.start, item.end, i in indexes) for i, item in enumerate(node.items)]
            return self._empty(chain, path, "[]", pieces) if goes_all else remove_in_flow(pieces)
        pieces = []
        for i, item in enumerate(node.items):
            dash = dash_of(self.document, item)
            start, end = dash, max(dash + 1, content_end(self.text, item))
            if with_comments and i in indexes:
                start, end = extent(self.text, dash, end)
            pieces.append((start, end, i in indexes))
        return self._empty(chain, path, "[]", pieces) if goes_all else remove_lines(self.text, pieces)

    def move(self, path: Path, index: int, to: int) -> list[Patch]:
        """Move an item; the texts of the items between change places, what stands between them stays."""
        chain = parents(self.document, path)
        node = chain[-1]
        if node.kind is not Kind.SEQUENCE:
            raise refuse(self.document, node, "this is not a list written out here")
        slots = [self._slot(item, in_flow=any(parent.is_flow for parent in chain)) for item in node.items]
        order = list(range(len(slots)))
        order.insert(to, order.pop(index))
        return [
            Patch(*slots[place], self.text[slice(*slots[source])])
            for place, source in enumerate(order)
            if place != source
        ]

    def _slot(self, item: YamlNode, *, in_flow: bool) -> tuple[int, int]:
        """The stretch of text that moves with an item: in a block, with the comment at its end."""
        if in_flow:
            return item.start, item.end
        dash = dash_of(self.document, item)
        return dash, line_end(self.text, max(dash + 1, content_end(self.text, item)))

    # -- keys -----------------------------------------------------------------------------------------------------

    def rename_key(self, path: Path, name: str) -> list[Patch]:
        """Write another key for the entry at `path`."""
        chain = parents(self.document, path)
        key = chain[-2].entries[str(path[-1])].key
        if key.kind is not Kind.SCALAR:
            raise refuse(self.document, key, "the key is an alias")
        style = key.style if key.style in ("'", '"') else ""
        return [Patch(content_start(self.text, key), key.end, emit.scalar_text(name, style))]
