"""`heddle scheduler`: wakes what is due. Several may run; each due thing is taken once."""

from __future__ import annotations

import argparse

from studio.commands.common import Progress, add_data_dir, settings_from
from studio.commands.roles import add_supervision, as_role


def configure(parser: argparse.ArgumentParser) -> None:
    add_data_dir(parser)
    add_supervision(parser)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections
    from runners.scheduler import run_scheduler

    settings = settings_from(args)
    with as_role(args, settings), open_connections(settings, progress=Progress()) as connections:
        return run_scheduler(settings, connections)
