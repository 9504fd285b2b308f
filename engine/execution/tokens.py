"""Moving tokens: where a run's steps stand, and the frames that open and close beneath them.

These functions change the state that they are given: a copy that the machine has made for one record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.execution.state import NOTHING_SPENT, Active, Ending, Frame, Key, State, merged

Json = Any


def enter(state: State, path: str, nodes: Iterable[str], source: str | None = None) -> None:
    """Put a token on each of these nodes of a frame. A join that gathers already takes it in."""
    frame = state.frames[path]
    state.frames[path] = frame._replace(visited=frame.visited.union(nodes))
    _put(state, frame, nodes, source)


def move(state: State, active: Active, outcome: Mapping[str, Json], nodes: Iterable[str]) -> None:
    """As `leave`, then `enter` for these nodes of the same frame: what nearly every step does."""
    if active.open:
        drop_frames(state, active, rewind=False)
    del state.active[active.key]
    frame = state.frames[active.frame]
    state.frames[active.frame] = merged(frame, frame.plan.nodes[active.node], outcome, nodes)
    _put(state, frame, nodes, active.node)


def _put(state: State, frame: Frame, nodes: Iterable[str], source: str | None) -> None:
    path, active, visits = frame.path, state.active, state.visits
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


def leave(state: State, active: Active, outcome: Mapping[str, Json] | None) -> None:
    """Take the token away, with the frames beneath it, and merge the step's result when there is one."""
    if active.open:
        drop_frames(state, active, rewind=False)
    del state.active[active.key]
    if outcome is not None:
        frame = state.frames[active.frame]
        state.frames[active.frame] = merged(frame, frame.plan.nodes[active.node], outcome)


def drop(state: State, keys: Iterable[Key]) -> None:
    """Take tokens away that are no longer wanted, with all beneath them."""
    for key in keys:
        leave(state, state.active[key], None)


def drop_frames(state: State, active: Active, *, rewind: bool) -> None:
    """Forget the frames beneath a step. `rewind` sets visits back, so that a retry repeats iterations and keys."""
    for path in frames_beneath(active):
        if path in state.frames:
            drop_frame(state, path, rewind=rewind)


def frames_beneath(active: Active) -> Iterator[str]:
    if active.loop is None:
        yield active.path
    else:
        yield from (item_path(active, index) for index in active.loop.running)


def drop_frame(state: State, path: str, *, rewind: bool) -> None:
    frame = state.frames[path]
    inside = path + "/"
    end_frame(state, path, Ending())
    del state.frames[path], state.spent[path]
    if rewind or frame.border is not None:  # an item's path is its own: its visits need not be kept
        visits = {p: n for p, n in state.visits.items() if not p.startswith(inside)}
        state.visits = visits | {p: n for p, n in frame.visits_before.items() if p.startswith(inside)}


def end_frame(state: State, path: str, ending: Ending) -> None:
    """End a frame from outside (limits, timeout) or inside: its active steps and the frames beneath are dropped."""
    inside = path + "/" if path else ""
    beneath = {p for p in state.frames if p == path or p.startswith(inside)}
    state.active = {k: a for k, a in state.active.items() if a.frame not in beneath}
    for gone in beneath - {path}:
        del state.frames[gone], state.spent[gone]
    state.frames[path] = state.frames[path]._replace(ending=ending)


def item_path(active: Active, index: int) -> str:
    """Path of the frame of one item: lp[3], or lp~1[3] when the loop is visited a second time."""
    again = f"~{active.iteration}" if active.iteration else ""
    return f"{active.path}{again}[{index}]"


def is_alone(state: State, path: str) -> bool:
    """Has this frame no other token left?"""
    return all(other.frame != path for other in state.active.values())


def begin(state: State, frame: Frame, node: str) -> None:
    """Add a frame with a token on its first node."""
    state.frames[frame.path] = frame
    state.spent[frame.path] = NOTHING_SPENT
    enter(state, frame.path, [node])
