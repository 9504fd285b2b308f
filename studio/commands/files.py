"""Workflow files on disk, with what lies beside them (studio/services/workflow_files.py); and siblings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from engine.errors import ConfigError
from studio.commands.common import read_text
from studio.services.workflow_files import WorkflowFiles, contents, read_beside

_SUFFIXES = (".yaml", ".yml")
_NAME = re.compile(r"""^name[ \t]*:[ \t]*["']?([A-Za-z][\w-]*)""", re.MULTILINE)
_CALLED = re.compile(r"""\bworkflow_name["']?[ \t]*:[ \t]*["']?([A-Za-z][\w-]*)""")


def read_files(path: Path) -> WorkflowFiles:
    """The file and what lies beside it; raises ConfigError when one of them cannot be read."""
    text = read_text(path)

    def read(place: str) -> str | None:
        there = path.parent / place
        return read_text(there) if there.is_file() else None

    return read_beside(declared_name(text) or path.stem, text, read)


def write_files(folder: Path, name: str, files: WorkflowFiles) -> Path:
    """Write the workflow's files below `folder` byte for byte; returns the workflow's own."""
    for place, text in contents(name, files).items():
        _write(folder / place, text)
    return folder / f"{name}.yaml"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    except OSError as err:
        raise ConfigError(f"{path} cannot be written ({(err.strerror or str(err)).lower()})") from err


def declared_name(text: str) -> str | None:
    """The workflow's name as its first `name:` line gives it; quick, for looking through a folder."""
    found = _NAME.search(text)
    return found.group(1) if found else None


def called_names(text: str) -> set[str]:
    """Names that stand behind `workflow_name:`; may hold a name from a comment, which does no harm."""
    return set(_CALLED.findall(text))


def workflows_in(folder: Path) -> dict[str, Path]:
    """Name to path of the workflow files of a folder, itself only; unreadable files are left out."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix in _SUFFIXES and path.is_file():
            try:
                found.setdefault(declared_name(path.read_bytes().decode()) or path.stem, path)
            except (OSError, UnicodeDecodeError):
                continue
    return found


def siblings_of(path: Path, text: str) -> dict[str, str]:
    """Texts of the workflows that `text` calls, directly or through others, as far as they lie beside `path`."""
    there = workflows_in(path.parent)
    found: dict[str, str] = {}
    wanted = called_names(text)
    while wanted:
        name = wanted.pop()
        if name in there and name not in found:
            found[name] = read_text(there[name])
            wanted |= called_names(found[name])
    return found


def expand(paths: Iterable[Path]) -> list[Path]:
    """The files themselves; a folder stands for the workflow files in it. Raises ConfigError for what is missing."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(workflows_in(path).values())
        elif path.exists():
            found.append(path)
        else:
            raise ConfigError(f"{path} does not exist")
    return found
