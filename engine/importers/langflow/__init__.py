"""Langflow flows, as exported to JSON."""

from engine.importers.langflow.flow import STRETCH, convert

__all__ = ["STRETCH", "convert"]
