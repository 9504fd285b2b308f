"""The workflow list: its rows, and the numbers over it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.language.document import Document
from engine.store.access import overview, workflows
from engine.store.access.overview import Listed, RunNumbers
from engine.store.session import Database, Scope
from studio.services import words

POINTS = {7: 7, 30: 10}
SPARK_WIDTH, SPARK_HEIGHT = 72, 20


@dataclass(frozen=True, slots=True)
class Kpi:
    """One number over the list. `tone`: good, bad or empty."""

    title: str
    value: str
    remark: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowLine:
    """A row of the list, as it is shown."""

    workflow_id: str
    name: str
    description: str
    category: str
    channels: list[str]
    state: str  # live | changed | draft
    state_text: str
    spark: str  # an SVG path, empty without runs
    runs: str
    succeeded: str
    p95: str
    cost: str
    edited: str
    edited_at: str


async def summary(db: Database, scope: Scope, days: int) -> list[Kpi]:
    """The numbers over the list, computed from the runs of the last `days` days and of the days before them."""
    async with db.transaction(scope) as tx:
        now = await overview.run_numbers(tx, days=days)
        before = await overview.run_numbers(tx, days=days, days_ago=days)
    return kpis(now, before, days)


def kpis(now: RunNumbers, before: RunNumbers, days: int) -> list[Kpi]:
    """Runs, success, p95 and cost, each with what changed."""
    span = "week" if days == 7 else f"{days} days"
    runs = words.trend(now.runs, before.runs)
    points = _points(now.success_share, before.success_share)
    slower = None if now.p95_s is None or before.p95_s is None else now.p95_s - before.p95_s
    per_run = words.money(now.cost_usd_micros / now.runs) if now.runs else ""
    return [
        Kpi(f"Runs, {days} days", words.count(now.runs), f"{runs} on the {span} before" if runs else "no earlier runs"),
        Kpi("Succeeded", words.percent(now.success_share), *(points or _ended(now))),
        Kpi("p95 time to answer", words.duration(now.p95_s), *_slower(slower)),
        Kpi("Model cost", words.money(now.cost_usd_micros), f"{per_run} a run" if per_run else "no runs yet"),
    ]


def _points(now: float | None, before: float | None) -> tuple[str, str] | None:
    if now is None or before is None:
        return None
    change = round((now - before) * 100, 1)
    text = f"{change:+.1f} points".replace("-", "−")
    return text, "good" if change > 0 else "bad" if change < 0 else ""


def _ended(numbers: RunNumbers) -> tuple[str, str]:
    return (f"of {words.count(numbers.ended)} ended", "") if numbers.ended else ("no run has ended yet", "")


def _slower(seconds: float | None) -> tuple[str, str]:
    if seconds is None:
        return "of the runs that succeeded", ""
    sign = "+" if seconds >= 0 else "−"
    return f"{sign}{words.duration(abs(seconds))}", "bad" if seconds > 0.0005 else "good" if seconds < -0.0005 else ""


async def listing(
    db: Database, scope: Scope, *, search: str = "", category: str = "", state: str = "", days: int = 7
) -> list[WorkflowLine]:
    """The rows of the list. `state` is live, changed, draft or empty for any."""
    async with db.transaction(scope) as tx:
        found = await overview.list_with_publication(tx, search=search, category=category)
        numbers = await overview.run_numbers_by_workflow(tx, days=days)
        lines = await overview.runs_over_time(tx, days=days, points=POINTS.get(days, 7))
        everything = await overview.list_with_publication(tx) if search or category else found
    called = await asyncio.to_thread(_called_by_others, [item.row.text for item in everything])
    rows = [_line(item, numbers.get(item.row.name), lines.get(item.row.name), called) for item in found]
    return [row for row in rows if not state or row.state == state]


def _line(item: Listed, numbers: RunNumbers | None, line: list[int] | None, called: frozenset[str]) -> WorkflowLine:
    row = item.row
    numbers = numbers or RunNumbers()
    state, text = _state(item)
    return WorkflowLine(
        workflow_id=str(row.workflow_id),
        name=row.name,
        description=row.description,
        category=words.plain(row.category),
        channels=[kind.capitalize() for kind in item.channels] + (["Sub-workflow"] if row.name in called else []),
        state=state,
        state_text=text,
        spark=spark(line) if line else "",
        runs=words.count(numbers.runs) if numbers.runs else words.NOTHING,
        succeeded=words.percent(numbers.success_share),
        p95=words.duration(numbers.p95_s),
        cost=words.money(numbers.cost_usd_micros / numbers.runs if numbers.runs else None),
        edited=words.ago(row.updated_at),
        edited_at=words.exact(row.updated_at),
    )


def _state(item: Listed) -> tuple[str, str]:
    number = item.row.published_number
    if number is None:
        return "draft", "Draft"
    if item.published_hash != workflows.content_hash(item.row.text):
        return "changed", f"Live v{number}, draft ahead"
    return "live", f"Live v{number}"


def spark(counts: Sequence[int]) -> str:
    """An SVG path of SPARK_WIDTH x SPARK_HEIGHT; the highest count touches the top."""
    top = max(counts) or 1
    step = SPARK_WIDTH / max(1, len(counts) - 1)
    return "M" + " L".join(
        f"{i * step:.1f},{SPARK_HEIGHT - 2 - n / top * (SPARK_HEIGHT - 4):.1f}" for i, n in enumerate(counts)
    )


def _called_by_others(texts: Sequence[str]) -> frozenset[str]:
    return frozenset().union(*(_calls(text) for text in texts)) if texts else frozenset()


@lru_cache(maxsize=1024)
def _calls(text: str) -> frozenset[str]:
    """Names of the workflows that a text calls."""
    workflow = Document.parse(text).workflow
    if workflow is None:
        return frozenset()
    names = (node.config.get("workflow_name") for node in workflow.nodes if node.type == "sub_workflow")
    return frozenset(name for name in names if isinstance(name, str))


async def categories(db: Database, scope: Scope) -> list[tuple[str, str]]:
    """(key, title) of the categories in use."""
    async with db.transaction(scope) as tx:
        return [(key, words.plain(key).capitalize()) for key in await overview.categories(tx)]
