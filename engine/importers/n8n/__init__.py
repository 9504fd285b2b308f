"""n8n workflows, as exported to JSON."""

from engine.importers.n8n.flow import STRETCH, convert

__all__ = ["STRETCH", "convert"]
