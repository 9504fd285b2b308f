"""Every table, one module a domain. Importing this package fills `SQLModel.metadata`."""

from engine.store.tables import (
    audit,
    commerce,
    effects,
    events,
    identity,
    knowledge,
    memories,
    pins,
    prompts,
    run_hours,
    runs,
    triggers,
    workflows,
)

__all__ = [
    "audit",
    "commerce",
    "effects",
    "events",
    "identity",
    "knowledge",
    "memories",
    "pins",
    "prompts",
    "run_hours",
    "runs",
    "triggers",
    "workflows",
]
