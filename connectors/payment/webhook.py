"""What a Stripe-compatible provider tells us by itself: that money was taken, let go or given back.

An event is believed when it is signed with the secret that the tenant shares with the provider, at most five minutes
off. It names the payment by the provider's own id. Each event counts once, whoever told it first.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, TypeGuard

from engine.errors import Conflict, InputError, Unauthenticated
from engine.store.access import payments
from engine.store.session import Tx

Json = Any
TOLERANCE_S = 300
_KINDS = {
    "payment_intent.succeeded": ("capture", "amount_received"),
    "payment_intent.canceled": ("void", None),
    "refund.created": ("refund", "amount"),
    "refund.updated": ("refund", "amount"),
}


def verified(body: bytes, header: str, secret: str, now: float) -> Mapping[str, Json]:
    """The event; `header` is Stripe-Signature (t=...,v1=...). Raises Unauthenticated, InputError."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    given = [value for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12 or not given:
        raise Unauthenticated("The request is not signed.")
    right = hmac.new(secret.encode(), times[0].encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    if not any(hmac.compare_digest(right, each.encode()) for each in given):
        raise Unauthenticated("The signature does not fit.")
    if abs(now - int(times[0])) > TOLERANCE_S:
        raise Unauthenticated("The signature is too old, or from the future.")
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("The body is not JSON.") from error
    if not isinstance(event, dict) or not _is_name(event.get("id")) or not _is_name(event.get("type")):
        raise InputError("The body is no event.")
    return event


async def note_event(tx: Tx, event: Mapping[str, Json]) -> str:
    """Write down what the event tells: "noted", or "known" when it was known, or "ignored" when none of ours."""
    kind, amount_field = _KINDS.get(event["type"], (None, None))
    data = event.get("data")
    found = data.get("object") if isinstance(data, dict) else None
    if kind is None or not isinstance(found, dict):
        return "ignored"
    intent = found.get("payment_intent") if kind == "refund" else found.get("id")
    payment = await payments.find_by_reference(tx, intent) if _is_name(intent) else None
    if payment is None or (kind == "refund" and found.get("status") not in ("succeeded", "pending")):
        return "ignored"
    amount = found.get(amount_field, 0) if amount_field else 0
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 <= amount <= payment.amount_cents:
        raise InputError("The event's amount is not the payment's.")
    before = len(payment.entries)
    reference = found["id"] if kind == "refund" and _is_name(found.get("id")) else None
    try:
        payment = await payments.note(
            tx, payment, kind, key=f"event:{event['id']}", amount_cents=amount, reference=reference
        )
    except Conflict:
        return "ignored"
    return "noted" if len(payment.entries) > before else "known"


def _is_name(value: Json) -> TypeGuard[str]:
    """Whether it can be stored and looked up: a short text without NUL, lone surrogates and the like."""
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()
