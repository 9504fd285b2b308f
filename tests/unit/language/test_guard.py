"""Hostile and broken YAML: refused with line and column, quickly, and with the process alive."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.errors import YamlError
from engine.language import guard
from engine.language.document import Document

ALIAS_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)
)
MERGE_BOMB = "b0: &b0 {k0: 1}\n" + "".join(
    f"b{i + 1}: &b{i + 1}\n  <<: [{', '.join([f'*b{i}'] * 9)}]\n  k{i + 1}: 1\n" for i in range(6)
)

REFUSED = {
    "python tag": ("a: !!python/object/apply:os.system ['id']", "tag", 1),
    "own tag": ("a: 1\nb: !env X", "tag", 2),
    "standard tag": ("a: !!str 5", "tag", 1),
    "bare tag": ("a: ! x", "tag", 1),
    "tag directive": ("%TAG ! tag:x,2000:\n---\na: 1", "%TAG", 1),
    "alias bomb": (ALIAS_BOMB, "more than 50,000 values", 5),
    "merge bomb": (MERGE_BOMB, "more than 50,000 values", None),
    "recursive alias": ("a: &a {b: *a}", "inside its own anchor", 1),
    "unknown alias": ("a: 1\nb: *nope", "alias", 2),
    "deep list": ("[" * 33 + "]" * 33, "deeper than 32", 1),
    "deep blocks": ("- " * 40 + "x", "deeper than 32", 1),
    "deep mapping": ("{a: " * 40 + "1" + "}" * 40, "deeper than 32", 1),
    "five megabytes": ("a: b\n" * 1_000_000, "larger than 1,048,576 bytes", 1),
    "long scalar": ("a: " + "x" * 200_001, "longer than 200,000", 1),
    "many values": ("[" + "1," * 60_000 + "]", "more than 50,000", 1),
    "two documents": ("a: 1\n---\nb: 2", "one document", 2),
    "lone surrogate": ("a: b\nc: \ud800", "U+D800", 2),
    "escaped surrogate": ('a: "\\uD800"', "Unicode", 1),
    "raw NUL": ("a: x\nb: \0", "U+0000", 2),
    "control character": ("a: \x07", "U+0007", 1),
    "open bracket": ("a: 1\nb: [1, 2", None, 2),
    "open quote": ('a: "never', "quote", 1),
    "tab indentation": ("a:\n\t- b", "tab", 2),
    "two colons": ("a: 1\nb: c: d", "':' is not allowed", 2),
    "only an anchor sign": ("&", None, 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_text_is_refused_at_its_place(name: str) -> None:
    text, message, line = REFUSED[name]
    began = time.process_time()
    with pytest.raises(YamlError) as caught:
        guard.check_bounds(text)
    assert time.process_time() - began < 2
    assert message is None or message in caught.value.public_message
    if line is not None:
        assert caught.value.details["line"] == line
    assert caught.value.details["column"] >= 1
    document = Document.parse(text)
    assert document.workflow is None
    assert [d.code for d in document.diagnostics] == ["yaml-syntax"]
    assert document.diagnostics[0].message == caught.value.public_message


@pytest.mark.parametrize("text", ["[" * 50_000, "{" * 50_000, "- " * 50_000, "[\n" * 300_000, "? " * 50_000])
def test_fifty_thousand_brackets_do_not_kill_the_process(text: str) -> None:
    code = "import sys\nfrom engine.language.document import Document\nprint(Document.parse(sys.stdin.read()).error)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        input=text,
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert done.returncode == 0, done.stderr
    assert "nested deeper than 32 levels" in done.stdout


def test_bounds_are_reached_without_error() -> None:
    guard.check_bounds("[" * 32 + "]" * 32)
    guard.check_bounds("a: " + "x" * 200_000)
    guard.check_bounds("[" + "1," * 49_998 + "]")
    guard.check_bounds("# only a comment\n")
    guard.check_bounds("")


def test_anchors_may_be_used_and_defined_again() -> None:
    document = Document.parse("a: &x 1\nb: *x\nc: &x 2\nd: *x\n")
    assert document.data == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_nothing_is_constructed_from_a_tag(tmp_path: Path) -> None:
    target = tmp_path / "made"
    Document.parse(f"!!python/object/apply:os.system ['touch {target}']")
    assert not target.exists()


@pytest.mark.parametrize(
    "text", ["a: 1", "[", "\ud800", "\0", "", "- - -", "a: &a [*a]", "%", "\ufeff", "💥: [", "---\n---"]
)
def test_parse_never_raises(text: str) -> None:
    document = Document.parse(text)
    assert isinstance(document.hash, str)
    assert all(d.line >= 1 and d.column >= 1 for d in document.diagnostics)


def test_a_file_of_too_many_nodes_is_told_in_nodes() -> None:
    def text(item: str, count: int) -> str:
        return "name: many\nnodes:\n" + item * count + "# the end\nedges: []\n"

    for item in (
        "  - name: n\n    type: transform\n    config: {a: 1}\n",
        "- {name: n, type: transform, x: [1, 2]}\n\n",
    ):
        (found,) = Document.parse(text(item, 10_000)).diagnostics
        assert (found.line, found.code) == (2, "yaml-syntax")
        assert found.message == "10,000 nodes; a workflow may have 2,000. Move parts of it into sub-workflows."
    large = "name: large\nnodes:\n  - {name: a, config: {a: [" + "1," * 60_000 + "]}}\n"
    assert "more than 50,000 values" in Document.parse(large).diagnostics[0].message
