"""Waits that nothing comes of any more: their step was dropped, with its branch or with the frame it was in.

The next record says so (`unasked`), so that nobody goes on being asked, and no answer is taken that nobody would read.
"""

from __future__ import annotations

from typing import Any

from engine.execution.plan import PlanNode
from engine.execution.ports import StepRecord
from engine.execution.state import Active, State, node_of
from engine.execution.telling import Teller

Json = Any


class Unasked:
    """Remembers which steps of a run wait."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int], PlanNode] = {}

    def take_up(self, state: State) -> None:
        """What waits when a process takes the run up."""
        self._waiting = {key: node_of(state, active) for key, active in state.active.items() if active.wait is not None}

    def note(self, state: State, record: StepRecord, tell: Teller) -> None:
        """Put into the record, which is applied but not written yet, what is no longer waited for because of it."""
        key = (record.path, record.iteration)
        if record.status == "suspended" and key in state.active:
            self._waiting[key] = node_of(state, state.active[key])
        elif record.status == "resumed":
            self._waiting.pop(key, None)
        if not self._waiting or state.root.ending is not None:  # the end of a run ends all its waits
            return
        gone = [key for key in self._waiting if key not in state.active]
        if not gone:
            return
        assert isinstance(record.outcome, dict)
        record.outcome["unasked"] = [list(key) for key in gone]
        for path, iteration in gone:
            node = self._waiting.pop((path, iteration))
            tell.step("step.skipped", Active(path, iteration, "", node.name), node, {"dropped": True})
