"""What the nodes of one workflow took and cost in its latest runs: one query, bounded however many runs there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.session import Tx

MOST_RUNS = 1_000


@dataclass(frozen=True, slots=True)
class NodeNumbers:
    """Of one node over all runs that were looked at, in milliseconds and millionths of a dollar.

    `steps` counts how often it ended, well or not; `p50_ms` and `p95_ms` are of these. `total_ms` and
    `cost_usd_micros` are sums; the cost holds that of all steps inside the node.
    """

    steps: int
    failed: int
    p50_ms: float
    p95_ms: float
    total_ms: int
    cost_usd_micros: int


@dataclass(frozen=True, slots=True)
class WorkflowNumbers:
    """`runs` were looked at; with `limited` there were more, and these are the latest."""

    runs: int
    limited: bool
    nodes: Mapping[str, NodeNumbers]


# A step inside a node has a path below it: its time is part of the node's own, its cost is not.
_NUMBERS = sa.text("""
    WITH latest AS MATERIALIZED (
        SELECT r.run_id FROM runs r
        WHERE r.tenant_id = :tenant AND r.workflow_name = :name AND r.created_at > now() - make_interval(days => :days)
        ORDER BY r.created_at DESC LIMIT :most)
    SELECT (SELECT count(*) FROM latest), split_part(s.path, '/', 1),
           count(*) FILTER (WHERE own), count(*) FILTER (WHERE own AND s.status = 'failed'),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY s.duration_ms) FILTER (WHERE own),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY s.duration_ms) FILTER (WHERE own),
           sum(s.duration_ms) FILTER (WHERE own), sum(s.cost_usd_micros)
    FROM latest
    JOIN steps s ON s.tenant_id = :tenant AND s.run_id = latest.run_id AND s.status IN ('succeeded', 'failed')
    CROSS JOIN LATERAL (SELECT position('/' in s.path) = 0 AS own) of_node
    GROUP BY 2""")


async def numbers_of_nodes(tx: Tx, workflow: str, days: int) -> WorkflowNumbers:
    """Of the runs that began in the last `days` days, the latest MOST_RUNS at most."""
    asked = {"tenant": tx.scope.tenant_id, "name": workflow, "days": days, "most": MOST_RUNS}
    rows = (await tx.session.execute(_NUMBERS, asked)).all()
    runs = rows[0][0] if rows else 0
    nodes = {
        name: NodeNumbers(steps, failed, float(p50 or 0), float(p95 or 0), int(total or 0), int(cost or 0))
        for _, name, steps, failed, p50, p95, total, cost in rows
    }
    return WorkflowNumbers(runs, runs >= MOST_RUNS, nodes)
