"""From what a peer's module put together to a workflow that follows the laws of the graph.

One start that leads to where the triggers lead; one end where nothing follows; a `parallel` where one way becomes
several; a default for each fork; no cycle without a way out. What has to be dropped is said in the report.
"""

from __future__ import annotations

from collections import deque

from engine.importers.draft import Draft, DraftEdge, DraftNode
from engine.language import node_types
from engine.language.fields import fields_with_widget
from engine.language.graph_checks import components


def finish(draft: Draft) -> None:
    """Make the draft whole, in place."""
    draft.edges = _sound_edges(draft)
    _gates(draft)
    _start(draft)
    _fan_out(draft)
    _sort_edges(draft)
    _break_cycles(draft)
    _ways_out(draft)
    reached = _as_reached(draft)
    draft.nodes = dict(sorted(draft.nodes.items(), key=lambda item: (_rank(draft, item[1]), reached[item[0]])))
    _order_edges(draft)


def _sound_edges(draft: Draft) -> list[DraftEdge]:
    """Edges between nodes that run, each once; none leaves an end or enters a start."""
    kept: dict[tuple[str, str, str | None, str], DraftEdge] = {}
    for edge in draft.edges:
        source, target = draft.nodes.get(edge.source), draft.nodes.get(edge.target)
        if source is None or target is None or not (_runs(source) and _runs(target)):
            continue
        if _is(source, "final") or _is(target, "entry"):
            continue
        kept.setdefault((edge.source, edge.target, edge.condition, edge.on), edge)
    return list(kept.values())


def _gates(draft: Draft) -> None:
    """Who leads to a node for whose texts something is computed leads to the helper that computes it."""
    gates = {
        name: gate
        for name, gate in draft.gates.items()
        if gate in draft.nodes and name in draft.nodes and _runs(draft.nodes[name])
    }

    def entrance(name: str, source: str = "") -> str:
        while name in gates and gates[name] != source:
            name = gates[name]
        return name

    for edge in draft.edges if gates else ():
        edge.target = entrance(edge.target, edge.source)
    helpers = set(gates.values())
    for node in draft.nodes.values() if gates else ():
        if node.name not in helpers and (names := gates.keys() & set(bodies(node))):
            node.config = {
                key: entrance(value) if isinstance(value, str) and value in names else value
                for key, value in node.config.items()
            }
    draft.first = [entrance(name) for name in draft.first]
    draft.fallback = entrance(draft.fallback) if draft.fallback else draft.fallback
    entered = {edge.source for edge in draft.edges}
    for name, gate in gates.items():
        if name in draft.homes:
            draft.homes[gate] = draft.homes[name]
        if gate not in entered:
            draft.link(gate, name)


def _runs(node: DraftNode) -> bool:
    return _is(node, "runnable")


def _is(node: DraftNode, what: str) -> bool:
    return bool(getattr(node_types.get(node.type), what))


def _start(draft: Draft) -> None:
    """The start node leads to every first node; without any, to the first that nothing else leads to."""
    running = [name for name, node in draft.nodes.items() if _runs(node) and not _is(node, "entry")]
    first = [name for name in dict.fromkeys(draft.first) if name in running]
    entered = {edge.target for edge in draft.edges} | {name for node in draft.nodes.values() for name in bodies(node)}
    roots = [name for name in running if name not in entered]
    if not first and running:
        first = [_leftmost(draft, roots or running)]
    if draft.start not in draft.nodes:
        draft.start = draft.helper("start", "start", {}).name
    led = {edge.target for edge in draft.edges if edge.source == draft.start}
    for name in first if not led else ():
        draft.link(draft.start, name)
    for name in roots:
        if name not in first:
            for entry in draft.report.about(name):
                if not any("leads" in reason for reason in entry.reasons):
                    entry.reasons.append("nothing in the file leads to it")


def bodies(node: DraftNode) -> list[str]:
    """Nodes that the config names: a loop's body."""
    fields = fields_with_widget(node_types.get(node.type), "node")
    return [value for field in fields if isinstance(value := node.config.get(field), str)]


def _leftmost(draft: Draft, names: list[str]) -> str:
    return min(names, key=lambda name: (draft.nodes[name].place or (0.0, 0.0), name))


def _fan_out(draft: Draft) -> None:
    """Several edges that would all be taken: they leave from a parallel node instead."""
    groups: dict[tuple[str, str | None, str], list[DraftEdge]] = {}
    for edge in draft.edges:
        groups.setdefault((edge.source, edge.condition, edge.on), []).append(edge)
    for (source, condition, on), edges in groups.items():
        if len(edges) == 1 or _is(draft.nodes[source], "branches"):
            continue
        fork = draft.helper(f"{source[:48]}_branches", "parallel", {})
        draft.link(source, fork.name, condition, on=on, label=edges[0].label)
        for edge in edges:
            edge.source, edge.condition, edge.on, edge.label = fork.name, None, "success", None


def _sort_edges(draft: Draft) -> None:
    """Conditional edges before the default of their node; and a fork has a default."""
    draft.edges.sort(key=lambda edge: edge.is_default)


def _break_cycles(draft: Draft) -> None:
    """Drop the edges that close a cycle which no edge leaves."""
    while cycles := _endless(draft, _open_ended(draft)):
        order = _as_reached(draft)
        gone: list[DraftEdge] = []
        for inside in cycles:
            entry = min(inside, key=order.__getitem__)
            within = [edge for edge in draft.edges if edge.source in inside and edge.target in inside]
            gone += [edge for edge in within if edge.target == entry] or within[:1]
        if not gone:
            return
        _drop(draft, gone)


def _as_reached(draft: Draft) -> dict[str, int]:
    """Nodes numbered in the order in which the start reaches them; then the others as they stand."""
    following: dict[str, list[str]] = {name: bodies(node) for name, node in draft.nodes.items()}
    for edge in draft.edges:
        following[edge.source].append(edge.target)
    reached: dict[str, int] = {}
    todo = deque([draft.start])
    while todo:
        name = todo.popleft()
        if name in draft.nodes and name not in reached:
            reached[name] = len(reached)
            todo.extend(following[name])
    for name in draft.nodes:
        reached.setdefault(name, len(reached))
    return reached


def _endless(draft: Draft, leaving: set[str]) -> list[set[str]]:
    """Cycles that no edge leaves, and none of whose nodes is among `leaving`."""
    targets = {name: {body for body in bodies(node) if body in draft.nodes} for name, node in draft.nodes.items()}
    for edge in draft.edges:
        targets[edge.source].add(edge.target)
    found = []
    for cycle in components(targets):
        inside = set(cycle)
        if len(cycle) == 1 and cycle[0] not in targets[cycle[0]]:
            continue
        if not inside & leaving and not any(targets[name] - inside for name in cycle):
            found.append(inside)
    return found


def _drop(draft: Draft, gone: list[DraftEdge]) -> None:
    lost = {id(edge) for edge in gone}
    draft.edges = [edge for edge in draft.edges if id(edge) not in lost]
    for edge in gone:
        for entry in draft.report.about(edge.source):
            entry.approximate(f"the way back to {edge.target} was dropped: the cycle had no way out")


def _open_ended(draft: Draft) -> set[str]:
    """Nodes that end the run, or that get an edge to the end because they have no default."""
    led = {edge.source for edge in draft.edges if edge.on == "success" and edge.is_default}
    return {name for name, node in draft.nodes.items() if _runs(node) and (name not in led or _is(node, "final"))}


def _ways_out(draft: Draft) -> None:
    """Whatever has no edge to go on by leads back to its loop, or to the end."""
    open_ended = _open_ended(draft)
    ending = [name for name in draft.nodes if name in open_ended and not _is(draft.nodes[name], "final")]
    home = {
        name: draft.homes[name] for name in ending if draft.homes.get(name) in draft.nodes and draft.homes[name] != name
    }
    for name, loop in home.items():
        draft.link(name, loop)
    for inside in _endless(draft, set(ending) - set(home)):  # two loops, each in the other: one of them has to end
        back = next((name for name in home if name in inside), None)
        if back is not None:
            draft.edges = [edge for edge in draft.edges if edge.source != back or edge.target != home[back]]
            del home[back]
    ending = [name for name in ending if name not in home]
    if not draft.end and (ending or not any(_is(node, "final") for node in draft.nodes.values())):
        draft.end = draft.helper("end", "end", {}).name
    for name in ending:
        draft.link(name, draft.end)


def _rank(draft: Draft, node: DraftNode) -> int:
    """The start first, the end last, notes behind it."""
    if node.name == draft.start:
        return 0
    if not _runs(node):
        return 3
    return 2 if node.name == draft.end else 1


def _order_edges(draft: Draft) -> None:
    """Edges in the order of their sources; those of one source keep theirs."""
    order = {name: number for number, name in enumerate(draft.nodes)}
    draft.edges.sort(key=lambda edge: order[edge.source])
