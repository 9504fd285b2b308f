"""Which nodes a run can no longer reach, for the live view. Derived from the state; nothing depends on it."""

from __future__ import annotations

from engine.execution.plan import Plan
from engine.execution.state import State


class Skips:
    """Remembers per frame which nodes were reported, so that each is reported once."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[str, set[str]] = {}

    def forget(self, path: str) -> None:
        """A frame is opened (again): nothing in it is skipped."""
        self._told[path] = set()

    def lost(self, state: State, path: str) -> list[str]:
        """Nodes of the frame that have just become unreachable, in the order of the file."""
        frame = state.frames[path]
        if not frame.plan.nodes.keys() - frame.visited:
            return []
        reachable, bits = 0, frame.plan.bits
        if frame.ending is None:
            here = [active.node for active in state.active.values() if active.frame == path]
            reachable = _after(frame.plan, here)
        told = self._told.setdefault(path, set())
        lost = [n for n in _own(state, path) if n not in frame.visited and not reachable & bits[n] and n not in told]
        told.update(lost)
        return lost


def _own(state: State, path: str) -> list[str]:
    """Nodes that belong to a frame: for an item those of the loop's body, else those outside of bodies that are
    run in frames of their own."""
    frame = state.frames[path]
    if frame.border is not None:
        body = frame.plan.bodies[frame.border]
        return [name for name in frame.plan.nodes if name in body]
    repeated: set[str] = set()
    for loop, body in frame.plan.bodies.items():
        if loop in frame.visited:
            repeated |= body
    return [name for name in frame.plan.nodes if name not in repeated]


def _after(plan: Plan, nodes: list[str]) -> int:
    """What these nodes may still lead to, as bits; the workflow's own error handling may be needed to the end."""
    reachable = 0
    for name in plan.rule_targets:
        reachable |= plan.bits[name]
    for name in (*nodes, *plan.rule_targets):
        reachable |= plan.reach[name]
    return reachable
