"""Do nodes and edges form a workflow that can run? Ends, start, reachability, cycles, branches, mirrors, fallbacks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from engine.language import fixes, node_types
from engine.language.diagnostics import Diagnostic, Severity
from engine.language.document import Document
from engine.language.fields import fields_with_widget
from engine.language.mirrors import mirror_faults
from engine.language.model import Edge, Node
from engine.language.node_types import NodeType
from engine.language.positions import Path
from engine.language.suggest import did_you_mean, nearest

FOLLOWS_NODE = ("goto", "fallback", "escalate")
MOST_LOOKED_AT = 200_000  # loops times nodes; nobody draws a workflow in which loops are most of it


class Graph:
    """The workflow as a graph of names. With two nodes of one name, the first counts."""

    def __init__(self, document: Document) -> None:
        assert document.workflow is not None
        self.document = document
        self.workflow = document.workflow
        self.place: dict[str, int] = {}
        self.nodes: dict[str, Node] = {}
        for index, node in document.placed_nodes():
            if node.name not in self.nodes:
                self.place[node.name], self.nodes[node.name] = index, node
        self.out: dict[str, list[Edge]] = {name: [] for name in self.nodes}
        for edge in self.workflow.edges:
            if edge.source in self.nodes and edge.target in self.nodes:
                self.out[edge.source].append(edge)

    def type_of(self, name: str) -> NodeType | None:
        return node_types.get(self.nodes[name].type)

    def path(self, name: str) -> Path:
        return ("nodes", self.place[name], "name")

    @cached_property
    def starts(self) -> list[str]:
        return [n for n in self.nodes if (t := self.type_of(n)) is not None and t.entry]

    def targets(self, name: str) -> set[str]:
        """Where a run may go from here: edges, on_error, and nodes named in the config (a loop's body)."""
        return self.onward(name) | self.bodies(name)

    def onward(self, name: str) -> set[str]:
        """Where a run may go when the node is over."""
        on_error = self.nodes[name].on_error
        found = {edge.target for edge in self.out[name]}
        if on_error is not None and on_error.node in self.nodes:
            found.add(on_error.node)
        return found

    def bodies(self, name: str) -> set[str]:
        """The nodes that its config names: with them a loop's items begin."""
        config = self.nodes[name].config
        return {config[f] for f in fields_with_widget(self.type_of(name), "node") if config.get(f) in self.nodes}

    def reached(self, start: set[str], without: str | None = None) -> set[str]:
        """All nodes to which a way leads from `start` that does not pass `without`."""
        seen: set[str] = set()
        todo = list(start)
        while todo:
            name = todo.pop()
            if name not in seen and name != without:
                seen.add(name)
                todo.extend(self.targets(name))
        return seen


def check_graph(document: Document) -> Iterator[Diagnostic]:
    graph = Graph(document)
    yield from _edge_ends(graph)
    yield from _starts(graph)
    yield from _reachability(graph)
    yield from _ways_out(graph)
    yield from _cycles(graph)
    for name, edges in graph.out.items():
        yield from _branches(graph, name, edges)
        yield from _mirrors(graph, name, edges)
    yield from _fallbacks(graph)
    yield from _on_error(graph)
    yield from _named_nodes(graph)
    yield from _left_bodies(graph)


def _edge_ends(graph: Graph) -> Iterator[Diagnostic]:
    document = graph.document
    for edge in graph.workflow.edges:
        for key, name in (("from", edge.source), ("to", edge.target)):
            if name in graph.nodes:
                continue
            path: Path = ("edges", edge.index, key)
            meant = nearest(name, graph.nodes)
            message = f"the edge names `{name}`, which is not a node{did_you_mean(name, graph.nodes)}"
            fix = fixes.replace_value(document, path, meant) if meant else None
            yield document.diagnostic("unknown-edge-end", message, path, fix=fix)


def _starts(graph: Graph) -> Iterator[Diagnostic]:
    if not graph.starts:
        yield graph.document.diagnostic("missing-start", "there is no start node", ("nodes",))
    for name in graph.starts[1:]:
        message = f"`{name}` is a second start node; `{graph.starts[0]}` is the first"
        yield graph.document.diagnostic("multiple-start", message, graph.path(name))


def _reachability(graph: Graph) -> Iterator[Diagnostic]:
    if not graph.starts:
        return
    fallbacks = [r.fallback_node for r in graph.workflow.error_handling if r.fallback_node in graph.nodes]
    seen = graph.reached({*graph.starts, *(name for name in fallbacks if name)})
    for name in graph.nodes:
        kind = graph.type_of(name)
        if name not in seen and (kind is None or kind.runnable):
            yield graph.document.diagnostic(
                "unreachable-node", f"no path leads from the start to `{name}`", graph.path(name)
            )


def _ways_out(graph: Graph) -> Iterator[Diagnostic]:
    for name, edges in graph.out.items():
        kind = graph.type_of(name)
        if kind is None or kind.final or not kind.runnable or any(edge.on == "success" for edge in edges):
            continue
        yield graph.document.diagnostic(
            "no-way-out", f"no edge leaves `{name}`, and it is not an end", graph.path(name)
        )


def _cycles(graph: Graph) -> Iterator[Diagnostic]:
    targets = {name: graph.targets(name) for name in graph.nodes}
    for cycle in components(targets):
        first = min(cycle, key=lambda name: graph.place[name])
        if len(cycle) == 1 and first not in targets[first]:
            continue
        inside = set(cycle)
        leaves = any(targets[name] - inside for name in cycle)
        ends = any((t := graph.type_of(name)) is not None and t.final for name in cycle)
        if not leaves and not ends:
            names = ", ".join(f"`{name}`" for name in sorted(cycle, key=lambda n: graph.place[n])[:8])
            message = (
                f"no edge leaves the cycle of {names}" if len(cycle) > 1 else f"`{first}` only leads back to itself"
            )
            yield graph.document.diagnostic("endless-cycle", message, graph.path(first))


def components(targets: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components (Tarjan, without recursion): https://en.wikipedia.org/wiki/Tarjan's_algorithm"""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for root, following_of_root in targets.items():
        if root in index:
            continue
        work = [(root, iter(following_of_root))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    at = stack.index(name)
                    found.append(stack[at:])
                    on_stack.difference_update(stack[at:])
                    del stack[at:]
            elif following not in index:
                index[following] = low[following] = len(index)
                stack.append(following)
                on_stack.add(following)
                work.append((following, iter(targets[following])))
            elif following in on_stack:
                low[name] = min(low[name], index[following])
    return found


def _branches(graph: Graph, name: str, edges: list[Edge]) -> Iterator[Diagnostic]:
    document, kind = graph.document, graph.type_of(name)
    if kind is not None and kind.branches:
        return
    for on in ("success", "error", "timeout"):
        same = [edge for edge in edges if edge.on == on]
        default = next((edge for edge in same if edge.is_default), None)
        for edge in same[same.index(default) + 1 :] if default else ():
            if edge.is_default:
                message = f"`{name}` has more than one unconditional edge; only a parallel node may"
                yield document.diagnostic("several-unconditional", message, ("edges", edge.index, "condition"))
            else:
                message = f"this edge of `{name}` is never taken: an unconditional one stands before it"
                yield document.diagnostic("dead-edge", message, ("edges", edge.index, "condition"))
        if on == "success" and same and default is None:
            message = f"a run fails at `{name}` when none of its conditions is true"
            yield document.diagnostic("no-default", message, graph.path(name))


def _mirrors(graph: Graph, name: str, edges: list[Edge]) -> Iterator[Diagnostic]:
    document, at = graph.document, ("nodes", graph.place[name], "config")
    for fault in mirror_faults(graph.nodes[name].config, edges):
        path: Path = (*at, *fault.path)
        fix = fixes.replace_value(document, path, fault.wanted) if fault.wanted is not None else None
        yield document.diagnostic("mirror-disagrees", fault.message, path, fix=fix)


def _fallbacks(graph: Graph) -> Iterator[Diagnostic]:
    document = graph.document
    severity: Severity = "error" if "schema_version" in document.data else "warning"
    for index, rule in enumerate(document.data.get("error_handling") or ()):
        name = rule.get("fallback_node") if isinstance(rule, dict) else None
        if not isinstance(name, str) or name in graph.nodes:
            continue
        path: Path = ("error_handling", index, "fallback_node")
        meant = nearest(name, graph.nodes)
        fix = fixes.replace_value(document, path, meant) if meant else fixes.remove_line(document, path)
        message = f"the fallback `{name}` is not a node{did_you_mean(name, graph.nodes)}"
        yield document.diagnostic("unknown-fallback", message, path, severity=severity, fix=fix)


def _on_error(graph: Graph) -> Iterator[Diagnostic]:
    document = graph.document
    for name, node in graph.nodes.items():
        rule, at = node.on_error, ("nodes", graph.place[name], "on_error")
        if rule is None:
            continue
        if rule.node is None and rule.action in ("goto", "fallback"):
            yield document.diagnostic("missing-key", f"`{rule.action}` needs a `node` to go to", at)
        elif rule.node is not None and rule.node not in graph.nodes:
            meant = nearest(rule.node, graph.nodes)
            message = f"`on_error` leads to `{rule.node}`, which is not a node{did_you_mean(rule.node, graph.nodes)}"
            fix = fixes.replace_value(document, (*at, "node"), meant) if meant else None
            yield document.diagnostic("unknown-target", message, (*at, "node"), fix=fix)


def _named_nodes(graph: Graph) -> Iterator[Diagnostic]:
    """Configs that lead to another node (a loop's body) name one that is there."""
    for name, node in graph.nodes.items():
        for field in fields_with_widget(graph.type_of(name), "node"):
            target = node.config.get(field)
            if not isinstance(target, str) or target in graph.nodes:
                continue
            path: Path = ("nodes", graph.place[name], "config", field)
            meant = nearest(target, graph.nodes)
            message = f"`{field}` names `{target}`, which is not a node{did_you_mean(target, graph.nodes)}"
            fix = fixes.replace_value(graph.document, path, meant) if meant else None
            yield graph.document.diagnostic("unknown-target", message, path, fix=fix)


def _left_bodies(graph: Graph) -> Iterator[Diagnostic]:
    """A loop's body leads back to the loop, or ends. What also comes after the loop would run once for each item."""
    loops = [name for name in graph.nodes if graph.bodies(name)]
    if len(loops) * len(graph.nodes) > MOST_LOOKED_AT:
        return
    for loop in loops:
        inside = graph.reached(graph.bodies(loop), loop)
        behind = graph.reached(graph.onward(loop), loop)
        for name in sorted(inside - behind, key=lambda n: graph.place[n]):
            for target in sorted(graph.onward(name) & behind, key=lambda n: graph.place[n]):
                kind = graph.type_of(target)
                if kind is None or not kind.final:
                    message = (
                        f"`{name}` leads out of the body of `{loop}` to `{target}`, which runs once for each item then"
                    )
                    yield graph.document.diagnostic("left-body", message, _way(graph, name, target))


def _way(graph: Graph, name: str, target: str) -> Path:
    """The place in the text that leads from one node to the other."""
    edge = next((edge for edge in graph.out[name] if edge.target == target), None)
    return ("edges", edge.index, "to") if edge else ("nodes", graph.place[name], "on_error", "node")
