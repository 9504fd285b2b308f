"""CRM: leads, and word to the sales team."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.action import ActionCall
from connectors.priorities import priority_of
from engine.store.access import desk, order_changes

Json = Any

# What people and models write -> the grade that is kept; anything else is the lowest.
_GRADES = {"a": "A", "hot": "A", "high": "A", "b": "B", "warm": "B", "medium": "B", "c": "C", "cold": "C", "low": "C"}


async def check_duplicate_lead(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Whether somebody with that address or number is a lead already."""
    async with call.transaction() as tx:
        lead = await desk.find_lead(tx, email=parameters.get("email"), phone=parameters.get("phone"))
    if lead is None:
        return {"is_duplicate": False, "lead": None}
    shown = {
        "lead_id": lead.number,
        "name": lead.name,
        "company": lead.company,
        "interest": lead.interest,
        "stage": lead.stage,
        "created_on": lead.created_at.date().isoformat(),
    }
    return {"is_duplicate": True, "lead": shown, "lead_id": lead.number}


async def create_lead(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """A new lead, also when one with the same address is known: whether that matters is the workflow's business."""
    async with call.transaction() as tx:
        lead = await desk.create_lead(
            tx,
            idempotency_key=call.idempotency_key,
            name=parameters["name"],
            email=parameters["email"].lower(),
            phone=parameters.get("phone"),
            company=parameters.get("company"),
            interest=parameters.get("interest", ""),
            urgency=parameters["urgency"].lower(),
            quality=_GRADES.get(parameters["quality"].lower(), "C"),
            source=parameters["source"],
            stage=parameters["status"],
        )
        return {
            "lead_id": lead.number,
            "name": lead.name,
            "email": lead.email,
            "urgency": lead.urgency,
            "quality": lead.quality,
            "stage": lead.stage,
        }


async def notify_sales_team(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """An entry in the sales team's queue and a note on the lead; an unknown lead is an error."""
    async with call.transaction() as tx:
        lead = await desk.get_lead(tx, parameters["lead_id"])
        name = parameters.get("customer_name") or lead.name
        interest = parameters.get("interest") or lead.interest
        entry = await desk.open_escalation(
            tx,
            queue="sales",
            priority=priority_of(parameters.get("urgency") or lead.urgency),
            category="lead",
            customer_ref=lead.number,
            message=f"New lead {lead.number}: {name}" + (f", interested in {interest}" if interest else ""),
            details={"quality": parameters.get("quality") or lead.quality},
            run_id=call.run_id,
            idempotency_key=call.idempotency_key,
        )
        if not any(note.get("ref") == entry.number for note in lead.notes):
            await desk.note_on_lead(tx, lead, f"The sales team was told ({entry.number}).", ref=entry.number)
        return {
            "notified": True,
            "notification_id": entry.number,
            "lead_id": lead.number,
            "priority": entry.priority,
        }


async def crm_update(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Keep with the order what its customer was told; an unknown order is an error."""
    async with call.transaction() as tx:
        order = await order_changes.note(tx, parameters["order_id"], call.idempotency_key, parameters["status"])
        return {"order_id": order.order_id, "status": parameters["status"]}
