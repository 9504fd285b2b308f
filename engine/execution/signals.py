"""Which signal, or whether the time, ends a step's wait. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import InputError
from engine.execution.ports import Signal
from engine.execution.questions import faults
from engine.execution.state import Active, State, Wait
from engine.language.operators import Mismatch, equal

Json = Any


def resumption(state: State, active: Active, signals: Sequence[Signal], now: float) -> dict[str, Json] | None:
    """The `then` of the record that ends this wait, or None while it lasts.

    The first signal of that name which fits and which no other step has taken comes before the time: a signal that was
    there in time counts, however late the run is looked at. One that does not fit is not used up: a branch beside this
    one may wait for it.
    """
    wait = active.wait
    assert wait is not None
    if wait.questions:
        return _answered(wait, signals, now)
    if wait.signal is not None:
        for signal in signals:
            if signal.name == wait.signal and signal.id not in state.taken and fits(signal.data, wait.match):
                data = dict(signal.data)
                return {
                    "do": "resume",
                    "id": signal.id,
                    "signal": signal.name,
                    "data": data,
                    "at": now,
                    "until": wait.until,
                }
    if wait.until is not None and wait.until <= now:
        return {"do": "resume", "id": None, "signal": None, "data": {}, "at": now, "until": wait.until}
    return None


def answered(state: State, signals: Sequence[Signal]) -> list[str]:
    """Hashes of the questions that have been answered, of steps that wait for more answers."""
    waits = [active.wait for active in state.active.values() if active.wait is not None and active.wait.questions]
    return [hash for wait in waits for hash in _answers_to(wait, signals)]


def _answered(wait: Wait, signals: Sequence[Signal], now: float) -> dict[str, Json] | None:
    """Over when each question has its answer, or at the end of the time with those that came."""
    came = _answers_to(wait, signals)
    answers = {hash: dict(signal.data) for hash, signal in came.items()}
    over: dict[str, Json] = {"do": "resume", "data": {"answers": answers}, "at": now, "until": wait.until}
    if len(came) == len(wait.questions):
        last = list(came.values())[-1]
        return {**over, "id": last.id, "signal": last.name}
    return {**over, "id": None, "signal": None} if wait.until is not None and wait.until <= now else None


def _answers_to(wait: Wait, signals: Sequence[Signal]) -> dict[str, Signal]:
    """By the question's hash, in the order in which they came; the first one to each counts."""
    came: dict[str, Signal] = {}
    for signal in signals:
        found = next((q for q in wait.questions if signal.name == wait.signal and _answers(q, signal.data)), None)
        if found is not None:
            came.setdefault(found["hash"], signal)
    return came


def _answers(question: Mapping[str, Json], data: Mapping[str, Json]) -> bool:
    try:
        return not faults(question, data)
    except InputError:  # nested too deeply for its form
        return False


def fits(data: Mapping[str, Json], match: Mapping[str, Json]) -> bool:
    """Has the data each of these values?"""
    try:
        return all(key in data and equal(data[key], value) for key, value in match.items())
    except Mismatch:  # nested too deeply: nobody waits for that
        return False
