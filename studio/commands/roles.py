"""What web, worker and scheduler share: logging, a way to be stopped, and noticing that their supervisor died."""

from __future__ import annotations

import argparse
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.settings import Settings


def add_supervision(parser: argparse.ArgumentParser) -> None:
    """The option that `heddle up` gives its children; people have no use for it."""
    parser.add_argument("--supervised-by", type=int, help=argparse.SUPPRESS)


@contextmanager
def as_role(args: argparse.Namespace, settings: Settings) -> Iterator[None]:
    """Log to standard error; SIGTERM during start-up ends like Ctrl-C; follow the supervisor into death."""
    level = settings.log_level.upper()
    if level not in logging.getLevelNamesMapping():
        raise ConfigError(f"HEDDLE_LOG_LEVEL is DEBUG, INFO, WARNING or ERROR, not {settings.log_level!r}")
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True)
    logging.getLogger("alembic").setLevel("WARNING")
    if args.supervised_by is not None:
        from studio.commands.children import die_with_supervisor

        die_with_supervisor(args.supervised_by)
    signal.signal(signal.SIGTERM, _interrupt)
    yield


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
