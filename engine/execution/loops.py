"""A loop under way: which items are worked on, and what is kept of each.

Items of a list are worked on in frames of their own, up to `concurrency` at once, each with a copy of the caller's data
in which `item` and `index` are roots. Without a list, iterations follow each other, and what one puts into context the
next one finds there, and in the end the caller.

`open_loop` and `settle_item` change the state that they are given: a copy that the machine has made for one record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.execution.records import estimate
from engine.execution.state import Active, Frame, Loop, State, node_of
from engine.execution.tokens import begin, drop_frame, item_path

Json = Any
UNLIMITED = float("inf")


def open_loop(state: State, active: Active, then: Mapping[str, Json], started_at: float) -> None:
    """Begin: open the first frames."""
    items = then["items"]
    loop = Loop(items=None if items is None else tuple(items))
    waiting = active._replace(open=True, not_before=None, started_at=started_at, loop=loop)
    _open(state, waiting)


def settle_item(state: State, active: Active, then: Mapping[str, Json]) -> None:
    """One item is done: keep its result, and open the next frames."""
    loop, index = active.loop, then["index"]
    assert loop is not None
    frame = state.frames[item_path(active, index)]
    drop_frame(state, frame.path, rewind=False)
    carried = loop.carried
    if loop.items is None:
        carried = {**carried, **{key: frame.context[key] for key in frame.produced if key in frame.context}}
    loop = loop._replace(
        running=tuple(i for i in loop.running if i != index),
        results={**loop.results, index: then["value"]},
        stopped=loop.stopped or then["stop"],
        carried=carried,
        kept=loop.kept + estimate(then["value"]),
    )
    _open(state, active._replace(loop=loop))


def is_over(state: State, active: Active) -> bool:
    """Is nothing of the loop left to be done?"""
    loop = active.loop
    return loop is not None and not loop.running and not _may_open(state, active, loop)


def outcome_of_loop(active: Active) -> dict[str, Json]:
    """The loop's result: {results, count, complete}; `complete` is false when max_iterations ended it."""
    loop = active.loop
    assert loop is not None
    complete = loop.stopped or loop.items is not None
    results = [loop.results[index] for index in sorted(loop.results)]
    outcome: dict[str, Json] = {"output": {"results": results, "count": len(results), "complete": complete}}
    if loop.carried:
        outcome["context"] = dict(loop.carried)
    return outcome


def _may_open(state: State, active: Active, loop: Loop) -> bool:
    config = _config(state, active)
    if loop.stopped:
        return False
    if loop.items is None:
        return not loop.running and loop.opened < config.max_iterations
    return loop.opened < len(loop.items) and len(loop.running) < config.concurrency


def _open(state: State, active: Active) -> None:
    """Put this token into the state, with as many frames open as there may be."""
    loop = active.loop
    assert loop is not None
    while _may_open(state, active, loop):
        index = loop.opened
        begin(state, _frame(state, active, loop, index), _config(state, active).body)
        loop = loop._replace(opened=index + 1, running=(*loop.running, index))
    state.active[active.key] = active._replace(loop=loop)


def _config(state: State, active: Active) -> Any:
    return node_of(state, active).config


def _frame(state: State, active: Active, loop: Loop, index: int) -> Frame:
    caller = state.frames[active.frame]
    item = index if loop.items is None else loop.items[index]
    return Frame(
        path=item_path(active, index),
        plan=caller.plan,
        context={**caller.context, **loop.carried} if loop.carried else caller.context,
        inputs=caller.inputs,
        caller=active.key,
        timeout_s=UNLIMITED,
        outputs=caller.outputs,
        visits_before={},
        item={**caller.item, "item": item, "index": index},
        border=active.node,
    )
