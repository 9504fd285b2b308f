"""What several commands share: options, settings, output. Light to import."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.settings import Settings

DEMO_TENANT = "demo"


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", type=Path, help="data folder (default: HEDDLE_DATA_DIR or .heddle)")


def add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=port_number, help="web port (default: HEDDLE_PORT or 8000)")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output, nothing else")


def port_number(text: str) -> int:
    """Argument type: a TCP port."""
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


def positive(text: str) -> int:
    """Argument type: a whole number from 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is needed, not {text!r}")
    return int(text)


def row_id(text: str) -> UUID:
    """Argument type: the id of something."""
    try:
        return UUID(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not an id") from error


def settings_from(args: argparse.Namespace) -> Settings:
    """The environment's settings with the command line's on top."""
    from engine.settings import get_settings

    changed: dict[str, Any] = {}
    if getattr(args, "data_dir", None) is not None:
        changed["data_dir"] = args.data_dir.expanduser().resolve()
    if getattr(args, "port", None) is not None:
        changed["port"] = args.port
    if getattr(args, "host", None) is not None:
        changed["host"] = args.host
    if getattr(args, "concurrency", None) is not None:
        changed["worker_concurrency"] = args.concurrency
    return replace(get_settings(), **changed)


class Progress:
    """Lines about what is going on, on standard error, each with the seconds since the start."""

    def __init__(self, quiet: bool = False) -> None:
        self._began = time.monotonic()
        self._quiet = quiet

    def __call__(self, line: str) -> None:
        if not self._quiet:
            print(f"[{time.monotonic() - self._began:5.1f} s] {line}", file=sys.stderr, flush=True)


def print_json(data: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(data, ensure_ascii=False, default=str))


def read_text(path: Path) -> str:
    """The file exactly as it is, CRLF included; raises ConfigError with the reason."""
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as err:
        raise ConfigError(f"{path} cannot be read ({(err.strerror or str(err)).lower()})") from err
    except UnicodeDecodeError as err:
        raise ConfigError(f"{path} is not UTF-8 text (byte {err.start})") from err
