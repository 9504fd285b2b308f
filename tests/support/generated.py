"""Workflows and edits of them, from a source of random choices."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.support.written_files import WORDS

TYPES = ["agent", "tool", "condition", "message", "sub_workflow"]


def some_value(random: Random, depth: int = 0) -> Any:
    """Any JSON value, small."""
    kind = random.randint(0, 7 if depth < 3 else 4)
    if kind == 0:
        return random.choice([0, 1, -3, 0.5, 12345678901, 1e-7, 2.0, True, False, None])
    if kind <= 4:
        return random.choice(WORDS)
    if kind <= 6:
        return {
            random.choice(["a", "b_c", "model", "x y", "k1", "on"]): some_value(random, depth + 1)
            for _ in range(random.randint(0, 3))
        }
    return [some_value(random, depth + 1) for _ in range(random.randint(0, 3))]


def some_workflow(random: Random) -> dict[str, Any]:
    names = [f"n{i}" for i in range(random.randint(1, 5))]
    nodes: list[dict[str, Any]] = []
    for name in names:
        node: dict[str, Any] = {"name": name, "type": random.choice(TYPES)}
        if random.random() < 0.8:
            node["config"] = {
                key: some_value(random)
                for key in random.sample(["model", "text", "parameters", "tools", "output_key", "x"], 3)
            }
        if random.random() < 0.2:
            node["on_error"] = {"action": "goto", "node": random.choice(names)}
        nodes.append(node)
    edges = [
        {
            "from": random.choice(names),
            "to": random.choice(names),
            "condition": random.choice([None, "true", "context.a == 'b'"]),
        }
        for _ in range(random.randint(0, 5))
    ]
    data = {
        "name": "generated",
        "version": "1.0.0",
        "description": random.choice(WORDS),
        "nodes": nodes,
        "edges": edges,
    }
    if random.random() < 0.4:
        data["error_handling"] = [{"error_type": "*", "action": "fallback", "fallback_node": random.choice(names)}]
    return data


def some_edit(random: Random, data: dict[str, Any]) -> dict[str, Any]:  # noqa: PLR0911  (one return per kind)
    names = [node["name"] for node in data["nodes"]]
    name, edges = random.choice(names), data["edges"]
    ops = [
        "set_field",
        "set_field",
        "set_field",
        "unset_field",
        "add_node",
        "remove_node",
        "rename_node",
        "add_edge",
        "set_top",
    ]
    ops += ["remove_edge", "set_edge", "move_edge"] if edges else []
    op = random.choice(ops)
    config = next(n for n in data["nodes"] if n["name"] == name).get("config") or {}
    match op:
        case "set_field":
            path: list[Any] = ["config", random.choice([*config, "new_key"])]
            value = config.get(path[1])
            if isinstance(value, dict) and value and random.random() < 0.5:
                path.append(random.choice(list(value)))
            elif isinstance(value, list) and value and random.random() < 0.5:
                path.append(random.randrange(len(value)))
            return {"op": op, "node": name, "path": path, "value": some_value(random)}
        case "unset_field":
            return {
                "op": op,
                "node": name,
                "path": random.choice([["config"], ["config", random.choice([*config, "none"])]]),
            }
        case "add_node":
            node = {
                "name": "added",
                "type": "message",
                "config": {"text": random.choice(WORDS), "more": some_value(random)},
            }
            return {"op": op, "node": node, "after": random.choice([*names, None])}
        case "remove_node":
            return {"op": op, "node": name}
        case "rename_node":
            return {"op": op, "node": name, "to": "renamed"}
        case "add_edge":
            return {
                "op": op,
                "from": name,
                "to": random.choice(names),
                "condition": random.choice([None, "context.a > 1"]),
                "index": random.randint(0, len(edges)),
            }
        case "remove_edge":
            return {"op": op, "index": random.randrange(len(edges))}
        case "set_edge":
            field = random.choice(["condition", "label", "to", "on"])
            value = {
                "condition": random.choice([None, "context.b < 2"]),
                "label": random.choice(["yes: it is", None]),
                "to": name,
                "on": random.choice(["error", None]),
            }[field]
            return {"op": op, "index": random.randrange(len(edges)), "field": field, "value": value}
        case "move_edge":
            return {"op": op, "index": random.randrange(len(edges)), "to": random.randrange(len(edges))}
    paths = [["description"], ["metadata"]] + (
        [["metadata", "tags"]] if isinstance(data.get("metadata", {}), dict) else []
    )
    return {"op": "set_top", "path": random.choice(paths), "value": some_value(random)}
