"""Group commit: the writes of many runs in few transactions.

A `Lane` is one database connection and what waits for it. While one batch is being committed the next one gathers, so
the more runs there are, the larger the batches get. Each batch is one call of one database function that takes the
entries as a JSON array and answers each of them; a call is a transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, Protocol

import orjson
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader

from engine.store.faults import LOST_CONNECTION, as_ours, is_lost
from engine.store.urls import libpq_url

log = logging.getLogger(__name__)

_LATELY_S = 0.05
_MANY = 150  # records lately: 3,000 a second
_REMEMBERED_S = 1.0
_SMALL = 4  # entries; a batch of one costs half as much as one of these

Answers = Mapping[str, Mapping[str, Any]]  # key of an entry -> the function's row for it


class Entry(Protocol):
    """Something that a lane writes. `key` is what the function's row for it begins with (the run id, mostly).

    An entry may be marked again while it is being written.

    `settle` or `fail` follows each `take`, before the next one.
    """

    @property
    def key(self) -> str: ...

    def take(self) -> bytes | None:
        """What is to be written now, as a JSON object; None when there is nothing (any more).

        May raise for what cannot be written as JSON: `fail` gets it.
        """
        ...

    def settle(self, answer: Mapping[str, Any] | None) -> None:
        """What was taken last is committed; `answer` is the database's row for it."""
        ...

    def fail(self, error: Exception) -> None:
        """What was taken last cannot be written."""
        ...


class Question:
    """An Entry that is asked once, and whose answer is waited for (`Lane.ask`)."""

    def __init__(self, key: str, body: bytes) -> None:
        self.answer: asyncio.Future[Mapping[str, Any] | None] = asyncio.get_running_loop().create_future()
        self._key, self._body = key, body

    @property
    def key(self) -> str:
        return self._key

    def take(self) -> bytes | None:
        return None if self.answer.done() else self._body  # done: the waiting task was cancelled

    def settle(self, answer: Mapping[str, Any] | None) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(as_ours(error))


class Link:
    """One connection to the database, made when it is first needed and made anew when it is lost.

    For one call at a time. Its rows have JSON as values and ids as text.
    """

    def __init__(self, app_url: str) -> None:
        self._url = libpq_url(app_url)
        self._cursor: psycopg.AsyncCursor[dict[str, Any]] | None = None  # one for all calls: making one is not cheap

    async def call(
        self, query: LiteralString, arguments: Sequence[object], *, give_up_s: float
    ) -> list[dict[str, Any]]:
        """Rows of one statement, which is a transaction; tried again over new connections for `give_up_s`.

        The statement may thus be committed twice. Raises psycopg's errors, or TimeoutError.
        """
        give_up_at = time.monotonic() + give_up_s
        pause_s = 0.05
        while True:
            try:
                async with asyncio.timeout(give_up_s):
                    cursor = self._cursor or await self._connect()
                    await cursor.execute(query, arguments, prepare=True)
                    return await cursor.fetchall()
            except LOST_CONNECTION as error:
                if not is_lost(error):
                    raise
                await self.close()
                if time.monotonic() + pause_s > give_up_at:
                    raise
                log.info("journal: connection lost (%s), trying again", type(error).__name__)
                await asyncio.sleep(pause_s)
                pause_s = min(1.0, pause_s * 2)

    async def warm_up(self, *, give_up_s: float) -> None:
        """Connect now, if the database can be reached; why it cannot is the next call's to say."""
        if self._cursor is None:
            with contextlib.suppress(psycopg.Error, TimeoutError, OSError):
                async with asyncio.timeout(give_up_s):
                    await self._connect()

    async def _connect(self) -> psycopg.AsyncCursor[dict[str, Any]]:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, row_factory=dict_row)
        set_json_loads(orjson.loads, connection)
        connection.adapters.register_loader("uuid", TextLoader)  # ids stay text: entries are known by it
        self._cursor = connection.cursor()
        return self._cursor

    async def close(self) -> None:
        """Close the connection, if there is one; the next call makes another."""
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await cursor.connection.close()


class Flow:
    """What is written over some lanes, and so what counts there: what a record costs, or how soon it is written."""

    def __init__(self) -> None:
        self._lately, self._at = 0.0, time.monotonic()  # records, each of which counts for less and less; as of then
        self._called_at = -math.inf

    def written(self, records: int, *, calls: bool) -> None:
        """So many go now; `calls`: what they wait for is to call the outside world."""
        now = time.monotonic()
        self._lately, self._at = self._as_of(now) + records, now
        if calls:
            self._called_at = now

    @property
    def is_calm(self) -> bool:
        """Runs wait for the outside world here, and not for each other's records."""
        now = time.monotonic()
        return now - self._called_at < _REMEMBERED_S and self._as_of(now) < _MANY

    def _as_of(self, now: float) -> float:
        return self._lately * math.exp((self._at - now) / _LATELY_S)


class Lane:
    """One connection, one batch at a time, so entries keep their order.

    Large batches cost the least, small ones are written the soonest. So a batch is all that waits, but in a calm `flow`
    half of it: who came first goes on while the others are written, and runs that came together part.
    """

    def __init__(
        self,
        app_url: str,
        query: LiteralString,
        arguments: Sequence[object] = (),
        *,
        max_batch: int = 256,
        linger_s: float = 0.002,
        give_up_s: float = 15.0,
        flow: Flow | None = None,
    ) -> None:
        """`query` takes the batch as its first parameter, `arguments` are the others.

        A write that nobody waits for yet may linger for `linger_s`, to share a commit with those that follow.
        """
        self._link = Link(app_url)
        self._query = query
        self._arguments = tuple(arguments)
        self._max_batch = max_batch
        self._linger_s = linger_s
        self._give_up_s = give_up_s
        self._flow = flow
        self._marked: dict[Entry, None] = {}  # an ordered set
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._writing = False
        self._task: asyncio.Task[None] | None = None
        self.commits = 0

    @property
    def waiting(self) -> int:
        """Entries that are not taken yet."""
        return len(self._marked)

    def start(self) -> None:
        """Begin to write; the connection is opened with the first batch."""
        self._task = asyncio.create_task(self._run(), name="journal lane")

    def warm_up(self) -> None:
        """Have the connection made before there is something to write."""
        self._work.set()
        self._urgent.set()

    def takes(self, records: int, *, calls: bool) -> None:
        """What an entry that is being taken has; `Flow.written`."""
        if self._flow is not None:
            self._flow.written(records, calls=calls)

    def mark(self, entry: Entry, *, urgent: bool) -> None:
        """Have `entry` taken into the next batch; `urgent` when somebody waits for it."""
        self._marked.setdefault(entry)
        self._work.set()
        if urgent:
            self._urgent.set()

    async def ask(self, question: Question) -> Mapping[str, Any] | None:
        """The row for it, None without one. Raises TransientError."""
        self.mark(question, urgent=True)
        return await question.answer

    async def close(self) -> None:
        """Write what is left, then end."""
        if self._task is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._give_up_s):
                    while self._marked or self._writing:
                        self._urgent.set()
                        await asyncio.sleep(0.002)
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self._link.close()

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            if not self._urgent.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._linger_s):
                        await self._urgent.wait()
            batch = list(self._marked)[: self._size()]
            for entry in batch:
                del self._marked[entry]
            if not self._marked:
                self._work.clear()
                self._urgent.clear()
            self._writing = True
            await self._write([(entry, data) for entry in batch if (data := _taken(entry)) is not None])
            self._writing = False

    def _size(self) -> int:
        """Of the next batch."""
        if self._flow is None or not self._flow.is_calm:
            return self._max_batch
        return min(self._max_batch, max(_SMALL, len(self._marked) // 2))

    async def _write(self, taken: list[tuple[Entry, bytes]]) -> None:
        """Commit the entries together; when the database refuses the batch, one by one, to find the bad one."""
        if not taken:
            await self._link.warm_up(give_up_s=self._give_up_s)
            return
        try:
            answers = await self._commit([data for _, data in taken])
        except Exception as error:
            if len(taken) == 1 or is_lost(error):
                log.warning("journal: %d entries not written: %s", len(taken), type(error).__name__)
                for entry, _ in taken:
                    entry.fail(error)
                return
            for one in taken:
                await self._write([one])
            return
        for entry, _ in taken:
            entry.settle(answers.get(entry.key))

    async def _commit(self, parts: list[bytes]) -> Answers:
        batch = (b"[" + b",".join(parts) + b"]").decode()
        rows = await self._link.call(self._query, (batch, *self._arguments), give_up_s=self._give_up_s)
        self.commits += 1
        return {next(iter(row.values())): row for row in rows}


def _taken(entry: Entry) -> bytes | None:
    """What is to be written of it. One that cannot be written stops nobody else."""
    try:
        return entry.take()
    except Exception as error:
        log.exception("journal: an entry cannot be written")
        entry.fail(error)
        return None
