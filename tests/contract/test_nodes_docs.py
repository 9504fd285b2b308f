"""The generated pages: one for each node type with every field, and a check that notices when they are stale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.language.node_types import all_types
from engine.nodes import docs, load

load()


@pytest.mark.parametrize("node_type", list(all_types()), ids=lambda t: t.type)
def test_a_page_names_every_field_and_shows_the_example(node_type: docs.NodeType) -> None:
    text = docs.page(node_type)
    assert node_type.example.strip() in text
    for name, field in node_type.config_model.model_fields.items():
        assert f"| `{field.alias or name}` |" in text
    for line in text.splitlines():
        if line.startswith("| `"):
            assert line.replace("\\|", "").count("|") == 5, line


def test_writing_makes_fresh_and_a_second_time_writes_nothing(tmp_path: Path) -> None:
    assert docs.main(["--check", "--root", str(tmp_path)]) == 1
    assert docs.main(["--root", str(tmp_path)]) == 0
    assert docs.main(["--check", "--root", str(tmp_path)]) == 0
    assert docs.write(tmp_path) == []
    schema = json.loads((tmp_path / docs.SCHEMA_FILE).read_text())
    assert "sub_workflow" in json.dumps(schema)


def test_a_changed_page_and_one_of_a_type_that_is_gone_are_stale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docs.write(tmp_path)
    (tmp_path / docs.FOLDER / "gone.md").write_text("old")
    (tmp_path / docs.FOLDER / "tool.md").write_text("edited by hand")
    assert docs.main(["--check", "--root", str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == ["stale: docs/nodes/gone.md", "stale: docs/nodes/tool.md"]
    docs.write(tmp_path)
    assert not (tmp_path / docs.FOLDER / "gone.md").exists()
