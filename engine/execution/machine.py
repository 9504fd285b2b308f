"""The run as a pure machine: how a journal record changes a state, and what is to be done then.

    apply(state, record, plans) -> State        the state after one record
    commands(state) -> (Command, ...)           what is to be done now, from the state alone

Both are deterministic: no clock, no randomness, no I/O, and the state that they are given stays as it is. A step's end
is decided once (settle.py), written down as a StepRecord, and applied here. Resuming after a crash folds the same
records over `initial(...)`; a step without a record is still active and so is started again, with the same path and
iteration and therefore the same idempotency key.

Limits of a frame count everything beneath it. They stop new steps: a result that is there is never thrown away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import BudgetExceeded, GraphError
from engine.execution import joins, loops
from engine.execution.context import WHOLE, RunPart
from engine.execution.plan import Plan
from engine.execution.ports import StepRecord
from engine.execution.records import fits
from engine.execution.state import NOTHING_SPENT, Active, Ending, Frame, Spent, State, Wait, chain, with_error
from engine.execution.tokens import begin, drop_frames, end_frame, enter, frames_beneath, is_alone, leave, move

Json = Any
Plans = Mapping[str, Plan]  # by hash
MAX_DEPTH = 8


@dataclass(slots=True)
class Start:
    """Run this step (not before `active.not_before`)."""

    active: Active


@dataclass(slots=True)
class Await:
    """Nothing: this step is suspended until `active.wait` is over."""

    active: Active


@dataclass(slots=True)
class Close:
    """A frame beneath this step has ended. `index` is the item's of a loop; else the step is to be settled with it."""

    active: Active
    ending: Ending
    index: int | None = None


@dataclass(slots=True)
class EndLoop:
    """All items of this loop are done; settle it."""

    active: Active


@dataclass(slots=True)
class Interrupt:
    """This frame may not start another step; end it with the error."""

    frame: str
    error: Mapping[str, Json]


@dataclass(slots=True)
class Finish:
    """The run is over."""

    ending: Ending


Command = Start | Await | Close | EndLoop | Interrupt | Finish


def initial(plan: Plan, run_input: Mapping[str, Json], constants: Mapping[str, Json], part: RunPart = WHOLE) -> State:
    """A run that has not begun; its context is its input. Raises GraphError for a part that is not in the workflow."""
    entry = part.entry or plan.start
    if entry not in plan.nodes:
        raise GraphError(f"there is no node {entry!r} to begin with", node=entry)
    context = {**run_input, **part.context}
    only = entry if part.only else None
    outputs = {name: {"output": output} for name, output in part.outputs.items()}
    frame = Frame("", plan, context, run_input, timeout_s=plan.defaults.timeout_s, outputs=outputs, only=only)
    state = State(constants, {}, {}, {}, {})
    begin(state, frame, entry)
    return state


def fold(state: State, records: Iterable[StepRecord], plans: Plans) -> State:
    """The state after these records, in the order of their seq."""
    after = state.copy()
    for record in sorted(records, key=lambda r: r.seq):
        _change(after, record, plans)
    return after


def apply(state: State, record: StepRecord, plans: Plans) -> State:
    """The state after one record. Raises KeyError for a record that does not belong to the state."""
    after = state.copy()
    _change(after, record, plans)
    return after


def interrupted(state: State, path: str, ending: Ending) -> State:
    """The state after the end of a frame that no record asks for: its limits, its time, or its input."""
    after = state.copy()
    end_frame(after, path, ending)
    return after


def commands(state: State) -> tuple[Command, ...]:
    """What is to be done now. Empty never: a run that is not over has an active step."""
    root = state.frames[""]
    if root.ending is not None:
        return (Finish(root.ending),)
    out: list[Command] = []
    for active in state.active.values():
        if active.open:
            out += _closings(state, active)
        elif active.wait is not None:
            out.append(Await(active))
        elif active.arrived is None or joins.ready(state, active):
            over = _exhausted(state, active.frame)
            out.append(Start(active) if over is None else over)
    return tuple(out)


def _closings(state: State, active: Active) -> list[Command]:
    """What has ended beneath a step with open frames."""
    if loops.is_over(state, active):
        return [EndLoop(active)]
    indexes: Iterable[int | None] = (None,) if active.loop is None else active.loop.running
    found: list[Command] = []
    for path, index in zip(frames_beneath(active), indexes, strict=True):
        ending = state.frames[path].ending
        if ending is not None:
            found.append(Close(active, ending, index))
    return found


# Statuses of records that are the end of an attempt; all others are steps on its way.
_ENDS = frozenset({"succeeded", "failed"})


def _change(state: State, record: StepRecord, plans: Plans) -> None:
    """Make the state, which nobody else has, the one after this record."""
    do = record.outcome["then"]["do"]
    if do == "edit":
        _edit(state, record)
    else:
        active = state.active[(record.path, record.iteration)]
        _charge(state, active, record)
        _CHANGES[do](state, active, record, plans)
    state.seq = record.seq + 1


def _charge(state: State, active: Active, record: StepRecord) -> None:
    """Count the record towards every frame it lies in. A step with a frame beneath was counted there already."""
    step = 1 if record.status in _ENDS else 0
    took_time = record.duration_ms and not active.open
    ended_at = record.ended_at if took_time else 0.0
    usage, spent = record.usage, state.spent
    for path in chain(active.frame):
        steps, used_ms, busy_until, cost = spent[path]
        if ended_at > busy_until:  # what ran beside other steps counts once
            used_ms += round((ended_at - max(record.started_at, busy_until)) * 1000)
            busy_until = ended_at
        spent[path] = Spent(steps + step, used_ms, busy_until, cost + usage.cost_usd_micros)
    state.tokens_in += usage.tokens_in
    state.tokens_out += usage.tokens_out


def _keep(state: State, active: Active, record: StepRecord, plans: Plans) -> None:
    """A request is written down for others; the state is not changed by it."""


def _effect(state: State, active: Active, record: StepRecord, plans: Plans) -> None:  # noqa: ARG001
    outcome = record.outcome
    state.active[active.key] = active._replace(effects={**active.effects, outcome["effect"]: outcome["result"]})


def _edit(state: State, record: StepRecord) -> None:
    """A person lets the run go on, with changed data: where the step was that the record names, which may be over, as
    may be the frame it was in. With `renew` every frame has all the time, steps and money that it may take."""
    then, frames = record.outcome["then"], state.frames
    frame = next(frames[path] for path in chain(record.path)[1:] if path in frames)
    frames[frame.path] = frame._replace(context={**frame.context, **then["context"]})
    if then.get("renew"):
        state.spent = {path: NOTHING_SPENT._replace(busy_until=spent.busy_until) for path, spent in state.spent.items()}


def _suspend(state: State, active: Active, record: StepRecord, plans: Plans) -> None:  # noqa: ARG001
    then, kept = record.outcome["then"], record.outcome.get("keep")
    number = then.get("question")
    asked = () if number is None else (record.outcome["suspend"]["data"],)
    if active.wait is not None:  # one more question of the same wait
        more = active.wait._replace(questions=active.wait.questions + asked)
        state.active[active.key] = active._replace(wait=more)
        return
    wait = Wait(then["until"], then["signal"], then.get("match") or {}, asked)
    state.active[active.key] = active._replace(wait=wait, resumed=None, kept=kept, not_before=None)


def _resume(state: State, active: Active, record: StepRecord, plans: Plans) -> None:  # noqa: ARG001
    then = record.outcome["then"]
    if then["id"] is not None:
        state.taken |= {then["id"]}
    state.active[active.key] = active._replace(wait=None, resumed=then)


def _loop(state: State, active: Active, record: StepRecord, plans: Plans) -> None:  # noqa: ARG001
    loops.open_loop(state, active, record.outcome["then"], record.started_at)


def _item(state: State, active: Active, record: StepRecord, plans: Plans) -> None:  # noqa: ARG001
    loops.settle_item(state, active, record.outcome["then"])


def _respond(state: State, active: Active, record: StepRecord, plans: Plans) -> None:  # noqa: ARG001
    reply = record.outcome["then"]["reply"]
    leave(state, active, {"reply": reply})
    output = {"reply_text" if state.frames[active.frame].caller is not None else "reply": reply}
    end_frame(state, active.frame, Ending(output, reply))


def _fail(state: State, active: Active, record: StepRecord, plans: Plans) -> None:  # noqa: ARG001
    leave(state, active, None)
    end_frame(state, active.frame, Ending(error=record.outcome["error"]))


def _retry(state: State, active: Active, record: StepRecord, plans: Plans) -> None:  # noqa: ARG001
    """Let the step be tried once more; what is beneath it begins anew, effects that were done stay done.

    A wait that time has ended begins anew, too, unless the step has put something aside to go on with.
    """
    then = record.outcome["then"]
    resumed = active.resumed
    if resumed is not None and resumed["signal"] is None and active.kept is None:
        resumed = None
    tries = {**active.tries, then["by"]: active.tries.get(then["by"], 0) + 1}
    if active.open:
        drop_frames(state, active, rewind=True)
    state.active[active.key] = active._replace(
        attempt=active.attempt + 1,
        tries=tries,
        not_before=then["at"],
        open=False,
        loop=None,
        started_at=None,
        resumed=resumed,
    )


def _go(state: State, active: Active, record: StepRecord, plans: Plans) -> None:  # noqa: ARG001
    outcome = record.outcome
    error = outcome.get("error")
    if active.arrived is not None:
        joins.pass_on(state, active)
    border = state.frames[active.frame].border
    targets = outcome["then"]["to"]
    if border is not None:
        targets = [target for target in targets if target != border]
    if error is None and targets:
        move(state, active, outcome, targets)
        return
    leave(state, active, outcome if error is None or "output" in outcome else None)
    if error is not None:
        state.frames[active.frame] = with_error(state.frames[active.frame], active.node, error)
    if targets:
        enter(state, active.frame, targets, active.node)
    else:
        _item_end(state, active, outcome)


def _end(state: State, active: Active, record: StepRecord, plans: Plans) -> None:  # noqa: ARG001
    outcome = record.outcome
    if active.arrived is not None:
        joins.pass_on(state, active)
    leave(state, active, outcome)
    if not is_alone(state, active.frame):
        return  # another branch still runs; the last one to arrive ends the frame
    frame = state.frames[active.frame]
    if frame.border is not None:
        _item_end(state, active, outcome)
        return
    own = frame.plan.nodes[active.node].behaviour.final and "output" in outcome
    reply = frame.context.get("reply_text") if "reply_text" in frame.produced else None
    if own and isinstance(outcome["output"], dict) and isinstance(outcome["output"].get("reply"), str):
        reply = outcome["output"]["reply"]
    output = outcome["output"] if own else default_output(frame)
    end_frame(state, active.frame, Ending(output, reply if isinstance(reply, str) else None))


def _item_end(state: State, active: Active, outcome: Mapping[str, Json]) -> None:
    """A token of a loop's body has come to its end; the last one ends the item, with its output as the item's."""
    if not is_alone(state, active.frame):
        return
    output = outcome.get("output")
    if output is None:
        output = outcome.get("reply", default_output(state.frames[active.frame]))
    end_frame(state, active.frame, Ending(output))


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


def _open(state: State, active: Active, record: StepRecord, plans: Plans) -> None:
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
        visits_before=state.visits.copy(),
    )
    state.active[active.key] = active._replace(open=True, not_before=None, started_at=record.started_at)
    begin(state, frame, frame.plan.start)


def _exhausted(state: State, path: str) -> Interrupt | None:
    """The outermost frame around a step that has used up its steps or its money, if there is one."""
    for frame_path in reversed(chain(path)):
        plan, spent = state.frames[frame_path].plan, state.spent[frame_path]
        limits = plan.defaults
        if spent.steps >= limits.max_steps:
            message = f"{plan.name} has taken {spent.steps} steps, which is its limit (max_steps)"
            return Interrupt(frame_path, BudgetExceeded(message, limit="max_steps").to_dict())
        if limits.max_cost_usd is not None and spent.cost_usd_micros > limits.max_cost_usd * 1e6:
            cost = spent.cost_usd_micros / 1e6
            message = f"{plan.name} has cost ${cost:.4f}, its limit is ${limits.max_cost_usd:g} (max_cost_usd)"
            return Interrupt(frame_path, BudgetExceeded(message, limit="max_cost_usd").to_dict())
    return None


# What each decision (records.py) does to the state.
_CHANGES = {
    "request": _keep,
    "effect": _effect,
    "suspend": _suspend,
    "resume": _resume,
    "retry": _retry,
    "open": _open,
    "loop": _loop,
    "item": _item,
    "go": _go,
    "end": _end,
    "respond": _respond,
    "fail": _fail,
}
