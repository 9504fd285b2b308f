"""Loop Over Items: the output that loops, what stands in the loop, and what comes after it."""

from __future__ import annotations

from engine.importers.n8n.job import Job


def loop(job: Job) -> None:
    """Version 3 has `done` first and `loop` second; before that the loop came first."""
    job.approximate("what stands in the loop is done once, for all items; a loop node does it for each")
    job.add("transform", {})
