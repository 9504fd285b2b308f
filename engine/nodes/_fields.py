"""Config fields that several node types share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

NextNode = Annotated[
    str | None,
    Field(
        title="Next node",
        description="Kept for files that already have it; the edges say where the run goes.",
        json_schema_extra={"ui": "hidden"},
    ),
]
