"""The `heddle` command as people and scripts use it: good input, bad input, exit codes, JSON on standard output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.support.servers import MASTER_KEY, SECRET

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / "workflows"
Heddle = Callable[..., subprocess.CompletedProcess[str]]

HELLO = """\
# a comment that has to survive
name: "hello"
version: "1.0.0"
description: "Says hello"   # and this one
category: "system"
priority: "low"
nodes:
  - {name: start, type: start}
  - name: greet
    type: message
    config:
      text: "Hello {message}"
  - {name: end, type: end, config: {output: {reply: context.reply_text}}}
edges:
  - {from: start, to: greet, condition: null}
  - {from: greet, to: end, condition: null}
"""
CALLER = """\
name: caller
version: "1.0.0"
description: Calls hello
category: system
priority: low
nodes:
  - {name: start, type: start}
  - {name: call, type: sub_workflow, config: {workflow_name: hello, input: {message: "context.message"}}}
  - {name: end, type: end, config: {output: {reply: context.reply_text}}}
edges:
  - {from: start, to: call, condition: null}
  - {from: call, to: end, condition: null}
"""


@pytest.fixture
def heddle(tmp_path: Path) -> Heddle:
    """Run the command in a process of its own, in an empty folder, without servers unless `env` names them."""

    def run(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "studio.cli", *map(str, arguments)],
            check=False,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("HEDDLE_")},
                "PYTHONPATH": str(ROOT),
                "HEDDLE_DATA_DIR": str(tmp_path / "data"),
                **(env or {}),
            },
        )

    return run


@pytest.fixture
def server_env(fresh_owner_url: str, redis_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": fresh_owner_url,
        "REDIS_URL": redis_url,
        "HEDDLE_SECRET": SECRET,
        "HEDDLE_MASTER_KEY": MASTER_KEY,
    }


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


class TestValidate:
    def test_a_good_file(self, heddle: Heddle, tmp_path: Path) -> None:
        done = heddle("validate", write(tmp_path / "hello.yaml", HELLO))
        assert (done.returncode, done.stderr) == (0, "")

    def test_every_shipped_workflow(self, heddle: Heddle) -> None:
        done = heddle("validate", *sorted(WORKFLOWS.glob("*.yaml")))
        assert done.returncode == 0, done.stdout

    def test_a_finding_has_file_line_column_code_and_message(self, heddle: Heddle, tmp_path: Path) -> None:
        path = write(tmp_path / "bad.yaml", HELLO.replace("to: greet", "to: gret"))
        done = heddle("validate", path)
        assert done.returncode == 1
        assert f"{path}:15:23 unknown-edge-end " in done.stdout

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("nodes: [\n", "yaml-syntax"),
            ("[" * 50_000, "yaml-syntax"),
            ("a: &a {b: *a}\n", "yaml-syntax"),
            ("x: !!python/object/apply:os.system ['id']\n", "yaml-syntax"),
            ("- just\n- a list\n", "not-a-workflow"),
            ("", "not-a-workflow"),
            (HELLO.replace("type: message", "type: telepathy"), "unknown-node-type"),
            (HELLO.replace("priority:", "priorty:"), "unknown-key"),
        ],
    )
    def test_a_bad_file_is_an_error_and_no_traceback(
        self, heddle: Heddle, tmp_path: Path, text: str, code: str
    ) -> None:
        done = heddle("validate", write(tmp_path / "bad.yaml", text))
        assert done.returncode == 1
        assert code in done.stdout
        assert "Traceback" not in done.stdout + done.stderr

    def test_files_that_cannot_be_read(self, heddle: Heddle, tmp_path: Path) -> None:
        missing = heddle("validate", tmp_path / "none.yaml")
        assert (missing.returncode, missing.stderr) == (1, f"heddle: {tmp_path / 'none.yaml'} does not exist\n")
        (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9")
        latin = heddle("validate", tmp_path / "latin.yaml")
        assert latin.returncode == 1
        assert "is not UTF-8 text (byte 9)" in latin.stderr

    def test_json_is_all_there_is_on_standard_output(self, heddle: Heddle, tmp_path: Path) -> None:
        done = heddle("validate", "--json", write(tmp_path / "bad.yaml", "nodes: [\n"))
        report = json.loads(done.stdout)
        assert done.returncode == 1
        assert report["errors"] == 1
        assert report["files"][0]["diagnostics"][0]["code"] == "yaml-syntax"

    def test_nothing_heavy_is_imported(self, tmp_path: Path) -> None:
        path = write(tmp_path / "hello.yaml", HELLO)
        code = (
            "import sys; from studio import cli; cli._guarded(['validate', sys.argv[1]]);"
            "heavy = 'asyncio httpx jsonschema litellm numpy redis reflex rq sqlalchemy engine.nodes.saga'.split();"
            "print([m for m in heavy if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code, path], check=True, cwd=ROOT, capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == "[]"


class TestRun:
    @pytest.mark.parametrize(
        ("value", "sentence"),
        [
            ("{", "this is not JSON"),
            ("[1]", "this has to be a JSON object"),
            ("@nowhere.json", "nowhere.json cannot be read"),
        ],
    )
    def test_bad_input_is_said_before_anything_starts(
        self, heddle: Heddle, tmp_path: Path, value: str, sentence: str
    ) -> None:
        done = heddle("run", write(tmp_path / "hello.yaml", HELLO), "--input", value)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert sentence in done.stderr

    def test_a_file_with_errors_is_not_run(self, heddle: Heddle, tmp_path: Path) -> None:
        path = write(tmp_path / "bad.yaml", HELLO.replace("to: greet", "to: gret"))
        done = heddle("run", path, "--json")
        result = json.loads(done.stdout)
        assert done.returncode == 1
        assert (result["run_id"], result["status"]) == (None, "failed")
        faults = {fault["code"]: fault["line"] for fault in result["error"]["details"]["diagnostics"]}
        assert faults["unknown-edge-end"] == 15

    @pytest.mark.parametrize("how", [["--inline"], []])
    def test_a_run_with_a_workflow_beside_it(
        self, heddle: Heddle, tmp_path: Path, server_env: dict[str, str], how: list[str]
    ) -> None:
        write(tmp_path / "hello.yaml", HELLO)
        caller = write(tmp_path / "caller.yaml", CALLER)
        write(tmp_path / "input.json", '{"message": "Käthe"}')
        done = heddle("run", caller, "--input", f"@{tmp_path / 'input.json'}", "--json", *how, env=server_env)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["status"] == "succeeded"
        assert result["output"] == {"reply": "Hello Käthe"}
        assert [step["path"] for step in result["steps"]][:3] == ["start", "call/start", "call/greet"]
        assert set(result["steps"][0]) >= {
            *("path", "type", "status", "duration_ms", "model", "tier", "reason"),
            *("tokens_in", "tokens_out", "cost_usd"),
        }
        assert result["cost_usd"] == 0
        assert result["error"] is None
        assert "ok      call/greet (message)" in done.stderr
        listed = json.loads(heddle("runs", "--json", env=server_env).stdout)["runs"]
        assert [(one["run_id"], one["trigger"]) for one in listed] == [(result["run_id"], "cli")]

    def test_a_missing_sub_workflow_fails_the_run_with_a_typed_error(
        self, heddle: Heddle, tmp_path: Path, server_env: dict[str, str]
    ) -> None:
        caller = write(tmp_path / "caller.yaml", CALLER.replace("hello,", "nowhere_to_be_found,"))
        done = heddle("run", caller, "--json", "--inline", env=server_env)
        result = json.loads(done.stdout)
        assert (done.returncode, result["status"]) == (1, "failed")
        assert result["error"]["code"] == "definition_missing"


class TestImportAndExport:
    def test_what_comes_out_is_what_went_in(self, heddle: Heddle, tmp_path: Path, server_env: dict[str, str]) -> None:
        crlf = HELLO.replace("\n", "\r\n").rstrip()  # CRLF and no final newline
        write(tmp_path / "in" / "hello.yaml", crlf)
        layout = "nodes:\n  end: [400, 0]\n  greet: [200, 0]\n  start: [0, 0]\n"
        write(tmp_path / "in" / ".layout" / "hello.yaml", layout)
        write(tmp_path / "in" / "golden" / "hello.yaml", "- task_id: one  # kept\n  input: {message: hi}\n")
        done = heddle("import", tmp_path / "in", env=server_env)
        assert done.returncode == 0, done.stderr
        assert "created hello" in done.stdout
        again = heddle("import", "--publish", tmp_path / "in" / "hello.yaml", env=server_env)
        assert "hello is the same already, published as version 1" in again.stdout
        out = heddle("export", "hello", "-o", tmp_path / "out", env=server_env)
        assert out.returncode == 0, out.stderr
        for name in ("hello.yaml", ".layout/hello.yaml", "golden/hello.yaml"):
            assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "in" / name).read_bytes()

    def test_every_shipped_file_comes_out_byte_for_byte(
        self, heddle: Heddle, tmp_path: Path, server_env: dict[str, str]
    ) -> None:
        assert heddle("seed", env=server_env).returncode == 0
        done = heddle("export", "--all", "-o", tmp_path / "out", env=server_env)
        assert done.returncode == 0, done.stderr
        shipped = [path for path in WORKFLOWS.rglob("*.yaml") if path.name != "registry.yaml"]
        assert len(shipped) > 20
        different = [
            str(path.relative_to(WORKFLOWS))
            for path in shipped
            if (tmp_path / "out" / path.relative_to(WORKFLOWS)).read_bytes() != path.read_bytes()
        ]
        assert different == []

    def test_a_broken_file_imports_nothing_at_all(
        self, heddle: Heddle, tmp_path: Path, server_env: dict[str, str]
    ) -> None:
        good, bad = write(tmp_path / "a.yaml", HELLO), write(tmp_path / "b.yaml", "nodes: [\n")
        done = heddle("import", good, bad, env=server_env)
        assert done.returncode == 1
        assert f"{bad}:2:1" in done.stderr
        assert "nothing was imported" in done.stderr

    def test_a_bad_layout_is_refused(self, heddle: Heddle, tmp_path: Path) -> None:
        write(tmp_path / ".layout" / "hello.yaml", "nodes: {start: [0, up]}\n")
        done = heddle("import", write(tmp_path / "hello.yaml", HELLO))
        assert done.returncode == 1
        assert "is not a layout: it needs `nodes:` with name: [x, y]" in done.stderr

    def test_export_says_what_is_missing(self, heddle: Heddle, tmp_path: Path, server_env: dict[str, str]) -> None:
        neither = heddle("export", "-o", tmp_path / "out", env=server_env)
        assert "Name the workflows to export, or say --all" in neither.stderr
        heddle("seed", env=server_env)
        unknown = heddle("export", "nobody", "-o", tmp_path / "out", env=server_env)
        assert unknown.returncode == 1
        assert "No workflow is named 'nobody'" in unknown.stderr


class TestApiKeys:
    def test_the_first_key_is_made_without_a_browser(self, heddle: Heddle, server_env: dict[str, str]) -> None:
        heddle("seed", env=server_env)
        none = heddle("api-keys", "list", env=server_env)
        assert (none.returncode, none.stdout) == (0, "There is no API key yet\n")
        made = heddle("api-keys", "create", "Order system", "run", env=server_env)
        key = made.stdout.strip()
        assert (made.returncode, made.stdout) == (0, f"{key}\n"), "only the key, for KEY=$(...)"
        assert "the only time that it is shown" in made.stderr
        assert key not in made.stderr
        told = json.loads(
            heddle("api-keys", "create", "ci", "all", "runs:read", "invoices:approve", "--json", env=server_env).stdout
        )
        assert told["key"].startswith(told["prefix"])
        assert {"runs:read", "workflows:publish", "audit:read", "invoices:approve"} <= set(told["scopes"])

        (ci, first) = json.loads(heddle("api-keys", "list", "--json", env=server_env).stdout)["api_keys"]
        assert first["scopes"] == ["runs:read", "workflows:run"]
        assert (first["created_by_name"], first["last_used_at"]) == ("The operator", None)
        listed = heddle("api-keys", "list", env=server_env).stdout
        assert [line.split()[0] for line in listed.splitlines()] == [ci["api_key_id"], first["api_key_id"]]
        assert "Order system" in listed
        assert key not in listed

        ended = heddle("api-keys", "revoke", first["api_key_id"], env=server_env)
        assert (ended.returncode, ended.stdout) == (0, f"revoked Order system ({first['prefix']}…)\n")
        again = heddle("api-keys", "revoke", first["api_key_id"], env=server_env)
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr.splitlines()[-1] == "heddle: There is no such API key."
        record = heddle("audit", "list", env=server_env).stdout
        assert "api_key.create" in record
        assert "api_key.revoke" in record
        assert key not in record

    def test_bad_names_and_scopes(self, heddle: Heddle, server_env: dict[str, str]) -> None:
        heddle("seed", env=server_env)
        for name, scopes, said in (
            ("ci", ["runs:fly"], "There is no scope 'runs:fly': `runs:` begins permissions of Heddle's own"),
            ("ci", ["everything"], "There is no scope 'everything': a scope has two parts"),
            (" ", ["run"], "A name has 1 to 100 characters"),
        ):
            done = heddle("api-keys", "create", name, *scopes, env=server_env)
            assert (done.returncode, done.stdout) == (1, "")
            assert f"heddle: {said}" in done.stderr
        for usage in (["create", "ci"], ["revoke", "12"], []):
            done = heddle("api-keys", *usage, env=server_env)
            assert (done.returncode, done.stdout) == (2, "")
        assert heddle("api-keys", "list", env=server_env).stdout == "There is no API key yet\n"


class TestOperations:
    def test_database_commands(self, heddle: Heddle, server_env: dict[str, str]) -> None:
        check = heddle("db", "check", env=server_env)
        assert (check.returncode, check.stdout) == (0, "The database is up to date\n")
        assert heddle("db", "upgrade", env=server_env).stdout == "The database is up to date\n"

    def test_doctor(self, heddle: Heddle, server_env: dict[str, str]) -> None:
        report = json.loads(heddle("doctor", "--json", env=server_env).stdout)
        found = {one["name"]: one for one in report["checks"]}
        assert found["database"]["status"] == found["redis"]["status"] == "ok"
        assert report["ok"] is True
        spoken = heddle("doctor", env=server_env).stdout
        assert "schema up to date" in spoken

    def test_doctor_names_a_secret_that_does_not_fit(self, heddle: Heddle, server_env: dict[str, str]) -> None:
        done = heddle("doctor", "--json", env=server_env | {"HEDDLE_SECRET": "another one"})
        found = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
        assert done.returncode == 1
        assert "the secret is another one" in found["database"]["detail"]

    def test_a_database_that_is_not_there(self, heddle: Heddle, server_env: dict[str, str]) -> None:
        env = server_env | {"DATABASE_URL": "postgresql://nobody:secret-word@127.0.0.1:1/none"}
        done = heddle("db", "check", env=env)
        assert done.returncode == 1
        assert "The database cannot be used" in done.stderr
        assert "secret-word" not in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_redis_that_is_not_there(self, heddle: Heddle, server_env: dict[str, str]) -> None:
        done = heddle("up", env=server_env | {"REDIS_URL": "redis://:secret-word@127.0.0.1:1/0"})
        assert done.returncode == 1
        assert "Redis cannot be used" in done.stderr.splitlines()[-1]
        assert "check REDIS_URL" in done.stderr
        assert "secret-word" not in done.stderr

    def test_a_role_that_may_not_set_up_the_database(self, heddle: Heddle, server_env: dict[str, str]) -> None:
        guest = f"guest_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(server_env["DATABASE_URL"], autocommit=True) as owner:
            owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret-word'").format(sql.Identifier(guest)))
            owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(guest)))
            url = make_url(server_env["DATABASE_URL"]).set(username=guest, password="secret-word", database=guest)
            done = heddle("db", "upgrade", env=server_env | {"DATABASE_URL": url.render_as_string(hide_password=False)})
            owner.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(guest)))
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(guest)))
        assert done.returncode == 1
        assert "has to own the database" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_secret_that_the_database_does_not_know(self, heddle: Heddle, server_env: dict[str, str]) -> None:
        done = heddle("runs", env=server_env | {"HEDDLE_SECRET": "another one"})
        assert done.returncode == 1
        assert "set the secret back" in done.stderr.splitlines()[-1]

    def test_addresses_of_something_else(self, heddle: Heddle) -> None:
        done = heddle("runs", env={"DATABASE_URL": "mysql://me:secret-word@db/x", "REDIS_URL": "localhost:6379"})
        assert done.returncode == 1
        assert "DATABASE_URL must begin with postgresql://" in done.stderr
        assert "REDIS_URL must begin with redis://" in done.stderr
        assert "secret-word" not in done.stderr

    def test_wrong_settings_are_named_together(self, heddle: Heddle) -> None:
        done = heddle("runs", env={"HEDDLE_PORT": "eighty", "HEDDLE_WORKER_CONCURRENCY": "0"})
        assert done.returncode == 1
        assert "HEDDLE_PORT" in done.stderr
        assert "HEDDLE_WORKER_CONCURRENCY" in done.stderr

    @pytest.mark.parametrize("arguments", [[], ["dance"], ["up", "--port", "99999"], ["up", "--workers", "0"]])
    def test_wrong_usage_is_two(self, heddle: Heddle, arguments: list[str]) -> None:
        done = heddle(*arguments)
        assert done.returncode == 2
        assert "usage: heddle" in done.stderr

    def test_the_trace_is_for_developers(self, heddle: Heddle, tmp_path: Path) -> None:
        done = heddle("validate", tmp_path / "none.yaml", env={"HEDDLE_LOG_LEVEL": "DEBUG"})
        assert "Traceback" in done.stderr
