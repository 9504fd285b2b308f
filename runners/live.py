"""Live events of runs: one Redis stream a run, a view that may be lost; the journal is the truth.

Stream `heddle:{tenant}:run:{id}`, field `e` with the JSON of a few RunEvents that were sent together, about 1000
entries, gone a day after the last one, or five minutes after the run's end: then the journal tells of it. An event's id
is made of its entry's and its place in there, when they are taken `apart`: see `_numbered`.
Writing never blocks or fails a run: events wait in memory and go out in batches. Reading is one task a process: it
blocks on XREAD for the streams of all subscribers at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from engine.execution.events import RUN_ENDS, RunEvent, apart
from engine.store.json_text import json_bytes
from runners.tasks import cancel_all

log = logging.getLogger(__name__)

Event = Mapping[str, Any]
_Batch = dict[str, list[RunEvent]]  # by the streams that they go to
_Entry = tuple[Any, Mapping[Any, bytes | str]]  # of a stream, as redis-py gives it
MAX_ENTRIES = 1000
EVENTS_AN_ENTRY = 25
_PLACES = 2 * EVENTS_AN_ENTRY  # in an entry, when its events are taken apart
ENDS_CHANNEL = "heddle:ends"
KEEP_S = 86_400
KEEP_OVER_S = 300  # of a run that is over; a busy installation has thousands of them every minute, each some kilobytes
_MAX_WAITING = 20_000  # events in memory while Redis is away; then text deltas are dropped first
_MAX_BATCH = 500
# Events of a run wait this long for those that follow, so that a short run's go out together. A person does not see it.
_LINGER_S = 0.02
_AT_ONCE = RUN_ENDS | {"run.suspended"}  # somebody may wait for these
_LEAVES = frozenset({"run.suspended", "run.queued"})  # a run has left the process; at its beginning it is queued, too


# Add entries to streams in one command, because a command an event costs more than the step that it tells of.
# KEYS: streams. ARGV: most entries of a stream, and for each one the seconds to keep it, how many entries, and these;
# at the end the streams of runs that are over now, with spaces between.
_ADD = f"""
local at = 2
for _, stream in ipairs(KEYS) do
  local count = tonumber(ARGV[at + 1])
  for i = at + 2, at + 1 + count do redis.call('XADD', stream, 'MAXLEN', '~', ARGV[1], '*', 'e', ARGV[i]) end
  redis.call('EXPIRE', stream, ARGV[at])
  at = at + count + 2
end
if ARGV[at] ~= '' then redis.call('PUBLISH', '{ENDS_CHANNEL}', ARGV[at]) end
"""


def stream_key(tenant_id: UUID, run_id: UUID | str) -> str:
    """Redis key of a run's event stream."""
    return f"{_prefix(tenant_id)}{run_id}"


@lru_cache(maxsize=1024)
def _prefix(tenant_id: UUID) -> str:
    return f"heddle:{{{tenant_id}}}:run:"


class _Waiting:
    """Events in memory, by the streams that they go to, those that came first before the others.

    Under pressure text deltas are dropped; people get the whole text with the step's end.
    """

    def __init__(self) -> None:
        self.count = 0
        self._events: _Batch = {}

    def add(self, stream: str, event: RunEvent) -> None:
        is_delta = event.type == "step.delta"
        if self.count >= _MAX_WAITING and (is_delta or not self._drop_delta()):
            return
        events = self._events.get(stream)
        if events is None:
            self._events[stream] = [event]
        elif is_delta and (whole := _continued(events[-1], event)) is not None:
            events[-1] = whole
            return
        else:
            events.append(event)
        self.count += 1

    def take(self) -> _Batch:
        """Those to be sent next: all of a few streams."""
        batch: _Batch = {}
        taken = 0
        for stream, events in self._events.items():
            if taken >= _MAX_BATCH:
                break
            batch[stream] = events
            taken += len(events)
        for stream in batch:
            del self._events[stream]
        self.count -= taken
        return batch

    def put_back(self, batch: _Batch) -> None:
        """They could not be sent, and come before all others."""
        self.count += sum(map(len, batch.values()))
        for stream, events in batch.items():
            events.extend(self._events.pop(stream, ()))
        self._events = batch | self._events

    def _drop_delta(self) -> bool:
        for stream, events in self._events.items():
            for place, event in enumerate(events):
                if event.type == "step.delta":
                    del events[place]
                    self.count -= 1
                    if not events:
                        del self._events[stream]
                    return True
        return False


class LiveWriter:
    """Sends the events of a process's runs. `sink` gives the port that a run writes to."""

    def __init__(self, redis: Redis) -> None:
        self._add = redis.register_script(_ADD)
        self._waiting = _Waiting()
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sending = False

    def start(self) -> None:
        """Begin to send; needs the running event loop."""
        self._task = asyncio.create_task(self._run(), name="live writer")

    async def close(self) -> None:
        """Send what is left, for at most two seconds, and end."""
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                while self._waiting.count or self._sending:  # noqa: ASYNC110 - ends within two seconds, at shutdown only
                    await asyncio.sleep(0.005)
        await cancel_all([self._task])
        self._task = None

    def sink(self, tenant_id: UUID, run_id: UUID | str) -> RunSink:
        """The EventSink of a tenant's run."""
        return RunSink(self, stream_key(tenant_id, run_id))

    def held_sink(self, tenant_id: UUID, run_id: UUID | str) -> HeldSink:
        """The EventSink of a run whose caller waits for it right here."""
        return HeldSink(self, stream_key(tenant_id, run_id))

    def put(self, tenant_id: UUID, event: RunEvent) -> None:
        """Queue an event."""
        self.add(stream_key(tenant_id, event.run_id), event)

    def add(self, stream: str, event: RunEvent, *, patient: bool = False) -> None:
        """Queue an event. `patient`: who started the run is told of its end directly."""
        self._waiting.add(stream, event)
        self._work.set()
        if event.type in _AT_ONCE and not patient:
            self._urgent.set()

    async def _run(self) -> None:
        pause_s = 0.1
        while True:
            await self._work.wait()
            if not self._urgent.is_set() and self._waiting.count < _MAX_BATCH:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LINGER_S):
                        await self._urgent.wait()
            await asyncio.sleep(0)  # what is emitted in the same tick goes out together
            self._urgent.clear()
            batch = self._waiting.take()
            self._sending = True
            try:
                await self._send(batch)
                pause_s = 0.1
            except (RedisError, OSError) as error:
                log.warning("live events: Redis does not answer (%s)", type(error).__name__)
                self._waiting.put_back(batch)
                await asyncio.sleep(pause_s)
                pause_s = min(2.0, pause_s * 2)
            except Exception:
                log.exception("live events: a batch was dropped")
            self._sending = False
            if not self._waiting.count:
                self._work.clear()

    async def _send(self, batch: _Batch) -> None:
        arguments: list[bytes | int | str] = [MAX_ENTRIES]
        over: list[str] = []
        for stream, events in batch.items():
            entries = [json_bytes(some) for some in _entries_of(events)]
            is_over = events[-1].type in RUN_ENDS
            arguments += [KEEP_OVER_S if is_over else KEEP_S, len(entries), *entries]
            if is_over:
                over.append(stream)
        await self._add(keys=list(batch), args=[*arguments, " ".join(over)])


def _entries_of(events: list[RunEvent]) -> Iterator[list[RunEvent]]:
    for first in range(0, len(events), EVENTS_AN_ENTRY):
        yield events[first : first + EVENTS_AN_ENTRY]


def _continued(before: RunEvent, delta: RunEvent) -> RunEvent | None:
    """The delta before together with this one, when it goes on with the same text."""
    if before.type != delta.type or (before.path, before.iteration, before.attempt) != (
        delta.path,
        delta.iteration,
        delta.attempt,
    ):
        return None
    return replace(before, data={"text": before.data["text"] + delta.data["text"]})


@dataclass(frozen=True, slots=True)
class RunSink:
    """engine.execution.ports.EventSink: queues the event and returns at once."""

    writer: LiveWriter
    stream: str

    def emit(self, event: RunEvent) -> None:
        self.writer.add(self.stream, event)

    def emit_lazily(self, make: Callable[..., RunEvent], *facts: Any) -> None:
        self.writer.add(self.stream, make(*facts))


class HeldSink:
    """engine.execution.ports.EventSink that holds back what it is told for `_LINGER_S`. Of a run that is over by then
    nothing is sent: its caller has the answer, and whoever looks at it later is told by the journal."""

    def __init__(self, writer: LiveWriter, stream: str) -> None:
        self._writer, self._stream = writer, stream
        self._held: list[tuple[Callable[..., RunEvent], tuple[Any, ...]]] | None = []  # None: no longer
        self._timer = asyncio.get_running_loop().call_later(_LINGER_S, self._let_go)

    def emit(self, event: RunEvent) -> None:
        if self._held is None:
            self._writer.add(self._stream, event, patient=True)
        elif event.type in RUN_ENDS:
            self._timer.cancel()
            self._held = []
        else:
            self._held.append((_itself, (event,)))
            if event.type in _LEAVES and len(self._held) > 1:  # others go on with it, and tell of it
                self._timer.cancel()
                self._let_go()

    def emit_lazily(self, make: Callable[..., RunEvent], *facts: Any) -> None:
        if self._held is None:
            self._writer.add(self._stream, make(*facts), patient=True)
        else:
            self._held.append((make, facts))

    def _let_go(self) -> None:
        held, self._held = self._held or [], None
        for make, facts in held:
            self._writer.add(self._stream, make(*facts), patient=True)


def _itself(event: RunEvent) -> RunEvent:
    return event


@dataclass(eq=False, slots=True)
class _Subscriber:
    """One reader of one stream. `after` is the last id it got; `early` keeps what comes before it has caught up."""

    after: str
    early: list[tuple[str, Event]] | None = field(default_factory=list)
    queue: asyncio.Queue[tuple[str, Event]] = field(default_factory=asyncio.Queue)

    def give(self, events: list[tuple[str, Event]]) -> None:
        if self.early is None:
            self._put(events)
        else:
            self.early += events

    def catch_up(self, events: list[tuple[str, Event]]) -> None:
        early, self.early = self.early or [], None
        self._put(events + early)

    def _put(self, events: list[tuple[str, Event]]) -> None:
        for event in events:
            if order_of(event[0]) > order_of(self.after):
                self.after = event[0]
                self.queue.put_nowait(event)


class LiveReader:
    """Hands the streams of all runs that somebody watches to those who watch, over one connection."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._subscribers: dict[str, set[_Subscriber]] = {}
        self._positions: dict[str, str] = {}
        # A blocked XREAD does not notice new subscribers: an entry in this stream of our own ends the blocking.
        self._bell = f"heddle:bell:{uuid4().hex}"
        self._task: asyncio.Task[None] | None = None
        self._ringing: asyncio.Task[None] | None = None
        self._rung = True  # for everybody who is subscribed

    async def close(self) -> None:
        """Stop reading; subscriptions that are still open get nothing more."""
        await cancel_all([task for task in (self._task, self._ringing) if task is not None])
        self._task = self._ringing = None

    async def replay(self, tenant_id: UUID, run_id: UUID, after: str = "0") -> list[tuple[str, Event]]:
        """What the stream holds after an id. Empty when the stream is gone, or Redis is."""
        with contextlib.suppress(RedisError, OSError):
            entries = await self._redis.xrange(stream_key(tenant_id, run_id), min=_entry_id(after))
            seen = order_of(after)
            return [entry for entry in _numbered(entries) if order_of(entry[0]) > seen]
        return []

    async def has(self, tenant_id: UUID, run_id: UUID, event_id: str) -> bool:
        """Whether the stream still holds the event."""
        entry = _entry_id(event_id)
        with contextlib.suppress(RedisError, OSError):
            return bool(await self._redis.xrange(stream_key(tenant_id, run_id), min=entry, max=entry))
        return False

    @contextlib.asynccontextmanager
    async def subscribe(
        self, tenant_id: UUID, run_id: UUID, after: str
    ) -> AsyncIterator[asyncio.Queue[tuple[str, Event]]]:
        """A queue of (id, event) of everything in the stream after `after`, as it comes."""
        key, subscriber = stream_key(tenant_id, run_id), _Subscriber(after)
        self._subscribers.setdefault(key, set()).add(subscriber)
        self._positions.setdefault(key, _entry_id(after))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="live reader")
        else:
            self._ring()
        try:
            subscriber.catch_up(await self.replay(tenant_id, run_id, after))
            yield subscriber.queue
        finally:
            self._subscribers[key].discard(subscriber)
            if not self._subscribers[key]:
                del self._subscribers[key], self._positions[key]

    def _ring(self) -> None:
        """Soon; once for all who subscribe meanwhile."""
        self._rung = False
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring_bell(), name="live bell")

    async def _ring_bell(self) -> None:
        while not self._rung:
            self._rung = True
            with contextlib.suppress(RedisError, OSError):
                async with self._redis.pipeline(transaction=False) as pipe:
                    pipe.xadd(self._bell, {"e": b""}, maxlen=1)
                    pipe.expire(self._bell, 60)
                    await pipe.execute()

    async def _run(self) -> None:
        bell_at = "0-0"
        while True:
            streams: dict[Any, Any] = {self._bell: bell_at, **self._positions}
            try:
                answer = await self._redis.xread(streams, block=2000)
            except (RedisError, OSError) as error:
                log.warning("live events: cannot read (%s)", type(error).__name__)
                await asyncio.sleep(0.5)
                continue
            for name, entries in answer or ():
                key = name.decode() if isinstance(name, bytes) else name
                if key == self._bell:
                    bell_at = _text(entries[-1][0])
                else:
                    self._deliver(key, entries)

    def _deliver(self, key: str, entries: list[_Entry]) -> None:
        if key not in self._positions:
            return
        self._positions[key] = _text(entries[-1][0])
        events = _numbered(entries)
        for subscriber in self._subscribers[key]:
            subscriber.give(events)


def is_event_id(text: str) -> bool:
    """Whether a text that a client sent can be the id of an event: "0", or as Redis writes them, "1700000000000-3"."""
    return re.fullmatch(r"[0-9]{1,15}(-[0-9]{1,9})?", text, re.ASCII) is not None


def order_of(event_id: str) -> tuple[int, int]:
    """Sort key of an event's id: unix milliseconds, and a number; "0" and "5-1" are both ids."""
    moment, _, number = event_id.partition("-")
    return int(moment), int(number or 0)


def _numbered(entries: Iterable[_Entry]) -> list[tuple[str, Event]]:
    """The events of a stream's entries with their ids: those of the entry 1700-2 are 1700-100, 1700-101, and so on."""
    found: list[tuple[str, Event]] = []
    for entry_id, fields in entries:
        moment, number = order_of(_text(entry_id))
        (text,) = fields.values()
        first = number * _PLACES
        events = (event for written in orjson.loads(text) for event in apart(written))
        found += [(f"{moment}-{first + place}", event) for place, event in enumerate(events)]
    return found


def _entry_id(event_id: str) -> str:
    """Id of the entry that holds this event."""
    moment, number = order_of(event_id)
    return f"{moment}-{number // _PLACES}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
