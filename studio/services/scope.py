"""What an expression of a node can read, and what it would give: for the fields of the inspector.

Two sources: the file (which paths there are, engine/language/in_scope.py) and a run (what stood there). Expressions are
evaluated by the language's own evaluator, on a run's data, and change nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connectors.toolbox import toolbox_specs
from engine.errors import AppError, InputError
from engine.language.document import Document
from engine.language.expressions import compile_expression
from engine.language.in_scope import paths_in_scope
from engine.language.infer import Inference
from engine.language.resolve import expressions_in, resolve_value
from engine.language.templates import compile_template
from engine.store.access import workflows
from engine.store.session import Database, Scope
from runners.client import RunClient
from studio.services.editor_graph import inferred
from studio.services.model_choice import routed

Json = Any

MAX_TEXT = 100_000
LONGEST_TEXT = 4_000  # characters of one text that is shown
MOST_ITEMS = 100
DEEPEST = 8


@dataclass(frozen=True, slots=True)
class At:
    """A step of a run: where and when an expression is read. Without an iteration the last one counts.

    `after`: once the step has ended, as the conditions of its edges read.
    """

    run_id: UUID
    path: str
    iteration: int | None = None
    after: bool = False


async def of_node(db: Database, scope: Scope, workflow: str, node: str, *, after: bool = False) -> dict[str, Json]:
    """`{"paths": [...], "inferred"?, "route"?}` of a node of the draft as it stands. Raises NotFound."""
    async with db.transaction(scope) as tx:
        text = (await workflows.get_by_name(tx, workflow)).text
    return await asyncio.to_thread(_of_node, text, node, scope.tenant_id, after)


def _of_node(text: str, name: str, tenant_id: UUID, after: bool) -> dict[str, Json]:
    workflow = Document.parse_cached(text).workflow
    if workflow is None:
        return {"paths": []}
    inference = Inference(workflow, toolbox_specs())
    paths = paths_in_scope(inference, name, after=after)
    found: dict[str, Json] = {"paths": [one.to_dict() for one in paths]}
    node = next((one for one in workflow.nodes if one.name == name), None)
    if node is None:
        return found
    more = {"inferred": inferred(inference, node), "route": routed(inference, node, tenant_id)}
    return found | {key: value for key, value in more.items() if value}


async def seen(client: RunClient, scope: Scope, at: At) -> dict[str, Json]:
    """The roots of expressions as the step saw them, shortened where they are large. Raises NotFound."""
    return dict(shortened(await _roots(client, scope, at)))


async def _roots(client: RunClient, scope: Scope, at: At) -> dict[str, Json]:
    return await client.scope_before(scope, at.run_id, at.path, at.iteration, after=at.after)


async def evaluate(client: RunClient, scope: Scope, at: At | None, kind: str, text: str) -> dict[str, Json]:
    """`{"value"}` of an expression, template or value on the step's data, or `{"error", "column"?}` in words.

    Without a step the text is only read: `{}` where that works. `unreadable` marks a fault of the text itself.
    Raises NotFound for the run, InputError for an unknown kind.
    """
    if kind not in _READERS:
        raise InputError(f"A text is read as one of: {', '.join(_READERS)}.")
    roots = await _roots(client, scope, at) if at else None
    try:
        await asyncio.to_thread(_COMPILERS[kind], text)
    except AppError as error:
        return _fault(error) | {"unreadable": True}
    if roots is None:
        return {}
    try:
        return {"value": shortened(await asyncio.to_thread(_READERS[kind], text, roots))}
    except AppError as error:
        return _fault(error)


def _fault(error: AppError) -> dict[str, Json]:
    column = error.to_dict().get("details", {}).get("column")
    return {"error": error.public_message} | ({"column": column} if column else {})


_READERS = {
    "expression": lambda text, roots: compile_expression(text).evaluate(roots),
    "template": lambda text, roots: compile_template(text).render(roots),
    "value": resolve_value,
}
_COMPILERS = {
    "expression": compile_expression,
    "template": compile_template,
    "value": lambda text: [compile_expression(one) for one, _ in expressions_in(text)],
}


def shortened(value: Json, depth: int = 0) -> Json:
    """A value that a browser can show: long texts, lists and deep places cut, with a word about it."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}… ({len(value):,} characters)"
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth >= DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): shortened(item, depth + 1) for key, item in list(value.items())[:MOST_ITEMS]}
    items = [shortened(item, depth + 1) for item in value[:MOST_ITEMS]]
    return items if len(value) <= MOST_ITEMS else [*items, f"… ({len(value):,} items)"]
