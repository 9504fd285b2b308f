"""Finding and masking what points to a person: e-mail addresses, phone numbers, card and bank account numbers, ...

Numbers with a check digit are counted only when it is right, so that an order number is no card. Each pattern starts at
the beginning of a word and is bounded: the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from ipaddress import AddressValueError, IPv4Address
from typing import Literal, get_args

PiiKind = Literal["email", "iban", "card", "ssn", "phone", "ip"]
KINDS: tuple[PiiKind, ...] = get_args(PiiKind)  # in the order in which they are looked for

_IBAN_LENGTHS = {
    "AD": 24, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24,
    "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "LI": 21,
    "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "RS": 22,
    "SA": 24, "SE": 24, "SI": 19, "SK": 24, "TR": 26, "UA": 29, "AE": 23,
}  # fmt: skip
_PATTERNS: dict[PiiKind, re.Pattern[str]] = {
    "email": re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"),
    "iban": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![a-z0-9])"),
    "card": re.compile(r"(?<![\w-])(?:\d[ -]?){12,18}\d(?![\w-])"),
    "ssn": re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
    "phone": re.compile(
        r"(?<![\w+.-])(?:\+|00|0|\(\d)[\d ()./-]{5,20}\d(?!\w)|(?<![\w.-])\d{3}[-. ]\d{3}[-. ]\d{4}(?!\w)"
    ),
    "ip": re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)"),
}


def mask_pii(text: str, kinds: Collection[PiiKind] = KINDS) -> tuple[str, dict[str, int]]:
    """The text with `[email]` and the like in place of what was found, and how many of each kind there were."""
    counts: dict[str, int] = {}
    for kind in KINDS:
        if kind in kinds:
            text, found = _mask(text, kind)
            counts |= {kind: found} if found else {}
    return text, counts


def _mask(text: str, kind: PiiKind) -> tuple[str, int]:
    found = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal found
        length = _CHECKS[kind](match[0])
        found += bool(length)
        return f"[{kind}]{match[0][length:]}" if length else match[0]

    return _PATTERNS[kind].sub(replace, text), found


def _whole(text: str) -> int:
    return len(text)


def _card(text: str) -> int:
    """How much of the text is the number, 0 for none: the digits must pass Luhn's test (ISO/IEC 7812-1)."""
    digits = [int(char) for char in reversed(text) if char.isdigit()]
    doubled = (d * 2 - 9 if d > 4 else d * 2 for d in digits[1::2])
    return len(text) if (sum(digits[::2]) + sum(doubled)) % 10 == 0 and any(digits) else 0


def _iban(text: str) -> int:
    """The number's end, as long as its country has it and right modulo 97 (ISO 13616); words behind stay."""
    wanted = _IBAN_LENGTHS.get(text[:2], 0)
    kept, end = "", 0
    for end, char in enumerate(text, start=1):  # noqa: B007
        kept += char.strip()
        if len(kept) == wanted:
            break
    turned = kept[4:] + kept[:4]
    right = len(kept) == wanted and int("".join(str(int(char, 36)) for char in turned)) % 97 == 1
    return end if right else 0


def _phone(text: str) -> int:
    return len(text) if 7 <= sum(char.isdigit() for char in text) <= 15 else 0


def _ip(text: str) -> int:
    try:
        IPv4Address(text)
    except AddressValueError:
        return 0
    return len(text)


_CHECKS: dict[PiiKind, Callable[[str], int]] = {
    "email": _whole,
    "iban": _iban,
    "card": _card,
    "ssn": _whole,
    "phone": _phone,
    "ip": _ip,
}
