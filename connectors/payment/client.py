"""Payments of orders: through a Stripe-compatible provider when the call names a credential, else in the shop's books.

What is asked for is written down before the provider is asked, and what came of it after. A payment whose outcome is
not known is asked for again with its first idempotency key, so the provider does nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from connectors.action import ActionCall
from connectors.http.replies import checked
from connectors.money import amount, cents, text
from engine.errors import Conflict, ConnectorError, PermanentError, TransientError
from engine.execution.ports import HttpRequest
from engine.store.access import payments
from engine.store.tables.effects import Payment

Json = Any
_DECLINES = (400, 402)


async def authorize_payment(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Hold the order's total without taking it; an order that cannot be paid, or a refusal, is an error."""
    told, method = parameters.get("amount"), parameters.get("payment_method")
    if call.credential is not None and not method:
        raise PermanentError("The provider needs to know how it is paid.", parameter="payment_method")
    async with call.transaction() as tx:
        try:
            payment = await payments.start(
                tx,
                parameters["order_id"],
                provider="stripe" if call.credential is not None else payments.LEDGER,
                idempotency_key=call.idempotency_key,
                amount_cents=cents(told) if told is not None else None,
                method=method,
            )
        except Conflict as error:
            raise PermanentError(error.public_message) from error
    payment = await _settled(call, payment)
    if payment.status == "failed":
        raise PermanentError(f"The payment of {payment.order_id} was declined.", reason="declined")
    return _shown(payment)


async def capture_payment(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Take what was held; a payment that was taken already stays as it is."""
    payment = await _settled(call, await _found(call, parameters))
    if payment.status == "captured":
        return _shown(payment)
    if payment.status != "authorized":
        raise PermanentError(f"The payment {payment.payment_id} is {payment.status}.")
    if payment.reference:
        await _ask(call, f"payment_intents/{quote(payment.reference)}/capture", {}, call.idempotency_key)
    return _shown(await _noted(call, payment, "capture", payment.amount_cents))


async def void_payment(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Undo the payment: let go what is held, give back what was taken; what is undone already stays as it is."""
    payment = await _settled(call, await _found(call, parameters))
    if payment.status == "captured":
        return _shown(await _refunded(call, payment, payment.captured_cents - payment.refunded_cents))
    if payment.status != "authorized":
        return _shown(payment)
    if payment.reference:
        await _ask(call, f"payment_intents/{quote(payment.reference)}/cancel", {}, call.idempotency_key)
    return _shown(await _noted(call, payment, "void", 0))


async def payment_refund(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Give back an amount, or all that is left; a payment of which nothing is left stays as it is."""
    payment = await _found(call, parameters)
    if any(entry["key"] == call.idempotency_key for entry in payment.entries) or payment.status == "refunded":
        return _shown(payment)
    left = payment.captured_cents - payment.refunded_cents
    wanted = cents(parameters["amount"]) if parameters.get("amount") is not None else left
    if payment.status != "captured" or wanted > left:
        message = f"Of the payment {payment.payment_id} only {text(left, payment.currency)} can be given back."
        raise PermanentError(message, parameter="amount")
    return _shown(await _refunded(call, payment, wanted))


async def payment_charge_back(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Take again what was given back, in the shop's own books; a provider does not do that, so it is an error there."""
    payment = await _found(call, parameters)
    if payment.provider != payments.LEDGER:
        raise PermanentError("The provider cannot take a refund back: the customer has to pay again.")
    given = parameters.get("amount")
    latest = next((entry["amount_cents"] for entry in reversed(payment.entries) if entry["kind"] == "refund"), 0)
    wanted = cents(given) if given is not None else latest
    if wanted <= 0:
        raise PermanentError(f"Nothing of the payment {payment.payment_id} was given back.", parameter="amount")
    return _shown(await _noted(call, payment, "charge", wanted))


async def _found(call: ActionCall, parameters: Mapping[str, Json]) -> Payment:
    async with call.transaction() as tx:
        payment = await payments.find(tx, payment_id=parameters.get("payment_id"), order_id=parameters.get("order_id"))
    if payment.provider != payments.LEDGER and call.credential is None:
        raise PermanentError("This payment needs the provider's credential.", parameter="credential")
    return payment


async def _settled(call: ActionCall, payment: Payment) -> Payment:
    """The payment with a known outcome: one that is pending is asked for (again), with its own key."""
    if payment.status != "pending":
        return payment
    key, reference = payment.idempotency_key, None
    if payment.provider != payments.LEDGER:
        form = {
            "amount": payment.amount_cents,
            "currency": payment.currency.lower(),
            "capture_method": "manual",
            "confirm": "true",
            "payment_method": payment.payment_method,
            "metadata[order_id]": payment.order_id,
        }
        try:
            answer = await _ask(call, "payment_intents", form, key)
        except PermanentError as error:
            if error.details.get("status") in _DECLINES:
                await _noted(call, payment, "decline", 0, key=key)
            raise
        if answer.get("status") != "requires_capture":
            return await _noted(call, payment, "decline", 0, key=key)
        reference = str(answer["id"])
    return await _noted(call, payment, "authorize", payment.amount_cents, key=key, reference=reference)


async def _refunded(call: ActionCall, payment: Payment, amount_cents: int) -> Payment:
    reference = None
    if payment.reference:
        form = {"payment_intent": payment.reference, "amount": amount_cents}
        reference = str((await _ask(call, "refunds", form, call.idempotency_key)).get("id"))
    return await _noted(call, payment, "refund", amount_cents, reference=reference)


async def _noted(
    call: ActionCall,
    payment: Payment,
    kind: str,
    amount_cents: int,
    *,
    key: str | None = None,
    reference: str | None = None,
) -> Payment:
    async with call.transaction() as tx:
        fresh = await payments.find(tx, payment_id=payment.payment_id)
        try:
            return await payments.note(
                tx, fresh, kind, key=key or call.idempotency_key, amount_cents=amount_cents, reference=reference
            )
        except Conflict as error:
            raise PermanentError(error.public_message) from error


async def _ask(call: ActionCall, path: str, form: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    """One POST to the provider; raises ConnectorError with the provider's code, never with its text."""
    reply = await call.outside.request(
        HttpRequest(
            method="POST",
            url=f"{str(call.secret['base_url']).rstrip('/')}/v1/{path}",
            headers={
                "Authorization": f"Bearer {call.secret['api_key']}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            body=urlencode(form),
            timeout_s=call.timeout_s,
            tenant_id=call.scope.tenant_id,
            idempotency_key=key,
        )
    )
    body = reply.body if isinstance(reply.body, dict) else {}
    problem = body.get("error")
    code = str(problem.get("decline_code") or problem.get("code") or "") if isinstance(problem, dict) else ""
    if reply.status == 409:
        raise TransientError("The payment provider is still at it.", status=409)
    checked(reply, "The payment provider", code if code.replace("_", "").isalnum() else None)
    if "id" not in body:
        failure: ConnectorError = TransientError("The payment provider gave no answer that can be understood.")
        raise failure
    return body


def _shown(payment: Payment) -> Json:
    return {
        "payment_id": payment.payment_id,
        "order_id": payment.order_id,
        "payment_status": payment.status,
        "amount": amount(payment.amount_cents),
        "refunded_amount": amount(payment.refunded_cents),
        "amount_text": text(payment.amount_cents, payment.currency),
        "currency": payment.currency,
    }
