"""Every table, one module a domain. Importing this package fills `SQLModel.metadata`."""

from engine.store.tables import commerce, effects, identity, knowledge, memories, prompts, runs, triggers, workflows

__all__ = ["commerce", "effects", "identity", "knowledge", "memories", "prompts", "runs", "triggers", "workflows"]
