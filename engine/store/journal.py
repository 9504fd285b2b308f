"""The durable record of runs: leases, fenced group-commit writes, and the end of a run.

A process opens one `JournalHub`; all its runs share the hub's few connections. A run is leased by `claim` (or at its
creation, for inline runs) and then writes through a `LeasedJournal`. The lease is a time limit by the database's clock,
extended by `heartbeat`; the epoch counts leases, and every write names its epoch, so that a process which slept through
the end of its lease cannot write any more. The SQL is in the migration that makes `heddle_claim`, `heddle_journal` and
`heddle_heartbeat`; each of them sets the tenant of every row it touches, under row-level security.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from itertools import cycle
from typing import Any
from uuid import UUID

import orjson

from engine.errors import AppError, LeaseLost
from engine.execution.ports import NO_USAGE, Clock, StepRecord
from engine.store.acceptance import Acceptance
from engine.store.faults import LOST_CONNECTION, as_ours, is_lost
from engine.store.group_commit import Flow, Lane, Link
from engine.store.json_text import json_bytes
from engine.store.leases import Claim, ClaimTicket, Lease

Json = Any

LEASE_S = 15.0
MAX_LEASES = 5  # without progress, before a run counts as one that kills its workers
_CROWD = 32  # entries that wait in a lane, before another one is taken
_PATIENCE_S = 5.0  # with a database that does not answer, however short the leases are
_CLAIM = "SELECT * FROM heddle_claim(%s::jsonb, %s, %s, %s)"
_WRITE = "SELECT * FROM heddle_journal(%s::jsonb)"
_CLOSED = ("ended_at", "steps", "tokens_in", "tokens_out", "cost_usd_micros")
_HEARTBEAT = "SELECT * FROM heddle_heartbeat(%s, %s::jsonb, %s)"


class JournalHub:
    """The journal of a process. `owner` names the process in `runs.lease_owner`."""

    def __init__(
        self, app_url: str, owner: str, clock: Clock, *, connections: int = 2, lease_s: float = LEASE_S
    ) -> None:
        self.owner = owner
        self.lease_s = lease_s
        self._clock = clock
        # All that is written under a lease goes over the same lane: records are committed in their order.
        give_up_s = max(lease_s, _PATIENCE_S)
        self._flow = Flow()
        self._lanes = [Lane(app_url, _WRITE, give_up_s=give_up_s, flow=self._flow) for _ in range(connections)]
        self._in_turn = cycle(self._lanes)
        self._claims = Lane(app_url, _CLAIM, (owner, lease_s, MAX_LEASES), linger_s=0.0, give_up_s=give_up_s)
        self.acceptance = Acceptance(app_url, owner, lease_s, give_up_s=give_up_s)
        self._claiming: set[UUID] = set()
        self._heartbeats = Link(app_url)

    def start(self) -> None:
        """Begin to take writes; needs the running event loop. Connections are opened at their first use."""
        for lane in (*self._lanes, self._claims):
            lane.start()
        self.acceptance.start()

    def warm_up(self) -> None:
        """Connect now, for what a worker does: the first runs do not wait for it."""
        for lane in (*self._lanes, self._claims):
            lane.warm_up()

    async def close(self) -> None:
        """Commit what is left and close the connections."""
        for lane in (*self._lanes, self._claims):
            await lane.close()
        await self.acceptance.close()
        await self._heartbeats.close()

    @property
    def commits(self) -> int:
        """Transactions of journal writes so far."""
        return sum(lane.commits for lane in self._lanes)

    async def claim(self, tenant_id: UUID, run_id: UUID) -> Claim:
        """Lease a run that waits for a worker. Raises Unavailable."""
        if run_id in self._claiming:  # two wake-ups in one batch must not both get the lease
            return Claim("busy")
        ticket = ClaimTicket(tenant_id, run_id)
        self._claiming.add(run_id)
        self._claims.mark(ticket, urgent=True)
        try:
            return await ticket.answer
        finally:
            self._claiming.discard(run_id)

    def journal(
        self,
        lease: Lease,
        on_lost: Callable[[], None] | None = None,
        on_ending: Callable[[], None] | None = None,
        *,
        clock: Clock | None = None,
    ) -> LeasedJournal:
        """The writer of a leased run; `on_lost` is called once when the lease turns out to be gone, `on_ending` when
        its end is asked for.

        `clock` is the run's own, where that is not the process's.
        """
        lane = next(self._in_turn) if self._flow.is_calm else self._least_crowded()
        return LeasedJournal(lease, lane, clock or self._clock, on_lost=on_lost, on_ending=on_ending)

    def _least_crowded(self) -> Lane:
        # One batch of 16 runs costs the database much less than five of three: a lane is filled before the next one.
        return min(self._lanes, key=lambda lane: lane.waiting // _CROWD)

    async def heartbeat(self, journals: Iterable[LeasedJournal]) -> set[UUID]:
        """Extend the leases of all these runs in one statement; returns the runs that somebody asked to cancel.

        A run whose lease is gone is told so (`on_lost`). Raises Unavailable.
        """
        held = [journal for journal in journals if not journal.ending]
        if not held:
            return set()
        names = b",".join(journal.name for journal in held)
        arguments = (self.owner, f"[{names.decode()}]", self.lease_s)
        try:
            rows = await self._heartbeats.call(_HEARTBEAT, arguments, give_up_s=self.lease_s / 3)
        except LOST_CONNECTION as error:
            raise as_ours(error) from error
        alive = {row["run_id"]: bool(row["cancel_requested"]) for row in rows}
        for journal in held:
            if journal.key not in alive and not journal.ending:
                journal.lose()
        return {journal.lease.run_id for journal in held if alive.get(journal.key)}


class LeasedJournal:
    """Writer of one leased run: engine.execution.ports.Journal, and an entry of a lane."""

    def __init__(
        self,
        lease: Lease,
        lane: Lane,
        clock: Clock,
        *,
        on_lost: Callable[[], None] | None = None,
        on_ending: Callable[[], None] | None = None,
    ) -> None:
        self.lease = lease
        self.key = str(lease.run_id)
        # As the database knows the lease, in JSON: it is named with every write.
        self.name = orjson.dumps({"tenant_id": str(lease.tenant_id), "run_id": self.key, "epoch": lease.epoch})
        self.woken = False  # suspended, but a signal came meanwhile: the run is queued again
        self.closed: Mapping[str, Json] | None = None  # of a run that ended: when, and its totals (columns of `runs`)
        self.totals: Totals | None = Totals(lease.records)  # None: the database adds them up
        self._lane = lane
        self._clock = clock
        self._on_lost, self._on_ending = on_lost, on_ending
        self._pending: list[StepRecord] = []
        self._end: Mapping[str, Json] | None = None
        self._end_taken = False
        self._put = 0  # how many writes were asked for, and how many are durable
        self._taken = 0
        self._durable = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._failure: BaseException | None = None

    def last_word(self) -> LeasedJournal:
        """A second writer, to end a run of whose records nobody knows how far they got."""
        journal = LeasedJournal(self.lease, self._lane, self._clock)
        journal.totals = None
        return journal

    @property
    def ending(self) -> bool:
        """Whether the end of this lease has been asked for, or it is lost."""
        return self._end is not None or self._failure is not None

    def append(self, record: StepRecord) -> None:
        self._check()
        if not self._pending:
            self._lane.mark(self, urgent=False)
        self._pending.append(record)
        self._put += 1

    async def barrier(self) -> None:
        self._check()
        if self._durable >= self._put:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._put, done))
        self._lane.mark(self, urgent=True)
        await done

    async def finish(self, status: str, output: Json, error: Mapping[str, Json] | None) -> None:
        await self._close({"kind": "finish", "status": status, "output": output, "error": error})

    async def suspend(self, wake_at: float | None, signals_seen: int) -> None:
        # The wait is sent as a duration: clocks of machines differ, the database's clock is the one that counts.
        wake_in_s = None if wake_at is None else max(0.0, wake_at - self._clock.now())
        await self._close(
            {"kind": "suspend", "status": "suspended", "wake_in_s": wake_in_s, "signals_seen": signals_seen},
        )

    async def hand_over(self) -> None:
        # The scheduler looks for the run two seconds later, should the wake-up that follows get lost.
        await self._close({"kind": "hand_over", "status": "queued", "wake_in_s": 2.0})

    def lose(self) -> None:
        """The lease is gone: nothing more is written, and whoever waits gets LeaseLost."""
        if self._failure is None:
            self._stop(LeaseLost())
            if self._on_lost is not None:
                self._on_lost()

    def take(self) -> bytes | None:
        if self._failure is not None or (not self._pending and (self._end is None or self._end_taken)):
            return None
        records, self._pending = self._pending, []
        self._taken = self._put
        self._lane.takes(len(records), calls=any(record.status == "requested" for record in records))
        if self.totals is not None:
            self.totals.add(records)
        news = any(map(_is_news, records))
        entry = {
            "waits": any(map(_is_about_a_wait, records)),
            "progress": self._end is not None or any(record.status != "requested" for record in records),
            "tells": news,
            "steps": [_row(record) for record in records],
        }
        if self._end is not None:
            self._end_taken = True
            entry["end"] = end = self._end
            if end["kind"] == "finish" and self.totals is not None and not self.totals.waited and not news:
                entry["end"] = {**end, "totals": self.totals.row}
        return self.name[:-1] + b"," + json_bytes(entry)[1:]

    def settle(self, answer: Mapping[str, Any] | None) -> None:
        verdict = "lost" if answer is None else answer["verdict"]
        if verdict == "lost":
            self.lose()
            return
        self.woken = verdict == "woken"
        if answer is not None and answer["ended_at"] is not None:
            self.closed = {name: answer[name] for name in _CLOSED}
        self._durable = self._taken
        still: list[tuple[int, asyncio.Future[None]]] = []
        for target, done in self._waiting:
            if target > self._durable:
                still.append((target, done))
            elif not done.done():
                done.set_result(None)
        self._waiting = still

    def fail(self, error: Exception) -> None:
        """The database cannot be reached for longer than a lease lasts, or refuses the data."""
        if is_lost(error):
            self.lose()
        else:
            self._stop(AppError("The journal refused a record."))

    async def _close(self, end: Mapping[str, Json]) -> None:
        self._check()
        self._end = end
        self._put += 1
        if self._on_ending is not None:
            self._on_ending()
        await self.barrier()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _stop(self, failure: BaseException) -> None:
        self._failure = failure
        waiting, self._waiting = self._waiting, []
        for _, done in waiting:
            if not done.done():
                done.set_exception(failure)


class Totals:
    """What the records of a run come to, as `heddle_close_run` would find it; `waited`: a step was suspended."""

    __slots__ = ("_cost_usd_micros", "_steps", "_tokens_in", "_tokens_out", "waited")

    def __init__(self, records: Iterable[StepRecord]) -> None:
        self._steps: set[tuple[str, int]] = set()
        self._tokens_in = self._tokens_out = self._cost_usd_micros = 0
        self.waited = False
        self.add(records)

    def add(self, records: Iterable[StepRecord]) -> None:
        for record in records:
            self._steps.add((record.path, record.iteration))
            self.waited = self.waited or record.status == "suspended"
            if record.usage is not NO_USAGE:
                self._tokens_in += record.usage.tokens_in
                self._tokens_out += record.usage.tokens_out
                self._cost_usd_micros += record.usage.cost_usd_micros

    @property
    def row(self) -> dict[str, int]:
        """As columns of `runs`."""
        return {
            "steps": len(self._steps),
            "tokens_in": self._tokens_in,
            "tokens_out": self._tokens_out,
            "cost_usd_micros": self._cost_usd_micros,
        }


def _row(record: StepRecord) -> dict[str, Json]:
    """The record as `heddle_journal` takes it, without what most records do not have."""
    row = {
        "seq": record.seq,
        "path": record.path,
        "node_type": record.node_type,
        "iteration": record.iteration,
        "attempt": record.attempt,
        "status": record.status,
        "outcome": record.outcome,
        "started_at": record.started_at,
        "duration_ms": record.duration_ms,
    }
    if record.input is not None:
        row["input"] = record.input
    return row if record.usage is NO_USAGE else row | record.usage._asdict()


def _is_about_a_wait(record: StepRecord) -> bool:
    return record.status in ("suspended", "resumed") or "unasked" in record.outcome


def _is_news(record: StepRecord) -> bool:
    """Whether others may want to know: a model was used, or the outside world touched. The outbox picks out what."""
    return record.usage.model is not None or record.status == "effect" or record.node_type in ("tool", "http", "email")
