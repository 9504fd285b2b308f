"""What is told of a run to those who watch it: its stream of live events, and the journal where that has gaps.

The stream lags behind the journal by some milliseconds, and may be lost altogether. Events that the journal vouches for
have the ids 0-1, 0-2, and so on; it only grows, so they stay what they are, and a reader can go on from either.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from engine.execution.events import RUN_ENDS, RunStatus, apart
from engine.store.access import runs
from engine.store.session import Database, Scope
from engine.store.tables.runs import RunRow
from runners.live import Event, LiveReader, order_of
from runners.views import end_event, rebuilt_events

Told = tuple[str, Event]  # an event with its id

_LOOK_AGAIN_S = 5.0  # without an event for so long, the database is asked
_FRESH_S = 5.0  # what happened to a run so short a time ago may be on its way to the stream
_PATIENCE_S = 0.5  # then the stream is waited for so long
_OVER_S = 0.05  # and the events of a run that is over for longer, so long
_SAME_MOMENT_S = 0.005  # the database keeps times of events as microseconds and durations as milliseconds
_SKEW_S = 1.0  # between the clocks that events and entries of streams are told by


class Story:
    """Of one run."""

    def __init__(self, db: Database, reader: LiveReader, scope: Scope, run_id: UUID) -> None:
        self._db, self._reader, self._scope, self._run_id = db, reader, scope, run_id

    async def tell(self, after: str) -> AsyncIterator[Told]:
        """Everything after an id, up to the run's end. What comes again has the same id, or is told twice rather than
        not at all: where the stream was lost after the id. Raises NotFound."""
        row, rebuilt = await self._journalled()
        kept, is_whole = await self._replayed(row, after)
        if not is_whole:
            row, rebuilt = await self._journalled()
        first = _missed(kept, rebuilt, after, is_whole=is_whole)
        for event_id, event in first:
            yield event_id, event
            if is_end(event):
                return
        last = (kept or first)[-1][0] if kept or first else after
        known = _moments(rebuilt[:1] if is_whole else rebuilt)
        async for event_id, event in self._live(row, last):
            if is_end(event) or not _is_known(event, known):  # it may have been on its way to the stream
                yield event_id, event

    async def _replayed(self, row: RunRow, after: str) -> tuple[list[Told], bool]:
        """What the stream has after the id, and whether it has everything."""
        loop = asyncio.get_running_loop()
        until = loop.time() + (_PATIENCE_S if _is_fresh(row) else 0.0)
        while True:
            kept = await self._reader.replay(self._scope.tenant_id, self._run_id, after)
            is_whole = await self._is_whole(kept, after)
            if is_whole or loop.time() >= until:
                return kept, is_whole
            await asyncio.sleep(0.05)

    async def _is_whole(self, kept: Sequence[Told], after: str) -> bool:
        if _is_of_journal(after):
            return bool(kept) and _is_first(kept[0][1])
        return await self._reader.has(self._scope.tenant_id, self._run_id, after)

    async def _live(self, row: RunRow, after: str) -> AsyncIterator[Told]:
        """Events as they come; when none comes, the database is asked whether the run is over."""
        async with self._reader.subscribe(self._scope.tenant_id, self._run_id, after) as queue:
            while True:
                over = RunStatus(row.status).is_final
                entry = await next_of(queue, _LOOK_AGAIN_S if not over else _PATIENCE_S if _is_fresh(row) else _OVER_S)
                if entry is not None:
                    after = entry[0]
                    yield entry
                    if is_end(entry[1]):
                        return
                elif over:
                    yield _following(after), next(apart(vars(end_event(row))))
                    return
                else:
                    async with self._db.transaction(self._scope) as tx:
                        row = await runs.get_run(tx, self._run_id)

    async def _journalled(self) -> tuple[RunRow, list[Told]]:
        async with self._db.transaction(self._scope) as tx:
            row = await runs.get_run(tx, self._run_id)
            return row, list(rebuilt_events(row, await runs.list_steps(tx, self._run_id)))


async def next_of(queue: asyncio.Queue[Told], timeout_s: float) -> Told | None:
    """The next event; None when there is none in time."""
    try:
        async with asyncio.timeout(timeout_s):
            return await queue.get()
    except TimeoutError:
        return None


def is_end(event: Event) -> bool:
    """Whether the event is the last one of its run."""
    return event["type"] in RUN_ENDS


def _missed(kept: Sequence[Told], rebuilt: Sequence[Told], after: str, *, is_whole: bool) -> list[Told]:
    """What a reader who has seen everything up to the id does not know."""
    moment, number = order_of(after)
    if is_whole:
        seen = rebuilt[:number] if _is_of_journal(after) else []
        # That it is queued comes from another process than what follows, and perhaps later.
        if not kept or (moment, number) != (0, 0) or kept[0][1]["type"] == "run.queued":
            return _news(kept, seen)
        return [*rebuilt[:1], *_news(kept, rebuilt[:1])]
    if _is_of_journal(after):
        return [*rebuilt[number:], *_news(kept, rebuilt)]
    later = [(event_id, event) for event_id, event in rebuilt if event["at"] > moment / 1000 - _SKEW_S]
    return [*later, *_news(kept, rebuilt)]


def _is_first(event: Event) -> bool:
    return event["type"] == "run.queued" or (event["type"] == "run.started" and not event["data"]["resumed"])


def _is_of_journal(event_id: str) -> bool:
    return order_of(event_id)[0] == 0


def _is_fresh(row: RunRow) -> bool:
    newest = row.ended_at or row.created_at
    return abs((datetime.now(UTC) - newest).total_seconds()) < _FRESH_S


def _news(kept: Sequence[Told], known: Sequence[Told]) -> list[Told]:
    moments = _moments(known)
    return [(event_id, event) for event_id, event in kept if not _is_known(event, moments)]


def _moments(told: Sequence[Told]) -> dict[tuple[Any, ...], float]:
    return {_identity(event): event["at"] for _, event in told}


def _is_known(event: Event, told: Mapping[tuple[Any, ...], float]) -> bool:
    """Whether the event is one of those that the journal has told, or older: that a step is queued before it started.

    What happens again later, such as a run that starts once more after a wait, is news.
    """
    if event["type"] == "step.queued":
        return ("step.started", *_identity(event)[1:]) in told
    at = told.get(_identity(event))
    return at is not None and abs(at - event["at"]) < _SAME_MOMENT_S


def _identity(event: Event) -> tuple[Any, ...]:
    return tuple(event[name] for name in ("type", "path", "iteration", "attempt"))


def _following(event_id: str) -> str:
    """An id right after this one, for an event that is in no stream."""
    moment, number = order_of(event_id)
    return f"{moment}-{number + 1}"
