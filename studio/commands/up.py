"""`heddle up`: everything on one machine, from nothing to a printed address.

Order: be the only instance of the data folder, check the port, start PostgreSQL and Redis, migrate, seed the demo
tenant, build the pages when they are stale, start web, workers and scheduler, wait until they answer.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from engine.errors import ConfigError
from studio.commands.common import Progress, add_data_dir, add_port, positive, settings_from

if TYPE_CHECKING:
    from engine.settings import Settings
    from runners.connections import Connections
    from studio.commands.children import Child, Children

READY_LIMIT_S = 120.0
_GIVE_UP_AFTER = 3  # a web process that ends this often before it ever answered will not come up


def configure(parser: argparse.ArgumentParser) -> None:
    add_port(parser)
    add_data_dir(parser)
    parser.add_argument("--host", help="address to listen on (default: HEDDLE_HOST or 127.0.0.1)")
    parser.add_argument("--workers", type=positive, default=1, help="worker processes (default: 1)")
    parser.add_argument("--concurrency", type=positive, help="runs at once in each worker (default: 100)")


def run(args: argparse.Namespace) -> int:
    settings = settings_from(args)
    progress = Progress()
    try:
        with _stop_signals(progress):
            _up(settings, args.workers, progress)
    except KeyboardInterrupt:
        progress("stopped")
    return 0


def _up(settings: Settings, workers: int, progress: Progress) -> None:
    from runners.connections import open_connections
    from runners.embedded.instance import publish, the_only_instance
    from runners.embedded.ports import require_port
    from studio.commands.children import Children, stop_recorded

    with the_only_instance(settings.data_dir):
        stop_recorded(settings.data_dir)
        require_port(settings.host, settings.port)
        with open_connections(settings, progress=progress, use_instance=False) as connections:
            password = _seeded(settings, connections, progress)
            _build_pages(progress)
            publish(
                settings.data_dir,
                url=settings.base_url,
                port=settings.port,
                database_url=connections.database_url,
                redis_url=connections.redis_url,
                secrets=connections.secrets,
            )
            with Children(settings.data_dir, progress) as children:
                _start(children, settings, workers, progress)
                _announce(settings, password)
                _keep_alive(children, connections, progress)


def _keep_alive(children: Children, connections: Connections, progress: Progress) -> None:
    """Start again whatever dies, until we are stopped."""
    while True:
        for _ in range(8):
            children.watch()
            time.sleep(0.25)
        try:
            if connections.revive():
                progress("PostgreSQL or Redis had died and was started again")
        except ConfigError as err:  # a full disk, say: go on trying, for it may pass
            progress(err.public_message)
            time.sleep(5)


def _seeded(settings: Settings, connections: Connections, progress: Progress) -> str | None:
    """Make the demo tenant when it is missing; returns its password when we know it."""
    from runners.embedded.secrets_file import read_notes
    from studio.commands.seed import demo_exists, seed

    if not asyncio.run(demo_exists(connections)):
        progress("creating the demo tenant")
        asyncio.run(seed(settings, connections))
    return read_notes(settings.data_dir).get("demo_password")


def _build_pages(progress: Progress) -> None:
    from studio.frontend import ensure_built

    ensure_built(progress)


def _start(children: Children, settings: Settings, workers: int, progress: Progress) -> None:
    folder = ["--data-dir", str(settings.data_dir)]
    progress(f"starting web, {workers} worker{'s' if workers > 1 else ''}, scheduler")
    web = children.add("web", ["web", *folder, "--port", str(settings.port), "--host", settings.host])
    for number in range(1, workers + 1):
        concurrency = ["--concurrency", str(settings.worker_concurrency)]
        children.add(f"worker-{number}", ["worker", *folder, *concurrency])
    children.add("scheduler", ["scheduler", *folder])
    _wait_ready(children, web, settings)


def _wait_ready(children: Children, web: Child, settings: Settings) -> None:
    end = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < end:
        children.watch()
        if answers(settings.host, settings.port):
            return
        if web.failures >= _GIVE_UP_AFTER:
            raise ConfigError(f"The web process does not start: {web.last_words()} (its log is {web.log})")
        time.sleep(0.1)
    raise ConfigError(f"The web process did not answer within {READY_LIMIT_S:.0f} s (its log is {web.log})")


def answers(host: str, port: int) -> bool:
    """Whether /healthz says 200."""
    import http.client

    where = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not a bind
    link = http.client.HTTPConnection(where, port, timeout=2.0)
    try:
        link.request("GET", "/healthz")
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


def _announce(settings: Settings, password: str | None) -> None:
    sign_in = f"demo@heddle.local / {password}" if password else "demo@heddle.local (the password set before)"
    print(
        f"\n  Heddle runs at {settings.base_url}\n"
        f"  Sign in as     {sign_in}\n"
        f"  Tenant         demo\n"
        f"  Logs           {settings.data_dir / 'logs'}\n"
        f"  Stop with      Ctrl-C\n",
        flush=True,
    )


@contextmanager
def _stop_signals(progress: Progress) -> Iterator[None]:
    """SIGTERM and SIGHUP end us like Ctrl-C. Once we are ending, only a further Ctrl-C counts: it kills at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        progress("stopping")
        raise KeyboardInterrupt

    # SIGINT is set too: a shell starts background commands with it ignored.
    before = {name: signal.signal(name, stop) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
