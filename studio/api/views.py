"""Workflows as the API shows them: plain JSON, times in ISO 8601. Runs and steps are shown by runners/views.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.store.tables.workflows import WorkflowRow, WorkflowVersion
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


def version_json(row: WorkflowVersion) -> dict[str, Any]:
    return {
        "number": row.number,
        "version": row.version,
        "hash": row.hash,
        "note": row.note,
        "created_at": _iso(row.created_at),
    }


def address_json(address: Address) -> dict[str, Any]:
    shown = {
        "endpoint_id": str(address.endpoint_id),
        "kind": address.kind,
        "path": address.path,
        "auth": address.auth,
    }
    return shown | ({"token": address.token} if address.token else {})


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
