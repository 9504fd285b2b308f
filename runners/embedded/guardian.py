"""Waits until no command uses the data folder's servers any more, then stops them.

    python -m runners.embedded.guardian DATA_DIR HOME USERS

HOME is where the servers' files are, USERS the number of an open file: that of the users' locks.

Normally the last command stops the servers, and this process with them. This process does it when that command was
killed: the system lets go of a dead process's locks. It does it, too, when somebody deletes the data folder of servers
that run; their last command then finds nothing to stop them by.
"""

from __future__ import annotations

import fcntl
import sys
import time
from contextlib import suppress
from pathlib import Path

from runners.embedded.processes import locked, try_lock
from runners.embedded.servers import LOCK, USERS, end_servers_of, stop_all


def watch(data_dir: Path, home: Path, users: int) -> None:
    """Return when the servers have been stopped."""
    while True:
        # Wait for a moment without users, but take no lock over into the next one: starters hold LOCK while they
        # wait for USERS, so holding USERS while waiting for LOCK would block both for ever.
        fcntl.flock(users, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_UN)
        if not data_dir.exists():
            end_servers_of(home)
            return
        with suppress(FileNotFoundError), locked(data_dir / LOCK):  # it may be going just now
            alone = try_lock(data_dir / USERS)
            if alone is not None:
                with alone:
                    stop_all(data_dir, guardian=False)
                    end_servers_of(home)  # where the notes about them were deleted
                return
        time.sleep(0.1)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
