"""Folders of workflows: what is written is read again, and what is no such folder is refused in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.errors import ConfigError
from studio.services.workflow_files import VersionFile, WorkflowFiles, contents, read_beside

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
FILES = WorkflowFiles(
    "name: one\n",
    {"nodes": {"a": [1, 2]}, "notes": [{"id": "n", "at": [0, 0], "text": "look:\n\tat #this"}]},
    "cases: []\n",
    (VersionFile(1, "name: one\r\n", {"nodes": {}}, "why:\n - because", AT), VersionFile(7, "name: one\n")),
    7,
    {"a": {"text": "x: 1\n", "on": "no", "date": "2026-01-31", "n": 1.5, "list": [None, {}]}},
)
INDEX = "versions/one/index.yaml"


def test_a_folder_is_read_as_it_was_written() -> None:
    folder = contents("one", FILES)
    assert set(folder) == {
        "one.yaml",
        ".layout/one.yaml",
        "golden/one.yaml",
        "pins/one.yaml",
        "versions/one/1.yaml",
        "versions/one/.layout/1.yaml",
        "versions/one/7.yaml",
        INDEX,
    }
    assert read_beside("one", folder["one.yaml"], folder.get) == FILES
    assert folder[INDEX].splitlines()[0] == "live: 7"
    assert read_beside("one", "name: one\n", {}.get) == WorkflowFiles("name: one\n")


def test_the_report_of_an_import_is_in_no_file() -> None:
    assert contents("one", WorkflowFiles("name: one\n", {"import": {"from": "n8n"}})) == {"one.yaml": "name: one\n"}


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        (INDEX, "versions: [1]", "a number for each"),
        (INDEX, "versions: {one: {}}", "a number for each"),
        (INDEX, "versions: {../../etc/passwd: {}}", "a number for each"),
        (INDEX, "versions: {true: {}}", "a number for each"),
        (INDEX, "versions: {" + ", ".join(f"{n}: {{}}" for n in range(1, 1_002)) + "}", "1,000 at most"),
        (INDEX, "versions: {1: {}}\nlive: 2", "not among them"),
        (INDEX, "versions: {1: {}}\nlive: [1]", "not among them"),
        (INDEX, "versions: {2: {}}", "2.yaml is missing"),
        (INDEX, "versions: {1: {at: yesterday}}", "is no moment"),
        (INDEX, "versions: {1: {at: '2026-01-31T12:00:00'}}", "needs a time zone"),
        (INDEX, "versions: {1: {note: [1]}}", "is no text"),
        (INDEX, f"versions: {{1: {{note: {'x' * 2_001}}}}}", "is no text"),
        (INDEX, "a: &a [*a]", "YAML that Heddle accepts"),
        (INDEX, "!!python/object/apply:os.system [id]", "YAML that Heddle accepts"),
        ("pins/one.yaml", "[1]", "an output for each node"),
        ("pins/one.yaml", "a: 2026-01-31", "is no JSON"),
        ("pins/one.yaml", "a: .nan", "is no JSON"),
        ("pins/one.yaml", "a: !!set {b}", "YAML that Heddle accepts"),
        ("versions/one/.layout/1.yaml", "nodes: [1]", "not a layout"),
        (".layout/one.yaml", "nodes: {a: [1]}", "not a layout"),
    ],
)
def test_what_is_no_such_folder_is_refused_in_words(path: str, text: str, words: str) -> None:
    folder: dict[str, Any] = {INDEX: "versions: {1: {}}", "versions/one/1.yaml": "name: one\n", path: text}
    with pytest.raises(ConfigError, match=words):
        read_beside("one", "name: one\n", folder.get)
