"""`heddle import` with files of other studios: checked without a server, kept as drafts with one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import MASTER_KEY, SECRET

ROOT = Path(__file__).resolve().parents[2]
FLOW = {
    "name": "Köln: orders",
    "nodes": [
        {"name": "Hook", "type": "n8n-nodes-base.webhook", "position": [0, 0], "parameters": {"path": "orders"}},
        {"name": "Odd", "type": "n8n-nodes-base.someThingElse", "position": [400, 100], "parameters": {}},
        {"name": "Note", "type": "n8n-nodes-base.stickyNote", "position": [0, 300], "parameters": {"content": "hi"}},
    ],
    "connections": {"Hook": {"main": [[{"node": "Odd", "type": "main", "index": 0}]]}},
}


@pytest.fixture
def server_env(fresh_owner_url: str, redis_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": fresh_owner_url,
        "REDIS_URL": redis_url,
        "HEDDLE_SECRET": SECRET,
        "HEDDLE_MASTER_KEY": MASTER_KEY,
    }


def heddle(folder: Path, *arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "studio.cli", *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | (env or {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_checking_says_one_line_a_file(tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text(json.dumps(FLOW))
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "ours.yaml").write_text("name: x\nnodes: []\n")
    done = heddle(tmp_path, "import", "--check", "flow.json", "bad.json", "missing.json", "ours.yaml", "--json")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0] == {
        "file": "flow.json", "kind": "n8n", "nodes": 3, "mapped": 1, "approximated": 1, "unsupported": 1, "errors": 0,
    }  # fmt: skip
    assert [(line["kind"], line["errors"] > 0) for line in lines[1:]] == [
        ("unknown", True), ("unknown", True), ("heddle", True),
    ]  # fmt: skip
    assert "not JSON" in lines[1]["message"]
    words = heddle(tmp_path, "import", "--check", "flow.json")
    assert words.returncode == 0
    assert "n8n, 3 nodes, 1 mapped, 1 approximated, 1 unsupported" in words.stdout


def test_a_foreign_file_becomes_a_draft_with_its_layout(tmp_path: Path, server_env: dict[str, str]) -> None:
    (tmp_path / "flow.json").write_text(json.dumps(FLOW))
    done = heddle(tmp_path, "import", "flow.json", env=server_env)
    assert done.returncode == 0, done.stderr
    assert "created koln_orders from n8n (1 mapped, 1 approximated, 1 unsupported)" in done.stdout
    again = heddle(tmp_path, "import", "--publish", "flow.json", env=server_env)
    assert "created koln_orders_2" in again.stdout
    assert "published" not in again.stdout.replace("before you publish", "")
    out = heddle(tmp_path, "export", "koln_orders", "-o", "out", env=server_env)
    assert out.returncode == 0, out.stderr
    text = (tmp_path / "out" / "koln_orders.yaml").read_text()
    assert 'type: "n8n-nodes-base.someThingElse"' in text
    layout = (tmp_path / "out" / ".layout" / "koln_orders.yaml").read_text()
    assert "odd: [200, 280]" in layout
    valid = heddle(tmp_path, "validate", "out/koln_orders.yaml")
    assert valid.returncode == 0, valid.stdout


def test_rubbish_imports_nothing(tmp_path: Path, server_env: dict[str, str]) -> None:
    (tmp_path / "bad.json").write_text('{"a": 1}')
    done = heddle(tmp_path, "import", "bad.json", env=server_env)
    assert done.returncode == 1
    assert "This is no workflow" in done.stderr
    assert "nothing was imported" in done.stderr
