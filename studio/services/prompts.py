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

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import InputError
from engine.language.guard import check_bounds
from engine.store.access import prompts
from engine.store.session import Tx
from engine.store.tables.prompts import PromptVersion


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    version: int = Field(ge=1, le=prompts.MAX_VERSION)
    text: str
    system: str | None = None
    note: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prompts: list[_Entry] = Field(max_length=10_000)


def to_yaml(rows: Sequence[PromptVersion]) -> str:
    """All versions given, in their order."""
    entries = [_Entry(name=r.name, version=r.version, text=r.text, system=r.system, note=r.note) for r in rows]
    shown = {"prompts": [entry.model_dump(exclude_defaults=True) for entry in entries]}
    return yaml.safe_dump(shown, allow_unicode=True, sort_keys=False, width=120)


async def import_yaml(tx: Tx, text: str) -> int:
    """Keep every version of the file; returns how many it holds. Raises YamlError, InputError, Conflict: then the
    transaction is to be given up."""
    check_bounds(text)
    try:
        file = _File.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise InputError(f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from error
    for entry in file.prompts:
        await prompts.add(tx, entry.name, entry.text, system=entry.system, note=entry.note, version=entry.version)
    return len(file.prompts)
