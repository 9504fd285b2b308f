"""`heddle web`: the studio and the API, one process."""

from __future__ import annotations

import argparse

from studio.commands.common import Progress, add_data_dir, add_port, settings_from
from studio.commands.roles import add_supervision, as_role


def configure(parser: argparse.ArgumentParser) -> None:
    add_port(parser)
    add_data_dir(parser)
    add_supervision(parser)
    parser.add_argument("--host", help="address to listen on (default: HEDDLE_HOST or 127.0.0.1)")


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections
    from runners.embedded.ports import require_port
    from studio.frontend import ensure_built
    from studio.serve import serve

    settings = settings_from(args)
    progress = Progress()
    with as_role(args, settings):
        require_port(settings.host, settings.port)
        build = ensure_built(progress)
        with open_connections(settings, progress=progress) as connections:
            serve(settings, connections, build, ready=lambda: progress(f"ready at {settings.base_url}"))
    return 0
