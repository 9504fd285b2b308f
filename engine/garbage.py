"""Garbage collection in a process that starts, and in one that stays up."""

from __future__ import annotations

import gc

_YOUNG = 10_000  # objects made before the youngest are looked at; Python's 700 are a few steps of a run
_LOADING = 50_000  # the same while modules are loaded, of which nothing is garbage: a tenth of a short command's time


def begin() -> None:
    """To be called before anything is loaded."""
    gc.set_threshold(_LOADING)


def settle() -> None:
    """To be called once a process has loaded what it needs: modules and the like are not looked at again.

    They are some hundred thousand objects that nothing lets go of, and each full collection went through all of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)
