"""`heddle run FILE`: run a workflow file once, with a live log of its steps.

The run goes the same way as every other: accepted in the database, woken over the queue, executed by a worker. That is
a worker of the running instance, or one that is started for this command. `--inline` executes it in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from engine.errors import AppError, ConfigError, SchemaError
from studio.commands.common import Progress, add_data_dir, add_json, print_json, read_text, settings_from
from studio.commands.files import siblings_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from engine.settings import Settings
    from engine.store.session import Database, Scope
    from runners.client import RunClient, RunRequest, RunView, StepView
    from runners.connections import Connections
    from studio.commands.children import Children


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the workflow; sub-workflows beside it are used too")
    parser.add_argument("--input", default="{}", metavar="JSON|@FILE", help="the run's input, a JSON object")
    parser.add_argument("--inline", action="store_true", help="execute the run in this process")
    add_json(parser)
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    progress = Progress()
    try:
        result = _run(args, progress)
    except AppError as err:
        if not args.json:
            raise
        result = {"run_id": None, "status": "failed", "output": None, "steps": [], "cost_usd": 0.0}
        result["error"] = err.to_dict()
    if args.json:
        print_json(result)
    else:
        _print(result)
    return 0 if result["status"] == "succeeded" else 1


def _run(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from runners.connections import open_connections

    text = read_text(args.file)
    run_input = parse_input(args.input)
    require_runnable(args.file, text)
    siblings = siblings_of(args.file, text)
    settings = settings_from(args)
    with open_connections(settings, progress=progress) as connections:
        asyncio.run(_prepare(settings, connections, progress))
        with _workers(settings, connections, progress, inline=args.inline):
            return asyncio.run(_execute(settings, connections, _request(text, siblings, run_input), args, progress))


def parse_input(text: str) -> dict[str, Any]:
    """The run's input from JSON or `@file`; raises ConfigError when it is not a JSON object."""
    source = read_text(Path(text[1:])) if text.startswith("@") else text
    try:
        found = json.loads(source)
    except ValueError as err:
        raise ConfigError(f'this is not JSON ({err}): give an object such as \'{{"message": "Hello"}}\'') from err
    if not isinstance(found, dict):
        raise ConfigError(f'this has to be a JSON object such as \'{{"message": "Hello"}}\', not {source[:40]}')
    return found


def require_runnable(path: Path, text: str) -> None:
    """Raise SchemaError that names every error of the file, with its place."""
    from studio.commands.validate import check, line_of

    errors = [one for one in check(path, text) if one.is_error]
    if errors:
        lines = "\n".join(line_of(path, one) for one in errors)
        places = [{"code": d.code, "message": d.message, "line": d.line, "column": d.column} for d in errors]
        raise SchemaError(f"The workflow has errors:\n{lines}", diagnostics=places)


def _request(text: str, siblings: Mapping[str, str], run_input: Mapping[str, Any]) -> RunRequest:
    from runners.client import ByText, RunRequest

    return RunRequest(ByText(text, siblings), run_input, trigger="cli", idempotency_key=f"cli-{uuid4()}")


async def _prepare(settings: Settings, connections: Connections, progress: Progress) -> None:
    from studio.commands.tenant import ensure_tenant

    await ensure_tenant(settings, connections, progress)


def _workers(
    settings: Settings, connections: Connections, progress: Progress, *, inline: bool
) -> AbstractContextManager[Children | None]:
    """A worker and a scheduler for this command's duration, unless the running instance has them or none is needed."""
    from studio.commands.children import Children

    if inline or connections.instance_url:
        return nullcontext()
    children = Children(settings.data_dir, progress, recorded=False)
    folder = ["--data-dir", str(settings.data_dir)]
    children.plan = [("run-worker", ["worker", *folder]), ("run-scheduler", ["scheduler", *folder])]
    return children


async def _execute(
    settings: Settings, connections: Connections, request: RunRequest, args: argparse.Namespace, progress: Progress
) -> dict[str, Any]:
    from studio.commands.tenant import tenant_database

    async with tenant_database(connections) as (db, scope), _client(settings, connections, db, args.inline) as client:
        if args.inline:
            executing = asyncio.create_task(client.run_inline(scope, request, deadline_s=0.0, whole=True))
            run_id = await _accepted(db, scope, request, executing)
        else:
            executing = None
            run_id = await client.submit(scope, request)
        try:
            await _follow(client, scope, run_id, progress)
            view = await executing if executing else await client.get(scope, run_id)
        except asyncio.CancelledError:  # Ctrl-C: nobody waits for the answer any more
            await client.cancel(scope, run_id)
            raise
        return _result(view, await client.steps(scope, run_id))


@asynccontextmanager
async def _client(settings: Settings, connections: Connections, db: Database, inline: bool) -> AsyncIterator[RunClient]:
    """With models when runs are executed here, else without."""
    if inline:
        from runners.runtime import Runtime

        runtime = await Runtime.open(settings, connections, db=db)
        try:
            yield runtime.client
        finally:
            await runtime.close()
        return
    from runners.client import RunClient

    client = await RunClient.open(settings, connections, db=db)
    try:
        yield client
    finally:
        await client.close()


async def _accepted(db: Database, scope: Scope, request: RunRequest, executing: asyncio.Task[RunView]) -> UUID:
    """The id of the run that was just started here: it is the one with the request's idempotency key."""
    from engine.store.access import run_list

    while True:
        async with db.transaction(scope) as tx:
            for row in (await run_list.list_runs(tx, trigger="cli", limit=10)).rows:
                if row.idempotency_key == request.idempotency_key:
                    return row.run_id
        if executing.done() and (failed := executing.exception()):
            raise failed
        await asyncio.sleep(0.02)


async def _follow(client: RunClient, scope: Scope, run_id: UUID, progress: Progress) -> None:
    """Print the run's events until its end."""
    progress(f"run {run_id}")
    async for _, event in client.events(scope, run_id):
        line = event_line(event)
        if line:
            progress(line)


def event_line(event: Mapping[str, Any]) -> str | None:
    """What a person wants to read about an event; None for the many small ones."""
    data, path, kind = event["data"], event["path"], event["node_type"]
    if event["type"] == "step.succeeded":
        facts = [f"{data.get('duration_ms', 0)} ms"]
        if data.get("model"):
            facts += [f"tier {data['tier']}" if data.get("tier") else "", str(data["model"])]
            facts += [f"${data.get('cost_usd_micros', 0) / 1e6:.6f}", str(data.get("reason") or "")]
        return f"  ok      {path} ({kind})  {'  '.join(fact for fact in facts if fact)}"
    if event["type"] == "step.failed":
        message = (data.get("error") or {}).get("message", "")
        return f"  failed  {path} ({kind})  {message}{'  (will be tried again)' if data.get('will_retry') else ''}"
    if event["type"] == "step.suspended":
        asked = (data.get("data") or {}).get("message") or data.get("reason", "")
        return f"  waits   {path} ({kind})  {asked}"
    if event["type"] in ("run.queued", "run.suspended", "run.succeeded", "run.failed", "run.cancelled"):
        return str(event["type"]).removeprefix("run.")
    return None


def _result(view: RunView, steps: list[StepView]) -> dict[str, Any]:
    return {
        "run_id": str(view.run_id),
        "status": view.status,
        "output": view.output,
        "steps": [_step(step) for step in steps if step.status != "opened"],
        "cost_usd": view.cost_usd,
        "error": view.error,
    }


def _step(step: StepView) -> dict[str, Any]:
    names = ("path", "status", "duration_ms", "model", "tier", "reason", "tokens_in", "tokens_out")
    more = ("iteration", "attempt", "error")
    return {
        "type": step.node_type,
        "cost_usd": step.cost_usd_micros / 1e6,
        **{name: getattr(step, name) for name in names + more},
    }


def _print(result: dict[str, Any]) -> None:
    """For people: the output as readable JSON, or why there is none."""
    if result["status"] == "succeeded":
        print(json.dumps(result["output"], ensure_ascii=False, indent=2))
    else:
        error = result["error"] or {}
        print(f"The run {result['status']}: {error.get('message', 'no reason given')}")
    count = len(result["steps"])
    print(f"{result['status']}, {count} steps, ${result['cost_usd']:.6f}, run {result['run_id']}")
