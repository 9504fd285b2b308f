"""The web process: pages, websocket and API on one port, without Node.

Relies on internals of the pinned Reflex (skip the compile, mount the finished build, a working folder of our own);
tests/browser starts it this way.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import garbage
from engine.settings import Settings
from studio.container import get_container
from studio.frontend import ROOT, ensure_built

if TYPE_CHECKING:
    from runners.connections import Connections

DRAIN_S = 4.0  # a supervisor asks a second time after 5 s


def serve(
    settings: Settings,
    connections: Connections,
    build: Path | None = None,
    *,
    ready: Callable[[], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. `build` is what `ensure_built` gave; `ready` is called once the port is open."""
    build = build or ensure_built(lambda _: None)
    _prepare(build)
    from studio.app import make_asgi  # noqa: PLC0415  # reads Reflex's configuration, which `_prepare` has set

    _run(_serve(make_asgi(connections, build), settings, ready))


def _prepare(build: Path) -> None:
    """Tell Reflex to serve a finished build, and from where."""
    os.chdir(ROOT)  # Reflex finds rxconfig.py and assets/ in the current folder
    from reflex.constants import Env  # noqa: PLC0415  # heavy, and only the web process needs it
    from reflex.environment import environment  # noqa: PLC0415

    environment.REFLEX_ENV_MODE.set(Env.PROD)
    environment.REFLEX_SKIP_COMPILE.set(True)
    environment.REFLEX_MOUNT_FRONTEND_COMPILED_APP.set(True)
    environment.REFLEX_WEB_WORKDIR.set(build)


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Like `asyncio.run`, but a task that cannot be cancelled does not keep the process alive.

    Such a task serves a websocket whose browser never answers the close.
    """
    try:
        from uvloop import new_event_loop  # noqa: PLC0415  # not on Windows
    except ImportError:
        from asyncio import new_event_loop  # noqa: PLC0415
    loop = new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main)
    finally:
        if rest := asyncio.all_tasks(loop):
            for task in rest:
                task.cancel()
            loop.run_until_complete(asyncio.wait(rest, timeout=1.0))


async def _serve(app: object, settings: Settings, ready: Callable[[], None] | None) -> None:
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415
    from granian.server.embed import Server  # noqa: PLC0415

    await get_container().open()  # here, so that what is wrong is said in a sentence and not by the server's lifespan
    server = Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        """What would stay open for long ends; what is being answered is waited for."""
        get_container().stopping.set()
        server.stop()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
    serving = asyncio.create_task(server.serve())
    await _until_open(settings.host, settings.port, serving)
    garbage.settle()
    if ready is not None and not serving.done():
        ready()
    await _end_of(serving)


async def _end_of(serving: asyncio.Task[None]) -> None:
    """Wait for it; what is still being answered keeps a stopped server no longer than DRAIN_S."""
    stopping = asyncio.create_task(get_container().stopping.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    await asyncio.wait({serving}, timeout=DRAIN_S)
    if serving.done():
        await serving
    else:
        await get_container().close()


async def _until_open(host: str, port: int, serving: asyncio.Task[None]) -> None:
    """Return when the port answers, or the server has ended."""
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(host if host != "0.0.0.0" else "127.0.0.1", port)  # noqa: S104
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
