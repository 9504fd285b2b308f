"""Questions of suspended runs as the studio shows them, and the answer that its form sends."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from engine.errors import InputError
from engine.execution.questions import DECISIONS
from engine.execution.schema_check import problems
from engine.language.forms import FormError, FormField, form_fields, label, read_form
from engine.store.access import approvals, identity, runs
from engine.store.access.approvals import OpenQuestion, may_answer
from engine.store.session import Database, Scope, Tx
from engine.store.tables.runs import RunSignal, RunWait
from runners.client import RunClient
from studio.auth.permissions import role_allows
from studio.services import words
from studio.services.approvals import Key, answer
from studio.services.reading import shown_json, unhidden
from studio.services.runs import run_id_of, short_id

Json = Any
SHOWN = 200  # lines of the list
COMMENT = 4000  # characters
LINE = 80  # characters; a longer value gets lines of its own
SOON = timedelta(hours=1)
WHOLE = "values"  # the one field of a form that is too deep to be laid out
PERMISSION = "approvals:answer"


@dataclass(frozen=True, slots=True)
class QuestionLine:
    """A question in the list. `mine`: the person may answer it; `soon`: little time is left."""

    key: str
    mode: str
    message: str
    workflow: str
    step: str
    asked: str
    asked_at: str
    left: str
    soon: bool
    until: str
    whom: str
    mine: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """A value that the answer is about; `long` has lines of its own."""

    name: str
    value: str
    long: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form. `chosen` are the options that are ticked at first, `given` is the text at first."""

    name: str
    kind: str
    title: str
    hint: str
    required: bool
    options: list[str]
    given: str
    chosen: list[str]


@dataclass(frozen=True, slots=True)
class Question:
    """One question with everything that its answer is about. `outcome`: why nobody is asked any more.

    `tool` is the one that an agent wants to call, `about` what the tool does.
    """

    key: str = ""
    hash: str = ""
    fingerprint: str = ""
    mode: str = ""
    message: str = ""
    tool: str = ""
    about: str = ""
    run_id: str = ""
    short_id: str = ""
    workflow: str = ""
    step: str = ""
    asked: str = ""
    asked_at: str = ""
    left: str = ""
    until: str = ""
    whom: str = ""
    refused: str = ""
    outcome: str = ""
    details: list[Detail] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person has before them when they answer: which question, and the hash of all that it is about."""

    key: str
    hash: str


async def waiting(db: Database, scope: Scope, run_id: str = "") -> list[QuestionLine]:
    """What is asked in the tenant, or by one run: first what this person may answer, and of it the oldest.

    Raises NotFound for what is no run's id.
    """
    async with db.transaction(scope) as tx:
        found = await approvals.lines(tx, run_id_of(run_id) if run_id else None)
        email = await _email(tx)
    now = datetime.now(UTC)
    lines = [_line(one, scope, email, now) for one in found]
    return sorted(lines, key=lambda line: not line.mine)[:SHOWN]


async def count(db: Database, scope: Scope) -> int:
    """How many questions wait for this person."""
    if not role_allows(scope.role, PERMISSION):
        return 0
    async with db.transaction(scope) as tx:
        return await approvals.count_for(tx, await _email(tx))


async def load(db: Database, scope: Scope, key: str) -> Question:
    """One question, also one that is no longer asked. Raises NotFound."""
    async with db.transaction(scope) as tx:
        wait = await approvals.get(tx, *key_of(key))
        row = await runs.get_run(tx, wait.run_id)
        given = await approvals.answered(tx, wait)
        email = await _email(tx)
    now, asked = datetime.now(UTC), wait.data
    tool = asked.get("tool") or {}
    return Question(
        key=key,
        hash=asked["hash"],
        fingerprint=asked["hash"][:12],
        mode=asked["mode"],
        message=asked["message"],
        tool=tool.get("name", ""),
        about=tool.get("description", ""),
        run_id=str(wait.run_id),
        short_id=short_id(wait.run_id),
        workflow=row.workflow_name,
        step=_step(wait.path, wait.iteration),
        asked=words.ago(wait.created_at, now),
        asked_at=words.exact(wait.created_at),
        left=words.ahead(wait.until, now) if wait.until else "",
        until=words.exact(wait.until),
        whom=_whom(asked["assignees"]),
        refused=_refusal(scope, asked["assignees"], email),
        outcome=_outcome(wait, given, now),
        details=[_detail(name, asked["details"][name]) for name in asked["order"]["details"]],
        choices=list(asked["choices"]),
        fields=[_field(one) for one in _fields(asked)],
    )


async def give(
    db: Database, client: RunClient, scope: Scope, seen: Seen, posted: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Answer a question with what its form sent; returns what is wrong, by field, and then nothing was answered.

    `posted` has `decision`, `comment`, and the fields under `f:<name>`.
    Raises what `approvals.answer` raises.
    """
    async with db.transaction(scope) as tx:
        asked = (await approvals.get(tx, *key_of(seen.key))).data
    only = DECISIONS.get(asked["mode"], [])
    decision = only[0] if len(only) == 1 else _text(posted, "decision")
    comment = _text(posted, "comment").strip()
    if len(comment) > COMMENT:
        return {"comment": f"At most {COMMENT:,} characters."}
    if not decision:
        return {"decision": "Approve or reject." if asked["mode"] == "approval" else "Please choose one of these."}
    values: dict[str, Json] = {}
    if decision != "reject" and asked["form"] is not None:
        values, wrong = _values(asked, {name[2:]: texts for name, texts in posted.items() if name[:2] == "f:"})
        if wrong:
            return wrong
    given = {"hash": seen.hash, "decision": decision, "values": values, "comment": comment or None}
    await answer(db, client, scope, key_of(seen.key), given)
    return {}


def goes_on(lines: Sequence[QuestionLine], key: str, answered: Question) -> str:
    """What comes of the answer that was given to the question with this key, `answered` if it is still looked at; with
    what is open now."""
    run_id = key.rpartition(".")[0]
    same = (one for one in lines if one.key.rpartition(".")[0] == run_id and one.step == answered.step)
    others = sum(one.key != key for one in same) if answered.key == key else 0
    if not others:
        return "The run goes on."
    left = "one more question" if others == 1 else f"{others} more questions"
    return f"The run goes on after {left} of this step."


def key_of(text: str) -> Key:
    """The question that an address or the page names; raises NotFound for what names none."""
    run_id, _, seq = text.rpartition(".")
    return run_id_of(run_id), int(seq) if seq.isdecimal() and len(seq) < 10 else -1


def key_text(run_id: UUID, seq: int) -> str:
    """A question's name in addresses."""
    return f"{run_id}.{seq}"


async def _email(tx: Tx) -> str | None:
    return None if tx.scope.user_id is None else await identity.email_of(tx, tx.scope.user_id)


def _line(one: OpenQuestion, scope: Scope, email: str | None, now: datetime) -> QuestionLine:
    return QuestionLine(
        key=key_text(one.run_id, one.seq),
        mode=one.mode,
        message=" ".join(one.message.split()),
        workflow=one.workflow_name,
        step=_step(one.path, one.iteration),
        asked=words.ago(one.asked_at, now),
        asked_at=words.exact(one.asked_at),
        left=words.ahead(one.until, now) if one.until else "",
        soon=one.until is not None and one.until - now < SOON,
        until=words.exact(one.until),
        whom=_whom(one.assignees),
        mine=not _refusal(scope, one.assignees, email),
    )


def _step(path: str, iteration: int) -> str:
    return f"{path} ({iteration + 1})" if iteration else path


def _whom(assignees: Sequence[str]) -> str:
    if not assignees:
        return "anybody who may answer"
    return ", ".join(f"every {one[5:]}" if one.startswith("role:") else one for one in assignees)


def _refusal(scope: Scope, assignees: Sequence[str], email: str | None) -> str:
    if not role_allows(scope.role, PERMISSION):
        return f"Your role ({scope.role}) reads questions and does not answer them. An admin can change your role."
    if not may_answer(assignees, scope.role, email):
        return f"This question is for {_whom(assignees)}."
    return ""


def _outcome(wait: RunWait, given: RunSignal | None, now: datetime) -> str:
    if given is not None:
        said = {"approve": "Approved", "reject": "Rejected", "submit": "Answered", "resolve": "Resolved"}
        decision = str(given.data.get("decision"))
        how = said.get(decision, f"Answered “{decision}”") if wait.reason != "choice" else f"Answered “{decision}”"
        return f"{how} by {given.data.get('by')}, {words.ago(given.created_at, now)}."
    if wait.closed_at is None:
        return ""
    if wait.closed_by == "time":
        return f"Nobody answered in time: it was asked until {words.exact(wait.until)}."
    return f"This is no longer asked: the run was {wait.closed_by}."


def _detail(name: str, value: Json) -> Detail:
    """All of the value, never cut: the answer is about all of it."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else label(value)
    if len(text) > LINE and isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, indent=2)
    return Detail(unhidden(name), unhidden(text) or words.NOTHING, "\n" in text or len(text) > LINE)


def _fields(asked: Mapping[str, Json]) -> list[FormField]:
    """The form's fields; a form that cannot be laid out is one field, for JSON."""
    form = asked["form"]
    if form is None:
        return []
    try:
        return form_fields(form, asked["order"]["form"])
    except FormError:
        hint = "A form that is written as JSON, for example {}."
        return [FormField(WHOLE, "multiline", "Values", hint, True, (), form.get("default", {}), {})]


def _field(one: FormField) -> Field:
    default = one.default
    many = [label(value) for value in default] if isinstance(default, list) else []
    is_whole = isinstance(default, dict | list) and one.kind == "multiline"
    return Field(
        name=one.name,
        kind=one.kind,
        title=one.title,
        hint=one.description,
        required=one.required,
        options=[label(option) for option in one.options],
        given=shown_json(default) if is_whole else "" if isinstance(default, dict | list) else label(default),
        chosen=many,
    )


def _values(asked: Mapping[str, Json], posted: Mapping[str, Sequence[str]]) -> tuple[dict[str, Json], dict[str, str]]:
    """(values, what is wrong by field name); what a browser cannot say of a field its own schema says."""
    fields = _fields(asked)
    if fields and fields[0].name == WHOLE and not fields[0].schema:
        return _whole(asked["form"], _text(posted, WHOLE))
    values, wrong = read_form(fields, posted)
    for one in fields:
        if one.name in values and one.name not in wrong:
            found = problems(one.schema, values[one.name])
            if found:
                wrong[one.name] = f"{found[0][:1].upper()}{found[0][1:]}."
    return values, wrong


def _whole(form: Mapping[str, Json], text: str) -> tuple[dict[str, Json], dict[str, str]]:
    try:
        values = orjson.loads(text or "{}")
    except orjson.JSONDecodeError as error:
        return {}, {WHOLE: f"This is not JSON: {error.msg}, line {error.lineno}."}
    if not isinstance(values, dict):
        return {}, {WHOLE: "Write an object: names and values in braces."}
    try:
        found = problems(form, values)
    except InputError as error:
        return {}, {WHOLE: error.public_message}
    return values, {WHOLE: "; ".join(found)} if found else {}


def _text(posted: Mapping[str, Sequence[str]], name: str) -> str:
    return (posted.get(name) or [""])[0]
