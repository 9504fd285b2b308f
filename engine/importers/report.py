"""What an import made of each node of the foreign file: the loss report.

Every node is counted once. `mapped`: our node says the same. `approximated`: our node stands for it, with the
differences that the reasons name. `unsupported`: nothing of ours does this; a disabled node keeps its place on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = Any
Place = tuple[float, float]
MAX_KEPT = 400  # characters of a kept text that are shown


class Outcome(StrEnum):
    MAPPED = "mapped"
    APPROXIMATED = "approximated"
    UNSUPPORTED = "unsupported"


_WORSE = (Outcome.MAPPED, Outcome.APPROXIMATED, Outcome.UNSUPPORTED)


@dataclass(frozen=True, slots=True)
class Source:
    """A node of the foreign file. `key` is unique in the file; `name` is what people see there."""

    key: str
    name: str
    type: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """An expression that our language cannot say: it stands in the field as text, and why."""

    field: str
    text: str
    reason: str


@dataclass(slots=True)
class Entry:
    """What became of one node. `node` is where it is now: the name of a node of the draft."""

    source: Source
    outcome: Outcome = Outcome.MAPPED
    node: str | None = None
    reasons: list[str] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)

    def lower(self, outcome: Outcome, reason: str) -> None:
        """Make the outcome as bad as this one, if it is not already; the reason is kept either way."""
        if _WORSE.index(outcome) > _WORSE.index(self.outcome):
            self.outcome = outcome
        if reason and reason not in self.reasons:
            self.reasons.append(reason)

    def approximate(self, reason: str) -> None:
        self.lower(Outcome.APPROXIMATED, reason)

    def keep(self, field: str, text: str, reason: str) -> None:
        """An expression stays as text."""
        shown = text if len(text) <= MAX_KEPT else text[: MAX_KEPT - 1] + "…"
        self.kept.append(Kept(field, shown, reason))
        self.lower(Outcome.APPROXIMATED, "")

    def to_dict(self) -> dict[str, Json]:
        """Plain JSON for the dialog and the command line."""
        return {
            "name": self.source.name,
            "type": self.source.type,
            "outcome": self.outcome.value,
            "node": self.node,
            "place": None if self.source.place is None else [round(number) for number in self.source.place],
            "reasons": list(self.reasons),
            "kept": [{"field": kept.field, "text": kept.text, "reason": kept.reason} for kept in self.kept],
        }


@dataclass(slots=True)
class Report:
    """The entries of all nodes in the order of the file, and what is to say about the file as a whole."""

    entries: list[Entry] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        return sum(entry.outcome is outcome for entry in self.entries)

    def about(self, node: str) -> Iterator[Entry]:
        """The entries that are now at a node of the draft."""
        return (entry for entry in self.entries if entry.node == node)

    def remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)
