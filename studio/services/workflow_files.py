"""A tenant's workflows as a folder that git keeps well: the text as it is, and what goes with it beside it.

name.yaml             the draft, byte for byte          .layout/name.yaml      its layout
golden/name.yaml      its golden set                    pins/name.yaml         outputs that are pinned: node -> output
versions/name/2.yaml  a published version, byte for byte, and .layout/2.yaml there its layout
versions/name/index.yaml  `{live: 2, versions: {2: {at: "2026-01-31T12:00:00+00:00", note: "why"}}}`

Nothing is read but what is named so: a folder from elsewhere cannot lead out of itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from engine.errors import ConfigError, YamlError
from engine.language.guard import check_bounds

Json = Any
Read = Callable[[str], "str | None"]  # path within the folder -> text, None where there is no such file

MAX_TEXT = 1_000_000  # characters of a workflow's text, wherever it comes in; the parser's own bound lies above it
MAX_VERSIONS = 1_000
MAX_NOTE = 2_000
LAYOUT = ".layout"
GOLDEN = "golden"
PINS = "pins"
VERSIONS = "versions"
BESIDE = (LAYOUT, GOLDEN, PINS, VERSIONS)  # folders that hold no drafts
SHIPPED = Path(__file__).resolve().parents[2] / "workflows"
SHIPPED_NOTE = "Shipped with Heddle"  # the note of versions that a new tenant begins with
REPORT = "import"  # the layout's part that tells what an import made of each node: the draft's own, in no file
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class VersionFile:
    """A published version as it lies on disk. `at`: when it was published."""

    number: int
    text: str
    layout: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WorkflowFiles:
    """One workflow as it lies on disk. `live`: the number of the version that answers, `pins`: node -> output."""

    text: str
    layout: Mapping[str, Any] = field(default_factory=dict)
    golden: str | None = None
    versions: tuple[VersionFile, ...] = ()
    live: int | None = None
    pins: Mapping[str, Json] = field(default_factory=dict)


def contents(name: str, files: WorkflowFiles) -> dict[str, str]:
    """Path within the folder -> text."""
    found = {f"{name}.yaml": files.text, **_layout(f"{LAYOUT}/{name}.yaml", files.layout)}
    if files.golden is not None:
        found[f"{GOLDEN}/{name}.yaml"] = files.golden
    if files.pins:
        found[f"{PINS}/{name}.yaml"] = _dumped(files.pins)
    place = f"{VERSIONS}/{name}"
    for one in files.versions:
        found[f"{place}/{one.number}.yaml"] = one.text
        found |= _layout(f"{place}/{LAYOUT}/{one.number}.yaml", one.layout)
    if files.versions:
        facts = {one.number: {"at": one.at.isoformat() if one.at else None, "note": one.note} for one in files.versions}
        found[f"{place}/index.yaml"] = _dumped({"live": files.live, "versions": facts})
    return found


def read_beside(name: str, text: str, read: Read) -> WorkflowFiles:
    """The workflow of this name and text with what lies beside it; raises ConfigError for what cannot be that."""
    layout_path, layout = _first(f"{LAYOUT}/{name}", read)
    _, golden = _first(f"{GOLDEN}/{name}", read)
    pins_path, pins = _first(f"{PINS}/{name}", read)
    versions, live = _versions(f"{VERSIONS}/{name}", read)
    return WorkflowFiles(
        text,
        parse_layout(layout, layout_path) if layout is not None else {},
        golden,
        versions,
        live,
        _parsed_pins(pins, pins_path) if pins is not None else {},
    )


def parse_layout(text: str, path: str) -> dict[str, Any]:
    """Raises ConfigError for anything but `nodes: {name: [x, y]}` with further keys beside it."""
    found = _loaded(text, path, "a layout")
    nodes = found.get("nodes", {}) if isinstance(found, dict) else None
    if not isinstance(nodes, dict) or not all(_is_place(place) for place in nodes.values()):
        raise ConfigError(f"{path} is not a layout: it needs `nodes:` with name: [x, y]")
    return dict(found)


def _is_place(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(number, int | float) for number in value)


def _versions(place: str, read: Read) -> tuple[tuple[VersionFile, ...], int | None]:
    path = f"{place}/index.yaml"
    if (text := read(path)) is None:
        return (), None
    index = _loaded(text, path, "a list of versions")
    facts = index.get("versions") if isinstance(index, dict) else None
    if not isinstance(facts, dict) or len(facts) > MAX_VERSIONS or not all(map(_is_number, facts)):
        raise ConfigError(f"{path} needs `versions:` with a number for each, {MAX_VERSIONS:,} at most")
    found = tuple(_version(place, number, facts[number], read) for number in sorted(facts))
    live = index.get("live")
    if live is not None and (not _is_number(live) or live not in facts):
        raise ConfigError(f"{path}: version {live!r}, which is live, is not among them")
    return found, live


def _version(place: str, number: int, facts: Json, read: Read) -> VersionFile:
    said = facts if isinstance(facts, dict) else {}
    if (text := read(f"{place}/{number}.yaml")) is None:
        raise ConfigError(f"{place}/{number}.yaml is missing")
    path = f"{place}/{LAYOUT}/{number}.yaml"
    layout = read(path)
    note = said.get("note") or ""
    if not isinstance(note, str) or len(note) > MAX_NOTE:
        raise ConfigError(f"{place}/index.yaml: the note of version {number} is no text of {MAX_NOTE:,} characters")
    shown = parse_layout(layout, path) if layout is not None else {}
    return VersionFile(number, text, shown, note, _moment(f"{place}/index.yaml", said.get("at")))


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 1_000_000


def _moment(path: str, at: Json) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(at)) if at is not None else None
    except ValueError as err:
        raise ConfigError(f"{path}: {str(at)[:40]!r} is no moment") from err
    if found is not None and found.tzinfo is None:
        raise ConfigError(f"{path}: {str(at)[:40]!r} needs a time zone")
    return found


def _parsed_pins(text: str, path: str) -> dict[str, Json]:
    found = _loaded(text, path, "pinned outputs")
    if not isinstance(found, dict) or not all(isinstance(node, str) for node in found):
        raise ConfigError(f"{path} does not hold pinned outputs: it needs an output for each node")
    try:
        json.dumps(found, allow_nan=False)
    except (TypeError, ValueError) as err:
        raise ConfigError(f"{path}: an output is no JSON") from err
    return found


def _first(stem: str, read: Read) -> tuple[str, str | None]:
    paths = [f"{stem}{suffix}" for suffix in _SUFFIXES]
    return next(((path, text) for path in paths if (text := read(path)) is not None), (paths[0], None))


def _loaded(text: str, path: str, what: str) -> Json:
    """Within the bounds of untrusted YAML."""
    try:
        check_bounds(text)
        return yaml.safe_load(text)
    except (YamlError, yaml.YAMLError, ValueError) as err:
        raise ConfigError(f"{path} is not {what}: it is not the YAML that Heddle accepts") from err


class _LayoutDumper(yaml.SafeDumper):
    """Mappings over several lines, lists of coordinates on one."""


_LayoutDumper.add_representer(
    list, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)
)


def layout_text(layout: Mapping[str, Any]) -> str:
    """The one way a layout is written: keys sorted, coordinates on one line, so that diffs stay small."""
    return str(yaml.dump(dict(layout), Dumper=_LayoutDumper, default_flow_style=False, allow_unicode=True, width=120))


def _layout(path: str, layout: Mapping[str, Any]) -> dict[str, str]:
    kept = {part: value for part, value in layout.items() if part != REPORT}
    return {path: layout_text(kept)} if kept else {}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, so that a diff shows lines."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _dumped(data: Mapping[Any, Json]) -> str:
    return str(yaml.dump(dict(data), Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=120))
