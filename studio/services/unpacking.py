"""A ZIP file of workflows, from anybody, as the files in it: nothing goes to a disk, and everything is bounded."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from pathlib import PurePosixPath

from engine.errors import InputError

MAX_ENTRIES = 5_000
MAX_FILE = 4_000_000  # bytes, unpacked; the largest file that any importer takes
MAX_WHOLE = 64_000_000  # bytes of all files together, unpacked
MAX_NAME = 300  # characters of a path
SUFFIXES = (".yaml", ".yml", ".json")  # everything else is passed over
_ALIEN = ("__MACOSX", ".git")


def unpacked(data: bytes) -> dict[str, bytes]:
    """Path -> content of the files that may belong to a workflow.

    Raises InputError for what is no ZIP file, leads out of it, or is more than a folder of workflows can be. What an
    entry says of its own size is not believed.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return _read(packed)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as err:
        raise InputError("The ZIP file is damaged, encrypted, or none.") from err


def _read(packed: zipfile.ZipFile) -> dict[str, bytes]:
    entries = packed.infolist()
    if len(entries) > MAX_ENTRIES:
        raise InputError(f"The ZIP file holds more than {MAX_ENTRIES:,} files.")
    found: dict[str, bytes] = {}
    left = MAX_WHOLE
    for entry in entries:
        path = _path(entry)
        if entry.is_dir() or path.suffix not in SUFFIXES or path.parts[0] in _ALIEN:
            continue
        if str(path) in found:
            raise InputError(f"The ZIP file holds {str(path)[:80]!r} twice.")
        most = min(MAX_FILE, left)
        with packed.open(entry) as content:
            found[str(path)] = text = content.read(most + 1)
        if len(text) > most:
            raise InputError(
                f"{str(path)[:80]!r} is larger than {MAX_FILE // 1_000_000} MB."
                if most == MAX_FILE
                else f"The ZIP file holds more than {MAX_WHOLE // 1_000_000} MB."
            )
        left -= len(text)
    return found


def _path(entry: zipfile.ZipInfo) -> PurePosixPath:
    """Where in the folder; raises InputError for a place outside it."""
    name, path = entry.filename, PurePosixPath(entry.filename)
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    leads_out = path.is_absolute() or ".." in path.parts or "\\" in entry.orig_filename or ":" in name
    if not path.parts or len(name) > MAX_NAME or "\0" in entry.orig_filename or is_link or leads_out:
        raise InputError(f"The ZIP file has an entry that leads out of it: {name[:80]!r}.")
    return path
