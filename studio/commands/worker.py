"""`heddle worker`: runs workflows from the queue, many at once in one process."""

from __future__ import annotations

import argparse

from studio.commands.common import Progress, add_data_dir, positive, settings_from
from studio.commands.roles import add_supervision, as_role


def configure(parser: argparse.ArgumentParser) -> None:
    add_data_dir(parser)
    add_supervision(parser)
    parser.add_argument("--concurrency", type=positive, help="runs at once (default: HEDDLE_WORKER_CONCURRENCY or 100)")


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections
    from runners.worker import run_worker

    settings = settings_from(args)
    with as_role(args, settings), open_connections(settings, progress=Progress()) as connections:
        return run_worker(settings, connections)
