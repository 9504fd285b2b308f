"""Config fields that several node types share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from engine.errors import InputError
from engine.execution.schema_check import problems

LONGEST_WAIT_S = 366 * 86_400.0
NextNode = Annotated[
    str | None,
    Field(
        title="Next node",
        description="Kept for files that already have it; the edges say where the run goes.",
        json_schema_extra={"ui": "hidden"},
    ),
]
Assignees = Annotated[
    list[str],
    Field(
        max_length=50,
        title="Assignees",
        description="E-mail addresses of members, or role:admin and role:agent. Empty: anybody who may answer.",
        json_schema_extra={"ui": "list"},
    ),
]
Threshold = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        title="Least confidence",
        description="Passages that fit less well are left out.",
        json_schema_extra={"unit": "of 1"},
    ),
]


def usable_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema; raises ValueError, with what is wrong, for one that nothing can be checked against."""
    try:
        problems(schema, None)
    except InputError as error:
        raise ValueError(error.public_message) from error
    return schema
