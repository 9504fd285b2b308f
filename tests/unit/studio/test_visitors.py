"""What a visitor of a published chat sees of a run's events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from studio.api.chat import for_visitors


async def told(*events: dict[str, Any]) -> list[str]:
    async def stream() -> AsyncIterator[tuple[str, dict[str, Any]]]:
        for number, event in enumerate(events):
            yield str(number), {"data": {}, "path": "ask", **event}

    return [event["type"] async for _, event in for_visitors(stream())]


def asks(**data: Any) -> dict[str, Any]:
    return {"type": "step.suspended", "data": {"reason": "approval", "data": {"message": "a secret"}, **data}}


async def test_of_several_questions_at_once_a_visitor_is_told_once() -> None:
    assert await told(asks(question=1), asks(question=2), asks(question=3)) == ["waiting"]


async def test_a_wait_for_a_person_is_told_each_time_and_one_for_time_never() -> None:
    assert await told(asks(), asks(reason="wait"), asks(question=1)) == ["waiting", "waiting"]
