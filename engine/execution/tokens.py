"""Moving tokens: where a run's steps stand, and the frames that open and close beneath them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.execution.state import Active, Ending, Frame, Key, State, merged

Json = Any


def enter(state: State, path: str, nodes: Iterable[str], source: str | None = None) -> State:
    """Put a token on each of these nodes of a frame. A join that gathers already takes it in."""
    active, visits = dict(state.active), dict(state.visits)
    frame = state.frames[path]
    _put(frame, active, visits, nodes, source)
    frame = frame._replace(visited=frame.visited.union(nodes))
    return state._replace(active=active, visits=visits, frames={**state.frames, path: frame})


def move(state: State, active: Active, outcome: Mapping[str, Json], nodes: Sequence[str]) -> State:
    """As `leave`, then `enter` for these nodes of the same frame: what nearly every step does."""
    if active.open:
        state = drop_frames(state, active, rewind=False)
    tokens, visits = dict(state.active), dict(state.visits)
    del tokens[active.key]
    frame = state.frames[active.frame]
    frame = merged(frame, frame.plan.nodes[active.node], outcome, nodes)
    _put(frame, tokens, visits, nodes, active.node)
    return state._replace(active=tokens, visits=visits, frames={**state.frames, active.frame: frame})


def _put(
    frame: Frame, active: dict[Key, Active], visits: dict[str, int], nodes: Iterable[str], source: str | None
) -> None:
    path = frame.path
    for node in nodes:
        step_path = f"{path}/{node}" if path else node
        gathers = frame.plan.nodes[node].behaviour.joins
        if gathers and (join := _gathering(active, step_path, visits)) is not None:
            assert join.arrived is not None
            active[join.key] = join._replace(arrived=(*join.arrived, source or ""))
            continue
        iteration = visits.get(step_path, 0)
        visits[step_path] = iteration + 1
        arrived = (source or "",) if gathers else None
        active[(step_path, iteration)] = Active(step_path, iteration, path, node, arrived=arrived)


def _gathering(active: Mapping[Key, Active], path: str, visits: Mapping[str, int]) -> Active | None:
    """The join's token, unless it has begun to run: a later arrival then is a visit of its own."""
    found = active.get((path, visits.get(path, 0) - 1))
    return found if found is not None and found.attempt == 1 else None


def leave(state: State, active: Active, outcome: Mapping[str, Json] | None) -> State:
    """Take the token away, with the frames beneath it, and merge the step's result when there is one."""
    if active.open:
        state = drop_frames(state, active, rewind=False)
    remaining = {key: other for key, other in state.active.items() if key != active.key}
    if outcome is None:
        return state._replace(active=remaining)
    frame = state.frames[active.frame]
    frame = merged(frame, frame.plan.nodes[active.node], outcome)
    return state._replace(active=remaining, frames={**state.frames, active.frame: frame})


def drop(state: State, keys: Iterable[Key]) -> State:
    """Take tokens away that are no longer wanted, with all beneath them."""
    for key in keys:
        state = leave(state, state.active[key], None)
    return state


def drop_frames(state: State, active: Active, *, rewind: bool) -> State:
    """Forget the frames beneath a step. `rewind` sets visits back, so that a retry repeats iterations and keys."""
    for path in frames_beneath(active):
        if path in state.frames:
            state = drop_frame(state, path, rewind=rewind)
    return state


def frames_beneath(active: Active) -> Iterator[str]:
    if active.loop is None:
        yield active.path
    else:
        yield from (item_path(active, index) for index in active.loop.running)


def drop_frame(state: State, path: str, *, rewind: bool) -> State:
    frame = state.frames[path]
    inside = path + "/"
    state = end_frame(state, path, Ending())
    frames = {p: f for p, f in state.frames.items() if p != path}
    visits = state.visits
    if rewind or frame.border is not None:  # an item's path is its own: its visits need not be kept
        visits = {p: n for p, n in visits.items() if not p.startswith(inside)}
        visits |= {p: n for p, n in frame.visits_before.items() if p.startswith(inside)}
    return state._replace(frames=frames, visits=visits)


def end_frame(state: State, path: str, ending: Ending) -> State:
    """End a frame from outside (limits, timeout) or inside: its active steps and the frames beneath are dropped."""
    inside = path + "/" if path else ""
    beneath = {p for p in state.frames if p == path or p.startswith(inside)}
    active = {k: a for k, a in state.active.items() if a.frame not in beneath}
    frames = {p: f for p, f in state.frames.items() if p == path or p not in beneath}
    frames[path] = frames[path]._replace(ending=ending)
    return state._replace(active=active, frames=frames)


def item_path(active: Active, index: int) -> str:
    """Path of the frame of one item: lp[3], or lp~1[3] when the loop is visited a second time."""
    again = f"~{active.iteration}" if active.iteration else ""
    return f"{active.path}{again}[{index}]"


def is_alone(state: State, path: str) -> bool:
    """Has this frame no other token left?"""
    return all(other.frame != path for other in state.active.values())


def begin(state: State, frame: Frame, node: str) -> State:
    """Add a frame with a token on its first node."""
    return enter(state._replace(frames={**state.frames, frame.path: frame}), frame.path, [node])
