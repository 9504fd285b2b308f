"""The file's data -> `Workflow`. Faults of the data are tolerated here: what cannot be read is left out or empty.

Finding and reporting faults is `document.py`'s work (by the models of shape.py). So a file with one bad node still
draws; whoever runs a workflow asks `Document.runnable()` first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast, get_args

from engine.language.model import (
    Backoff,
    CallRate,
    Edge,
    EdgeOn,
    ErrorRule,
    Node,
    OnError,
    RetryPolicy,
    RunDefaults,
    Trigger,
    Workflow,
)

T = TypeVar("T")
Data = Mapping[str, Any]
_NOTHING: dict[str, Any] = {}


def build_workflow(data: Data) -> Workflow:
    """`data` is the root mapping of a file."""
    edges = (build_edge(i, e) for i, e in enumerate(_list(data, "edges")) if isinstance(e, dict))
    return Workflow(
        name=_get(data, "name", str, ""),
        version=_get(data, "version", str, ""),
        description=_get(data, "description", str, ""),
        category=_get(data, "category", str, ""),
        priority=_get(data, "priority", str, ""),
        nodes=tuple(build_node(n) for n in _list(data, "nodes") if isinstance(n, dict) and _get(n, "name", str, "")),
        edges=tuple(e for e in edges if e.source and e.target),
        status=_get(data, "status", str, "active"),
        defaults=_defaults(_mapping(data, "config")),
        triggers=tuple(_trigger(t) for t in _list(data, "triggers") if isinstance(t, dict)),
        variables={
            v["name"]: v.get("default")
            for v in _list(data, "variables")
            if isinstance(v, dict) and isinstance(v.get("name"), str)
        },
        credentials=tuple(c for c in _list(data, "credentials") if isinstance(c, dict)),
        inputs=_get(data, "inputs", dict, None),
        outputs=_get(data, "outputs", dict, None),
        error_handling=tuple(_error_rule(r) for r in _list(data, "error_handling") if isinstance(r, dict)),
        tests=_mapping(data, "tests"),
        monitoring=_mapping(data, "monitoring"),
        metadata=_mapping(data, "metadata"),
    )


def build_node(data: Data) -> Node:
    config = _mapping(data, "config")
    timeout = _number(data, "timeout_seconds", None)
    return Node(
        name=_get(data, "name", str, ""),
        type=_get(data, "type", str, ""),
        config=config,
        retry=_retry(data["retry"]) if isinstance(data.get("retry"), dict) else None,
        on_error=_on_error(data["on_error"]) if isinstance(data.get("on_error"), dict) else None,
        timeout_s=timeout if timeout is not None else _number(config, "timeout_seconds", None),
        cache=_get(data, "cache", dict, None),
        disabled=_get(data, "disabled", bool, False),
    )


def build_edge(index: int, data: Data) -> Edge:
    on = data.get("on")
    return Edge(
        index=index,
        source=_get(data, "from", str, ""),
        target=_get(data, "to", str, ""),
        condition=condition_text(data.get("condition")),
        on=cast(EdgeOn, on) if on in get_args(EdgeOn) else "success",
        label=_get(data, "label", str, None),
    )


def condition_text(value: Any) -> str | None:
    """A condition as the language means it: a bare `true` or `false` is the text of that name."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _retry(data: Data) -> RetryPolicy:
    backoff = data.get("backoff")
    return RetryPolicy(
        max_attempts=max(1, int(_number(data, "max_attempts", 1))),
        backoff=cast(Backoff, backoff) if backoff in get_args(Backoff) else "exponential",
        initial_s=_number(data, "initial_seconds", 1.0),
        max_s=_number(data, "max_seconds", 60.0),
        multiplier=_number(data, "multiplier", 2.0),
        jitter=_get(data, "jitter", bool, True),
        on=tuple(t for t in _list(data, "on") if isinstance(t, str)),
    )


def _on_error(data: Data) -> OnError:
    return OnError(
        action=_get(data, "action", str, "fail"),
        node=_get(data, "node", str, None),
        output=data.get("output"),
        response=_get(data, "response", str, None),
        wait_s=_number(data, "wait_seconds", None),
    )


def _trigger(data: Data) -> Trigger:
    return Trigger(
        type=_get(data, "type", str, ""),
        name=_get(data, "name", str, None),
        config=_mapping(data, "config"),
        enabled=_get(data, "enabled", bool, True),
    )


def _error_rule(data: Data) -> ErrorRule:
    wait = _number(data, "wait_seconds", None)
    return ErrorRule(
        error_type=_get(data, "error_type", str, ""),
        action=_get(data, "action", str, "fail"),
        fallback_node=_get(data, "fallback_node", str, None),
        max_retries=int(_number(data, "max_retries", 0)),
        response=_get(data, "response", str, None) or _get(data, "fallback_message", str, None),
        wait_s=wait if wait is not None else _number(data, "retry_after", None),
    )


def _defaults(data: Data) -> RunDefaults:
    return RunDefaults(
        timeout_s=_number(data, "timeout_seconds", 300.0),
        max_retries=int(_number(data, "max_retries", 0)),
        retry_delay_s=_number(data, "retry_delay_seconds", 1.0),
        max_cost_usd=_number(data, "max_cost_usd", None),
        max_steps=int(_number(data, "max_steps", 1000)),
        breaker=_get(data, "circuit_breaker", dict, {}),
        rate=_rate(_get(data, "rate_limiting", dict, {})),
    )


def _rate(data: Data) -> CallRate | None:
    per_minute = int(_number(data, "requests_per_minute", 0))
    return CallRate(per_minute, int(_number(data, "burst_size", per_minute))) if per_minute else None


def _get(data: Data, key: str, kind: type[Any], default: Any) -> Any:
    value = data.get(key)
    return value if isinstance(value, kind) else default


def _number(data: Data, key: str, default: Any) -> Any:
    value = data.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default


def _list(data: Data, key: str) -> list[Any]:
    return cast(list[Any], _get(data, key, list, []))


def _mapping(data: Data, key: str) -> dict[str, Any]:
    return cast(dict[str, Any], _get(data, key, dict, _NOTHING))
