"""What follows a failed step: every action, and the order in which they are asked (LANGUAGE.md, error handling)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import ModelError, PermanentError, RateLimited, StepTimeout, TransientError
from engine.execution.events import RunStatus
from engine.execution.ports import retry_after_s
from engine.execution.settle import LONGEST_PAUSE_S
from tests.support.ports import FakeModels, FakeTools, World, paths, workflow

FLAKY = TransientError("line is down")
BROKEN = PermanentError("refused", error_type="crm_error")


def flow(node: str = "", *, edges: str = "", rules: str = "", config: str = "") -> str:
    """start -> call (a tool) -> end, with a spare node `help` that only error handling reaches."""
    return workflow(f"""\
config: {{timeout_seconds: 3000{config}}}
nodes:
  - {{name: start, type: start}}
  - name: call
    type: tool
    config: {{tool_name: crm}}
{node}
  - {{name: help, type: message, config: {{text: "A person will help."}}}}
  - {{name: end, type: end}}
edges:
  - {{from: start, to: call}}
  - {{from: call, to: end}}
  - {{from: help, to: end}}
{edges}
{rules}
""")


def world(*answers: Any) -> World:
    return World(tools=FakeTools({"crm": list(answers)}))


def decisions(w: World, path: str = "call") -> list[tuple[str, str | None]]:
    """(what was done, who decided) after each attempt of a step."""
    found = [r.outcome["then"] for r in w.journal.attempts if r.path == path]
    return [(then["do"], then.get("by")) for then in found]


# -- retry -----------------------------------------------------------------------------------------------------------


async def test_node_retry_repeats_what_may_pass_with_growing_pauses() -> None:
    w = world(FLAKY, FLAKY, {"ok": True})
    retry = "    retry: {max_attempts: 3, initial_seconds: 2, multiplier: 3, jitter: false}"
    result = await w.run(flow(retry))
    assert result.status is RunStatus.SUCCEEDED
    assert w.clock.slept == [2, 6]
    assert decisions(w) == [("retry", "retry"), ("retry", "retry"), ("go", None)]
    assert {c.idempotency_key for c in w.tools.calls} == {f"{w.tools.calls[0].run_id}:call:0"}


@pytest.mark.parametrize(
    ("backoff", "pauses"), [("fixed", [4, 4, 4]), ("linear", [4, 8, 10]), ("exponential", [4, 8, 10])]
)
async def test_backoff_kinds_stay_below_their_limit(backoff: str, pauses: list[float]) -> None:
    w = world(FLAKY)
    retry = f"    retry: {{max_attempts: 4, backoff: {backoff}, initial_seconds: 4, max_seconds: 10, jitter: false}}"
    await w.run(flow(retry))
    assert w.clock.slept == pauses


async def test_an_error_that_will_not_pass_is_not_retried() -> None:
    w = world(BROKEN)
    result = await w.run(flow("    retry: {max_attempts: 5}"))
    assert result.status is RunStatus.FAILED
    assert len(w.tools.calls) == 1


async def test_retry_on_names_types_that_are_retried_whatever_they_are() -> None:
    w = world(BROKEN, {"ok": True})
    result = await w.run(flow("    retry: {max_attempts: 2, on: [crm_error]}"))
    assert result.status is RunStatus.SUCCEEDED
    w = world(FLAKY)
    await w.run(flow("    retry: {max_attempts: 2, on: [crm_error]}"))
    assert len(w.tools.calls) == 1


async def test_the_files_own_max_retries_is_the_default() -> None:
    w = world(FLAKY, FLAKY, {"ok": True})
    result = await w.run(flow(config=", max_retries: 2, retry_delay_seconds: 5"))
    assert result.status is RunStatus.SUCCEEDED
    assert w.clock.slept == [5, 5]


async def test_the_other_side_may_ask_for_a_longer_pause() -> None:
    w = world(RateLimited("slow down", retry_after_s=20), {"ok": True})
    await w.run(flow("    retry: {max_attempts: 2, initial_seconds: 1}"))
    assert w.clock.slept == [20]


async def test_a_pause_without_end_ends() -> None:
    """A header such as `Retry-After: inf` must not make a run wait for a moment that no clock reaches."""
    w = world(RateLimited("slow down", retry_after_s=float("inf")), {"ok": True})
    result = await w.run(flow("    retry: {max_attempts: 2, initial_seconds: 1}"))
    assert (result.status, w.journal.wake_at) == (RunStatus.SUSPENDED, 1_000 + LONGEST_PAUSE_S)


@pytest.mark.parametrize("said", ["inf", "nan", "9" * 400, "-5", "soon", "Fri, 31 Dec 99999 23:59:59 GMT"])
def test_a_pause_that_means_nothing_is_none(said: str) -> None:
    assert retry_after_s({"Retry-After": said}) is None


async def test_a_far_retry_suspends_the_run_and_goes_on_when_woken() -> None:
    w = world(FLAKY, {"ok": True})
    text = flow("    retry: {max_attempts: 2, initial_seconds: 600, max_seconds: 600, jitter: false}")
    first = await w.run(text)
    assert first.status is RunStatus.SUSPENDED
    assert w.journal.wake_at == 1_600.0
    assert w.clock.slept == []
    w.clock.time = 1_600.0
    again = await w.run(text, records=tuple(w.journal.records))
    assert again.status is RunStatus.SUCCEEDED
    assert len(w.tools.calls) == 2


# -- on_error --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["goto", "fallback", "escalate"])
async def test_on_error_leads_to_a_node(action: str) -> None:
    w = world(BROKEN)
    result = await w.run(flow(f"    on_error: {{action: {action}, node: help}}"))
    assert result.status is RunStatus.SUCCEEDED
    assert result.output["reply"] == "A person will help."
    assert decisions(w) == [("go", "on_error")]


@pytest.mark.parametrize("action", ["continue", "log_and_continue"])
async def test_on_error_goes_on_with_an_output(action: str) -> None:
    w = world(BROKEN)
    result = await w.run(flow(f"    on_error: {{action: {action}, output: {{found: 0}}}}"))
    assert result.status is RunStatus.SUCCEEDED
    assert result.output == {"reply": None, "found": 0}


async def test_on_error_custom_response_ends_the_run_with_that_reply() -> None:
    w = world(BROKEN)
    result = await w.run(flow("    on_error: {action: custom_response, response: Please try later.}"))
    assert result.status is RunStatus.SUCCEEDED
    assert result.output == {"reply": "Please try later."}


async def test_on_error_fail_ends_the_run_although_a_rule_would_help() -> None:
    w = world(BROKEN)
    rules = "error_handling: [{error_type: crm_error, action: fallback, fallback_node: help}]"
    result = await w.run(flow("    on_error: {action: fail}", rules=rules))
    assert result.status is RunStatus.FAILED


async def test_on_error_wait_tries_once_more_and_then_leaves_it_to_the_rules() -> None:
    w = world(BROKEN)
    rules = "error_handling: [{error_type: crm_error, action: fallback, fallback_node: help}]"
    result = await w.run(flow("    on_error: {action: wait, wait_seconds: 7}", rules=rules))
    assert result.status is RunStatus.SUCCEEDED
    assert w.clock.slept == [7]
    assert decisions(w) == [("retry", "on_error"), ("go", "rule:0")]


# -- edges -----------------------------------------------------------------------------------------------------------


async def test_error_edge_comes_after_on_error_and_before_rules() -> None:
    rules = "error_handling: [{error_type: crm_error, action: fail}]"
    edges = "  - {from: call, to: help, on: error}"
    w = world(BROKEN)
    await w.run(flow(edges=edges, rules=rules))
    assert decisions(w) == [("go", "edge")]
    w = world(BROKEN)
    await w.run(flow("    on_error: {action: continue}", edges=edges, rules=rules))
    assert decisions(w) == [("go", "on_error")]


async def test_timeout_edge_takes_timeouts_only() -> None:
    edges = "  - {from: call, to: help, on: timeout}"
    w = world(StepTimeout())
    assert (await w.run(flow(edges=edges))).status is RunStatus.SUCCEEDED
    w = world(BROKEN)
    assert (await w.run(flow(edges=edges))).status is RunStatus.FAILED


@pytest.mark.parametrize(("wanted", "reached"), [("crm_error", True), ("rate_limit", False)])
async def test_an_error_edge_may_ask_what_went_wrong(wanted: str, reached: bool) -> None:
    w = world(BROKEN)
    edges = f"  - {{from: call, to: help, on: error, condition: \"context.error.type == '{wanted}'\"}}"
    result = await w.run(flow(edges=edges))
    assert (result.status is RunStatus.SUCCEEDED, "help" in paths(w.journal.records)) == (reached, reached)


async def test_an_error_edge_whose_condition_is_false_is_passed_over() -> None:
    edges = "  - {from: call, to: help, on: error, condition: context.vip}"
    w = world(BROKEN)
    assert (await w.run(flow(edges=edges))).status is RunStatus.FAILED
    w = world(BROKEN)
    assert (await w.run(flow(edges=edges), {"vip": True})).status is RunStatus.SUCCEEDED


# -- workflow rules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["fallback", "escalate", "goto"])
async def test_rule_leads_to_its_fallback_node(action: str) -> None:
    w = world(BROKEN)
    rules = f"error_handling: [{{error_type: crm_error, action: {action}, fallback_node: help}}]"
    result = await w.run(flow(rules=rules))
    assert result.status is RunStatus.SUCCEEDED
    assert w.sink.data("step.failed", "call")[0]["edges"] == [["call", "help"]]


async def test_rule_retry_counts_its_own_tries_and_then_falls_back() -> None:
    w = world(BROKEN)
    rules = "error_handling: [{error_type: crm_error, action: retry, max_retries: 2, fallback_node: help}]"
    await w.run(flow(rules=rules))
    assert decisions(w) == [("retry", "rule:0"), ("retry", "rule:0"), ("go", "rule:0")]


async def test_rule_retry_without_fallback_fails_in_the_end() -> None:
    w = world(FLAKY)
    rules = "error_handling: [{error_type: tool_failure, action: retry, max_retries: 1}]"
    result = await w.run(flow("    retry: {max_attempts: 2, initial_seconds: 1}", rules=rules))
    assert result.status is RunStatus.FAILED
    assert decisions(w) == [("retry", "retry"), ("retry", "rule:0"), ("fail", None)]


async def test_rule_log_and_continue_goes_on_along_the_edges() -> None:
    w = world(BROKEN)
    rules = "error_handling: [{error_type: crm_error, action: log_and_continue, fallback_node: help}]"
    result = await w.run(flow(rules=rules))
    assert result.status is RunStatus.SUCCEEDED
    assert "help" not in w.sink.seen("step.started")


async def test_rule_custom_response() -> None:
    w = world(BROKEN)
    rules = "error_handling: [{error_type: '*', action: custom_response, response: Sorry.}]"
    assert (await w.run(flow(rules=rules))).output == {"reply": "Sorry."}


async def test_rule_wait_uses_its_own_pause() -> None:
    w = world(BROKEN, {"ok": True})
    rules = "error_handling: [{error_type: crm_error, action: wait, wait_seconds: 12}]"
    assert (await w.run(flow(rules=rules))).status is RunStatus.SUCCEEDED
    assert w.clock.slept == [12]


async def test_own_type_comes_before_the_general_one_and_the_star_last() -> None:
    rules = """\
error_handling:
  - {error_type: "*", action: custom_response, response: star}
  - {error_type: tool_failure, action: custom_response, response: tool}
  - {error_type: crm_error, action: custom_response, response: crm}
"""
    assert (await world(BROKEN).run(flow(rules=rules))).output == {"reply": "crm"}
    assert (await world(PermanentError("x", error_type="odd")).run(flow(rules=rules))).output == {"reply": "tool"}
    assert (await world(StepTimeout()).run(flow(rules=rules))).output == {"reply": "tool"}


@pytest.mark.parametrize("name", ["agent_failure", "llm_error"])
async def test_any_failure_of_an_agent_counts_as_agent_failure(name: str) -> None:
    text = workflow(f"""\
nodes:
  - {{name: start, type: start}}
  - {{name: ask, type: agent}}
  - {{name: help, type: message, config: {{text: Fallback}}}}
  - {{name: end, type: end}}
edges: [{{from: start, to: ask}}, {{from: ask, to: end}}, {{from: help, to: end}}]
error_handling: [{{error_type: {name}, action: fallback, fallback_node: help}}]
""")
    w = World(models=FakeModels({"ask": ModelError("overloaded")}))
    assert (await w.run(text)).output == {"reply": "Fallback"}


# -- instructions that cannot be followed ----------------------------------------------------------------------------


async def test_a_fallback_that_names_no_node_fails_and_says_so() -> None:
    w = world(BROKEN)
    rules = "error_handling: [{error_type: crm_error, action: escalate, fallback_node: escalate_to_human}]"
    result = await w.run(flow(rules=rules))
    assert result.status is RunStatus.FAILED
    assert result.error is not None
    assert result.error["type"] == "crm_error"
    assert "'escalate_to_human', which is not a node of main" in result.error["message"]


async def test_a_fallback_to_the_failed_node_itself_is_not_followed() -> None:
    w = world(BROKEN)
    rules = "error_handling: [{error_type: crm_error, action: fallback, fallback_node: call}]"
    result = await w.run(flow(rules=rules))
    assert result.status is RunStatus.FAILED
    assert len(w.tools.calls) == 1


async def test_an_unfollowed_rule_leaves_the_error_to_the_next_one() -> None:
    w = world(BROKEN)
    rules = """\
error_handling:
  - {error_type: crm_error, action: escalate, fallback_node: nobody}
  - {error_type: "*", action: fallback, fallback_node: help}
"""
    assert (await w.run(flow(rules=rules))).status is RunStatus.SUCCEEDED


async def test_without_any_instruction_the_run_fails_with_the_steps_error() -> None:
    w = world(BROKEN)
    result = await w.run(flow())
    assert result.error is not None
    assert result.error["details"]["node"] == "call"
    assert w.journal.ends == [("failed", None, result.error)]


async def test_a_handled_failure_is_told_to_the_nodes_that_follow() -> None:
    w = world(BROKEN)
    text = flow("    on_error: {action: goto, node: help}").replace(
        "A person will help.", "{error.type} in {error.node}"
    )
    assert (await w.run(text)).output["reply"] == "crm_error in call"
