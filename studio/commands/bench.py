"""`heddle bench NAME`: measure, and print figures. The benchmarks live in bench/ of the source."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from engine.errors import ConfigError
from studio.commands.common import Progress, add_data_dir, add_json, print_json, settings_from

BENCH = Path(__file__).resolve().parents[2] / "bench"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=f"one of: {', '.join(names())}")
    add_json(parser)
    add_data_dir(parser)


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted(path.stem for path in BENCH.glob("*.py"))


def run(args: argparse.Namespace) -> int:
    if args.name not in names():
        raise ConfigError(f"There is no benchmark {args.name!r}: choose one of {', '.join(names()) or 'none'}")
    figures = import_module(f"bench.{args.name}").run(settings_from(args), Progress())
    if args.json:
        print_json(figures)
    else:
        for name, value in figures.items():
            print(f"{name:28} {value}")
    return 0
