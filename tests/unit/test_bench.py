"""The benchmarks are not run by the tests, but what they import is there."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import bench

ANCHORS = "bench.anchors"  # programs for an environment of their own
MODULES = [one.name for one in pkgutil.walk_packages(bench.__path__, "bench.") if not one.name.startswith(ANCHORS)]


@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_finds_what_it_measures(name: str) -> None:
    assert importlib.import_module(name).__doc__
