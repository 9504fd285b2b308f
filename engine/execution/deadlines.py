"""When the frames of a run have to be done."""

from __future__ import annotations

from engine.execution.state import State, chain


class Deadlines:
    """Ends of frames by the clock of this process.

    A frame's time is what its steps used before, plus the time since this process took it up. Waiting in the queue, or
    suspended, costs nothing: a run that is resumed after a long outage goes on.
    """

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}

    def forget(self, path: str) -> None:
        """A frame is opened (again): its time begins anew."""
        self._ends.pop(path, None)

    def nearest(self, state: State, path: str, now: float) -> tuple[str, float]:
        """Of a frame and those around it, the one whose time ends first, and the seconds it has left."""
        nearest, least = "", float("inf")
        for frame_path in chain(path):
            end = self._ends.get(frame_path)
            if end is None:
                frame = state.frames[frame_path]
                limit = frame.timeout_s if frame.timeout_s is not None else frame.plan.defaults.timeout_s
                end = self._ends[frame_path] = now + limit - state.spent[frame_path].used_ms / 1000
            if end - now < least:
                nearest, least = frame_path, end - now
        return nearest, least
