"""Garbage collection in a process that starts, and in one that stays up."""

from __future__ import annotations

import gc

# Objects made before the youngest are looked at. Python's 700 are a few steps of a run, and a tenth of a short command's
# time went into modules, of which nothing is garbage. What runs leave behind is no ring (tests hold them to it), so
# little waits for the collector, and looking at 500 runs under way often cost a worker a quarter of its time.
_YOUNG = 50_000


def begin() -> None:
    """To be called before anything is loaded."""
    gc.set_threshold(_YOUNG)


def settle() -> None:
    """To be called once a process has loaded what it needs: modules and the like are not looked at again.

    They are some hundred thousand objects that nothing lets go of, and each full collection went through all of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)
