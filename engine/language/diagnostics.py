"""What is said about a file, where, and under which stable code.

docs/diagnostics.md is generated from `CODES`: `python -m engine.language.diagnostics [--check] [--root DIR]`.
"""

from __future__ import annotations

import argparse
import pathlib
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from engine.language.positions import Patch, Path

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that mends the fault: text patches on the document the diagnostic belongs to."""

    title: str
    patches: tuple[Patch, ...]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `path` leads to the value in the file's data; `start` and `end` are offsets in its text."""

    code: str
    severity: Severity
    message: str
    path: Path
    line: int
    column: int
    node: str | None = None
    fix: Fix | None = None
    start: int = 0
    end: int = 0
    meant: str | None = None  # the known name that was probably meant

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON for the API and the editor."""
        out: dict[str, Any] = {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "path": list(self.path),
            "line": self.line,
            "column": self.column,
            "node": self.node,
            "start": self.start,
            "end": self.end,
        }
        if self.fix is not None:
            patches = [{"start": p.start, "end": p.end, "text": p.text} for p in self.fix.patches]
            out["fix"] = {"title": self.fix.title, "patches": patches}
        return out


class Code(NamedTuple):
    """`severity` is the usual one; a check may raise or lower it where its text says so."""

    severity: Severity
    meaning: str
    mend: str


CODES: dict[str, Code] = {
    "yaml-syntax": Code(
        "error",
        "The text is not YAML, or breaks a bound (1 MB, depth 32, 50,000 values, no tags).",
        "Mend the text at the place shown; nothing else is checked before that.",
    ),
    "yaml-duplicate-key": Code(
        "error", "A key stands twice in one mapping; both lines are named.", "Remove one of the two."
    ),
    "yaml-key": Code("error", "A key is a list, a mapping or empty.", "Use a text as key."),
    "yaml-merge": Code(
        "error", "`<<` takes something that is not a mapping.", "Merge a mapping or a list of mappings."
    ),
    "yaml-number": Code(
        "error", "A number that JSON cannot carry (infinity, more than 64 bits).", "Quote it if it is text."
    ),
    "yaml-character": Code("error", "A text contains NUL.", "Remove the character."),
    "not-a-workflow": Code(
        "error",
        "The file is not a mapping, or has no list of nodes.",
        "Start with name, version, description, category, priority, nodes, edges.",
    ),
    "missing-key": Code("error", "A required key is missing.", "Add the key."),
    "unknown-key": Code(
        "error",
        "A key that the language does not know. Keys that start with `x-` are free. "
        "A warning in places where classic files carry extra keys.",
        "Correct the spelling, or prefix it with `x-` at the top level, in a node or in an edge.",
    ),
    "bad-value": Code(
        "error", "A value has the wrong type or lies outside its range.", "See the node type's page for the field."
    ),
    "bad-name": Code(
        "error",
        "A workflow or node name has characters that names may not have.",
        "Workflow: a-z, 0-9, _ and -, from a letter. Node: letters, digits and _, not from a digit.",
    ),
    "condition-not-text": Code("warning", "A condition is written as a boolean instead of a text.", "Quote it."),
    "too-large": Code("error", "More nodes or edges than a workflow may have.", "Split it into sub-workflows."),
    "unsupported": Code(
        "error",
        "The file uses a part of the language that this version does not run (`extends`, email triggers).",
        "Write the workflow out in one file; start it in another way.",
    ),
    "no-cache": Code(
        "error",
        "A cache at a node that has to do its work each time.",
        "Remove `cache`; it is for models, knowledge, code, and tools and requests that only read.",
    ),
    "duplicate-node": Code("error", "Two nodes have the same name.", "Rename one of them."),
    "unknown-node-type": Code("error", "No node type of that name is installed.", "Choose an installed type."),
    "unknown-tool": Code("error", "No connector offers a tool of that name.", "Choose an installed tool."),
    "unknown-workflow": Code(
        "warning",
        "The sub-workflow does not exist yet; a run that reaches it fails there.",
        "Create it, or correct the name.",
    ),
    "sub-workflow-cycle": Code(
        "error", "The workflow calls itself.", "Call another workflow, or loop inside this one."
    ),
    "unknown-edge-end": Code(
        "error", "An edge starts or ends at a node that does not exist.", "Correct the name or remove the edge."
    ),
    "unknown-reference": Code(
        "error", "An expression or template names a node that does not exist.", "Correct the name."
    ),
    "mirror-disagrees": Code(
        "warning",
        "`next_node` or `conditions[].next_node` says something else than the edges.",
        "Edges are authoritative; the fix makes the mirror follow them.",
    ),
    "left-body": Code(
        "warning",
        "A way out of a loop's body leads to what comes after the loop.",
        "Let the body end before it: lead back to the loop, or to an end.",
    ),
    "missing-start": Code("error", "There is no start node.", "Add a node of type start."),
    "multiple-start": Code("error", "There is more than one start node.", "Keep one."),
    "unreachable-node": Code("warning", "No path leads from start to the node.", "Connect it, or remove it."),
    "no-way-out": Code("error", "A node that is not an end has no edge out.", "Connect it to the next node."),
    "endless-cycle": Code("error", "A cycle that no edge leaves.", "Add an edge with a condition that leaves it."),
    "several-unconditional": Code(
        "error",
        "More than one unconditional edge leaves a node that is not `parallel`.",
        "Give all but one a condition.",
    ),
    "dead-edge": Code(
        "warning", "An edge behind an unconditional one is never taken.", "Move the default edge to the end."
    ),
    "no-default": Code(
        "info",
        "All edges of a node have a condition; a run fails there when none is true.",
        "Add an edge without condition.",
    ),
    "bad-condition": Code("error", "A condition does not parse.", "See docs/language.md for the grammar."),
    "bad-expression": Code(
        "error", "An expression inside a value does not parse.", "See docs/language.md for the grammar."
    ),
    "unknown-fallback": Code(
        "error",
        "A fallback names no node. A warning in classic files (without schema_version).",
        "Name an existing node, or remove the key.",
    ),
    "unknown-target": Code("error", "A node's `on_error` names no node.", "Name an existing node."),
    "unknown-variable": Code("warning", "A variable that the file does not define.", "Define it under `variables`."),
    "unknown-template-path": Code(
        "warning",
        "A template names a place that nothing fills.",
        "Correct the path, give a default (`{path | text}`), or write `{{` for a brace.",
    ),
    "credential-value": Code("error", "A secret stands in the file.", "Store it in the vault and name the credential."),
    "credential-reference": Code(
        "error",
        "An expression or template reads a credential.",
        "Name the credential in the node's `credential` field; its value never enters texts.",
    ),
    "bad-trigger": Code("error", "A trigger misses what its type needs.", "See docs/language.md for its fields."),
}


def documentation() -> str:
    """The text of docs/diagnostics.md."""
    head = """# Diagnostics

What `heddle validate` and the editor say about a workflow file. The codes are stable: scripts may match them.
A file with an error cannot be published or run; warnings and hints do not stop it.

This page is generated from `engine/language/diagnostics.py`; `make fix` writes it again.

| code | severity | what it means | what to do |
|---|---|---|---|
"""
    cell = "| `{}` | {} | {} | {} |\n"
    return head + "".join(
        cell.format(name, code.severity, code.meaning.replace("|", "\\|"), code.mend.replace("|", "\\|"))
        for name, code in sorted(CODES.items())
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with `--check` only say by the exit code whether it is fresh."""
    parser = argparse.ArgumentParser(description="Write docs/diagnostics.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is stale")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    args = parser.parse_args(arguments)
    page: pathlib.Path = args.root / "docs" / "diagnostics.md"
    if args.check:
        return 0 if page.is_file() and page.read_text(encoding="utf-8") == documentation() else 1
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(documentation(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
