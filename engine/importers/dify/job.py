"""What a converter of one Dify node gets: its texts and selectors in our words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.dify.file import File, Node
from engine.importers.models import model_name
from engine.importers.report import Outcome
from engine.importers.script_syntax import Unsayable

Json = Any
FAIL = "fail-branch"


@dataclass(slots=True)
class Job:
    """One node to convert. `branches` gives a handle's edges their condition and label."""

    file: File
    node: Node
    branches: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    leads_on: bool = True

    @property
    def data(self) -> dict[str, Json]:
        return self.node.data

    def add(self, type_name: str, config: dict[str, Json], **more: Json) -> None:
        noted = v.text(self.data, "desc").strip()
        if noted and "description" not in config:
            config = {"description": " ".join(noted.split())[:400], **config}
        self.file.draft.add(self.node.entry, type_name, config, name=self.node.name, **{**self._more(), **more})

    def _more(self) -> dict[str, Json]:
        retry = v.mapping(self.data, "retry_config")
        tries = v.within(v.number(retry, "max_retries"), 1, 10)
        more: dict[str, Json] = {}
        if tries and (v.flag(retry, "retry_enabled") or v.flag(retry, "enabled")):
            pause = v.within(v.number(retry, "retry_interval"), 0, 600_000) or 0
            more["retry"] = {"max_attempts": int(tries) + 1, "backoff": "fixed", "initial_seconds": pause / 1000}
        if v.text(self.data, "error_strategy") == "default-value":
            values = {v.text(one, "key"): one.get("value") for one in v.mappings(self.data, "default_value")}
            more["on_error"] = {"action": "continue", "output": {key: value for key, value in values.items() if key}}
        return more

    def unsupported(self, reason: str) -> None:
        self.node.entry.lower(Outcome.UNSUPPORTED, reason)
        self.file.draft.placeholder(self.node.entry, self.node.name, self.data)

    def approximate(self, reason: str) -> None:
        self.node.entry.approximate(reason)

    # -- texts and selectors ------------------------------------------------------------------------------------------

    def template(self, name: str, text: str) -> str:
        return self.file.draft.template(self.node.entry, name, self.file.wording(text, self.node))

    def value(self, name: str, raw: Json) -> Json:
        if isinstance(raw, dict):
            return {key: self.value(name, item) for key, item in raw.items() if key}
        if isinstance(raw, list):
            return [self.value(name, item) for item in raw]
        if not isinstance(raw, str):
            return raw
        return self.file.draft.value(self.node.entry, name, self.file.wording(raw, self.node))

    def selector(self, name: str, selector: Json, fallback: str = "null") -> str:
        """The expression for a selector."""
        try:
            return self.file.selected(selector if isinstance(selector, list) else [], self.node).text
        except Unsayable as err:
            self.node.entry.keep(
                name, ".".join(map(str, selector)) if isinstance(selector, list) else str(selector), str(err)
            )
            return fallback

    def selected_value(self, name: str, selector: Json) -> str:
        """The same for fields that take `${...}`."""
        text = self.selector(name, selector)
        return text if text.startswith("context.") else f"${{{text}}}"

    def selector_template(self, name: str, selector: Json, fallback: str) -> str:
        try:
            said = self.file.selected(selector if isinstance(selector, list) else [], self.node)
        except Unsayable as err:
            if selector:
                self.node.entry.keep(name, str(selector), str(err))
            return fallback
        return w.template_place(said) or fallback

    def model(self) -> str:
        return model_name(v.text(self.data, "model", "provider"), v.text(self.data, "model", "name"))


Converter = Callable[[Job], None]
