"""CPU time of process trees, however loaded the machine is."""

from __future__ import annotations

from collections.abc import Iterable

import psutil


def cpu_s(roots: Iterable[int]) -> float:
    """User and system seconds that these processes and everything beneath them have used, ended children included."""
    total = 0.0
    for process in trees(roots):
        try:
            total += sum(process.cpu_times()[:4])  # user, system, and those of children that were waited for
        except psutil.NoSuchProcess:
            continue  # its parent has its times now
    return total


def rss_mb(root: int) -> float:
    """Resident memory of one process."""
    return psutil.Process(root).memory_info().rss / 1e6


def trees(roots: Iterable[int]) -> list[psutil.Process]:
    """These processes and all beneath them, each once."""
    found: dict[int, psutil.Process] = {}
    for root in roots:
        try:
            process = psutil.Process(root)
            for one in (process, *process.children(recursive=True)):
                found[one.pid] = one
        except psutil.NoSuchProcess:
            continue
    return list(found.values())
