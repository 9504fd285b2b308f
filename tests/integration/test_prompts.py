"""The prompt library: versions that never change, of one tenant only, in and out as YAML, and by the command."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.models.prompts import StoredPrompts
from engine.errors import AppError, Conflict, InputError, NotFound, PermanentError, TransientError, YamlError
from engine.store.access import prompts
from engine.store.session import Database, Scope
from engine.store.tables.prompts import PromptVersion
from studio.services.prompts import import_yaml, to_yaml
from tests.integration.test_command_line import Heddle, heddle, server_env, write

__all__ = ["heddle", "server_env"]  # fixtures

ODD_TEXTS = [
    'Answer {message | nothing}, as JSON: {"a": [1]}\n',
    "no",
    "1e5",
    "0o17",
    "2024-13-45",
    "~",
    "  leading\n\ttab\n",
    "ends in blank lines\n\n\n",
    "windows\r\nlines\r\n",
    "# no comment: 'quotes' \"both\" \\ back\\n",
    "- item\n- : \n? x",
    "form\x0cfeed \x85 \u2028 \ufeff end",
    "日本語 🧵 ñ",
    "---\n...\n",
]


async def add(
    database: Database, scope: Scope, name: str = "answers/faq", text: str = "Hi {message}", **more: Any
) -> Any:
    async with database.transaction(scope) as tx:
        return await prompts.add(tx, name, text, **more)


async def exported(database: Database, scope: Scope) -> str:
    async with database.transaction(scope) as tx:
        return to_yaml(await prompts.list_versions(tx))


async def imported(database: Database, scope: Scope, text: str) -> int:
    async with database.transaction(scope) as tx:
        return await import_yaml(tx, text)


# -- the store ---------------------------------------------------------------------------------------------------------


async def test_versions_count_up_and_never_change(database: Database, scope: Scope) -> None:
    assert [(await add(database, scope, text=f"v{n}")).version for n in (1, 2, 3)] == [1, 2, 3]
    async with database.transaction(scope) as tx:
        row = await prompts.get(tx, "answers/faq", 2)
        assert (row.text, row.system, row.created_by) == ("v2", None, scope.user_id)
    assert (await add(database, scope, text="v2", version=2)).version == 2
    with pytest.raises(Conflict, match="answers/faq@2 exists already"):
        await add(database, scope, text="another", version=2)
    for statement in ("UPDATE prompt_versions SET text = 'x'", "DELETE FROM prompt_versions"):
        async with database.transaction(scope) as tx:
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                await tx.session.execute(sa.text(statement))
            await tx.session.rollback()


async def test_writers_at_once_get_numbers_of_their_own(database: Database, scope: Scope) -> None:
    rows = await asyncio.gather(*(add(database, scope, text=f"t{n}") for n in range(8)))
    assert sorted(row.version for row in rows) == list(range(1, 9))


async def test_another_tenant_sees_nothing_and_has_its_own_numbers(
    database: Database, scope: Scope, other_scope: Scope
) -> None:
    await add(database, scope, text="mine")
    async with database.transaction(other_scope) as tx:
        assert list(await prompts.list_versions(tx)) == []
        with pytest.raises(NotFound):
            await prompts.get(tx, "answers/faq", 1)
    assert (await add(database, other_scope, text="theirs")).version == 1
    library = StoredPrompts(database)
    assert (await library.load(scope.tenant_id, "answers/faq", 1)).text == "mine"
    assert (await library.load(other_scope.tenant_id, "answers/faq", 1)).text == "theirs"
    async with database.transaction(other_scope) as tx:
        tx.session.add(PromptVersion(tenant_id=scope.tenant_id, name="smuggled", version=1, text="x"))
        with pytest.raises(sa.exc.ProgrammingError, match="row-level security"):
            await tx.session.flush()
        await tx.session.rollback()


async def test_a_run_gets_a_typed_error_for_what_is_not_there(database: Database, scope: Scope) -> None:
    library = StoredPrompts(database)
    with pytest.raises(PermanentError, match="no prompt answers/faq@7"):
        await library.load(scope.tenant_id, "answers/faq", 7)
    await add(database, scope, version=7)
    assert (await library.load(scope.tenant_id, "answers/faq", 7)).text == "Hi {message}"
    gone = Database("postgresql://nobody:x@127.0.0.1:1/none", pool_size=1)
    with pytest.raises(TransientError):
        await StoredPrompts(gone).load(scope.tenant_id, "answers/faq", 7)
    await gone.close()


@pytest.mark.parametrize(
    "name", ["", "A", "a b", "../x", "a/", "/a", "a//b", "a/b/c/d/e", "a" * 65, "é", "a\n", "a@1", "a/../b", "1a"]
)
async def test_names_that_are_none(database: Database, scope: Scope, name: str) -> None:
    with pytest.raises(InputError, match="no name of a prompt"):
        await add(database, scope, name)


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""},
        {"text": " \n\t"},
        {"text": "x" * 100_001},
        {"text": "a\0b"},
        {"text": "a\ud800b"},
        {"system": "x" * 100_001},
        {"system": "\0"},
        {"note": "\udfff"},
        {"version": 0},
        {"version": -1},
        {"version": 1_000_000},
    ],
    ids=lambda change: f"{next(iter(change))}-{str(next(iter(change.values())))[:8]!a}",
)
async def test_what_cannot_be_kept(database: Database, scope: Scope, change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        await add(database, scope, **change)
    async with database.transaction(scope) as tx:
        assert list(await prompts.list_versions(tx)) == []


# -- YAML --------------------------------------------------------------------------------------------------------------


async def test_what_comes_out_goes_in_again_letter_for_letter(
    database: Database, scope: Scope, other_scope: Scope
) -> None:
    for number, text in enumerate(ODD_TEXTS):
        await add(database, scope, f"odd/t{number}", text, system=text, note=text)
    text = await exported(database, scope)
    assert await imported(database, other_scope, text) == len(ODD_TEXTS)
    assert await exported(database, other_scope) == text
    async with database.transaction(other_scope) as tx:
        rows = await prompts.list_versions(tx)
        assert sorted((row.text, row.system, row.note) for row in rows) == sorted((t, t, t) for t in ODD_TEXTS)
    assert await imported(database, other_scope, text) == len(ODD_TEXTS)  # a second time changes nothing
    assert await exported(database, other_scope) == text


async def test_an_empty_library_goes_out_and_in(database: Database, scope: Scope) -> None:
    assert await exported(database, scope) == "prompts: []\n"
    assert await imported(database, scope, "prompts: []\n") == 0


async def test_more_than_one_file_takes_is_refused_on_the_way_out(database: Database, scope: Scope) -> None:
    for number in range(11):
        await add(database, scope, f"long/t{number}", "x" * 99_999)
    with pytest.raises(InputError, match="by name"):
        await exported(database, scope)


GOOD = "prompts:\n  - {name: a, version: 1, text: fine}\n"


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("", InputError, "the file"),
        ("just text", InputError, "the file"),
        ("prompts: {}", InputError, "prompts"),
        ("prompts: []\nmore: 1", InputError, "more"),
        ("prompts: [" * 50_000, YamlError, "deeper"),
        ("a: &a [*a]", YamlError, "alias"),
        ("prompts: !!python/object/apply:os.system [id]", YamlError, "tag"),
        (GOOD + "  - {name: b, version: 1}\n", InputError, "prompts.1.text"),
        (GOOD + "  - {name: b, version: '1', text: x}\n", InputError, "prompts.1.version"),
        (GOOD + "  - {name: b, version: 1.0, text: x}\n", InputError, "prompts.1.version"),
        (GOOD + "  - {name: b, version: 0, text: x}\n", InputError, "prompts.1.version"),
        (GOOD + "  - {name: b, version: 1, text: 2024}\n", InputError, "prompts.1.text"),
        (GOOD + "  - {name: B, version: 1, text: x}\n", InputError, "no name"),
        (GOOD + "  - {name: b, version: 1, text: x, tenant_id: y}\n", InputError, "tenant_id"),
        (GOOD + "  - {name: a, version: 1, text: other}\n", Conflict, "a@1"),
        (GOOD + "  - {name: b, version: 1, text: x, text: y}\n", InputError, "line 3, column 36: the key `text`"),
        (GOOD + "  - {name: b, version: 1, [x]: y}\n", InputError, "a key must be a text"),
    ],
    ids=lambda value: value[-30:] if isinstance(value, str) else value.__name__,
)
async def test_a_file_that_is_wrong_keeps_nothing(
    database: Database, scope: Scope, text: str, error: type[AppError], said: str
) -> None:
    with pytest.raises(error) as caught:
        await imported(database, scope, text)
    assert said in caught.value.public_message
    assert await exported(database, scope) == "prompts: []\n"


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command(heddle: Heddle, tmp_path: Path, server_env: dict[str, str]) -> None:
    text, system = write(tmp_path / "faq.txt", "Hi {message}\r\n"), write(tmp_path / "system.txt", "Be short.")

    def said(*arguments: str | Path) -> str:
        done = heddle("prompts", *arguments, env=server_env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert heddle("seed", env=server_env).returncode == 0
    assert said("list").startswith("No prompts yet")
    assert said("add", "answers/faq", text, "--system", system, "--note", "first") == "kept as answers/faq@1\n"
    assert said("add", "answers/faq", text) == "kept as answers/faq@2\n"
    assert [line.split()[0] for line in said("list").splitlines()] == ["answers/faq@1", "answers/faq@2"]
    assert said("list").splitlines()[0].endswith("first")
    assert said("show", "answers/faq", "1") == "Hi {message}\n"
    assert said("show", "answers/faq", "1", "--system") == "Be short.\n"
    assert said("export", "-o", tmp_path / "all.yaml") == ""
    assert said("export", "answers/faq") == (tmp_path / "all.yaml").read_text("utf-8")
    assert said("import", tmp_path / "all.yaml") == "2 versions are in the library\n"


WRONG = [
    (["show", "answers/faq", "9"], 1, "There is no prompt answers/faq@9"),
    (["show", "answers/faq", "x"], 2, "whole number"),
    (["add", "Not A Name", "text.txt"], 1, "no name of a prompt"),
    (["add", "a", "missing.txt"], 1, "missing.txt cannot be read"),
    (["export", "nobody"], 1, "no prompt 'nobody'"),
    (["export", "-o", "no/such/folder.yaml"], 1, "folder.yaml"),
    (["import", "text.txt"], 1, "the file"),
    (["burn"], 2, "invalid choice"),
]


def test_the_command_complains_in_one_sentence(heddle: Heddle, tmp_path: Path, server_env: dict[str, str]) -> None:
    write(tmp_path / "text.txt", "just a text")
    assert "run `heddle seed`" in heddle("prompts", "list", env=server_env).stderr
    assert heddle("seed", env=server_env).returncode == 0
    for arguments, code, complaint in WRONG:
        done = heddle("prompts", *arguments, env=server_env)
        assert (done.returncode, done.stdout) == (code, ""), arguments
        assert complaint in done.stderr, arguments
        assert "Traceback" not in done.stderr
