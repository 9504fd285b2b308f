"""The checks of a guardrail as they stand in its config: a name alone, or a mapping with options."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from engine.language import patterns
from engine.nodes._fields import usable_schema
from engine.nodes._guard_pii import KINDS, PiiKind

Action = Literal["block", "flag", "redact"]
CheckName = Literal["pii", "pii_redact", "prompt_injection", "moderation", "max_length", "grounded"]
MODERATED = ["hate", "harassment", "violence", "self_harm", "sexual", "illegal_acts"]
_Act = Field(None, title="On violation", description="What to do about this check; the node's way otherwise.")


class _Check(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Pii(_Check):
    """What points to a person. `pii_redact` masks it whatever the node does otherwise."""

    check: Literal["pii", "pii_redact"]
    kinds: list[PiiKind] = Field(list(KINDS), min_length=1, title="Kinds", description="What is looked for.")
    on_violation: Action | None = _Act


class PromptInjection(_Check):
    """Known ways to give the model instructions."""

    check: Literal["prompt_injection"]
    on_violation: Action | None = _Act


class MaxLength(_Check):
    check: Literal["max_length"]
    limit: int = Field(
        4_000,
        ge=1,
        le=1_000_000,
        title="Limit",
        description="Most characters.",
        json_schema_extra={"unit": "characters"},
    )
    on_violation: Action | None = _Act


class BannedWords(_Check):
    """Whole words, in any case."""

    check: Literal["banned_words"]
    words: list[str] = Field(min_length=1, max_length=500, title="Words", description="Words that may not stand there.")
    on_violation: Action | None = _Act

    @field_validator("words")
    @classmethod
    def _say_something(cls, words: list[str]) -> list[str]:
        if any(not word.strip() or len(word) > 100 for word in words):
            raise ValueError("each of `words` needs 1 to 100 characters")
        return words


class Regex(_Check):
    """A pattern that the text must not match; it runs in time linear in the text."""

    check: Literal["regex"]
    pattern: str = Field(max_length=1_000, title="Pattern", description="What may not be found in the text.")
    on_violation: Literal["block", "flag"] | None = _Act

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            patterns.compile_pattern(pattern)
        except patterns.PatternError as error:
            raise ValueError(f"`pattern` cannot be used: {error}") from error
        return pattern


class JsonSchema(_Check):
    """The value (or the JSON that the text holds) must follow a JSON Schema."""

    check: Literal["json_schema"]
    wanted: dict[str, Any] = Field(alias="schema", title="Schema", description="What the value must follow.")
    on_violation: Literal["block", "flag"] | None = _Act

    @field_validator("wanted")
    @classmethod
    def _is_usable(cls, schema: dict[str, Any]) -> dict[str, Any]:
        return usable_schema(schema)


class BannedTopics(_Check):
    """A model says whether the text is about one of these."""

    check: Literal["banned_topics"]
    topics: list[str] = Field(min_length=1, max_length=30, title="Topics", description="Topics that are not allowed.")
    on_violation: Literal["block", "flag"] | None = _Act

    @field_validator("topics")
    @classmethod
    def _are_names(cls, topics: list[str]) -> list[str]:
        if any(not topic.strip() or len(topic) > 60 or topic == "none" for topic in topics):
            raise ValueError("each of `topics` needs 1 to 60 characters, and none is not a topic")
        return topics


class Moderation(_Check):
    """Banned topics that are usual: hate, harassment, violence, self-harm, sexual content, illegal acts."""

    check: Literal["moderation"]
    on_violation: Literal["block", "flag"] | None = _Act


class Grounded(_Check):
    """A model says whether everything that the text states stands in the reference."""

    check: Literal["grounded"]
    reference: Any = Field("context.search_results", title="Reference", description="What the text must rest on.")
    on_violation: Literal["block", "flag"] | None = _Act


Check = Pii | PromptInjection | MaxLength | BannedWords | Regex | JsonSchema | BannedTopics | Moderation | Grounded
_BY_NAME: dict[str, type[_Check]] = {
    "pii": Pii,
    "pii_redact": Pii,
    "prompt_injection": PromptInjection,
    "moderation": Moderation,
    "max_length": MaxLength,
    "grounded": Grounded,
}


def _tag(entry: Any) -> str:
    if isinstance(entry, dict):
        name = str(entry.get("check"))
        return "pii" if name == "pii_redact" else name
    return "name" if isinstance(entry, str) else str(getattr(entry, "check", "name"))


Entry = Annotated[
    Annotated[CheckName, Tag("name")]
    | Annotated[Pii, Tag("pii")]
    | Annotated[PromptInjection, Tag("prompt_injection")]
    | Annotated[MaxLength, Tag("max_length")]
    | Annotated[BannedWords, Tag("banned_words")]
    | Annotated[Regex, Tag("regex")]
    | Annotated[JsonSchema, Tag("json_schema")]
    | Annotated[BannedTopics, Tag("banned_topics")]
    | Annotated[Moderation, Tag("moderation")]
    | Annotated[Grounded, Tag("grounded")],
    Discriminator(_tag),
]


def as_check(entry: CheckName | Check) -> Check:
    """The check that an entry of the config means; a name alone stands for the check with its defaults."""
    if not isinstance(entry, str):
        return entry
    return _BY_NAME[entry].model_validate({"check": entry})  # type: ignore[return-value]


def asks_a_model(entry: CheckName | Check) -> bool:
    return isinstance(as_check(entry), BannedTopics | Moderation | Grounded)
