"""The run as a pure machine: how a journal record changes a state, and what is to be done then.

    apply(state, record, plans) -> State        the state after one record
    commands(state) -> (Command, ...)           what is to be done now, from the state alone

Both are deterministic: no clock, no randomness, no I/O. A step's end is decided once (settle.py), written down as a
StepRecord, and applied here. Resuming after a crash folds the same records over `initial(...)`; a step without a record
is still active and so is started again, with the same path and iteration and therefore the same idempotency key.

Limits of a frame count everything beneath it. They stop new steps: a result that is there is never thrown away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import BudgetExceeded
from engine.execution.plan import Plan
from engine.execution.ports import StepRecord
from engine.execution.records import fits
from engine.execution.state import Active, Ending, Frame, State, chain, merged

Json = Any
Plans = Mapping[str, Plan]  # by hash
MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Start:
    """Run this step (not before `active.not_before`)."""

    active: Active


@dataclass(frozen=True, slots=True)
class Close:
    """The frame beneath this step has ended; settle the step with its ending."""

    active: Active
    ending: Ending


@dataclass(frozen=True, slots=True)
class Interrupt:
    """This frame may not start another step; end it with the error."""

    frame: str
    error: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over."""

    ending: Ending


Command = Start | Close | Interrupt | Finish


def initial(plan: Plan, run_input: Mapping[str, Json], constants: Mapping[str, Json]) -> State:
    """A run that has not begun; its context is its input."""
    frame = Frame("", plan, dict(run_input), run_input, timeout_s=plan.defaults.timeout_s)
    return _enter(State(constants, {"": frame}, {}, {}), "", [plan.start])


def fold(state: State, records: Iterable[StepRecord], plans: Plans) -> State:
    """The state after these records, in the order of their seq."""
    for record in sorted(records, key=lambda r: r.seq):
        state = apply(state, record, plans)
    return state


def apply(state: State, record: StepRecord, plans: Plans) -> State:
    """The state after one record. Raises KeyError for a record that does not belong to the state."""
    active = state.active[(record.path, record.iteration)]
    outcome = record.outcome
    then = outcome["then"]
    state = _charge(state, active, record)
    match then["do"]:
        case "retry":
            tries = {**active.tries, then["by"]: active.tries.get(then["by"], 0) + 1}
            state = _drop_frame(state, active.path, rewind=True) if active.open else state
            again = active._replace(
                attempt=active.attempt + 1, tries=tries, not_before=then["at"], open=False, started_at=None
            )
            return state._replace(active={**state.active, active.key: again})
        case "open":
            return _open(state, active, record, plans)
        case "go":
            return _go(state, active, outcome)
        case "end":
            return _end(state, active, outcome)
        case "respond":
            reply = then["reply"]
            state = _leave(state, active, {"reply": reply})
            return end_frame(state, active.frame, Ending(_reply_output(state, active.frame, reply), reply))
        case "fail":
            return end_frame(_leave(state, active, None), active.frame, Ending(error=outcome["error"]))
    raise KeyError(then["do"])


def commands(state: State) -> tuple[Command, ...]:
    """What is to be done now. Empty never: a run that is not over has an active step."""
    root = state.frames[""]
    if root.ending is not None:
        return (Finish(root.ending),)
    out: list[Command] = []
    for active in state.active.values():
        if active.open:
            ending = state.frames[active.path].ending
            if ending is not None:
                out.append(Close(active, ending))
            continue
        over = _exhausted(state, active.frame)
        out.append(Start(active) if over is None else over)
    return tuple(out)


def end_frame(state: State, path: str, ending: Ending) -> State:
    """End a frame from outside (limits, timeout) or inside: its active steps and the frames beneath are dropped."""
    inside = path + "/" if path else ""
    active = {k: a for k, a in state.active.items() if a.frame != path and not (a.frame + "/").startswith(inside)}
    frames = {p: f for p, f in state.frames.items() if p == path or not p.startswith(inside)}
    frames[path] = frames[path]._replace(ending=ending)
    return state._replace(active=active, frames=frames)


def _charge(state: State, active: Active, record: StepRecord) -> State:
    """Count the record towards every frame it lies in. A step with a frame beneath was counted there already."""
    steps = 0 if record.status == "opened" else 1
    used = 0 if active.open else record.duration_ms
    cost = record.cost_usd_micros
    frames = dict(state.frames)
    for path in chain(active.frame):
        frame = frames[path]
        frames[path] = frame._replace(
            steps=frame.steps + steps,
            used_ms=frame.used_ms + used,
            cost_usd_micros=frame.cost_usd_micros + cost,
        )
    return state._replace(
        frames=frames,
        seq=record.seq + 1,
        tokens_in=state.tokens_in + record.tokens_in,
        tokens_out=state.tokens_out + record.tokens_out,
    )


def _enter(state: State, path: str, nodes: Iterable[str]) -> State:
    """Put a token on each of these nodes of a frame."""
    active, visits = dict(state.active), dict(state.visits)
    frame = state.frames[path]
    for node in nodes:
        step_path = f"{path}/{node}" if path else node
        iteration = visits.get(step_path, 0)
        visits[step_path] = iteration + 1
        active[(step_path, iteration)] = Active(step_path, iteration, path, node)
    frame = frame._replace(visited=frame.visited.union(nodes))
    return state._replace(active=active, visits=visits, frames={**state.frames, path: frame})


def _leave(state: State, active: Active, outcome: Mapping[str, Json] | None) -> State:
    """Take the token away, with the frame beneath it, and merge the step's result when there is one."""
    if active.open:
        state = _drop_frame(state, active.path, rewind=False)
    remaining = {key: other for key, other in state.active.items() if key != active.key}
    if outcome is None:
        return state._replace(active=remaining)
    frame = state.frames[active.frame]
    frame = merged(frame, frame.plan.nodes[active.node], outcome)
    return state._replace(active=remaining, frames={**state.frames, active.frame: frame})


def _go(state: State, active: Active, outcome: Mapping[str, Json]) -> State:
    error = outcome.get("error")
    state = _leave(state, active, outcome if error is None or "output" in outcome else None)
    if error is not None:
        frame = state.frames[active.frame]
        told = {"type": error.get("type"), "message": error.get("message"), "node": active.node}
        frame = frame._replace(context={**frame.context, "error": told})
        state = state._replace(frames={**state.frames, active.frame: frame})
    return _enter(state, active.frame, outcome["then"]["to"])


def _end(state: State, active: Active, outcome: Mapping[str, Json]) -> State:
    state = _leave(state, active, outcome)
    frame = state.frames[active.frame]
    if any(other.frame == active.frame for other in state.active.values()):
        return state  # another branch still runs; the last one to arrive ends the frame
    own = frame.plan.nodes[active.node].behaviour.final and "output" in outcome
    reply = frame.context.get("reply_text") if "reply_text" in frame.produced else None
    if own and isinstance(outcome["output"], dict) and isinstance(outcome["output"].get("reply"), str):
        reply = outcome["output"]["reply"]
    output = outcome["output"] if own else default_output(frame)
    return end_frame(state, active.frame, Ending(output, reply if isinstance(reply, str) else None))


def default_output(frame: Frame) -> dict[str, Json]:
    """What a workflow without an output map answers: everything its own steps put into context.

    For a run that is `reply` and the other values; for a called workflow the values under their own names, so that the
    caller's context gets them as if the steps had been its own. Lists and mappings are left out when all of it is more
    than may be stored; an output map says which of them are wanted.
    """
    values = {key: frame.context[key] for key in frame.produced if key in frame.context}
    if not fits(values):
        values = {key: value for key, value in values.items() if not isinstance(value, dict | list)}
    if frame.caller is not None:
        return values
    reply = values.pop("reply_text", None)
    return {"reply": reply, **values}


def _reply_output(state: State, path: str, reply: str) -> dict[str, Json]:
    return {"reply_text": reply} if state.frames[path].caller is not None else {"reply": reply}


def _open(state: State, active: Active, record: StepRecord, plans: Plans) -> State:
    """Begin the called workflow in a frame of its own."""
    then = record.outcome["then"]
    caller = state.frames[active.frame]
    given = then["input"]
    inputs: Mapping[str, Json] = caller.context if given is None else given
    frame = Frame(
        path=active.path,
        plan=plans[then["hash"]],
        context=inputs,
        inputs=inputs,
        caller=active.key,
        timeout_s=then["timeout_s"],
        visits_before=state.visits,
    )
    waiting = active._replace(open=True, not_before=None, started_at=record.started_at)
    state = state._replace(active={**state.active, active.key: waiting}, frames={**state.frames, active.path: frame})
    return _enter(state, active.path, [frame.plan.start])


def _drop_frame(state: State, path: str, *, rewind: bool) -> State:
    """Forget a frame. `rewind` sets its visits back, so that a retry repeats the same iterations and keys."""
    frame = state.frames[path]
    inside = path + "/"
    state = end_frame(state, path, Ending())
    frames = {p: f for p, f in state.frames.items() if p != path}
    visits = state.visits
    if rewind:
        visits = {p: n for p, n in visits.items() if not p.startswith(inside)}
        visits |= {p: n for p, n in frame.visits_before.items() if p.startswith(inside)}
    return state._replace(frames=frames, visits=visits)


def _exhausted(state: State, path: str) -> Interrupt | None:
    """The outermost frame around a step that has used up its steps or its money, if there is one."""
    for frame_path in reversed(chain(path)):
        frame = state.frames[frame_path]
        limits = frame.plan.defaults
        if frame.steps >= limits.max_steps:
            message = f"{frame.plan.name} has taken {frame.steps} steps, which is its limit (max_steps)"
            return Interrupt(frame_path, BudgetExceeded(message, limit="max_steps").to_dict())
        if limits.max_cost_usd is not None and frame.cost_usd_micros > limits.max_cost_usd * 1e6:
            spent = frame.cost_usd_micros / 1e6
            message = f"{frame.plan.name} has cost ${spent:.4f}, its limit is ${limits.max_cost_usd:g} (max_cost_usd)"
            return Interrupt(frame_path, BudgetExceeded(message, limit="max_cost_usd").to_dict())
    return None
