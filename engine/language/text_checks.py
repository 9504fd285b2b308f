"""Do the conditions, expressions and templates of a file parse, and do they name things that exist?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.errors import SchemaError
from engine.language import fixes, node_types
from engine.language.build import condition_text
from engine.language.diagnostics import Diagnostic, Fix
from engine.language.document import Document
from engine.language.expression_syntax import ROOTS, PathRef
from engine.language.expressions import compile_expression, walk
from engine.language.fields import FieldText, Reading, texts_of
from engine.language.known_paths import KnownPaths
from engine.language.positions import Path
from engine.language.resolve import expressions_in
from engine.language.suggest import did_you_mean, nearest
from engine.language.templates import Place, compile_template

_WORD_FIXES = (("&&", "and"), ("||", "or"), ("===", "=="), ("=", "=="), ("<>", "!="))


def check_texts(document: Document, tools: Mapping[str, Any] | None) -> Iterator[Diagnostic]:
    """`tools` maps names to ToolSpecs where they are known: what a tool returns can be read by templates."""
    assert document.workflow is not None
    names = {node.name for node in document.workflow.nodes}
    yield from _conditions(document, names)
    yield from _filters(document, names)
    known = KnownPaths(document.workflow, tools)
    for index, node in document.placed_nodes():
        kind = node_types.get(node.type)
        for found in texts_of(kind, node.config):
            at: Path = ("nodes", index, "config", *found.path)
            if "{" in found.text and found.reading is Reading.TEMPLATE:
                yield from _template(document, at, found.text, names, known)
            elif found.reading is not Reading.TEMPLATE:
                yield from _value(document, at, found, names)
        key = (node.cache or {}).get("key")
        if isinstance(key, str) and "{" in key:
            yield from _template(document, ("nodes", index, "cache", "key"), key, names, known)


def _conditions(document: Document, names: set[str]) -> Iterator[Diagnostic]:
    raw = document.data.get("edges")
    for index, edge in enumerate(raw if isinstance(raw, list) else ()):
        condition = edge.get("condition") if isinstance(edge, dict) else None
        if condition is None:
            continue
        path: Path = ("edges", index, "condition")
        if isinstance(condition, bool):
            message = f'the condition is written as a boolean; write "{condition_text(condition)}"'
            yield document.diagnostic("condition-not-text", message, path, fix=fixes.quote(document, path))
        elif not isinstance(condition, str):
            yield document.diagnostic("bad-value", "`condition` must be a text", path)
        else:
            yield from _expression(document, path, condition, 0, names=names, code="bad-condition")


def _filters(document: Document, names: set[str]) -> Iterator[Diagnostic]:
    """What decides whether an event starts a run: its payload is the `context`."""
    raw = document.data.get("triggers")
    for index, trigger in enumerate(raw if isinstance(raw, list) else ()):
        config = trigger.get("config") if isinstance(trigger, dict) and trigger.get("type") == "event" else None
        written = config.get("filter") if isinstance(config, dict) else None
        if isinstance(written, str):
            path: Path = ("triggers", index, "config", "filter")
            yield from _expression(document, path, written, 0, names=names, code="bad-expression")


def _value(document: Document, path: Path, found: FieldText, names: set[str]) -> Iterator[Diagnostic]:
    if found.reading is Reading.EXPRESSION:
        yield from _expression(document, path, found.text, 0, names=names, code="bad-expression")
        return
    for source, offset in expressions_in(found.text):
        yield from _expression(document, path, source, offset, names=names, code="bad-expression")


def _expression(
    document: Document, path: Path, source: str, offset: int, *, names: set[str], code: str
) -> Iterator[Diagnostic]:
    """`offset` is where the expression starts in the text at `path`."""
    try:
        expression = compile_expression(source)
    except SchemaError as err:
        column = int(err.details["column"])
        if "credentials" in err.public_message:
            code = "credential-reference"
        fix = _word_fix(document, path, source, offset, column)
        yield _at_column(document, code, err.public_message, path, offset + column - 1, fix=fix)
        return
    for part in expression.paths:
        if part[0] not in ("nodes", "variables") or len(part) < 2:
            continue
        column = next(s.column for s in walk(expression.tree) if isinstance(s, PathRef) and s.path == part)
        yield from _reference(document, path, offset + column - 1, part, names)


def _reference(
    document: Document, path: Path, offset: int, part: tuple[str | int, ...], names: set[str]
) -> Iterator[Diagnostic]:
    """Does `nodes.<name>` or `variables.<name>` exist?"""
    assert document.workflow is not None
    name = str(part[1])
    if part[0] == "nodes" and name not in names:
        message = f"there is no node `{name}`{did_you_mean(name, names)}"
        meant = nearest(name, names)
        fix = fixes.swap_words(document, path, offset, f"nodes.{name}", f"nodes.{meant}") if meant else None
        yield _at_column(document, "unknown-reference", message, path, offset, fix=fix)
    elif part[0] == "variables" and name not in document.workflow.variables:
        message = f"there is no variable `{name}`{did_you_mean(name, document.workflow.variables)}"
        yield _at_column(document, "unknown-variable", message, path, offset)


def _word_fix(document: Document, path: Path, source: str, offset: int, column: int) -> Fix | None:
    rest = source[column - 1 :]
    for wrong, right in _WORD_FIXES:
        if rest.startswith(wrong):
            return fixes.swap_words(document, path, offset + column - 1, wrong, right)
    return None


def _template(document: Document, path: Path, text: str, names: set[str], known: KnownPaths) -> Iterator[Diagnostic]:
    for place in compile_template(text).places:
        first = str(place.path[0])
        if first == "credentials":
            message = "a template cannot read a credential"
            yield _at_column(document, "credential-reference", message, path, place.start)
        elif first in ("nodes", "variables") and len(place.path) > 1 and not known.has_key(first):
            yield from _reference(document, path, place.start + 1, place.path, names)
        elif place.default is None and (complaint := _unknown(place, known)):
            yield _at_column(document, "unknown-template-path", complaint, path, place.start)


def _unknown(place: Place, known: KnownPaths) -> str | None:
    """Why nothing fills the place, None when something does or may."""
    first = str(place.path[0])
    if first == "context":
        return _unknown_key(str(place.path[1]), known) if len(place.path) > 1 else None
    if first in ROOTS:
        return None
    return _unknown_key(first, known)


def _unknown_key(key: str, known: KnownPaths) -> str | None:
    if known.has_key(key):
        return None
    meant = nearest(key, known.keys)
    if meant is None and known.is_open:
        return None
    return f"nothing in this workflow fills `{key}`" + (f"; did you mean `{meant}`?" if meant else "")


def _at_column(
    document: Document, code: str, message: str, path: Path, offset: int, *, fix: Fix | None = None
) -> Diagnostic:
    """A diagnostic at the character `offset` of the decoded text at `path`, as exactly as its quoting allows."""
    node = document.find(path)
    start = document.offset_in_scalar(node, offset) if node is not None else None
    if start is None:
        return document.diagnostic(code, message, path, fix=fix)
    return document.diagnostic(code, message, path, start=start, end=start + 1, fix=fix)
