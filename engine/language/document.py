"""A workflow file: its text, what it says, and where it says it.

`Document.parse` never raises. A text that is not YAML gives a document without `root` and with one error; a file with
faults gives a `workflow` of what can be read, and errors at their places. Whoever runs a workflow calls `runnable()`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from engine.errors import DefinitionError, SchemaError, YamlError
from engine.language import shape
from engine.language.build import build_workflow
from engine.language.diagnostics import CODES, Diagnostic, Fix, Severity
from engine.language.guard import TooManyValues, yaml_error
from engine.language.model import Node, Workflow
from engine.language.positions import LineIndex, Path, PathKey, Span, line_start
from engine.language.schema_faults import find_faults
from engine.language.tree import Kind, ParsedTree, YamlNode, parse_tree

MAX_REMEMBERED = 16
MAX_REMEMBERED_LENGTH = 200_000


class Document:
    """One text and everything read from it; immutable. Make it with `Document.parse`."""

    def __init__(self, text: str, tree: ParsedTree | None, error: YamlError | None = None) -> None:
        self.text = text
        self.lines = LineIndex(text)
        self.error = error
        self.tree = tree
        self.root: YamlNode | None = tree.root if tree else None
        self.data: Any = self.root.value if self.root else None

    @classmethod
    def parse(cls, text: str) -> Document:
        """Never raises; faults are in `diagnostics`."""
        try:
            return cls(text, parse_tree(text))
        except TooManyValues as err:
            return cls(text, None, _in_nodes(text) or err)
        except YamlError as err:
            return cls(text, None, err)

    @classmethod
    def parse_cached(cls, text: str) -> Document:
        """Like `parse`, for a text that was probably parsed a moment ago, as between two edits of an editor."""
        document = _recent.get(text) or cls.parse(text)
        document.remember()
        return document

    def remember(self) -> None:
        """Keep this document for `parse_cached`."""
        if len(self.text) <= MAX_REMEMBERED_LENGTH:
            _recent.pop(self.text, None)
            _recent[self.text] = self
            while len(_recent) > MAX_REMEMBERED:
                _recent.pop(next(iter(_recent)), None)

    @property
    def tree_problems(self) -> bool:
        """Whether the YAML has faults that were read over, such as a key that is there twice."""
        return self.tree is not None and bool(self.tree.problems)

    @cached_property
    def hash(self) -> str:
        """sha256 of the text, in hex."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def workflow(self) -> Workflow | None:
        """What could be read, None when the file is not a mapping with a list of nodes. See `runnable`."""
        if not isinstance(self.data, dict) or not isinstance(self.data.get("nodes"), list):
            return None
        if len(self.data["nodes"]) > shape.MAX_NODES or len(self.data.get("edges") or ()) > shape.MAX_EDGES:
            return None
        return build_workflow(self.data)

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Faults of the YAML and of the file's fixed shape; `validate.validate` adds what the content means."""
        if self.error is not None:
            start = int(self.error.details.get("offset") or 0)
            return (self.diagnostic("yaml-syntax", self.error.public_message, (), start=start, end=start + 1),)
        return tuple(_shape_diagnostics(self))

    def runnable(self) -> Workflow:
        """The workflow, for running it. Raises YamlError or SchemaError (details: line, column) on the first error."""
        if self.error is not None:
            raise self.error
        first = next((d for d in self.diagnostics if d.is_error), None)
        if first is not None:
            raise SchemaError(first.message, line=first.line, column=first.column)
        if self.workflow is None:
            raise DefinitionError("the file is not a workflow")
        return self.workflow

    # -- places -------------------------------------------------------------------------------------------------

    def find(self, path: Sequence[PathKey]) -> YamlNode | None:
        """The value at `path` as written; aliases on the way are followed, an alias at the end is returned itself."""
        current = self.root
        for step in path:
            if current is not None and current.kind is Kind.ALIAS:
                current = current.items[0]
            current = _child(current, step) if current is not None else None
        return current

    def find_key(self, path: Sequence[PathKey]) -> YamlNode | None:
        """The key of the mapping entry at `path`."""
        if not path or not isinstance(path[-1], str):
            return None
        parent = self.find(path[:-1])
        if parent is not None and parent.kind is Kind.ALIAS:
            parent = parent.items[0]
        entry = parent.entries.get(path[-1]) if parent is not None else None
        return entry.key if entry else None

    def span(self, path: Sequence[PathKey]) -> Span | None:
        """Where the value at `path` stands, None when it is not written out there."""
        node = self.find(path)
        return self.lines.span(node.start, node.end) if node is not None else None

    def place(self, path: Sequence[PathKey]) -> tuple[int, int]:
        """`(start, end)` to show for a finding about `path`: the value if it starts on its key's line, else the key;
        the nearest written place above when the path itself is not written."""
        for length in range(len(path), -1, -1):
            node = self.find(path[:length])
            if node is None:
                continue
            key = self.find_key(path[:length])
            if key is not None and (node.end == node.start or line_start(self.text, node.start) > key.start):
                return key.start, key.end
            if node.kind in (Kind.MAPPING, Kind.SEQUENCE) and length < len(path):
                return node.start, min(node.end, node.start + 1)
            return node.start, node.end
        return 0, 0

    def offset_in_scalar(self, node: YamlNode, offset: int) -> int | None:
        """Offset in the text of the character at `offset` of a scalar's decoded text; None where they do not
        correspond one to one (escapes, folded lines)."""
        if node.kind is not Kind.SCALAR or node.anchor is not None or not isinstance(node.value, str):
            return None
        raw = self.text[node.start : node.end]
        if node.style == "|":
            return self._offset_in_block(node, raw, offset)
        quotes = 1 if node.style in ("'", '"') else 0
        if raw[quotes : len(raw) - quotes] != node.value or offset > len(node.value):
            return None
        return node.start + quotes + offset

    @staticmethod
    def _offset_in_block(node: YamlNode, raw: str, offset: int) -> int | None:
        before = node.value[:offset]
        raw_lines, lines = raw.splitlines(keepends=True), node.value.splitlines()
        line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
        if line + 1 >= len(raw_lines) or line >= len(lines):
            return None
        pad = len(raw_lines[line + 1].rstrip("\r\n")) - len(lines[line])
        return node.start + sum(map(len, raw_lines[: line + 1])) + pad + column if pad >= 0 else None

    def diagnostic(
        self,
        code: str,
        message: str,
        path: Path,
        *,
        severity: Severity | None = None,
        start: int | None = None,
        end: int | None = None,
        fix: Fix | None = None,
        on_key: bool = False,
        meant: str | None = None,
    ) -> Diagnostic:
        """A diagnostic about `path`, or about `text[start:end]` where these are given, or about the path's key."""
        if start is None:
            key = self.find_key(path) if on_key else None
            start, end = (key.start, key.end) if key is not None else self.place(path)
        line, column = self.lines.position(start)
        severity, node = severity or CODES[code].severity, self._node_at(path)
        return Diagnostic(code, severity, message, path, line, column, node, fix, start, end or start, meant)

    def _node_at(self, path: Path) -> str | None:
        """Name of the node that `path` lies in; for an edge, that of its source."""
        if len(path) < 2 or path[0] not in ("nodes", "edges") or not isinstance(self.data, dict):
            return None
        items = self.data.get(path[0])
        item = items[path[1]] if isinstance(items, list) and isinstance(path[1], int) and path[1] < len(items) else None
        name = item.get("name" if path[0] == "nodes" else "from") if isinstance(item, dict) else None
        return name if isinstance(name, str) else None

    def node_index(self, name: str) -> int | None:
        """Place of the first node of that name in the file's list of nodes."""
        nodes = self.data.get("nodes") if isinstance(self.data, dict) else None
        for index, node in enumerate(nodes if isinstance(nodes, list) else ()):
            if isinstance(node, dict) and node.get("name") == name:
                return index
        return None

    def placed_nodes(self) -> list[tuple[int, Node]]:
        """The workflow's nodes with their places in the file's list, which may hold broken ones between them."""
        if self.workflow is None:
            return []
        raw = self.data["nodes"]
        places = [i for i, n in enumerate(raw) if isinstance(n, dict) and isinstance(n.get("name"), str) and n["name"]]
        return list(zip(places, self.workflow.nodes, strict=True))

    def node_lines(self, name: str) -> tuple[int, int] | None:
        """First and last line of a node, both counted from 1."""
        index = self.node_index(name)
        node = self.find(("nodes", index)) if index is not None else None
        if node is None:
            return None
        last = max(node.start, node.end - 1)
        return self.lines.position(node.start)[0], self.lines.position(last)[0]


_recent: dict[str, Document] = {}  # by text, the oldest first


def _child(node: YamlNode, step: PathKey) -> YamlNode | None:
    if isinstance(step, str):
        entry = node.entries.get(step)
        return entry.value if entry else None
    return node.items[step] if 0 <= step < len(node.items) and node.kind is Kind.SEQUENCE else None


_NODES = re.compile(r"^nodes:[ \t]*(?:#.*)?\n(?P<items>(?:(?:[ \t#-].*)?\n)*)", re.MULTILINE)
_ITEM = re.compile(r"^ *- ", re.MULTILINE)


def _in_nodes(text: str) -> YamlError | None:
    """A file that is too large to be read, in the words of who drew it; None where it is not its nodes."""
    found = _NODES.search(text)
    first = _ITEM.search(found["items"]) if found else None
    if found is None or first is None:
        return None
    count = found["items"].count(f"\n{first.group()}") + (1 if first.start() == 0 else 0)
    if count <= shape.MAX_NODES:
        return None
    most = f"{count:,} nodes; a workflow may have {shape.MAX_NODES:,}. Move parts of it into sub-workflows."
    return yaml_error(text, most, found.start())


def _shape_diagnostics(document: Document) -> list[Diagnostic]:
    assert document.tree is not None
    found = [document.diagnostic(p.code, p.message, (), start=p.start, end=p.end) for p in document.tree.problems]
    data = document.data
    if not isinstance(data, dict):
        return [*found, document.diagnostic("not-a-workflow", "the file must be a mapping of keys to values", ())]
    for section, limit in (("nodes", shape.MAX_NODES), ("edges", shape.MAX_EDGES)):
        if isinstance(data.get(section), list) and len(data[section]) > limit:
            message = f"more than {limit:,} {section}"
            return [*found, document.diagnostic("too-large", message, (section,))]
    for fault in find_faults(shape.FileShape, data):
        if fault.code != "unknown-key":
            found.append(document.diagnostic(fault.code, fault.message, fault.path, meant=fault.suggestion))
        elif not (_is_free(fault.path) and str(fault.path[-1]).startswith("x-")):
            severity: Severity = "error" if _is_closed(fault.path) else "warning"
            diagnostic = document.diagnostic(
                "unknown-key", fault.message, fault.path, severity=severity, on_key=True, meant=fault.suggestion
            )
            found.append(diagnostic)
    return found


def _is_free(path: Path) -> bool:
    """May this place carry `x-*` keys? The top level, nodes and edges."""
    return len(path) == 1 or (len(path) == 3 and path[0] in ("nodes", "edges"))


def _is_closed(path: Path) -> bool:
    """Is an unknown key an error here? At the top level and directly in nodes, edges and triggers."""
    return _is_free(path) or (len(path) == 3 and path[0] == "triggers")
