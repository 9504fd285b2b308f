"""Is each node all right by itself? Names, types, configs, tools, sub-workflows, triggers, secrets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from engine.language import fixes, node_types
from engine.language.diagnostics import Diagnostic
from engine.language.document import Document
from engine.language.fields import fields_with_widget
from engine.language.model import Node
from engine.language.positions import Path
from engine.language.schema_faults import Fault, find_faults
from engine.language.suggest import did_you_mean, nearest
from engine.language.trigger_checks import check_triggers

_SECRET_KEY = re.compile(
    r"(?i)(?:.*[_-])?(?:api[_-]?key|secret|password|passwd|access[_-]?token|auth[_-]?token|bearer[_-]?token|private[_-]?key"
    r"|client[_-]?secret|authorization)"
)
_SECRET_VALUE = re.compile(
    r"sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.|Bearer [A-Za-z0-9._~+/-]{20,}"
    r"|AIza[0-9A-Za-z_-]{30,}|[sr]k_live_[0-9A-Za-z]{16,}"
)
_PLACEHOLDER = re.compile(r"(?i)\W*(?:your|my|the|some|example|placeholder|change|insert|todo|x{3,}|\*{3,}|\.{3}).*")
_REFERENCES = ("context.", "nodes.", "inputs.", "variables.")
SECRET_PLACE = "YOUR_SECRET"  # noqa: S105  (the opposite of one)


def check_nodes(
    document: Document, tools: Collection[str] | None, workflows: Collection[str] | None
) -> Iterator[Diagnostic]:
    first_lines: dict[str, int] = {}
    for index, node in document.placed_nodes():
        yield from _name(document, index, node, first_lines)
        yield from _type_and_config(document, index, node)
        yield from _tools(document, index, node, tools)
        yield from _cache(document, index, node, tools)
        yield from _sub_workflows(document, index, node, workflows)
    if document.data.get("extends") is not None:
        message = "`extends` is not supported yet; the file must hold the whole workflow"
        yield document.diagnostic("unsupported", message, ("extends",))
    yield from check_triggers(document)
    yield from _secrets(document, document.data, ())


def _name(document: Document, index: int, node: Node, first_lines: dict[str, int]) -> Iterator[Diagnostic]:
    path: Path = ("nodes", index, "name")
    line = document.lines.position(document.place(path)[0])[0]
    if node.name not in first_lines:
        first_lines[node.name] = line
        return
    taken = {n.name for _, n in document.placed_nodes()}
    free = next(f"{node.name}_{n}" for n in range(2, len(taken) + 3) if f"{node.name}_{n}" not in taken)
    message = f"there are two nodes named `{node.name}`: lines {first_lines[node.name]} and {line}"
    yield document.diagnostic("duplicate-node", message, path, fix=fixes.replace_value(document, path, free))


def _type_and_config(document: Document, index: int, node: Node) -> Iterator[Diagnostic]:
    kind = node_types.get(node.type)
    if kind is None:
        if not node.type:
            return  # the shape has said so
        known = [t.type for t in node_types.all_types()]
        path: Path = ("nodes", index, "type")
        meant = nearest(node.type, known)
        message = f"there is no node type `{node.type}`{did_you_mean(node.type, known)}"
        fix = fixes.replace_value(document, path, meant) if meant else None
        yield document.diagnostic("unknown-node-type", message, path, fix=fix)
        return
    for fault in find_faults(kind.config_model, dict(node.config), ("nodes", index, "config")):
        yield config_diagnostic(document, fault)


def config_diagnostic(document: Document, fault: Fault) -> Diagnostic:
    """A fault of a config as a diagnostic, with its fix where there is one."""
    found = document.diagnostic(
        fault.code, fault.message, fault.path, on_key=fault.code == "unknown-key", meant=fault.suggestion
    )
    return fixes.with_fix(document, found)


def _names_in(node: Node, widget: str) -> Iterator[tuple[Path, str]]:
    """Names written in the fields with this widget: one text or a list of texts. References are left out."""
    for field in fields_with_widget(node_types.get(node.type), widget):
        value = node.config.get(field)
        listed = value if isinstance(value, list) else [value]
        for at, name in enumerate(listed):
            if isinstance(name, str) and name and "${" not in name and not name.startswith("context."):
                yield ("config", field, at) if isinstance(value, list) else ("config", field), name


def _tools_in(node: Node) -> Iterator[tuple[Path, str]]:
    """Names of tools: in fields of their own, and inside others (the steps of a saga)."""
    yield from _names_in(node, "tool")
    kind = node_types.get(node.type)
    for path, name in kind.tool_names(node.config) if kind else ():
        yield ("config", *path), name


def _tools(document: Document, index: int, node: Node, tools: Collection[str] | None) -> Iterator[Diagnostic]:
    if tools is None:
        return
    for path, name in _tools_in(node):
        if name in tools:
            continue
        at: Path = ("nodes", index, *path)
        meant = nearest(name, tools)
        fix = fixes.replace_value(document, at, meant) if meant else None
        message = f"there is no tool `{name}`{did_you_mean(name, tools)}"
        yield document.diagnostic("unknown-tool", message, at, fix=fix)


def _cache(document: Document, index: int, node: Node, tools: Collection[str] | None) -> Iterator[Diagnostic]:
    """A cache at a node whose answers cannot be kept would do nothing."""
    kind = node_types.get(node.type)
    if node.cache is None or kind is None:
        return
    reason = kind.uncacheable(node.config, tools if isinstance(tools, Mapping) else {})
    if reason is not None:
        path: Path = ("nodes", index, "cache")
        message = f"a cache does nothing here: {reason}"
        yield document.diagnostic("no-cache", message, path, on_key=True)


def _sub_workflows(
    document: Document, index: int, node: Node, workflows: Collection[str] | None
) -> Iterator[Diagnostic]:
    assert document.workflow is not None
    for path, name in _names_in(node, "workflow"):
        at: Path = ("nodes", index, *path)
        if name == document.workflow.name:
            yield document.diagnostic("sub-workflow-cycle", f"`{name}` calls itself", at)
        elif workflows is not None and name not in workflows:
            meant = nearest(name, workflows)
            fix = fixes.replace_value(document, at, meant) if meant else None
            message = f"there is no workflow `{name}` yet{did_you_mean(name, workflows)}"
            yield document.diagnostic("unknown-workflow", message, at, fix=fix)


def _secrets(document: Document, value: Any, path: Path) -> Iterator[Diagnostic]:
    """Values that look like secrets. The message never repeats them."""
    if isinstance(value, dict):
        in_credentials = len(path) == 2 and path[0] == "credentials"
        for key, item in value.items():
            at: Path = (*path, key)
            if not isinstance(item, str):
                yield from _secrets(document, item, at)
            elif is_secret(key, item, in_credentials=in_credentials):
                message = f"the value of `{key}` looks like a secret; it belongs in the vault"
                yield document.diagnostic("credential-value", message, at)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, str) and is_secret("", item):
                message = "this text looks like a secret; it belongs in the vault"
                yield document.diagnostic("credential-value", message, (*path, index))
            else:
                yield from _secrets(document, item, (*path, index))


def is_secret(key: str, value: str, *, in_credentials: bool = False) -> bool:
    """Does the text under this key look like a secret, and not like a reference or a placeholder?"""
    if in_credentials and key in ("value", "token", "key", "secret", "password"):
        return bool(value) and not value.startswith("${")
    if len(value) >= 15 and _SECRET_VALUE.search(value):
        return True
    if not key or not _SECRET_KEY.fullmatch(key) or len(value) < 8 or " " in value.removeprefix("Bearer "):
        return False
    return not (value.startswith(_REFERENCES) or "{" in value or _PLACEHOLDER.fullmatch(value))


def without_secret(key: str, value: str) -> str:
    """The text with a placeholder for each secret in it, so that `is_secret` says no."""
    value = _SECRET_VALUE.sub(SECRET_PLACE, value)
    return SECRET_PLACE if is_secret(key, value) else value
