"""Waits until no command uses the data folder's servers any more, then stops them.

    python -m runners.embedded.guardian DATA_DIR

Normally the last command stops the servers, and this process with them. This process does it when that command was
killed: the system lets go of a dead process's locks.
"""

from __future__ import annotations

import fcntl
import sys
import time
from pathlib import Path

from runners.embedded.processes import locked, try_lock
from runners.embedded.servers import LOCK, USERS, stop_all


def watch(data_dir: Path) -> None:
    """Return when the servers have been stopped, or the data folder is gone."""
    while True:
        # Wait for a moment without users, but take no lock over into the next one: starters hold LOCK while they
        # wait for USERS, so holding USERS while waiting for LOCK would block both for ever.
        with (data_dir / USERS).open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
        if not data_dir.exists():
            return
        with locked(data_dir / LOCK):
            alone = try_lock(data_dir / USERS)
            if alone is not None:
                with alone:
                    stop_all(data_dir, guardian=False)
                return
        time.sleep(0.1)


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
