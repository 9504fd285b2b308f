"""Who has a draft open: an entry a tab in Redis, gone soon after its last report. And whether the draft moved on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from engine.errors import InputError
from engine.store.access import identity, workflows
from engine.store.session import Database, Scope

Json = Any

GONE_S = 20.0  # after its last report a tab is taken for closed
MOST = 50  # tabs of one draft that are told of

_TAB = re.compile(r"[A-Za-z0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class Report:
    """What a tab says of itself: its own id, and the node that is selected in it. Raises InputError for other texts."""

    tab: str
    node: str | None = None
    leaves: bool = False

    def __post_init__(self) -> None:
        if not _TAB.fullmatch(self.tab):
            raise InputError("This is no tab.", field="tab")
        if self.node is not None and not self.node.isprintable():
            raise InputError("This is no name of a node.", field="node")


async def report(db: Database, redis: Redis, scope: Scope, workflow: str, said: Report) -> dict[str, Json]:
    """`{"people": [{"tab", "name", "node", "mine"}], "revision"}`: the other tabs, and the draft's present revision.

    `mine` marks other tabs of the same person. Without Redis nobody else is seen. Raises NotFound.
    """
    async with db.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, workflow)
        others = await _others(redis, scope, row.workflow_id, said)
        names = {str(user.user_id): user.name for user, _ in await identity.list_members(tx)} if others else {}
        return {"people": [_shown(one, names, scope) for one in others], "revision": row.revision}


async def _others(redis: Redis, scope: Scope, workflow_id: UUID, said: Report) -> list[dict[str, Json]]:
    key, now = f"heddle:{{{scope.tenant_id}}}:present:{workflow_id}", time.time()
    entry = json.dumps({"user": str(scope.user_id), "node": said.node, "at": now})
    try:
        async with redis.pipeline(transaction=False) as pipe:
            if said.leaves:
                pipe.hdel(key, said.tab)
            else:
                pipe.hset(key, said.tab, entry)
            pipe.expire(key, int(GONE_S) * 3)
            pipe.hgetall(key)
            *_, found = await pipe.execute()
        tabs = {tab.decode(): json.loads(text) for tab, text in found.items()}
        gone = [tab for tab, one in tabs.items() if one["at"] < now - GONE_S]
        if gone:
            await redis.hdel(key, *gone)
    except RedisError:
        return []
    there = [one | {"tab": tab} for tab, one in sorted(tabs.items()) if tab not in {said.tab, *gone}]
    return there[:MOST]


def _shown(one: Mapping[str, Json], names: Mapping[str, str], scope: Scope) -> dict[str, Json]:
    name = names.get(one["user"], "Somebody")
    return {"tab": one["tab"], "name": name, "node": one["node"], "mine": one["user"] == str(scope.user_id)}
