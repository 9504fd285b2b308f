"""Dify apps, as exported to their DSL (YAML)."""

from engine.importers.dify.flow import STRETCH, convert

__all__ = ["STRETCH", "convert"]
