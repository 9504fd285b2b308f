"""The prompt library as YAML: what `heddle prompts export` writes and `heddle prompts import` reads.

prompts:
  - name: answers/faq
    version: 3
    system: "You answer for {variables.brand}."     # optional
    note: "Shorter"                                 # optional
    text: |
      Answer from these entries: {search_results}
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import InputError, YamlError
from engine.language.emit import Habit, entry_text
from engine.language.guard import MAX_BYTES, check_bounds
from engine.language.positions import LineIndex
from engine.language.tree import parse_tree
from engine.store.access import prompts
from engine.store.session import Tx
from engine.store.tables.prompts import PromptVersion


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    version: int = Field(ge=1, le=prompts.MAX_VERSION)
    system: str | None = None
    note: str = ""
    text: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prompts: list[_Entry]


def to_yaml(rows: Sequence[PromptVersion]) -> str:
    """All versions given, in their order. Raises InputError for more than `import_yaml` would take."""
    entries = [_Entry(name=r.name, version=r.version, system=r.system, note=r.note, text=r.text) for r in rows]
    text = entry_text("prompts", [entry.model_dump(exclude_defaults=True) for entry in entries], 0, Habit()) + "\n"
    try:
        check_bounds(text)
    except YamlError as error:
        raise InputError(f"This is too much for one file ({MAX_BYTES >> 20} MB): export prompts by name.") from error
    return text


async def import_yaml(tx: Tx, text: str) -> int:
    """Keep every version of the file; returns how many it holds. Raises YamlError, InputError, Conflict: then the
    transaction is to be given up."""
    tree = parse_tree(text)
    if tree.problems:
        first = tree.problems[0]
        line, column = LineIndex(text).position(first.start)
        raise InputError(f"line {line}, column {column}: {first.message}", line=line, column=column)
    try:
        file = _File.model_validate(tree.root.value if tree.root is not None else None)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise InputError(f"{'.'.join(map(str, wrong['loc'])) or 'the file'}: {wrong['msg']}") from error
    for entry in file.prompts:
        await prompts.add(tx, entry.name, entry.text, system=entry.system, note=entry.note, version=entry.version)
    return len(file.prompts)
