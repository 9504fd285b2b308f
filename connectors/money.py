"""Money between the database (whole cents) and workflows (amounts such as 49.9)."""

from __future__ import annotations


def amount(cents: int) -> float:
    """4990 -> 49.9"""
    return cents / 100


def text(cents: int, currency: str) -> str:
    """27720, "USD" -> "277.20 USD": for people"""
    return f"{cents / 100:,.2f} {currency}"


def cents(value: float) -> int:
    """49.9 -> 4990, rounded to a whole cent"""
    return round(value * 100)
