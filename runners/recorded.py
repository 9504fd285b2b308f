"""RQ's own commands, sent asynchronously.

RQ's methods write into a pipeline of the synchronous client, which only records them here. What it has recorded goes to
Redis as one script: like a transaction nothing comes in between, but hundreds of commands have one answer to be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

# ARGV: for each command how many words it has, and these. Answers each, also those after one that failed.
_SEND = """
local at, answers = 1, {}
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  answers[#answers + 1] = redis.pcall(unpack(ARGV, at + 1, at + words))
  at = at + words + 1
end
return answers
"""


class RecordedCommands:
    """Sends what pipelines have recorded."""

    def __init__(self, redis: Redis) -> None:
        self._send = redis.register_script(_SEND)

    async def send(self, recorder: Any) -> list[Any]:
        """Redis's answers to the commands of a pipeline, which is empty then.

        Raises RedisError for the first command that failed; the others are carried out.
        """
        stack = [arguments for arguments, _ in recorder.command_stack]
        recorder.reset()
        if not stack:
            return []
        answers: list[Any] = await self._send(args=list(_words(stack)))
        for answer in answers:
            if isinstance(answer, RedisError):
                raise answer
        return answers


def _words(stack: list[tuple[Any, ...]]) -> Iterator[Any]:
    for arguments in stack:
        yield len(arguments)
        yield from arguments
