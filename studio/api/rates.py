"""How often a published address may be called.

What the workflow says in `config.rate_limiting` holds for each of its addresses. Where strangers call (chats, forms)
there is a limit without it too, and a tighter one for each visitor. Counted over all processes in Redis; while that is
away, by each process for itself.
"""

from __future__ import annotations

import ipaddress

from fastapi import Request

from engine.errors import RateLimited
from engine.store.addresses import PublicEndpoint
from studio.api.access import container_of

PER_VISITOR_S, PER_ADDRESS_S = 10 / 60, 2.0  # calls a second, after a burst
VISITOR_BURST, ADDRESS_BURST = 20, 60


async def check_rate(request: Request, endpoint: PublicEndpoint, *, starts: bool = True) -> None:
    """Count a call; raises RateLimited, with the seconds to wait, for one too many.

    A visitor whose address a proxy hides counts with all the others only. A call that `starts` no run is counted for
    itself, and the workflow's own limit says nothing of it.
    """
    name = f"{endpoint.kind}:{endpoint.endpoint_id}" + ("" if starts else ":beside")
    own = endpoint.config.get("rate_limiting") if starts else None
    if own:
        await _reserve(request, name, own["requests_per_minute"] / 60, own["burst_size"])
    if endpoint.kind == "webhook":
        return
    visitor = request.client.host if request.client else ""
    if _is_public(visitor):
        await _reserve(request, f"{name}:{visitor}", PER_VISITOR_S, VISITOR_BURST)
    if not own:
        await _reserve(request, name, PER_ADDRESS_S, ADDRESS_BURST)


async def _reserve(request: Request, name: str, per_s: float, burst: int) -> None:
    try:
        await container_of(request).rate.reserve(name, per_s, burst, 0)
    except RateLimited as error:
        text = "Too many calls were made just now. Please wait a moment."
        raise RateLimited(text, retry_after_s=error.retry_after_s) from error


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False
