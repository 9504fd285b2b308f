"""Who may import whom, read from the syntax tree of every file; nothing is imported, nothing is exempt.

The rules are those of docs/ARCHITECTURE.md: four floors with arrows down only, rooms inside the engine, and the way
from a page to a row.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("engine", "connectors", "runners", "studio")  # from the ground up
MAX_LINES = 500
MAX_FUNCTION_LINES = 80

_DATABASE = {"sqlalchemy", "sqlmodel", "psycopg", "alembic"}
_OUTSIDE = {"reflex", "rq", "redis", "litellm", "httpx"}
# A module below the key must not import anything below the values; every key that fits applies.
FORBIDDEN: dict[str, set[str]] = {
    "engine": _OUTSIDE,
    "engine.language": {"engine.store", "engine.nodes", "engine.router", "engine.evals"} | _DATABASE,
    "engine.execution": {"engine.store", "engine.nodes", "engine.router", "engine.evals"} | _DATABASE,
    "engine.nodes": {"engine.store", "engine.router", "engine.evals"} | _DATABASE,
    "engine.router": {"engine.store", "engine.nodes", "engine.evals"} | _DATABASE,
    "engine.importers": {"engine.store", "engine.router", "engine.evals"} | _DATABASE,
    "connectors": {"reflex", "rq"},
    "runners": {"reflex"},
    "studio.services": {"reflex", "studio.pages", "studio.components", "studio.api", "rq", "litellm"},
    "studio.api": {"reflex", "studio.pages", "studio.components", "rq", "litellm"},
    "studio.pages": {"engine.store", "runners", "connectors", "redis", "rq", "litellm"} | _DATABASE,
    "studio.components": {"engine.store", "runners", "connectors", "redis", "rq", "litellm"} | _DATABASE,
    "studio.editor": {"engine.store", "runners", "connectors", "redis", "rq", "litellm"} | _DATABASE,
}
for _number, _floor in enumerate(FLOORS):
    FORBIDDEN.setdefault(_floor, set()).update(FLOORS[_number + 1 :])
# The studio reaches runs only through this door, and the data folder through those of the embedded servers.
STUDIO_DOORS = ("runners.client", "runners.requests", "runners.connections")
_STUDIO_BUT_COMMANDS = ("studio.services", "studio.api", "studio.auth", "studio.container", "studio.serve")


def below(name: str, prefix: str) -> bool:
    """Whether `name` is `prefix` or lies inside it."""
    return name == prefix or name.startswith(f"{prefix}.")


def modules(root: Path) -> dict[str, Path]:
    """Every module of the four floors by its dotted name."""
    found = {}
    for floor in FLOORS:
        for path in sorted((root / floor).rglob("*.py")):
            if "__pycache__" not in path.parts:
                name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
                found[name] = path
    return found


def imports(path: Path, module: str) -> Iterator[str]:
    """Absolute names of everything that the file imports, also inside functions and for type checking."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                above = ".".join(parts[: len(parts) - node.level + 1])
                base = f"{above}.{base}" if base else above
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _is_dynamic_import(node):
            yield str(node.args[0].value)  # type: ignore[attr-defined]


def _is_dynamic_import(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    named = bool(node.args) and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    return name in ("import_module", "__import__") and named


def wrong_arrows(root: Path) -> list[str]:
    """Every import that breaks a rule, as "module -> what"."""
    wrong = []
    for module, path in modules(root).items():
        banned = {name for prefix, names in FORBIDDEN.items() if below(module, prefix) for name in names}
        for name in sorted(set(imports(path, module))):
            if any(below(name, prefix) for prefix in banned) or _past_the_doors(module, name):
                wrong.append(f"{module} -> {name}")
    return wrong


def _past_the_doors(module: str, name: str) -> bool:
    inside = any(below(module, prefix) for prefix in _STUDIO_BUT_COMMANDS)
    return inside and below(name, "runners") and name != "runners" and not any(below(name, d) for d in STUDIO_DOORS)


def folder_circles(root: Path) -> list[str]:
    """Folders inside the engine that import each other, directly or around a corner."""
    arrows: dict[str, set[str]] = {}
    for module, path in modules(root).items():
        here = _room(module)
        if here:
            there = {_room(name) for name in imports(path, module)}
            arrows.setdefault(here, set()).update(room for room in there if room and room != here)
    return sorted(" -> ".join([*circle, circle[0]]) for circle in _circles(arrows))


def _room(name: str) -> str:
    parts = name.split(".")
    is_folder = len(parts) > 1 and parts[0] == "engine" and (ROOT / "engine" / parts[1]).is_dir()
    return ".".join(parts[:2]) if is_folder else ""


def _circles(arrows: dict[str, set[str]]) -> Iterator[tuple[str, ...]]:
    def walk(room: str, trail: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for there in sorted(arrows.get(room, ())):
            if there == trail[0]:
                yield trail
            elif there not in trail and there > trail[0]:  # each circle once: from its first name
                yield from walk(there, (*trail, there))

    for start in sorted(arrows):
        yield from walk(start, (start,))


def too_long(root: Path) -> list[str]:
    """Files and functions over the limit."""
    wrong = []
    for module, path in modules(root).items():
        text = path.read_text("utf-8")
        if (lines := text.count("\n")) > MAX_LINES:
            wrong.append(f"{module} has {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    wrong.append(f"{module}.{node.name} has {length} lines")
    return wrong


def environment_readers(root: Path) -> list[str]:
    """Modules that look into os.environ; only engine/settings.py may."""
    wrong = []
    for module, path in modules(root).items():
        if module == "engine.settings":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"):
                if isinstance(node.value, ast.Name) and node.value.id == "os":
                    wrong.append(f"{module}:{node.lineno}")
            elif (
                isinstance(node, ast.ImportFrom)
                and node.module == "os"
                and any(alias.name in ("environ", "getenv") for alias in node.names)
            ):
                wrong.append(f"{module}:{node.lineno}")
    return wrong


def test_arrows_point_down() -> None:
    assert wrong_arrows(ROOT) == []


def test_no_folder_circles_in_the_engine() -> None:
    assert folder_circles(ROOT) == []


def test_files_and_functions_stay_short() -> None:
    assert too_long(ROOT) == []


def test_only_settings_reads_the_environment() -> None:
    assert environment_readers(ROOT) == []


def test_folders_that_must_not_shadow_packages_have_no_init() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()
    assert not (ROOT / "workflows" / "__init__.py").exists()


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("engine/language/x.py", "from ..store import session"),
        ("engine/nodes/x.py", "from engine import store"),
        ("engine/router/x.py", "import sqlalchemy as sa"),
        ("engine/importers/n8n/x.py", "from engine.store import session"),
        ("engine/x.py", "def f():\n    import httpx"),
        ("engine/x.py", "import importlib\nimportlib.import_module('redis')"),
        ("engine/execution/x.py", "from engine.nodes.agent import AgentNode"),
        ("connectors/x.py", "from runners.client import RunClient"),
        ("connectors/x.py", "from studio.services import runs"),
        ("runners/x.py", "import studio.cli"),
        ("runners/x.py", "import reflex as rx"),
        ("studio/services/x.py", "import reflex as rx"),
        ("studio/services/x.py", "from runners.worker import run_worker"),
        ("studio/api/x.py", "from runners.runtime import Runtime"),
        ("studio/pages/x.py", "from sqlmodel import select"),
        ("studio/pages/x.py", "from engine.store.access import workflows"),
        ("studio/editor/x.py", "from runners.client import RunClient"),
    ],
)
def test_a_wrong_arrow_is_found(tmp_path: Path, file: str, source: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert wrong_arrows(tmp_path)


def test_a_right_arrow_is_let_through(tmp_path: Path) -> None:
    path = tmp_path / "studio" / "services" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text("from runners.client import RunClient\nfrom engine.store.access import runs\n")
    assert wrong_arrows(tmp_path) == []


def test_a_folder_circle_is_found(tmp_path: Path) -> None:
    for here, there in (("language", "router"), ("router", "execution"), ("execution", "language")):
        path = tmp_path / "engine" / here / "x.py"
        path.parent.mkdir(parents=True)
        path.write_text(f"import engine.{there}.x")
    assert folder_circles(tmp_path) == ["engine.execution -> engine.language -> engine.router -> engine.execution"]


def test_a_long_file_and_a_long_function_are_found(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "x.py").write_text("x = 1\n" * 501 + "def f():\n" + "    x = 1\n" * 90)
    assert too_long(tmp_path) == ["engine.x has 592 lines", "engine.x.f has 91 lines"]


def test_a_reader_of_the_environment_is_found(tmp_path: Path) -> None:
    (tmp_path / "runners").mkdir()
    (tmp_path / "runners" / "x.py").write_text("import os\nx = os.environ['X']\ny = os.getenv('Y')\n")
    assert environment_readers(tmp_path) == ["runners.x:2", "runners.x:3"]
