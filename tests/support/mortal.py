"""Workers that kill themselves at one commit each: `python -m tests.support.mortal` with JSON on standard input.

    {"owner_url", "redis_url", "effects", "tenant_id", "lives": [{"run_id", "commit": number from 1, "after": bool}]}

Each life is a process of its own, forked after everything is imported. It goes on with the run and dies by SIGKILL
right before, or right after, its `commit`-th write of the journal. For each the exit code is printed: -9, or 0 for a
run that was over before.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from engine.settings import Settings
from engine.store import group_commit, journal
from runners.runtime import Runtime
from tests.support.counting import counting_world
from tests.support.servers import SECRET, TestServers


class MortalLink(group_commit.Link):
    """Dies at one of the journal's writes; they are counted over all lanes of the process."""

    commit = 0
    after = False
    seen = 0

    async def call(self, query: Any, arguments: Sequence[object], *, give_up_s: float) -> list[dict[str, Any]]:
        if query != journal._WRITE:
            return await super().call(query, arguments, give_up_s=give_up_s)
        MortalLink.seen += 1
        last = MortalLink.seen == MortalLink.commit
        if last and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        rows = await super().call(query, arguments, give_up_s=give_up_s)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return rows


async def live(given: dict[str, Any], life: dict[str, Any]) -> None:
    MortalLink.commit, MortalLink.after = life["commit"], life["after"]
    group_commit.Link = MortalLink  # type: ignore[misc]
    connections = TestServers(given["owner_url"], given["redis_url"], 0).connections(
        given["owner_url"], given["redis_url"]
    )
    settings = Settings(data_dir=Path("unused"), secret=SECRET)
    runtime = await Runtime.open(settings, connections, ports=counting_world(Path(given["effects"])))
    await runtime.host.execute(UUID(given["tenant_id"]), UUID(life["run_id"]))
    await runtime.close()


def main() -> None:
    given = json.load(sys.stdin)
    for life in given["lives"]:
        child = os.fork()
        if child == 0:
            asyncio.run(live(given, life))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")


if __name__ == "__main__":
    main()
