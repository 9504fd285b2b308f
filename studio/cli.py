"""The `heddle` command: finds the subcommand, runs it, and turns errors into one sentence.

Each command is a module in studio/commands with `configure(parser)` and `run(args) -> exit code`. Only the chosen one
is imported, so that `heddle validate` starts fast.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from engine import garbage
from engine.errors import AppError, ConfigError, Unavailable
from engine.settings import skip_plugins

MIN_PYTHON = (3, 11)
COMMANDS = {
    "up": "start everything: servers, web, workers, scheduler",
    "web": "serve the studio and the API",
    "worker": "run workflows from the queue",
    "scheduler": "wake what is due: timers, schedules, lost runs",
    "validate": "check workflow files",
    "run": "run a workflow file once",
    "runs": "list the latest runs",
    "schedules": "list the schedules and when they fire next",
    "events": "what happened, what did not arrive, and sending it again",
    "api-keys": "keys for programs that call the API: list, create, revoke",
    "audit": "who changed what: list, verify",
    "import": "bring workflow files into the tenant",
    "export": "write the tenant's workflows to files",
    "approvals": "what runs ask people: list, answer",
    "prompts": "the prompt library: list, add, export, import",
    "seed": "create the demo tenant and its data",
    "db": "migrate the database, or check it",
    "doctor": "say what is set up, and what is not",
    "bench": "measure, and print figures",
}
_MODULES = {name: f"studio.commands.{name.replace('-', '_')}" for name in COMMANDS} | {
    "import": "studio.commands.import_files",
    "export": "studio.commands.export_files",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `.venv/bin/heddle`; ends the process with the command's exit code."""
    garbage.begin()
    skip_plugins()
    if argv is not None:
        sys.exit(_guarded(list(argv)))
    _leave(_guarded(sys.argv[1:]))


def _leave(code: int) -> NoReturn:
    """End the process without taking the interpreter apart: of a short command that would be an eighth of its time."""
    if threading.active_count() > 1:  # somebody is still at work
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # the reader has gone, or the stream is closed
            stream.flush()
    os._exit(code)


def _guarded(arguments: list[str]) -> int:
    try:
        if sys.version_info < MIN_PYTHON:
            raise ConfigError(f"Heddle needs Python 3.11 or newer; this is {sys.version.split()[0]}")
        chosen, args = _parse(arguments)
        code: int = chosen.run(args)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone, e.g. `| head`
        sys.stderr.close()
        return 141
    except AppError as err:
        return _complain((isinstance(err, Unavailable) and _explanation(err)) or err.public_message)
    except OSError as err:
        where = f" ({err.filename})" if err.filename else ""
        return _complain(f"{err.strerror or err}{where}")
    except Exception as err:  # the last resort: people see a sentence, developers the trace
        return _complain(_explanation(err) or f"something unexpected went wrong ({type(err).__name__}: {err})")
    return code


def _parse(arguments: list[str]) -> tuple[Any, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="heddle", description="Heddle: draw, run and publish AI workflows.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    named = next((word for word in arguments if not word.startswith("-")), None)
    chosen: Any = None
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary)
        if name == named:
            chosen = import_module(_MODULES[name])
            chosen.configure(subparser)
    return chosen, parser.parse_args(arguments)


def _complain(message: str) -> int:
    if _debugging():
        traceback.print_exc()
    else:
        print(f"heddle: {message}", file=sys.stderr)
    return 1


def _explanation(err: Exception) -> str | None:
    from runners.connections import explanation

    return explanation(err)


def _debugging() -> bool:
    from engine.settings import get_settings

    try:
        return get_settings().log_level.upper() == "DEBUG"
    except ConfigError:
        return False


if __name__ == "__main__":
    main()
