"""What a converter of one n8n node gets, and the few things that all of them do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.importers import values as v
from engine.importers.draft import Draft
from engine.importers.n8n.file import File, Item
from engine.importers.n8n.reading import Reader
from engine.importers.names import slug
from engine.importers.report import Entry, Outcome

Json = Any
MAX_TRIES = 10
# Parameters that say how n8n works with the node, and nothing about what it does.
HOUSEKEEPING = frozenset({
    "options", "authentication", "nodeCredentialType", "genericAuthType", "resource", "operation", "simple",
    "returnAll", "additionalFields", "jsonParameters", "requestOptions", "notice", "select", "sendTo", "dataToSend",
    "useCustomSchema", "filterType", "matchType", "bulkSize", "ignoreFields", "appendAttribution", "replyMarkup",
    "binaryData", "binaryPropertyName", "inputDataFieldName", "dataPropertyName", "mediaPropertyName", "download",
    "resolveData", "downloadAttachments", "dataPropertyAttachmentsPrefixName", "includeLinkToWorkflow", "otherOptions",
    "addAllFields", "simplify", "inputType", "binaryPropertyOutput",
    "updateAllFields", "simplifyOutput", "emailType", "emailFormat", "authType", "searchMethod",
})  # fmt: skip


@dataclass(slots=True)
class Job:
    """One node to convert. `branches` gives an output's edges their condition and label; outputs in `skip` have none,
    and with `ends` no output has."""

    file: File
    item: Item
    reader: Reader
    branches: dict[int, tuple[str | None, str | None]] = field(default_factory=dict)
    skip: set[int] = field(default_factory=set)
    ends: bool = False
    error_output: int = 1

    @property
    def draft(self) -> Draft:
        return self.file.draft

    @property
    def entry(self) -> Entry:
        return self.item.entry

    @property
    def params(self) -> dict[str, Json]:
        return self.item.params

    def add(self, type_name: str, config: Mapping[str, Json]) -> None:
        """The node, with what n8n says of every node: retries, errors, switched off, notes."""
        raw = self.item.raw
        noted = v.text(raw, "notes").strip()
        if noted and "description" not in config:
            config = {"description": " ".join(noted.split())[:400], **config}
        self.draft.add(self.entry, type_name, config, name=self.item.name, **self._more(raw))

    def _more(self, raw: Mapping[str, Json]) -> dict[str, Json]:
        more: dict[str, Json] = {}
        if v.flag(raw, "retryOnFail"):
            tries = v.within(v.number(raw, "maxTries"), 1, MAX_TRIES) or 3
            pause = v.within(v.number(raw, "waitBetweenTries"), 0, 600_000)
            more["retry"] = {
                "max_attempts": int(tries),
                "backoff": "fixed",
                "initial_seconds": (1000 if pause is None else pause) / 1000,
            }
        on_error = v.text(raw, "onError")
        if on_error == "continueRegularOutput" or v.flag(raw, "continueOnFail"):
            more["on_error"] = {"action": "continue"}
        if self.item.disabled:
            more["disabled"] = True
        return more

    def unsupported(self, reason: str) -> None:
        """Nothing of ours does this."""
        self.entry.lower(Outcome.UNSUPPORTED, reason)
        self.draft.placeholder(self.entry, self.item.name, self.params)

    def approximate(self, reason: str) -> None:
        self.entry.approximate(reason)

    def credential(self, fallback: str | None = None, kind: str = "http") -> str | None:
        """The node's credential by its name in the file; it has to be stored under that name by a person."""
        found = self.item.credential() or fallback
        return self.draft.credential(slug(found) or kind, kind) if found else None


Converter = Callable[[Job], None]
