"""When a join goes on.

A join waits for the tokens that can still come to it: those of its frame from whose node a way leads there. Mode all
goes on when none can come any more (so a branch that ended elsewhere is not waited for), any with the first one, n with
the n-th, or earlier when no more can come. With any and n the tokens that are still on their way are dropped. Two joins
that only wait for each other do not wait for ever: the one that began to gather first goes on.
"""

from __future__ import annotations

from engine.execution.state import Active, Key, State, node_of
from engine.execution.tokens import drop


def ready(state: State, join: Active) -> bool:
    """May this join run now?"""
    if _is_complete(state, join):
        return True
    siblings = [other for other in state.active.values() if other.frame == join.frame]
    if siblings[0] is not join or any(other.arrived is None for other in siblings):
        return False
    return not any(_is_complete(state, other) for other in siblings)


def _is_complete(state: State, join: Active) -> bool:
    """Have as many tokens come as are wanted, or all that can?"""
    assert join.arrived is not None
    wanted = _wanted(state, join)
    return (wanted is not None and len(join.arrived) >= wanted) or not on_the_way(state, join)


def pass_on(state: State, join: Active) -> None:
    """Change the state for a join that goes on: one that waited for some of the tokens drops the others."""
    if _wanted(state, join) is not None:
        drop(state, on_the_way(state, join))


def _wanted(state: State, join: Active) -> int | None:
    """How many tokens are enough; None: all that can come."""
    wanted: int | None = node_of(state, join).config.wanted  # type: ignore[attr-defined]
    return wanted


def on_the_way(state: State, join: Active) -> list[Key]:
    """The other tokens of the frame that may still come to this join."""
    plan = state.frames[join.frame].plan
    here = plan.bits[join.node]
    return [
        key
        for key, other in state.active.items()
        if other.frame == join.frame and key != join.key and plan.reach[other.node] & here
    ]
