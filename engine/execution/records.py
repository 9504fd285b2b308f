"""What a journal record's `outcome` holds: the step's result, and what the run decided to do next.

    {"output"?, "reply"?, "context"?, "remove"?, "error"?, "unasked"?, "then": {"do": ..., ...}}

`unasked` lists the steps, as [path, iteration], that waited for something and were dropped by this.

    then.do   go       {"to": [node, ...], "edge"?: index, "by"?: who decided after a failure}
              end      the workflow of this frame is over; `output` is its result, or the default one when absent
              retry    {"at": unix time, "by": whose retry it was}
              open     {"workflow", "hash", "timeout_s", "input": map | null}: a frame for another workflow
              loop     {"items": list | null}: frames for the items of a loop, or one after the other without a list
              item     {"index", "value", "stop": bool}: one item of the loop is done, `value` is kept of it
              request  {}: the step is about to touch the outside world with the record's input
              effect   {}: one effect within the step is done; `effect` names it, `result` is what it gave
              edit     {"context": map, "renew"?: bool}: a person lets the run go on, with changed data; with `renew`
                         it may take all its time, steps and money once more
              suspend  {"until": unix time | null, "signal": name | null, "match"?: what the signal's data must have,
                         "question"?: number}; `suspend` is {"reason", "data"} for people, `keep` what the step itself
                         goes on with. With `question` its data is a question, and the wait lasts until all that the
                         step asks are answered: there is a record for each, numbered from 1, the first has `keep`
              resume   {"id", "signal", "data", "at", "until"}: the wait is over; without a signal, by time. Of
                         questions, `data` is {"answers": {hash: answer}}, and `id` that of the last one
              respond  {"reply": text}: the workflow of this frame is over and answers with this text
              fail     the frame fails with `error`

Because decisions are written down, folding the records never evaluates a condition again: a resumed run takes the same
way even where an expression asked for the time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from engine.errors import InputError, OutputTooLarge, StepError
from engine.execution.node import Ask, Done, Suspend

Json = Any
Outcome = dict[str, Json]
MAX_OUTPUT_BYTES = 1_000_000
FAR_TOO_LARGE = 4 * MAX_OUTPUT_BYTES  # by estimate, which is at most thrice the size
MAX_INPUT_BYTES = 64_000
MAX_WHOLE_INPUT_BYTES = 16_000_000  # what a step may be given at all; a filled template is at most 2 million characters
_MAX_DEPTH = 64


def outcome_of(done: Done) -> Outcome:
    """The step's result as JSON, without `then`. Raises OutputTooLarge, or StepError for what is not JSON."""
    outcome: Outcome = {}
    if done.output is not None:
        outcome["output"] = clean(done.output)
    if done.reply is not None:
        outcome["reply"] = clean(done.reply)
    if done.context:
        outcome["context"] = clean(dict(done.context))
    if done.remove:
        outcome["remove"] = list(done.remove)
    return outcome


def suspensions(wait: Suspend | Ask) -> list[Outcome]:
    """What is written down of the beginning of a wait: a record for each question, or one. Raises as `clean` does."""
    kept = {} if wait.keep is None else {"keep": clean(wait.keep)}
    if isinstance(wait, Suspend):
        shown = {"reason": wait.reason, "data": clean(dict(wait.data))}
        match = {"match": clean(dict(wait.match))} if wait.match else {}
        then = {"do": "suspend", "until": wait.wake_at, "signal": wait.signal, **match}
        return [{"suspend": shown, **kept, "then": then}]
    begun: list[Outcome] = []
    for number, question in enumerate(wait.questions, start=1):
        shown = {"reason": question["mode"], "data": clean(dict(question))}
        then = {"do": "suspend", "until": wait.until, "signal": wait.signal, "question": number}
        begun.append({"suspend": shown, **(kept if number == 1 else {}), "then": then})
    return begun


def wait_told(outcome: Mapping[str, Json]) -> dict[str, Json]:
    """What the live view is told of the beginning of a wait."""
    then = outcome["then"]
    number = {"question": then["question"]} if "question" in then else {}
    return {**outcome["suspend"], "until": then["until"], "signal": then["signal"], **number}


def clean(value: Json) -> Json:
    """`value` if it is plain JSON that the journal can hold, else an equal one: tuples become lists, keys texts, what
    PostgreSQL cannot hold (NUL, lone surrogates, NaN) is replaced. Raises OutputTooLarge over 1 MB, StepError."""
    size, plain = _measure(value, 0, FAR_TOO_LARGE)
    if size > FAR_TOO_LARGE:  # not even written out: a list may hold the same large text a thousand times
        raise OutputTooLarge("the step produced far more than the 1 MB that may be stored", bytes=size)
    if not plain:
        value = _rebuild(value, 0)
    if size > MAX_OUTPUT_BYTES // 4:  # the estimate is rough: measure what may be near the limit
        size = len(json.dumps(value, ensure_ascii=False).encode())
    if size > MAX_OUTPUT_BYTES:
        raise OutputTooLarge(f"the step produced {size / 1e6:.1f} MB; at most 1 MB may be stored", bytes=size)
    return value


def fits(value: Json) -> bool:
    """May this plain JSON be stored as one value?"""
    size = estimate(value)
    if size > MAX_OUTPUT_BYTES // 4:
        return size <= FAR_TOO_LARGE and len(json.dumps(value, ensure_ascii=False).encode()) <= MAX_OUTPUT_BYTES
    return True


def estimate(value: Json) -> int:
    """Roughly how many bytes of JSON a value is, counted up to FAR_TOO_LARGE."""
    return _measure(value, 0, FAR_TOO_LARGE)[0]


def shown_input(value: Json) -> Json:
    """A step's input as the journal keeps it: cut when it is large, so that prompts do not fill the database.

    Raises InputError for more than any step may be given.
    """
    size, plain = _measure(value, 0, MAX_WHOLE_INPUT_BYTES)
    if size > MAX_WHOLE_INPUT_BYTES:
        raise InputError(f"the step is given more than {MAX_WHOLE_INPUT_BYTES // 1_000_000} MB")
    if not plain:
        value = _rebuild(value, 0)
    if size <= MAX_INPUT_BYTES:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return {"shortened": True, "characters": len(text), "start": text[: MAX_INPUT_BYTES // 4]}


def _measure(value: Json, depth: int, most: int) -> tuple[int, bool]:
    """A quick estimate of the JSON size, and whether the value is plain JSON as it stands.

    Of what is larger than `most` the rest is not looked at.
    """
    kind = type(value)
    if kind is str:
        return len(value) + 2, _is_storable(value)
    if value is None or kind is bool or kind is int:
        return 4, True
    if kind is float:
        return 8, math.isfinite(value)
    if depth >= _MAX_DEPTH:
        raise StepError("the step's output is nested too deeply")
    size, plain = 2, True
    if kind is dict:
        for key, item in value.items():
            inner, fine = _measure(item, depth + 1, most)
            size += inner + 4 + len(str(key))
            plain = plain and fine and type(key) is str and _is_storable(key)
            if size > most:
                break
        return size, plain
    if kind is list:
        for item in value:
            inner, fine = _measure(item, depth + 1, most)
            size += inner + 2
            plain = plain and fine
            if size > most:
                break
        return size, plain
    return 0, False


def _is_storable(text: str) -> bool:
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _rebuild(value: Json, depth: int) -> Json:
    if depth > _MAX_DEPTH:
        raise StepError("the step's output is nested too deeply")
    if isinstance(value, str):
        text = str(value).replace("\0", "")
        return text if _is_storable(text) else text.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_rebuild(str(key), depth): _rebuild(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_rebuild(item, depth + 1) for item in value]
    raise StepError(f"the step produced a {type(value).__name__}, which is not JSON")
