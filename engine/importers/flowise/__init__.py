"""Flowise flows, as exported to JSON: Agentflow v2, chatflows, and the older sequential agents."""

from engine.importers.flowise.flow import STRETCH, convert

__all__ = ["STRETCH", "convert"]
