"""Service desk: matters handed to people, and promises to come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.action import ActionCall
from connectors.desk.dates import due_date, today
from connectors.priorities import priority_of
from engine.store.access import desk

Json = Any

_OWN_COLUMNS = ("queue", "priority", "category", "customer_id", "message")


async def escalate_to_human(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Into the support team's queue."""
    return await _escalate(call, parameters, "human")


async def escalate_to_manager(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Into the managers' queue."""
    return await _escalate(call, parameters, "manager")


async def escalate_to_specialist(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Into the specialists' queue."""
    return await _escalate(call, parameters, "specialist")


async def escalate_to_technical_lead(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Into the technical lead's queue."""
    return await _escalate(call, parameters, "technical_lead")


async def escalate_to_technical_specialist(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Into the technical specialists' queue."""
    return await _escalate(call, parameters, "technical_specialist")


async def hand_over(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """A conversation, into the queue of that name or of that person."""
    return await _escalate(call, parameters, parameters["queue"])


async def resolve_escalation(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Done with it; a second time changes nothing."""
    async with call.transaction() as tx:
        row = await desk.resolve_escalation(tx, parameters["escalation_id"], parameters.get("note"))
        return {"escalation_id": row.number, "queue": row.queue, "escalation_status": row.status}


async def schedule_follow_up(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """A promise to come back about a complaint."""
    return await _follow_up(call, parameters, parameters.get("complaint_id"), "complaint")


async def schedule_technical_follow_up(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """A promise to come back about a technical issue."""
    return await _follow_up(call, parameters, parameters.get("issue_id"), "technical")


async def _escalate(call: ActionCall, parameters: Mapping[str, Json], queue: str) -> Json:
    category = next((parameters[k] for k in ("category", "complaint_type", "issue_type") if parameters.get(k)), "")
    async with call.transaction() as tx:
        row = await desk.open_escalation(
            tx,
            queue=queue,
            priority=priority_of(parameters.get("priority"), parameters.get("severity")),
            category=category,
            customer_ref=parameters.get("customer_id"),
            message=parameters.get("message", ""),
            details={name: value for name, value in parameters.items() if name not in _OWN_COLUMNS},
            run_id=call.run_id,
            idempotency_key=call.idempotency_key,
        )
        return {
            "escalation_id": row.number,
            "queue": row.queue,
            "priority": row.priority,
            "escalation_status": row.status,
        }


async def _follow_up(call: ActionCall, parameters: Mapping[str, Json], subject: str | None, usual_kind: str) -> Json:
    due_on = due_date(parameters["follow_up_date"], today())
    async with call.transaction() as tx:
        row = await desk.plan_follow_up(
            tx,
            kind=parameters.get("follow_up_type") or usual_kind,
            due_on=due_on,
            subject_ref=subject,
            customer_ref=parameters.get("customer_id"),
            run_id=call.run_id,
            idempotency_key=call.idempotency_key,
        )
        return {"follow_up_id": row.number, "due": row.due_on.isoformat(), "follow_up_type": row.kind}
