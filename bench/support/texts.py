"""The workflows that are measured."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

FILLER = "x" * 160  # a step's output is about 200 bytes, as in the anchors


def no_op_chain(steps: int) -> str:
    """`start`, that many steps that only compute a text, `end`."""
    middle = [
        f"- {{name: step_{i}, type: transform, config: {{set: {{out_{i}: \"'{FILLER}'\"}}}}}}" for i in range(steps)
    ]
    end = "- {name: end, type: end, config: {output: {done: 'yes'}}}"
    return _chain("no_op", ["- {name: start, type: start}", *middle, end])


def model_chain(steps: int) -> str:
    """`start`, that many model calls one after the other, `end`."""
    ask = "model: gpt-4o-mini, temperature: 0, prompt_template: 'Say yes to {message}'"
    middle = [f"- {{name: ask_{i}, type: agent, config: {{{ask}, output_key: said_{i}}}}}" for i in range(steps)]
    end = "- {name: end, type: end, config: {output: {done: 'yes'}}}"
    return _chain("ask", ["- {name: start, type: start}", *middle, end])


def webhook() -> str:
    """Five pure nodes (the edges of a condition among them) behind an open webhook."""
    nodes = [
        "- {name: start, type: start}",
        "- {name: name_it, type: transform, config: {set: {greeting: \"'hello ' + context.name\"}}}",
        "- {name: is_long, type: condition}",
        "- {name: say, type: message, config: {text: '{greeting}, how are you?'}}",
        "- {name: end, type: end, config: {output: {reply: context.reply_text}}}",
    ]
    edges = [
        "- {from: start, to: name_it}",
        "- {from: name_it, to: is_long}",
        '- {from: is_long, to: say, condition: "len(context.name) < 200"}',
        "- {from: is_long, to: end}",
        "- {from: say, to: end}",
    ]
    return _text("hook", nodes, edges, ["- {type: webhook, config: {path: bench, auth: none, respond: last_node}}"])


def mesh(name: str, nodes: int, edges: int) -> str:
    """A chain of agents, conditions and messages, with edges of the conditions that lead further on."""
    kinds = ("agent", "condition", "message")
    names = ["start", *(f"{kinds[i % 3]}_{i}" for i in range(nodes - 2)), "end"]
    config = {
        "agent": "{model: gpt-4o-mini, prompt_template: 'Answer {message}'}",
        "condition": "{}",
        "message": "{text: 'Hello'}",
    }
    lines = ["- {name: start, type: start}"]
    lines += [
        f"- {{name: {one}, type: {one.partition('_')[0]}, config: {config[one.partition('_')[0]]}}}"
        for one in names[1:-1]
    ]
    ways = [(i, ahead) for ahead in (3, 5, 7) for i, one in enumerate(names) if one[:4] == "cond" and i + ahead < nodes]
    extra = ways[: edges - (nodes - 1)]
    onward = [f'- {{from: {names[i]}, to: {names[i + n]}, condition: "len(context.message) > {n}"}}' for i, n in extra]
    return _text(
        name,
        [*lines, "- {name: end, type: end}"],
        onward + [f"- {{from: {a}, to: {b}}}" for a, b in itertools.pairwise(names)],
    )


def _chain(name: str, nodes: Sequence[str]) -> str:
    names = [node.partition("name: ")[2].partition(",")[0] for node in nodes]
    return _text(name, nodes, [f"- {{from: {a}, to: {b}}}" for a, b in itertools.pairwise(names)])


def _text(name: str, nodes: Sequence[str], edges: Sequence[str], triggers: Sequence[str] = ()) -> str:
    lines = [f"name: {name}", 'version: "1.0.0"', "description: a benchmark", "category: system", "priority: low"]
    lines += ["config: {timeout_seconds: 300, max_retries: 0}"]
    if triggers:
        lines += ["triggers:", *(f"  {trigger}" for trigger in triggers)]
    lines += ["nodes:", *(f"  {node}" for node in nodes), "edges:", *(f"  {edge}" for edge in edges)]
    return "\n".join(lines) + "\n"
