"""How the rest of Heddle reaches runs: start, wait, watch, cancel, signal.

Imports no model library: the web process stays small, and a run that needs a model leaves it for a worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from engine.errors import InputError, StepError
from engine.execution.events import RunEvent, RunStatus
from engine.execution.records import FAR_TOO_LARGE, estimate
from engine.store.acceptance import PublishedRun
from engine.store.access import conversations, forks, runs
from engine.store.access.runs import LeaseFor
from engine.store.journal import JournalHub
from engine.store.leases import Lease
from engine.store.session import Database, Scope
from runners.ends import Ends
from runners.host import CONTROL_CHANNEL, RunHost
from runners.live import LiveReader, LiveWriter, is_event_id
from runners.lookback import scope_before
from runners.queue import RunQueue, WakeUp
from runners.requests import ByName, ByText, ByVersion, RunRequest, part_row, resolved
from runners.story import Story, Told
from runners.views import RunView, StepView, end_event

if TYPE_CHECKING:
    from engine.settings import Settings
    from runners.connections import Connections
    from runners.runtime import Runtime

__all__ = ["ByName", "ByText", "ByVersion", "RunClient", "RunRequest", "RunView", "StepView", "process_name"]

log = logging.getLogger(__name__)

Json = Any
LONGEST_KEY = 500
_LOOK_AGAIN_S = 5.0  # without an event for so long, the database is asked
_LOOK_SOON_S = 0.05  # of a run that may be under way for somebody else, who is told of its end alone


def process_name() -> str:
    """Names this process in leases: host, pid, and a random part, because pids come back."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


class _Accepted(NamedTuple):
    """A run that is durable; `run` is its row as JSON."""

    tenant_id: UUID
    run_id: UUID
    run: Mapping[str, Json]
    is_new: bool
    history: tuple[dict[str, str], ...] = ()


class RunClient:
    """Made by `Runtime.open` or `RunClient.open`; one a process."""

    def __init__(
        self,
        *,
        db: Database,
        redis: Redis,
        hub: JournalHub,
        writer: LiveWriter,
        reader: LiveReader,
        ends: Ends,
        queue: RunQueue,
        host: RunHost,
    ) -> None:
        self._db = db
        self._redis = redis
        self._hub = hub
        self._writer = writer
        self._reader = reader
        self._ends = ends
        self._queue = queue
        self._host = host
        self._runtime: Runtime | None = None  # that `open` made for this client alone

    @classmethod
    async def open(
        cls, settings: Settings, connections: Connections, *, db: Database | None = None, redis: Redis | None = None
    ) -> RunClient:
        """A client with what it needs, but without models: inline runs hand over before a model call."""
        from runners.runtime import Runtime  # noqa: PLC0415 - the composition root imports this module

        runtime = await Runtime.open(settings, connections, db=db, redis=redis, with_models=False)
        runtime.client._runtime = runtime
        return runtime.client

    async def close(self) -> None:
        """Close what `open` opened: runs under way here are handed over."""
        if self._runtime is not None:
            await self._runtime.close()

    async def submit(self, scope: Scope, request: RunRequest) -> UUID:
        """Accept a run durably and wake a worker.

        Raises NotFound for a foreign workflow, version or conversation; DefinitionError for a text that is not a
        workflow; KeyReused when the idempotency key was used for another input.
        """
        accepted = await self._accept(scope, request, leased=False)
        if accepted.is_new:
            self._writer.put(scope.tenant_id, _queued(accepted))
            await self._wake(scope.tenant_id, accepted.run_id, accepted.run["epoch"])
        return accepted.run_id

    async def run(self, scope: Scope, request: RunRequest, timeout_s: float) -> RunView:
        """As `submit`, then `wait`; of a new run nothing can have been missed, so less is asked for."""
        until = asyncio.get_running_loop().time() + timeout_s
        accepted = await self._accept(scope, request, leased=False)
        if not accepted.is_new:
            return await self.wait(scope, accepted.run_id, timeout_s)
        with self._ends.of(scope.tenant_id, accepted.run_id) as over:
            self._writer.put(scope.tenant_id, _queued(accepted))
            await self._wake(scope.tenant_id, accepted.run_id, accepted.run["epoch"])
            return await self._ended(scope, RunView.of_json(accepted.run), over, until)

    async def run_inline(self, scope: Scope, request: RunRequest, deadline_s: float, *, whole: bool = False) -> RunView:
        """Accept a run durably and execute it here, until it is over, comes to a long node, or `deadline_s` passes.

        Then it is handed over to a worker and the view says queued. `whole` keeps it here to its end (a process with
        models, such as `heddle run --inline`). Raises what `submit` raises.
        """
        deadline = None if whole else time.time() + deadline_s
        accepted = await self._accept(scope, request, leased=True)
        run_id, run = accepted.run_id, accepted.run
        if not accepted.is_new:
            return await self.wait(scope, run_id, deadline_s)
        sink = (self._writer.sink if whole else self._writer.held_sink)(scope.tenant_id, run["run_id"])
        sink.emit(_queued(accepted))
        lease = Lease(scope.tenant_id, run_id, run["epoch"], run, history=accepted.history)
        result = await self._host.execute_leased(lease, inline=not whole, deadline=deadline, sink=sink)
        return RunView.ended(run, result) if result.closed else await self.get(scope, run_id)

    async def get(self, scope: Scope, run_id: UUID) -> RunView:
        """Raises NotFound, TransientError."""
        return RunView.of_json(await self._hub.acceptance.look(scope.tenant_id, run_id))

    async def steps(self, scope: Scope, run_id: UUID) -> list[StepView]:
        """Every attempt of every step, in order. Raises NotFound."""
        async with self._db.transaction(scope) as tx:
            return [StepView.of(step) for step in await runs.list_steps(tx, run_id)]

    async def scope_before(
        self, scope: Scope, run_id: UUID, path: str, iteration: int | None = None, *, after: bool = False
    ) -> dict[str, Json]:
        """The roots of expressions as a step saw them when it began, or with `after` as its edges saw them.

        Raises NotFound, DefinitionError.
        """
        return await scope_before(self._db, scope, run_id, path, iteration, after=after, tools=self._host.tools)

    async def wait(self, scope: Scope, run_id: UUID, timeout_s: float) -> RunView:
        """The run once it is over, or as it stands after `timeout_s`. Raises NotFound."""
        until = asyncio.get_running_loop().time() + timeout_s
        with self._ends.of(scope.tenant_id, run_id) as over:
            view = await self.get(scope, run_id)  # now: what ended before would not be told
            return await self._ended(scope, view, over, until, look_s=_LOOK_SOON_S)

    async def _ended(
        self, scope: Scope, view: RunView, over: asyncio.Event, until: float, look_s: float = _LOOK_AGAIN_S
    ) -> RunView:
        """The run once its end is told, or as it stands at `until` (the loop's time). Untold for `look_s`, and then
        less and less often, the database is asked."""
        loop = asyncio.get_running_loop()
        while not view.is_final and (left := until - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, look_s)):
                    await over.wait()
            look_s = min(2 * look_s, _LOOK_AGAIN_S)
            over.clear()
            view = await self.get(scope, view.run_id)
        return view

    async def cancel(self, scope: Scope, run_id: UUID) -> RunView:
        """Ask a run to end; one that nobody works on is cancelled at once. Raises NotFound."""
        async with self._db.transaction(scope) as tx:
            before = await runs.get_run(tx, run_id)
            was_over = RunStatus(before.status).is_final
            row = await runs.request_cancel(tx, run_id)
        if row.status == RunStatus.CANCELLED and not was_over:
            self._writer.put(scope.tenant_id, end_event(row))
        elif row.status == RunStatus.RUNNING:
            await self._control({"cancel": str(run_id)})
        return RunView.of(row)

    async def retry(self, scope: Scope, run_id: UUID, context: Mapping[str, Json] | None = None) -> UUID:
        """Go on where a run failed, as a run of its own, with `context` put over the data; returns the new run's id.

        Raises NotFound; Conflict for a run that cannot be gone on with.
        """
        async with self._db.transaction(scope) as tx:
            row = await forks.fork_run(tx, run_id, context or {})
        self._writer.put(scope.tenant_id, RunEvent("run.queued", str(row.run_id), row.created_at.timestamp()))
        await self._wake(scope.tenant_id, row.run_id, row.epoch)
        return row.run_id

    async def signal(self, scope: Scope, run_id: UUID, name: str, data: Mapping[str, Json]) -> None:
        """Give a run something that it waits for, or will. Raises NotFound, Conflict when the run is over."""
        async with self._db.transaction(scope) as tx:
            woken = await runs.add_signal(tx, run_id, name, data)
        await self.signalled(scope, run_id, woken=woken)

    async def signalled(self, scope: Scope, run_id: UUID, *, woken: bool) -> None:
        """A signal was kept for the run: wake a worker, or tell the process that has it."""
        if woken:
            view = await self._hub.acceptance.look(scope.tenant_id, run_id)
            await self._wake(scope.tenant_id, run_id, view["epoch"])
        else:
            await self._control({"signalled": str(run_id)})

    def events(self, scope: Scope, run_id: UUID, after: str = "0") -> AsyncIterator[Told]:
        """(id, event) of a run, from the beginning or from the id that a reader saw last, up to the run's end.

        What the stream has lost is rebuilt from the journal. Raises InputError for what is no event id, at once: when
        the first event is asked for it is too late to answer so. The iterator raises NotFound.
        """
        if not is_event_id(after):
            raise InputError("This is not the id of an event.", after=after[:40])
        return Story(self._db, self._reader, scope, run_id).tell(after)

    async def _accept(self, scope: Scope, request: RunRequest, *, leased: bool) -> _Accepted:
        if len(request.idempotency_key or "") > LONGEST_KEY:
            raise InputError(f"An idempotency key has at most {LONGEST_KEY} characters.")
        _check_size({"input": request.input, "context": request.part.context})
        source = request.source
        part = request.part
        is_plain = request.conversation_id is None and part.entry is None and not part.pins
        if is_plain and not isinstance(source, ByText):
            new = PublishedRun(
                scope.tenant_id,
                source.name if isinstance(source, ByName) else source.workflow_id,
                source.number,
                request.trigger,
                request.input,
                leased,
                idempotency_key=request.idempotency_key,
                created_by=scope.user_id,
                part=part_row(part),
                seen=source.seen if isinstance(source, ByName) else None,
            )
            run, is_new = await self._hub.acceptance.accept(new)
            return _Accepted(scope.tenant_id, UUID(run["run_id"]), run, is_new)
        return await self._accept_told(scope, request, leased=leased)

    async def _accept_told(self, scope: Scope, request: RunRequest, *, leased: bool) -> _Accepted:
        """A run of a text, of a part by its nodes, or of a conversation, which gets the message with it, in one go."""
        lease = LeaseFor(self._hub.owner, self._hub.lease_s) if leased else None
        async with self._db.transaction(scope) as tx:
            new = await resolved(tx, request)
            if request.conversation_id is not None:
                await conversations.get_conversation(tx, request.conversation_id)
            row, is_new = await runs.create_run(tx, new, lease)
            accepted = _Accepted(scope.tenant_id, row.run_id, row.model_dump(mode="json"), is_new)
            if not is_new or request.conversation_id is None:
                return accepted
            said = request.input.get("message")
            text = said if isinstance(said, str) else ""
            await conversations.append_message(tx, request.conversation_id, "user", text, row.run_id)
            return accepted._replace(history=await conversations.history_before(tx, row))

    async def _control(self, message: Mapping[str, str]) -> None:
        """Tell whichever process has the run; without Redis it finds out a little later."""
        try:
            await self._redis.publish(CONTROL_CHANNEL, orjson.dumps(message))
        except (RedisError, OSError):
            log.info("control: %s was not sent", message)

    async def _wake(self, tenant_id: UUID, run_id: UUID, epoch: int) -> None:
        try:
            await self._queue.wake([WakeUp(tenant_id, run_id, epoch)])
        except (RedisError, OSError):
            log.warning("run %s: no wake-up was sent, the scheduler will", run_id)


def _queued(accepted: _Accepted) -> RunEvent:
    created_at = datetime.fromisoformat(accepted.run["created_at"]).timestamp()
    return RunEvent("run.queued", accepted.run["run_id"], created_at)


def _check_size(given: Mapping[str, Json]) -> None:
    """Raises InputError for data that no step could hand on: far too much of it, or nested too deeply."""
    try:
        size = estimate(given)
    except StepError:
        raise InputError("The input is nested too deeply.") from None
    if size > FAR_TOO_LARGE:
        raise InputError("The input is far more than the 1 MB that a step may hand on.")
