"""Numbers, times and names as people read them. The same thing looks the same on every page."""

from __future__ import annotations

from datetime import UTC, datetime

NOTHING = "–"


def count(number: int) -> str:
    """1284 -> "1,284"."""
    return f"{number:,}"


def percent(share: float | None) -> str:
    """0.984 -> "98.4%"; None -> a dash."""
    if share is None:
        return NOTHING
    return f"{share:.0%}" if share in (0, 1) else f"{share * 100:.1f}%"


def duration(seconds: float | None) -> str:
    """0.31 -> "310 ms", 1.312 -> "1.31 s", 41.2 -> "41 s", 130 -> "2 min 10 s"."""
    if seconds is None:
        return NOTHING
    if seconds < 0.9995:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def money(usd_micros: float | None) -> str:
    """Millionths of a dollar: 1400 -> "$0.0014", 4120000 -> "$4.12"."""
    if usd_micros is None:
        return NOTHING
    usd = usd_micros / 1_000_000
    if usd == 0:
        return "$0"
    if usd < 0.00005:
        return "<$0.0001"
    return f"${usd:,.4f}" if usd < 1 else f"${usd:,.2f}"


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """ "just now", "2 min ago", "3 h ago", "yesterday", "6 days ago", then the date."""
    if moment is None:
        return NOTHING
    now = now or datetime.now(UTC)
    seconds = (now - moment).total_seconds()
    if seconds < 45:
        return "just now"
    if seconds < 3_570:
        return f"{max(1, round(seconds / 60))} min ago"
    if seconds < 86_400:
        return f"{max(1, round(seconds / 3600))} h ago"
    days = int(seconds // 86_400)
    if days == 1:
        return "yesterday"
    return f"{days} days ago" if days < 14 else f"{moment:%d %b %Y}".lstrip("0")


def ahead(moment: datetime, now: datetime | None = None) -> str:
    """Time that is left: "in 40 s", "in 5 min", "in 3 h", "in 6 days"; "now" for what is due."""
    seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    if seconds < 1:
        return "now"
    if seconds < 59.5:
        return f"in {seconds:.0f} s"
    if seconds < 3_570:
        return f"in {round(seconds / 60)} min"
    if seconds < 36 * 3600:
        return f"in {round(seconds / 3600)} h"
    return f"in {round(seconds / 86_400)} days"


def at(moment: datetime) -> str:
    """A moment to come, by the clock that it carries: "Mon 30 Mar 09:00"."""
    return f"{moment:%a} {moment.day} {moment:%b %H:%M}"


def exact(moment: datetime | None) -> str:
    """For hovering over a relative time."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def plain(identifier: str) -> str:
    """customer_service -> "customer service"; e_commerce -> "e-commerce"."""
    return identifier.replace("e_commerce", "e-commerce").replace("_", " ")


def some(number: int, thing: str) -> str:
    """1, "node" -> "1 node"; 3, "node" -> "3 nodes"."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def trend(now: float | None, before: float | None) -> str:
    """Change against the span before in percent: "+12% on the week before"; empty without one to compare with."""
    if now is None or not before:
        return ""
    change = round((now - before) / before * 100)
    return f"{change:+d}%".replace("-", "−") if change else "±0%"
