"""The prompt library as the studio shows it: versions, what differs, who pins them, and two people who add at once."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import Conflict, InputError, NotFound
from engine.store.access import workflows
from engine.store.session import Database, Scope
from studio.services import prompt_library, publishing
from studio.services.prompt_library import DiffLine, Use

TEXT = """\
name: "{name}"
version: "1.0.0"
description: "Answers"
category: "customer_service"
priority: "low"
nodes:
  - {{name: "start", type: "start"}}
  - {{name: "answer", type: "agent", config: {{prompt: "{pin}"}}}}
  - {{name: "end", type: "end"}}
edges:
  - {{from: start, to: answer}}
  - {{from: answer, to: end}}
"""


async def add(database: Database, scope: Scope, text: str, seen: int = 0, **more: Any) -> int:
    given = {"name": "answers/faq", "system": "", "note": ""} | more
    return await prompt_library.add(database, scope, text=text, seen=seen, **given)


async def test_versions_are_listed_and_read(database: Database, scope: Scope, other_scope: Scope) -> None:
    assert [await add(database, scope, f"v{n}", n, note=f"note {n}") for n in range(3)] == [1, 2, 3]
    await add(database, scope, "other", name="zz")
    assert [(line.name, line.newest) for line in await prompt_library.listing(database, scope)] == [
        ("answers/faq", 3),
        ("zz", 1),
    ]
    assert [line.name for line in await prompt_library.listing(database, scope, " FAQ ")] == ["answers/faq"]
    assert await prompt_library.listing(database, scope, "%") == []
    newest, known = await prompt_library.version(database, scope, "answers/faq")
    assert (newest.version, newest.newest, newest.text) == (3, 3, "v2")
    assert known[0] == ("3", "Version 3: note 2")
    old, _ = await prompt_library.version(database, scope, "answers/faq", 1)
    assert (old.version, old.newest, old.text) == (1, 3, "v0")
    for name, number in (("answers/faq", 9), ("answers", 0), ("", 0)):
        with pytest.raises(NotFound):
            await prompt_library.version(database, scope, name, number)
    assert await prompt_library.listing(database, other_scope) == []
    with pytest.raises(NotFound):
        await prompt_library.version(database, other_scope, "answers/faq", 1)


async def test_of_two_who_add_a_version_at_once_the_second_is_told(database: Database, scope: Scope) -> None:
    colleague = Scope(scope.tenant_id, None, "admin")
    await add(database, scope, "first")
    await add(database, colleague, "theirs", 1)
    for text in ("mine", "theirs"):
        with pytest.raises(Conflict, match="added version 2 meanwhile") as caught:
            await add(database, scope, text, 1)
        assert caught.value.details["field"] == "text"
    with pytest.raises(Conflict, match="There is a prompt answers/faq already") as caught:
        await add(database, scope, "another")
    assert caught.value.details["field"] == "name"
    with pytest.raises(InputError, match="This is version 2 as it stands"):
        await add(database, scope, "theirs", 2)
    assert await add(database, scope, "theirs", 2, system="Be brief.") == 3


async def test_what_differs_is_shown_line_by_line(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"line {n}" for n in range(20)]
    await add(database, scope, "\n".join(lines))
    lines[10] = "another"
    await add(database, scope, "\n".join(lines), 1, system="Be brief.")
    found = await prompt_library.compare(database, scope, "answers/faq", 1, 2)
    assert [line for line in found if line.kind in ("added", "removed")] == [
        DiffLine("added", "— instructions —"),
        DiffLine("added", "Be brief."),
        DiffLine("added", "— prompt —"),
        DiffLine("removed", "line 10"),
        DiffLine("added", "another"),
    ]
    assert [line.kind for line in found].count("gap") == 1
    assert len([line for line in found if line.kind == "same"]) == 9
    assert found[0].kind == "added", "nothing is left out before the first line"
    assert await prompt_library.compare(database, scope, "answers/faq", 2, 2) == []
    monkeypatch.setattr(prompt_library, "MOST_LINES", 15)
    with pytest.raises(InputError, match="too many to compare"):
        await prompt_library.compare(database, scope, "answers/faq", 1, 2)


async def test_who_pins_a_prompt(database: Database, scope: Scope, other_scope: Scope) -> None:
    await add(database, scope, "first")
    await add(database, scope, "second", 1)
    await add(database, scope, "near", name="answers/faq-2")
    for name, pin in (("takes_two", "answers/faq@2"), ("near", "answers/faq-2@1"), ("gone", "answers/faq@1")):
        async with database.transaction(scope) as tx:
            row = await workflows.create(tx, TEXT.format(name=name, pin=pin))
            if name == "gone":
                await workflows.archive(tx, row.workflow_id)
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, TEXT.format(name="moves_on", pin="answers/faq@1"))
    await publishing.publish(database, scope, row.workflow_id)
    async with database.transaction(scope) as tx:
        text = TEXT.format(name="moves_on", pin="answers/faq@2")
        await workflows.save_draft(tx, row.workflow_id, text=text, revision=row.revision)
        await workflows.create(tx, TEXT.format(name="says_so", pin="x@1").replace("Answers", "like answers/faq@2"))
    assert await prompt_library.uses(database, scope, "answers/faq") == [
        Use("moves_on", "draft", "answer", 2),
        Use("moves_on", "v1", "answer", 1),
        Use("takes_two", "draft", "answer", 2),
    ]
    assert await prompt_library.uses(database, other_scope, "answers/faq") == []
