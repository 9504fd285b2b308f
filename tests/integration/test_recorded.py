"""RQ's commands as one script: what a transaction would do, with all answers at once."""

from __future__ import annotations

from typing import Any

import pytest
import redis as sync_redis
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from runners.recorded import RecordedCommands


@pytest.fixture
def recorder() -> Any:
    return sync_redis.Redis(host="recorder.invalid").pipeline()


async def test_answers_come_in_the_order_of_the_commands(redis: Redis, recorder: Any) -> None:
    recorder.delete("recorded")
    recorder.hset("recorded", mapping={"number": 7, "bytes": b"\x00\xff\r\n", "text": "ä"})
    recorder.hgetall("recorded")
    recorder.hget("recorded", "no such field")
    recorder.exists("recorded")
    recorder.delete("recorded")
    answers = await RecordedCommands(redis).send(recorder)
    assert answers[1:2] + answers[3:] == [3, None, 1, 1]
    found = dict(zip(answers[2][::2], answers[2][1::2], strict=True))
    assert found == {b"number": b"7", b"bytes": b"\x00\xff\r\n", b"text": "ä".encode()}
    assert await RecordedCommands(redis).send(recorder) == []  # it is empty now


async def test_a_command_that_fails_is_told_and_keeps_none_of_the_others_back(redis: Redis, recorder: Any) -> None:
    recorder.set("recorded", "text", ex=60)
    recorder.hset("recorded", "a", "b")
    recorder.set("recorded", "after", ex=60)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await RecordedCommands(redis).send(recorder)
    assert await redis.get("recorded") == b"after"


async def test_a_server_that_has_forgotten_the_script_learns_it_again(redis: Redis, recorder: Any) -> None:
    commands = RecordedCommands(redis)
    for _ in range(2):
        await redis.script_flush()
        recorder.ping()
        assert len(await commands.send(recorder)) == 1
