"""What runs ask people, on the page of approvals and on that of a run: the open ones, one of them, its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import reflex as rx

from engine.errors import AppError, Conflict, NotFound
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.container import get_container
from studio.services import questions
from studio.services.questions import Question, QuestionLine, Seen
from studio.state import ShellState

# What stands in the answer's form, each field as a list: several boxes of one name may be ticked.
READ_ANSWER = (
    "(() => { const found = {}; for (const [name, text] of new FormData(document.getElementById('answer')))"
    " (found[name] ??= []).push(text); return found; })()"
)


class QuestionsState(rx.State):
    """The open questions of the tenant, or of the run whose page is open, and the one that is looked at."""

    lines: list[QuestionLine] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    question: Question = Question()
    wrong: dict[str, str] = {}  # noqa: RUF012  # field -> what to mend
    attempts: int = 0  # how often what stands in the form was looked through
    fault: str = ""
    missing: bool = False  # the address names a question that does not exist
    _run_id: str = ""  # "": of the whole tenant

    @rx.event
    @requires("runs:read")
    async def choose(self, key: str) -> None:
        await self._look_at(key)

    @rx.event
    @requires("approvals:answer")
    async def give(self, decision: str, posted: dict[str, Any]) -> rx.event.EventSpec | None:
        """Answer what the form is about; `posted` is the form, `decision` the button.

        By the time it arrives another question may be looked at here, of which the person has seen nothing yet.
        """
        container, scope = get_container(), current_scope()
        sent = _texts(posted) | ({"decision": [decision]} if decision else {})
        seen = Seen(*("".join(sent.get(name, ())) for name in ("question", "hash")))
        self.fault, self.attempts = "", self.attempts + 1
        try:
            wrong = await questions.give(container.db, container.client, scope, seen, sent)
        except (Conflict, NotFound) as error:  # somebody was faster, or the run is over
            await self._refresh()
            return rx.toast.error(error.public_message)
        except AppError as error:
            self.fault = error.public_message
            return None
        if wrong and self.question.key != seen.key:
            await self._look_at(seen.key)
        self.wrong = wrong
        if wrong:
            return None
        await self._refresh()
        return rx.toast.success(f"Your answer is kept. {questions.goes_on(self.lines, seen.key, self.question)}")

    async def _of(self, run_id: str) -> None:
        """Show what is open in a run, or with "" in the tenant. Raises AppError.

        The oldest is looked at when nothing is; on a run's page also when what was looked at is answered.
        """
        if self._run_id != run_id:
            self._run_id, self.question = run_id, Question()
        await self._refresh()
        first = self.lines[0].key if self.lines else ""
        if first and (not self.question.key or (run_id and self.question.outcome)) and not self.missing:
            await self._look_at(first)

    async def _refresh(self) -> None:
        """Lists again; what is looked at stays, and says when it is no longer asked. Raises AppError."""
        db, scope = get_container().db, current_scope()
        self.lines = await questions.waiting(db, scope, self._run_id)
        if self.question.key:
            self.question = await questions.load(db, scope, self.question.key)
        shell = await self.get_state(ShellState)
        shell.waiting = await questions.count(db, scope)

    async def _look_at(self, key: str) -> None:
        self.wrong, self.fault, self.missing = {}, "", False
        try:
            self.question = await questions.load(get_container().db, current_scope(), key)
        except NotFound:
            self.question, self.missing = Question(), True


def _texts(posted: Any) -> dict[str, Sequence[str]]:
    """The form as a page of ours sends it; whatever else is left out."""
    fields = list(posted.items())[:100] if isinstance(posted, Mapping) else []
    return {name: [str(text) for text in texts[:300]] for name, texts in fields if isinstance(texts, list)}
