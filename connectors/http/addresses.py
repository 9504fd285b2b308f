"""Which addresses may be reached: public ones only, judged after the name was resolved.

Everything that can lead back into the operator's network is refused: loopback, private, link-local, carrier-grade NAT,
multicast and reserved ranges, and the IPv6 forms that carry an IPv4 address inside (mapped, NAT64, 6to4, Teredo).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

_REFUSED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; cloud metadata lives here too
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's host agent on a public-looking address
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/96",  # unspecified, loopback, IPv4-compatible
        "::ffff:0:0/96",  # mapped
        "::ffff:0:0:0/96",  # translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/9",
        "ff00::/8",
    )
)
# A last label that is a number (decimal, octal or hexadecimal) makes the whole host an IPv4 address to some resolvers.
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)$", re.IGNORECASE)


def is_public(address: Address) -> bool:
    """Whether a workflow may talk to this address."""
    return address.is_global and not any(
        address in network for network in _REFUSED if network.version == address.version
    )


def literal(host: str) -> Address | None:
    """The address that `host` writes out in its usual form (10.0.0.1, ::1), or None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def is_disguised(host: str) -> bool:
    """Whether the host means an address without a look-up: localhost, 2130706433, 0x7f.1, 017700000001, 127.1."""
    last = host.rstrip(".").rpartition(".")[2]
    return literal(host) is None and (last.lower() == "localhost" or _NUMBER.fullmatch(last) is not None)


def normal(allow: Collection[str]) -> frozenset[str]:
    """The operator's list of "host:port" as `allows` and `is_refused` take it."""
    return frozenset(entry.strip().lower() for entry in allow)


def allows(allow: Collection[str], host: str, port: int) -> bool:
    """Whether the operator allows this host and port, wherever it is."""
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}".lower() in allow


def is_refused(allow: Collection[str], host: str, port: int) -> bool:
    """Whether an address that is written out, or disguised, is not to be reached. A name has to be resolved first."""
    written = literal(host)
    within = is_disguised(host) or (written is not None and not is_public(written))
    return within and not allows(allow, host, port)
