"""Everything in a file that refers to a node or a variable by name, for renaming it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from engine.errors import SchemaError
from engine.language import node_types
from engine.language.changes import Change, RenameKey, Rewrite, Set
from engine.language.document import Document
from engine.language.fields import Reading, fields_with_widget, texts_of
from engine.language.positions import Path
from engine.language.resolve import expressions_in
from engine.language.templates import compile_template
from engine.language.tokens import Token, tokenize

Piece = tuple[int, int, str]


def rename_changes(document: Document, index: int, new: str) -> list[Change]:
    """The changes that give the node at `index` another name, wherever that name is used."""
    data = document.data
    old = data["nodes"][index]["name"]
    changes: list[Change] = [Set(("nodes", index, "name"), new)]
    changes += [Set(path, new) for path in _names(data, old)]
    changes += _rewritten(data, "nodes", old, new)
    layout = data.get("ui", {}).get("nodes") if isinstance(data.get("ui"), dict) else None
    if isinstance(layout, dict) and old in layout and new not in layout:
        changes.append(RenameKey(("ui", "nodes", old), new))
    return changes


def variable_changes(document: Document, index: int, new: str) -> list[Change]:
    """The changes that give the variable at `index` another name, also where it is read.

    What is read stays where another variable has the old name, too: it may be that one.
    """
    data = document.data
    old = data["variables"][index].get("name")
    changes: list[Change] = [Set(("variables", index, "name"), new)]
    names = [one.get("name") for one in data["variables"] if isinstance(one, dict)]
    if isinstance(old, str) and old and names.count(old) == 1:
        changes += _rewritten(data, "variables", old, new)
    return changes


def _rewritten(data: Any, root: str, old: str, new: str) -> Iterator[Change]:
    """Texts that read `<root>.<old>`."""
    for path, text, reading in _texts(data):
        pieces = renamed_pieces(text, reading, old, new, root=root)
        if pieces:
            yield Rewrite(path, pieces, _apply(text, pieces))


def renamed_data(data: Any, names: Mapping[str, str]) -> Any:
    """A copy of `data`, that of a file or a part of one, with its nodes under other names, wherever these are used.

    All at once: what is called `a` may become `b` while `b` becomes `c`.
    """
    changed = deepcopy(data)
    for index, node in enumerate(_list(data.get("nodes"))):
        if isinstance(node, dict) and node.get("name") in names:
            changed["nodes"][index]["name"] = names[node["name"]]
    for old, new in names.items():
        for path in _names(data, old):
            _put(changed, path, new)
    for path, text, reading in _texts(data):
        pieces = {piece for old, new in names.items() for piece in renamed_pieces(text, reading, old, new)}
        if pieces:
            _put(changed, path, _apply(text, tuple(sorted(pieces))))
    return changed


def _put(data: Any, path: Path, value: str) -> None:
    *above, last = path
    for step in above:
        data = data[step]
    data[last] = value


def _names(data: Any, old: str) -> Iterator[Path]:
    """Places that hold nothing but the name."""
    for i, edge in enumerate(_list(data.get("edges"))):
        if isinstance(edge, dict):
            yield from (("edges", i, key) for key in ("from", "to") if edge.get(key) == old)
    for i, node in enumerate(_list(data.get("nodes"))):
        if not isinstance(node, dict):
            continue
        if isinstance(node.get("on_error"), dict) and node["on_error"].get("node") == old:
            yield ("nodes", i, "on_error", "node")
        config = node.get("config")
        if not isinstance(config, dict):
            continue
        at: Path = ("nodes", i, "config")
        named = {"next_node", *fields_with_widget(node_types.get(str(node.get("type"))), "node")}
        yield from ((*at, key) for key in sorted(named) if config.get(key) == old)
        for k, branch in enumerate(_list(config.get("conditions"))):
            if isinstance(branch, dict) and branch.get("next_node") == old:
                yield (*at, "conditions", k, "next_node")
    for i, rule in enumerate(_list(data.get("error_handling"))):
        if isinstance(rule, dict) and rule.get("fallback_node") == old:
            yield ("error_handling", i, "fallback_node")


def _texts(data: Any) -> Iterator[tuple[Path, str, Reading]]:
    """Texts that may name a node or a variable in an expression or a template."""
    for i, edge in enumerate(_list(data.get("edges"))):
        if isinstance(edge, dict) and isinstance(edge.get("condition"), str):
            yield ("edges", i, "condition"), edge["condition"], Reading.EXPRESSION
    for i, node in enumerate(_list(data.get("nodes"))):
        if not isinstance(node, dict):
            continue
        at: Path = ("nodes", i)
        config = node.get("config")
        if isinstance(config, dict):
            for found in texts_of(node_types.get(str(node.get("type"))), config):
                yield (*at, "config", *found.path), found.text, found.reading
            for k, branch in enumerate(_list(config.get("conditions"))):
                if isinstance(branch, dict) and isinstance(branch.get("condition"), str):
                    yield (*at, "config", "conditions", k, "condition"), branch["condition"], Reading.EXPRESSION
        for key in ("on_error", "cache"):
            yield from _below(node.get(key), (*at, key))
    yield from _below(data.get("outputs"), ("outputs",))
    yield from _below(data.get("error_handling"), ("error_handling",))


def _below(value: Any, path: Path) -> Iterator[tuple[Path, str, Reading]]:
    if isinstance(value, str):
        yield path, value, Reading.VALUE
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _below(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _below(item, (*path, index))


def renamed_pieces(text: str, reading: Reading, old: str, new: str, *, root: str = "nodes") -> tuple[Piece, ...]:
    """Stretches of a text to replace: where `<root>.<old>` is read by an expression or a template."""
    if old not in text or root not in text:
        return ()
    pieces: list[Piece] = []
    sources = [(text, 0)] if reading is Reading.EXPRESSION else expressions_in(text)
    for source, offset in sources:
        pieces += ((start + offset, end + offset, name) for start, end, name in _in_expression(source, root, old, new))
    if reading is not Reading.EXPRESSION:
        pieces += _in_template(text, root, old, new)
    return tuple(sorted(set(pieces)))


def _in_expression(source: str, root: str, old: str, new: str) -> Iterator[Piece]:
    try:
        tokens = tokenize(source)
    except SchemaError:
        return
    for before, first, second, third in zip([None, *tokens], tokens, tokens[1:], tokens[2:], strict=False):
        if first[:2] != ("name", root) or (before is not None and before[:2] == ("op", ".")):
            continue
        if second[:2] == ("op", ".") and third[:2] == ("name", old):
            yield third.start, third.end, new
        elif second[:2] == ("op", "[") and third[:2] == ("text", old):
            yield _inside_quotes(third, new)


def _inside_quotes(token: Token, new: str) -> Piece:
    return token.start + 1, token.end - 1, new


def _in_template(text: str, root: str, old: str, new: str) -> Iterator[Piece]:
    for place in compile_template(text).places:
        if place.path[:2] != (root, old):
            continue
        found = re.compile(rf"\{{{root}(?:\.|\[['\"])({re.escape(old)})\b").match(text, place.start)
        if found:
            yield found.start(1), found.end(1), new


def _apply(text: str, pieces: tuple[Piece, ...]) -> str:
    for start, end, new in reversed(pieces):
        text = text[:start] + new + text[end:]
    return text


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
