"""The workflow list: its rows, and the numbers over it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.language.document import Document
from engine.store.access import overview, workflows
from engine.store.access.overview import Listed
from engine.store.access.run_numbers import PRECISION, RunNumbers, run_numbers
from engine.store.session import Database, Scope
from studio.services import words

POINTS = {7: 7, 30: 10}
SPARK_WIDTH, SPARK_HEIGHT = 72, 20
OF_ENDED = "Of the runs that ended in this time, well or with a failure."
OF_SUCCEEDED = (
    "Of the runs that succeeded in this time, 95 % took as long or less. Exact for a few runs, else within 5 %."
)
COST_OF_ENDED = "What model calls cost in the runs that ended in this time."


@dataclass(frozen=True, slots=True)
class Kpi:
    """One number over the list. `tone`: good, bad or empty. `help` says of which runs it is."""

    title: str
    value: str
    remark: str
    tone: str = ""
    help: str = ""


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


@dataclass(frozen=True, slots=True)
class Shown:
    """The page: numbers over all workflows, the rows that were asked for, and (key, title) of the categories in use."""

    kpis: list[Kpi]
    rows: list[WorkflowLine]
    categories: list[tuple[str, str]]


def kpis(now: RunNumbers, before: RunNumbers, days: int) -> list[Kpi]:
    """Runs, success, p95 and cost, each with what changed."""
    span = "week" if days == 7 else f"{days} days"
    runs = words.trend(now.runs, before.runs)
    points = _points(now.success_share, before.success_share)
    per_run = "" if now.cost_a_run is None else words.money(now.cost_a_run)
    remark = f"{runs} on the {span} before" if runs else "no earlier runs"
    return [
        Kpi(f"Runs, {days} days", words.count(now.runs), remark, help=f"Runs that began in the last {days} days."),
        Kpi("Succeeded", words.percent(now.success_share), *(points or _ended(now)), help=OF_ENDED),
        Kpi("p95 time to answer", words.duration(now.p95_s), *_slower(now.p95_s, before.p95_s), help=OF_SUCCEEDED),
        Kpi(
            "Model cost",
            words.money(now.cost_usd_micros),
            f"{per_run} a run" if per_run else "no run has ended yet",
            help=COST_OF_ENDED,
        ),
    ]


def _points(now: float | None, before: float | None) -> tuple[str, str] | None:
    if now is None or before is None:
        return None
    change = round((now - before) * 100, 1)
    text = f"{change:+.1f} points".replace("-", "−")
    return text, "good" if change > 0 else "bad" if change < 0 else ""


def _ended(numbers: RunNumbers) -> tuple[str, str]:
    return (f"of {words.count(numbers.ended)} ended", "") if numbers.ended else ("no run has ended yet", "")


def _slower(now: float | None, before: float | None) -> tuple[str, str]:
    """What is less than the numbers are precise to is no change."""
    if now is None or before is None:
        return "of the runs that succeeded", ""
    change = now - before
    if abs(change) <= before * PRECISION:
        return "about as before", ""
    sign, tone = ("+", "bad") if change > 0 else ("−", "good")
    return f"{sign}{words.duration(abs(change))}", tone


async def shown(
    db: Database, scope: Scope, *, search: str = "", category: str = "", state: str = "", days: int = 7
) -> Shown:
    """The list over the last `days` days. `state` is live, changed, draft or empty for any."""
    async with db.transaction(scope) as tx:
        found = await overview.list_with_publication(tx, search=search, category=category)
        everything = await overview.list_with_publication(tx) if search or category else found
        categories = [(key, words.plain(key).capitalize()) for key in await overview.categories(tx)]
        numbers = await run_numbers(tx, days=days, points=POINTS.get(days, 7))
    called = await asyncio.to_thread(_called_by_others, [item.row.text for item in everything])
    rows = [
        _line(item, numbers.by_workflow.get(item.row.name), numbers.begun.get(item.row.name), called) for item in found
    ]
    chosen = [row for row in rows if not state or row.state == state]
    return Shown(kpis(numbers.now, numbers.before, days), chosen, categories)


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
        cost=words.money(numbers.cost_a_run),
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
