"""How fast the workflow language is: validate a file of 200 nodes, edit it, and `heddle validate` from a cold start."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from connectors.toolbox import toolbox_specs
from engine import nodes
from engine.language.document import Document
from engine.language.edits import edit_document
from engine.language.validate import validate
from engine.settings import Settings

NODES = 200
ROUNDS = 15
COLD_ROUNDS = 5


def run(settings: Settings, progress: Callable[[str], None]) -> dict[str, float]:  # noqa: ARG001 - every bench's form
    """Medians: parse + validate in ms, one span edit in ms, cold `heddle validate` of a shipped file in s."""
    nodes.load()
    tools = toolbox_specs()
    text = workflow_of(NODES)
    faults = [one for one in validate(Document.parse(text), tools=tools, workflows=set()) if one.is_error]
    if faults:
        raise AssertionError(f"the generated file has errors: {faults[0]}")
    progress(f"validating {NODES} nodes, {ROUNDS} times")
    validate_ms = _median_ms(lambda: validate(Document.parse(text), tools=tools, workflows=set()))
    document = Document.parse(text)
    document.workflow  # noqa: B018 - the editor has it at hand
    edit = {"op": "set_field", "node": f"agent_{NODES // 6 * 3}", "path": ["config", "temperature"], "value": 0.25}
    progress("editing one field")
    edit_ms = _median_ms(lambda: edit_document(document, [edit]))
    progress("starting `heddle validate` cold")
    return {
        "validate_200_ms": round(validate_ms, 2),
        "span_edit_ms": round(edit_ms, 2),
        "cold_validate_s": round(_cold_validate_s(), 3),
    }


def workflow_of(count: int) -> str:
    """A valid workflow of that many nodes: agents, conditions and tools in a long chain with branches."""
    lines = ["# generated", 'name: "long"', 'version: "1.0.0"', 'description: "A long one"']
    lines += ['category: "system"', 'priority: "low"', "", "nodes:"]
    middle = count - 2
    kinds = ("agent", "condition", "tool")
    names = ["start", *(f"{kinds[i % 3]}_{i}" for i in range(middle)), "end"]
    lines += ['  - name: "start"', '    type: "start"', "    config:", '      description: "Begins here"']
    for i in range(middle):
        lines += _node(names[i + 1], kinds[i % 3], i)
    lines += ['  - name: "end"', '    type: "end"', "", "edges:"]
    for i in range(count - 1):
        source, target = names[i], names[i + 1]
        if source.startswith("condition"):
            lines += _edge(source, "end", f'"context.score_{i} >= 90"')
        lines += _edge(source, target, "null")
    return "\n".join(lines) + "\n"


def _node(name: str, kind: str, number: int) -> list[str]:
    head = [f'  - name: "{name}"', f'    type: "{kind}"', "    config:"]
    if kind == "agent":
        prompt = ["      prompt_template: |", "        Rate this message from 0 to 100: {message}"]
        model = ['      agent_type: "classifier"', '      model: "gpt-4o-mini"', "      temperature: 0.1"]
        return [*head, *model, "      max_tokens: 200", f"      # step {number}", *prompt]
    if kind == "condition":
        return [*head, f'      description: "Is step {number} good enough?"']
    search = ['      tool_name: "search_knowledge_base"', "      parameters:", '        query: "context.message"']
    return [*head, *search, "        limit: 5"]


def _edge(source: str, target: str, condition: str) -> list[str]:
    return [f'  - from: "{source}"', f'    to: "{target}"', f"    condition: {condition}"]


def _median_ms(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _cold_validate_s() -> float:
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "studio.cli", "validate", str(root / "workflows" / "order_management.yaml")]
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(COLD_ROUNDS):
            began = time.perf_counter()
            subprocess.run(command, check=True, cwd=root, stdout=(Path(folder) / "out").open("w"))
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)
