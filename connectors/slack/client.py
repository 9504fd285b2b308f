"""Slack-compatible incoming webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.action import ActionCall
from connectors.http.replies import checked
from engine.execution.ports import HttpRequest

Json = Any


async def send_slack_message(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Post the message. Webhooks know no idempotency: a call that failed half-way is not repeated here."""
    reply = await call.outside.request(
        HttpRequest(
            method="POST",
            url=call.secret["url"],
            body=dict(parameters),
            timeout_s=call.timeout_s,
            tenant_id=call.scope.tenant_id,
        )
    )
    # The answer is a word: ok, or invalid_payload, channel_not_found, no_service, ...
    word = reply.body if isinstance(reply.body, str) and reply.body.replace("_", "").isalnum() else None
    checked(reply, "Slack", word)
    return {"sent": True}
