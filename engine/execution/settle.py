"""Deciding what follows the end of a step. Pure: time and chance come in as arguments.

A success goes on along the first true edge. A failure is handled in this order, and each later one only gets what the
earlier ones did not take:

    node `retry` -> node `on_error` -> edge `on: error | timeout` -> workflow `error_handling` -> fail

Rules of a workflow are matched by the error's own type first, then by its code, then by the general types that the
node's failures count as (`tool_failure`, `agent_failure`), then by "*". An instruction that cannot be followed (a
fallback node that does not exist, or that is the failed node itself) is passed over, and the final error says so.

Each function returns an `outcome` (records.py) for the step's journal record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from engine.errors import AppError, ExpressionError, OutputTooLarge, StepError
from engine.execution.plan import PlanEdge, PlanNode
from engine.execution.records import FAR_TOO_LARGE, Outcome, clean, estimate
from engine.execution.state import Active, Ending, Frame, State, merged, node_of, scope_of, with_error
from engine.execution.tokens import item_path
from engine.language.expressions import compile_expression
from engine.language.model import ErrorRule, RetryPolicy

Json = Any
Then = dict[str, Json]
LONGEST_PAUSE_S = 366 * 86_400.0  # whatever the other side asks for: a moment that no clock reaches would end no run
_GOTO = ("goto", "fallback", "escalate")
_CONTINUE = ("continue", "log_and_continue")


class Moment(NamedTuple):
    """When a failure is decided: unix time, and a random number from 0 to 1 that spreads retries. Asked for then."""

    now: float
    chance: float


def settle_success(state: State, active: Active, outcome: Outcome, moment: Callable[[], Moment]) -> Outcome:
    """The step succeeded with this result (without `then`). A condition that fails turns the step into a failure."""
    frame = state.frames[active.frame]
    node = frame.plan.nodes[active.node]
    if node.behaviour.final or not node.edges or frame.only == node.name:
        outcome["then"] = {"do": "end"}
        return outcome
    follow = _follow_all if node.behaviour.branches else _follow
    try:
        outcome["then"] = follow(state, frame, node, node.edges, outcome)
    except AppError as err:
        return settle_failure(state, active, err.to_dict(), moment)
    return outcome


def settle_failure(state: State, active: Active, error: Mapping[str, Json], moment: Callable[[], Moment]) -> Outcome:
    """The attempt failed with this error (`AppError.to_dict`)."""
    handler = _Handler(state, active, error, moment())
    return handler.decide()


def settle_close(state: State, active: Active, ending: Ending, moment: Callable[[], Moment]) -> Outcome:
    """The frame beneath the step has ended: its result is the step's, its failure is the step's failure.

    The called workflow did its own retries, so its error is not retried here unless the node says so itself.
    """
    if ending.error is None:
        outcome: Outcome = {"output": ending.output}
        if ending.reply is not None:
            outcome["reply"] = ending.reply
        return settle_success(state, active, outcome, moment)
    return settle_failure(state, active, child_error(active, ending.error), moment)


def settle_item(state: State, active: Active, index: int, ending: Ending, moment: Callable[[], Moment]) -> Outcome:
    """An item of a loop is done: what is kept of it, and whether the loop is to stop. A failed item fails the loop,
    unless the loop is to leave it out."""
    config: Any = node_of(state, active).config
    then: Then = {"do": "item", "index": index, "stop": False}
    if ending.error is not None:
        if config.on_item_error == "skip":
            value = {"error": {key: ending.error.get(key) for key in ("type", "code", "message")}}
            return {"then": {**then, "value": value}}
        return settle_failure(state, active, child_error(active, {**ending.error, "item": index}), moment)
    frame = state.frames[item_path(active, index)]
    scope = scope_of(state, frame)
    try:
        value = ending.output if config.collect is None else clean(compile_expression(config.collect).evaluate(scope))
        stop = config.until is not None and bool(compile_expression(config.until).evaluate(scope))
        _check_room(active, value)
    except AppError as err:
        return settle_failure(state, active, err.to_dict(), moment)
    return {"then": {**then, "value": value, "stop": stop}}


def _check_room(active: Active, value: Json) -> None:
    """Raises OutputTooLarge as soon as the results are far more than the loop may give: neither is more work done for
    nothing, nor does the run hold all of it."""
    assert active.loop is not None
    if active.loop.kept + estimate(value) > FAR_TOO_LARGE:
        raise OutputTooLarge("the results of the loop are far more than the 1 MB that may be stored")


def child_error(active: Active, error: Mapping[str, Json]) -> dict[str, Json]:
    """An error of a called workflow as its caller sees it; `details.path` keeps where it came from."""
    details = {"path": active.path, **(error.get("details") or {})}
    return {**error, "retryable": False, "details": details}


def interrupt(state: State, path: str, error: Mapping[str, Json]) -> Ending:
    """How a frame ends that ran out of time, steps or money: nothing more can run in it, so of all rules only a
    custom_response is followed."""
    frame = state.frames[path]
    for rule in _matching_rules(frame, None, error):
        if rule.action == "custom_response" and rule.response is not None:
            key = "reply" if frame.caller is None else "reply_text"
            return Ending({key: rule.response}, rule.response)
    return Ending(error=error)


class _Handler:
    def __init__(self, state: State, active: Active, error: Mapping[str, Json], moment: Moment) -> None:
        self.state, self.active, self.error, self.moment = state, active, error, moment
        self.frame = state.frames[active.frame]
        self.node = self.frame.plan.nodes[active.node]
        self.output: Json = None
        self.unfollowed: list[str] = []

    def decide(self) -> Outcome:
        then = self._retry() or self._on_error() or self._error_edge() or self._rules() or {"do": "fail"}
        outcome: Outcome = {"error": self._told(then), "then": then}
        if self.output is not None:
            outcome["output"] = self.output
        return outcome

    def _told(self, then: Then) -> dict[str, Json]:
        """The error as it is recorded: with its place, and with what could not be followed."""
        error = dict(self.error)
        details = {"node": self.active.node, "path": self.active.path, **(error.get("details") or {})}
        families = error_families(self.node, error)
        if families:
            details["families"] = list(dict.fromkeys(families))
        if then["do"] == "fail" and self.unfollowed:
            error["message"] = f"{error.get('message')} ({'; '.join(self.unfollowed)})"
            details["not_followed"] = self.unfollowed
        error["details"] = details
        return error

    # -- the handlers in their order ------------------------------------------------------------------------------

    def _retry(self) -> Then | None:
        policy = self.node.retry
        if policy.on:
            wanted = any(_matches(name, self.error, self.node) for name in policy.on)
        else:
            wanted = bool(self.error.get("retryable"))
        return self._again("retry", policy.max_attempts - 1) if wanted else None

    def _on_error(self) -> Then | None:
        written = self.node.on_error
        if written is None:
            return None
        rule = ErrorRule("*", written.action, written.node, 1, written.response, written.wait_s)
        return self._obey("on_error", rule, written.output)

    def _error_edge(self) -> Then | None:
        is_timeout = "timeout" in (self.error.get("type"), self.error.get("code"))
        edges = [edge for edge in self.node.error_edges if edge.on == "error" or is_timeout]
        if not edges:
            return None
        frame = with_error(self.frame, self.node.name, self.error)
        try:
            then = _follow(self.state, frame, self.node, tuple(edges), {})
        except AppError as err:
            self.unfollowed.append(err.public_message)
            return None
        return {**then, "by": "edge"}

    def _rules(self) -> Then | None:
        for rule in _matching_rules(self.frame, self.node, self.error):
            then = self._obey(f"rule:{self.frame.plan.rules.index(rule)}", rule)
            if then is not None:
                return then
        return None

    # -- what an instruction means --------------------------------------------------------------------------------

    def _obey(self, by: str, rule: ErrorRule, output: Json = None) -> Then | None:
        """What to do by an on_error or a rule; None when it leaves the error to the next handler."""
        action, target = rule.action, rule.fallback_node
        if action == "fail":
            return {"do": "fail", "by": by}
        if action in ("retry", "wait"):
            again = self._again(by, max(1, rule.max_retries), rule.wait_s if action == "wait" else None)
            return again or (self._goto(by, target) if target is not None else None)
        if action in _GOTO:
            return self._goto(by, target)
        if action in _CONTINUE:
            return self._continue(by, target, output)
        if action == "custom_response" and rule.response is not None:
            return {"do": "respond", "reply": rule.response, "by": by}
        self.unfollowed.append(f"{_who(by)} asks for {action!r}, which it does not say enough about to be done")
        return None

    def _again(self, by: str, limit: int, wait_s: float | None = None) -> Then | None:
        done = self.active.tries.get(by, 0)
        if done >= limit:
            return None
        delay = wait_s if wait_s is not None else _delay(self.node.retry, self.active.attempt, self.moment.chance)
        asked = (self.error.get("details") or {}).get("retry_after_s")
        if isinstance(asked, int | float):
            delay = max(delay, float(asked))
        return {"do": "retry", "at": self.moment.now + min(delay, LONGEST_PAUSE_S), "by": by}

    def _goto(self, by: str, target: str | None) -> Then | None:
        if target is None:
            self.unfollowed.append(f"{_who(by)} names no node to go to")
        elif target not in self.frame.plan.nodes:
            self.unfollowed.append(f"{_who(by)} names {target!r}, which is not a node of {self.frame.plan.name}")
        elif target == self.active.node:
            self.unfollowed.append(f"{_who(by)} names the node that failed")
        else:
            return {"do": "go", "to": [target], "by": by}
        return None

    def _continue(self, by: str, target: str | None, output: Json) -> Then | None:
        """Go on as if the step had succeeded with this output; where no edge is true, to the rule's node."""
        if self.node.behaviour.final or not self.node.edges:
            self.output = output
            return {"do": "end", "by": by}
        try:
            then = _follow(self.state, self.frame, self.node, self.node.edges, {"output": output})
        except AppError as err:
            self.unfollowed.append(err.public_message)
            return self._goto(by, target) if target is not None else None
        self.output = output
        return {**then, "by": by}


def _follow(state: State, frame: Frame, node: PlanNode, edges: tuple[PlanEdge, ...], outcome: Outcome) -> Then:
    """Along the first true edge, as the data is after the step. Raises ExpressionError, StepError (no_branch)."""
    if edges[0].condition is None:  # of most nodes
        return {"do": "go", "to": [edges[0].target], "edge": edges[0].index}
    for edge in _true_edges(state, frame, node, edges, outcome):
        return {"do": "go", "to": [edge.target], "edge": edge.index}
    raise StepError(f"no edge of {node.name} is true, and none is the default", error_type="no_branch", node=node.name)


def _follow_all(state: State, frame: Frame, node: PlanNode, edges: tuple[PlanEdge, ...], outcome: Outcome) -> Then:
    """Along all true edges at once, each target once. Raises ExpressionError, StepError (no_branch)."""
    taken = list(_true_edges(state, frame, node, edges, outcome))
    if not taken:
        raise StepError(f"no edge of {node.name} is true", error_type="no_branch", node=node.name)
    return {"do": "go", "to": list(dict.fromkeys(edge.target for edge in taken))}


def _true_edges(
    state: State, frame: Frame, node: PlanNode, edges: tuple[PlanEdge, ...], outcome: Outcome
) -> Iterator[PlanEdge]:
    scope: dict[str, Json] | None = None
    for edge in edges:
        if edge.condition is None:
            yield edge
            continue
        if scope is None:
            scope = scope_of(state, merged(frame, node, outcome))
        try:
            holds = edge.condition.evaluate(scope)
        except ExpressionError as err:
            message = f"the condition of the edge {node.name} -> {edge.target} failed: {err.public_message}"
            raise ExpressionError(message, node=node.name, edge=edge.index, **err.details) from err
        if holds:
            yield edge


def _delay(policy: RetryPolicy, attempt: int, chance: float) -> float:
    """Seconds before the next attempt after attempt no. `attempt`; with jitter between half and all of it."""
    if policy.backoff == "fixed":
        delay = policy.initial_s
    elif policy.backoff == "linear":
        delay = policy.initial_s * attempt
    else:
        delay = policy.initial_s * policy.multiplier ** min(attempt - 1, 64)
    delay = min(delay, policy.max_s)
    return delay * (0.5 + chance / 2) if policy.jitter else delay


def _matching_rules(frame: Frame, node: PlanNode | None, error: Mapping[str, Json]) -> Iterator[ErrorRule]:
    """Matching rules, the most particular first: own type, code, the node's general types, then "*"."""
    told: list[ErrorRule] = []
    for names in ((error.get("type"),), (error.get("code"),), error_families(node, error), ("*",)):
        for rule in frame.plan.rules:
            if rule.error_type in names and rule not in told:
                told.append(rule)
                yield rule


def _matches(name: str, error: Mapping[str, Json], node: PlanNode) -> bool:
    return name == "*" or name in (error.get("type"), error.get("code")) or name in error_families(node, error)


def error_families(node: PlanNode | None, error: Mapping[str, Json]) -> tuple[str, ...]:
    """General types that this error also counts as: the node's, and those an inner step's error brought along."""
    brought = (error.get("details") or {}).get("families") or ()
    return (*(node.behaviour.families if node is not None else ()), *brought)


def _who(by: str) -> str:
    return "on_error" if by == "on_error" else "error_handling"
