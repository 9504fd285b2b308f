"""Generates docs/nodes/<type>.md, docs/nodes/README.md and docs/workflow.schema.json from the registered node types.

    python -m engine.nodes.docs [--check] [--root DIR]

`--check` writes nothing and exits with 1 when a file is stale, missing or left over.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import engine.nodes
from engine.language.node_types import NodeConfig, NodeType, all_types
from engine.language.schema import language_schema

FOLDER = "docs/nodes"
SCHEMA_FILE = "docs/workflow.schema.json"
_NOTICE = "<!-- Generated from the node type by `python -m engine.nodes.docs`; do not edit. -->"


def generated_files() -> dict[str, str]:
    """Every generated file: path below the root -> text."""
    engine.nodes.load()
    types = list(all_types())
    files = {f"{FOLDER}/{node_type.type}.md": page(node_type) for node_type in types}
    files[f"{FOLDER}/README.md"] = _index(types)
    files[SCHEMA_FILE] = json.dumps(language_schema(), indent=2, ensure_ascii=False) + "\n"
    return files


def page(node_type: NodeType) -> str:
    """The page of one node type, in Markdown."""
    about = inspect.getdoc(inspect.getmodule(type(node_type))) or node_type.summary
    parts = [
        f"# {node_type.title}",
        _NOTICE,
        f"`type: {node_type.type}` · {node_type.summary}",
        _without_name(about, node_type.type),
        f"## Example\n\n```yaml\n{node_type.example.rstrip()}\n```",
        "## Config\n\n" + "\n".join(_table(node_type.config_model)),
        "## Behaviour\n\n" + "\n".join(f"- {line}" for line in _behaviour(node_type)),
    ]
    return "\n\n".join(parts) + "\n"


def stale(root: Path) -> list[str]:
    """Generated files that are missing, differ, or belong to a node type that is gone."""
    wanted = generated_files()
    wrong = [name for name, text in wanted.items() if _read(root / name) != text]
    folder = root / FOLDER
    extra = [f"{FOLDER}/{path.name}" for path in folder.glob("*.md")] if folder.is_dir() else []
    return sorted([*wrong, *(name for name in extra if name not in wanted)])


def write(root: Path) -> list[str]:
    """Bring the files up to date; returns the names of those that changed."""
    changed = stale(root)
    wanted = generated_files()
    for name in changed:
        path = root / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], encoding="utf-8", newline="\n")
        else:
            path.unlink()
    return changed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.nodes.docs", description="Generate docs of the node types.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository's folder")
    options = parser.parse_args(arguments)
    names = stale(options.root) if options.check else write(options.root)
    for name in names:
        sys.stdout.write(f"{'stale' if options.check else 'written'}: {name}\n")
    return 1 if options.check and names else 0


def _read(path: Path) -> str | None:
    return path.read_bytes().decode() if path.is_file() else None


def _without_name(about: str, name: str) -> str:
    """The module's docstring without the `name:` it starts with."""
    text = about.removeprefix(f"{name}:").strip()
    return text[:1].upper() + text[1:]


def _index(types: list[NodeType]) -> str:
    rows = [f"| [{t.type}]({t.type}.md) | {t.group.value} | {t.summary} |" for t in types]
    return "\n".join(["# Node types", "", _NOTICE, "", "| type | group | what it does |", "|---|---|---|", *rows, ""])


def _table(model: type[NodeConfig]) -> Iterator[str]:
    yield "| field | type | default | meaning |"
    yield "|---|---|---|---|"
    schema = model.model_json_schema()
    yield from _rows(schema, schema.get("$defs", {}), "")


def _rows(schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """A row for every field, those of nested models below their own with a dotted name."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else _code(field.get("default"))
        meaning = str(field.get("description", field.get("title", "")))
        if "unit" in field:
            meaning += f" Unit: {field['unit']}."
        cells = (f"`{prefix}{name}`", _type(field, definitions), default, meaning)
        yield (
            "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ") for cell in cells) + " |"
        )
        for inner in _models(field, definitions):
            yield from _rows(inner, definitions, f"{prefix}{name}.")


def _models(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part in (field, field.get("items", {}), *field.get("anyOf", ())):
        if "$ref" in part:
            yield definitions[part["$ref"].rpartition("/")[2]]


def _type(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        parts = [_type(part, definitions) for part in field["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(parts))
    if "$ref" in field:
        return "mapping"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}), definitions)}"
    names = {
        "string": "text",
        "boolean": "true/false",
        "object": "mapping",
        "number": "number",
        "integer": "whole number",
    }
    return names.get(str(field.get("type")), "any") + _range(field)


def _range(field: Mapping[str, Any]) -> str:
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum")
    if low is None and high is None:
        return ""
    if high is None:
        return f" above {low:g}" if "exclusiveMinimum" in field else f" from {low:g}"
    if "exclusiveMinimum" in field:
        return f" above {low:g}, up to {high:g}"
    return f" up to {high:g}" if low is None else f" {low:g} to {high:g}"


def _code(default: Any) -> str:
    return "" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"


def _behaviour(node_type: NodeType) -> Iterator[str]:
    if not node_type.runnable:
        yield "Drawn only: it never runs, and no edge may lead to it."
        return
    if node_type.entry:
        yield "Every workflow has exactly one."
    if node_type.effect:
        yield "Touches the outside world: everything before it is durable when it starts."
        yield "Every attempt carries the same idempotency key."
    else:
        yield "Touches nothing outside the run; after a crash it may be computed again."
    if node_type.long:
        yield "May take long: a call that waits for its answer moves to a worker here."
    families = getattr(node_type, "families", ())
    if families:
        yield "Its failures also count as " + ", ".join(f"`{name}`" for name in families) + "."


if __name__ == "__main__":
    sys.exit(main())
