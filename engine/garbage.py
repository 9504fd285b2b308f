"""Garbage collection in a process that starts, and in one that stays up."""

from __future__ import annotations

import gc

# Objects made before the youngest are looked at. The usual 700 are a few steps of a run. Runs leave no rings behind
# (tests hold them to it) and modules are no garbage, so little waits for the collector: looking often took a quarter of
# the time of a worker with 500 runs, and a tenth of a short command's.
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
