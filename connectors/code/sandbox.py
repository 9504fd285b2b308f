"""The sandbox for code steps: `engine.execution.ports.Sandbox`.

Programs run in Monty, an interpreter that knows no files, no network and no foreign code, in a worker process of its
own. Each program gets a fresh worker. Where the machine allows it, the worker lives inside bubblewrap (launcher.py).
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from connectors.code.launcher import launchers
from connectors.limits import LocalBulkhead
from engine.errors import AppError, CodeFailed, ConfigError, OutputTooLarge, StepTimeout
from engine.execution.ports import CodeResult, CodeTask

if TYPE_CHECKING:
    import pydantic_monty

Json = Any
MAX_RESULT = 1_000_000  # characters of the result as JSON
MAX_PRINTED = 20_000  # characters
MAX_SECONDS = 60.0
_SHOWN = 2_000
_WAITING = 200
_LAUNCH_S = 20.0
# By syntax alone: whatever names the program has given a meaning of its own, the text is cut before it leaves.
_TAKE = f"import json as _json\nf'{{_json.dumps(result)!s:.{MAX_RESULT + 1}}}'"
_log = logging.getLogger(__name__)


class MontySandbox:
    """One a process; its workers are started at the first use. `aclose` it at the end."""

    def __init__(self, folder: Path, workers: int = 4) -> None:
        """`folder` holds the scripts that workers are started by."""
        self._folder, self._workers = folder, workers
        self._pool: pydantic_monty.AsyncMonty | None = None
        self._open = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._turns = LocalBulkhead()
        self.wrapped: bool | None = None  # known once the workers are started

    async def run(self, task: CodeTask) -> CodeResult:
        """See the port. A worker that is killed from outside is replaced, and the program tried once more.

        One tenant uses half of the workers at most. Raises RateLimited when too many of its programs wait already.
        """
        pool = await self._ready()
        async with self._turns.slot(str(task.tenant_id), max(1, self._workers // 2), _WAITING, task.seconds):
            return await self._tried(pool, task)

    async def _tried(self, pool: pydantic_monty.AsyncMonty, task: CodeTask) -> CodeResult:
        import pydantic_monty  # noqa: PLC0415 - only where code is allowed, and used

        for last in (False, True):
            try:
                return await _run(pool, task)
            except pydantic_monty.MontyCrashedError as error:
                if error.timed_out:
                    raise _late(task) from error
                if last:
                    raise CodeFailed("the code brought its sandbox down") from error
        raise AssertionError("the second try returns or raises")

    async def start(self) -> bool:
        """Start the workers now; returns whether bubblewrap is around them. Raises ConfigError."""
        await self._ready()
        return bool(self.wrapped)

    async def aclose(self) -> None:
        async with self._lock:
            self._pool = None
            await self._open.aclose()

    async def _ready(self) -> pydantic_monty.AsyncMonty:
        async with self._lock:
            if self._pool is None:
                self._pool = await self._started()
            return self._pool

    async def _started(self) -> pydantic_monty.AsyncMonty:
        """The pool behind the first launcher that works."""
        for program, wrapped in launchers(self._folder):
            stack = AsyncExitStack()
            try:
                pool = await stack.enter_async_context(_pool(program, self._workers))
                await _run(pool, CodeTask(UUID(int=0), "result = 1", {}, 5.0, 16))
            except Exception as error:  # whatever it is, this launcher does not work here
                _log.warning("sandbox: %s does not work here (%s)", program.name, type(error).__name__)
                await stack.aclose()
                continue
            self.wrapped = wrapped
            self._open = stack
            if not wrapped:
                _log.warning("sandbox: code runs without bubblewrap, in a process of its own only")
            return pool
        raise ConfigError("the sandbox does not start on this machine; `heddle doctor` says more")


def _pool(program: Path, workers: int) -> pydantic_monty.AsyncMonty:
    import pydantic_monty  # noqa: PLC0415

    return pydantic_monty.AsyncMonty(
        binary_path=program,
        min_processes=0,
        max_processes=workers,
        max_checkouts_per_worker=1,
        request_timeout=MAX_SECONDS + _LAUNCH_S,
    )


class _Printed:
    """What a program prints, up to a limit."""

    def __init__(self) -> None:
        self.text = ""
        self.size = 0

    def __call__(self, stream: str, text: str) -> None:  # noqa: ARG002 - both streams are one here
        self.size += len(text)
        if self.is_too_much:
            raise ValueError  # breaks the program off
        self.text += text

    @property
    def is_too_much(self) -> bool:
        return self.size > MAX_PRINTED


async def _run(pool: pydantic_monty.AsyncMonty, task: CodeTask) -> CodeResult:
    """One program in a fresh worker. Raises AppError, MontyCrashedError."""
    import pydantic_monty  # noqa: PLC0415

    printed = _Printed()
    limits: pydantic_monty.ResourceLimits = {
        "max_feed_duration_secs": task.seconds,
        "max_memory": task.memory_mb << 20,
        "max_total_sleep_secs": task.seconds,
        "max_suspensions": 1_000,
    }
    policy: pydantic_monty.OSPolicy = {"sleep_system_max": math.inf}
    async with pool.checkout(limits=limits, os_policy=policy) as session:
        try:
            await session.feed_run(f"{task.source}\n\nNone", inputs=dict(task.inputs), print_callback=printed)
        except pydantic_monty.MontyCrashedError:
            raise
        except pydantic_monty.MontyError as error:
            raise _failure(error, task, printed) from error
        try:
            text = await session.feed_run(_TAKE, print_callback=printed)
        except pydantic_monty.MontyCrashedError:
            raise
        except pydantic_monty.MontyError as error:
            raise _unfit(error) from error
    return CodeResult(_result(text), printed.text[:_SHOWN])


def _unfit(error: pydantic_monty.MontyError) -> CodeFailed:
    if isinstance(error.exception(), NameError):
        return CodeFailed("the code left nothing in `result`")
    return CodeFailed(f"the code's `result` is not JSON: {_words(error)}")


def _result(text: Json) -> Json:
    if not isinstance(text, str) or len(text) > MAX_RESULT:
        raise OutputTooLarge(f"the code's result is larger than {MAX_RESULT // 1000} kB")
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise CodeFailed("the code's result is not JSON that can be kept") from error


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _failure(error: pydantic_monty.MontyError, task: CodeTask, printed: _Printed) -> AppError:
    """What went wrong in the program, with the line; its own words are cut."""
    cause = error.exception()
    if printed.is_too_much:
        return OutputTooLarge(f"the code printed more than {MAX_PRINTED // 1000} kB")
    if isinstance(cause, TimeoutError):
        return _late(task)
    if isinstance(cause, MemoryError):
        return CodeFailed(f"the code used more than {task.memory_mb} MB", memory_mb=task.memory_mb)
    frames: list[pydantic_monty.Frame] = getattr(error, "traceback", list)()
    line = frames[-1].line if frames else None
    where = f"line {line}: " if line else ""
    return CodeFailed(f"{where}{_words(error)}", line=line, printed=printed.text[-_SHOWN:] or None)


def _words(error: pydantic_monty.MontyError) -> str:
    cause = error.exception()
    words = " ".join(str(cause)[:600].split())[:300]
    return f"{type(cause).__name__}: {words}".removesuffix(": ")


def _late(task: CodeTask) -> StepTimeout:
    return StepTimeout(f"the code took longer than {task.seconds:g} s", seconds=task.seconds)
