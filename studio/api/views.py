"""Rows as the API shows them: plain JSON, times in ISO 8601. Runs and steps are shown by runners/views.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from engine.store.tables.audit import AuditEntry
from engine.store.tables.events import DeadLetter, OutboxEvent, Subscription
from engine.store.tables.workflows import WorkflowRow
from studio.services.api_keys import Key
from studio.services.publishing import Address


def workflow_json(row: WorkflowRow, *, text: bool = False) -> dict[str, Any]:
    shown = {
        "workflow_id": str(row.workflow_id),
        "name": row.name,
        "description": row.description,
        "category": row.category,
        "published_version": row.published_number,
        "revision": row.revision,
        "updated_at": _iso(row.updated_at),
    }
    return shown | ({"text": row.text, "layout": row.layout} if text else {})


def address_json(address: Address) -> dict[str, Any]:
    shown = {
        "endpoint_id": str(address.endpoint_id),
        "kind": address.kind,
        "path": address.path,
        "auth": address.auth,
    }
    return shown | ({"token": address.token} if address.token else {})


def event_json(row: OutboxEvent) -> dict[str, Any]:
    return {
        "event_id": str(row.event_id),
        "topic": row.topic,
        "source": row.source,
        "run_id": _text(row.run_id),
        "payload": row.payload,
        "created_at": _iso(row.created_at),
        "dispatched_at": _iso(row.dispatched_at),
    }


def dead_letter_json(row: DeadLetter) -> dict[str, Any]:
    return {
        "dead_letter_id": str(row.dead_letter_id),
        "consumer": row.consumer,
        "target_id": _text(row.target_id),
        "event_id": str(row.event_id),
        "topic": row.topic,
        "run_id": _text(row.run_id),
        "payload": row.payload,
        "attempts": row.attempts,
        "error": row.error,
        "event_at": _iso(row.event_at),
        "created_at": _iso(row.created_at),
    }


def subscription_json(row: Subscription) -> dict[str, Any]:
    return {
        "subscription_id": str(row.subscription_id),
        "url": row.url,
        "topics": row.topics,
        "description": row.description,
        "enabled": row.enabled,
        "fault": row.fault,
        "created_at": _iso(row.created_at),
        "last_success_at": _iso(row.last_success_at),
        "last_failure_at": _iso(row.last_failure_at),
        "last_error": row.last_error,
    }


def audit_json(row: AuditEntry) -> dict[str, Any]:
    return {
        "number": row.number,
        "created_at": _iso(row.created_at),
        "user_id": _text(row.user_id),
        "role": row.role,
        "action": row.action,
        "resource_type": row.resource_type,
        "resource_id": row.resource_id,
        "details": row.details,
        "hash": row.hash,
    }


def api_key_json(key: Key) -> dict[str, Any]:
    return {
        "api_key_id": str(key.api_key_id),
        "name": key.name,
        "prefix": key.prefix,
        "scopes": list(key.scopes),
        "created_by": _text(key.created_by),
        "created_by_name": key.creator,
        "created_at": _iso(key.created_at),
        "last_used_at": _iso(key.last_used_at),
    }


def _text(row_id: UUID | None) -> str | None:
    return str(row_id) if row_id else None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
