"""Many files at once: what importing each would bring, and importing them, one report a file.

One that cannot be imported does not keep the others from it. Nothing becomes live, and nothing runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from engine.errors import AppError, InputError
from engine.store.access import workflows
from engine.store.session import Database, Scope
from studio.services import importing, restoring, unpacking
from studio.services.workflow_files import BESIDE, MAX_TEXT, WorkflowFiles, read_beside
from studio.services.workflows import NAME, free_name, renamed

Json = Any
Existing = Literal["copy", "replace", "skip"]

MAX_FILES = 500


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """One workflow among the files: ours with what lies beside it, or a foreign one as it was read."""

    path: str
    found: importing.Checked
    name: str = ""
    files: WorkflowFiles | None = None

    @property
    def fault(self) -> str:
        """Why it cannot be imported, or ""."""
        if self.found.kind == "unknown":
            return self.found.message or "This is no workflow."
        if self.files is None and self.found.imported is None:
            return self.found.message or "It cannot be read."
        return "" if self.files is None or NAME.fullmatch(self.name) else "It has no name that can be used."

    def line(self, outcome: str, message: str = "", name: str = "") -> dict[str, Json]:
        """What is said of it: `heddle import --check --json`'s line, with `outcome` and the workflow's `name`."""
        said = self.found.to_line(self.path) | {"outcome": outcome, "name": name or self.name}
        if self.found.imported is not None:
            said["losses"] = importing.losses(self.found.imported)
        return said | ({"message": message} if message else {})


async def check(db: Database, scope: Scope, uploads: Sequence[Upload]) -> list[dict[str, Json]]:
    """A line for each workflow; `outcome` is "new", "exists" or "unusable". Raises InputError."""
    items = await asyncio.to_thread(read, uploads)
    async with db.transaction(scope) as tx:
        taken = await workflows.taken_names(tx)
    return [one.line("unusable", one.fault) if one.fault else one.line(_before(one, taken)) for one in items]


def _before(item: Item, taken: set[str]) -> str:
    return "exists" if item.files is not None and item.name in taken else "new"


async def import_all(
    db: Database, scope: Scope, uploads: Sequence[Upload], existing: Existing
) -> list[dict[str, Json]]:
    """A line for each; `outcome` is "created", "replaced", "skipped" or "failed". Raises InputError.

    `existing` says what becomes of a workflow of ours whose name is there: a copy under a free name, the draft is
    replaced, or it is left out.
    """
    lines = []
    for item in await asyncio.to_thread(read, uploads):
        if item.fault:
            lines.append(item.line("failed", item.fault))
            continue
        try:
            lines.append(await _import(db, scope, item, existing))
        except AppError as error:
            lines.append(item.line("failed", error.public_message))
    return lines


async def _import(db: Database, scope: Scope, item: Item, existing: Existing) -> dict[str, Json]:
    if item.files is None:
        assert item.found.imported is not None
        return item.line("created", name=await importing.keep(db, scope, item.found.imported))
    async with db.transaction(scope) as tx:
        taken = await workflows.taken_names(tx)
        if item.name in taken and existing == "skip":
            return item.line("skipped", "A workflow of this name is there.")
        files, name = item.files, item.name
        if name in taken and existing == "copy":
            name = free_name(name, taken)
            text = await asyncio.to_thread(renamed, files.text, name)
            files = WorkflowFiles(text, files.layout, files.golden, pins=files.pins)
        done = await restoring.put(tx, files)
    was_live = [f"Version {done.live} was live; make it so in its versions."] if done.live else []
    return item.line("created" if done.is_new else "replaced", " ".join([*done.remarks, *was_live]), name)


def read(uploads: Sequence[Upload]) -> list[Item]:
    """The workflows in the files, in the folder that some of them name, and in ZIP files among them.

    Raises InputError.
    """
    items: list[Item] = []
    folder = {one.name: one.data for one in uploads if "/" in one.name}
    for upload in uploads:
        if upload.name.lower().endswith(".zip"):
            files = unpacking.unpacked(upload.data)
            items += [_item(path, files) for path in sorted(files) if _is_draft(path)]
        elif upload.name not in folder or _is_draft(upload.name):
            items.append(_item(upload.name, {**folder, upload.name: upload.data}))
    if len(items) > MAX_FILES:
        raise InputError(f"These are more than {MAX_FILES} workflows; import them in parts.")
    return items


def _is_draft(path: str) -> bool:
    folders = PurePosixPath(path).parts
    return not any(part in BESIDE or part.startswith(".") for part in folders)


def _item(path: str, files: Mapping[str, bytes]) -> Item:
    data = files[path]
    if len(data) > unpacking.MAX_FILE:
        return Item(path, importing.Checked("unknown", errors=1, message="The file is too large."))
    found = importing.check(data, path)
    if found.kind != "heddle":
        return Item(path, found)
    text = data.decode()
    name, _, _ = workflows.described(text)
    folder = PurePosixPath(path).parent

    def beside(place: str) -> str | None:
        there = files.get(str(folder / place))
        return None if there is None else there.decode()

    try:
        if len(text) > MAX_TEXT:
            raise InputError(f"The text is longer than {MAX_TEXT:,} characters.")
        return Item(path, found, name, read_beside(name, text, beside))
    except (AppError, UnicodeDecodeError) as error:
        said = error.public_message if isinstance(error, AppError) else "A file beside it is not UTF-8."
        return Item(path, importing.Checked("unknown", errors=1, message=said))
