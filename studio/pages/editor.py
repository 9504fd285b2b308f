"""/app/workflows/<name>: the editor. The island draws; this state answers its requests.

The island asks for the draft over HTTP (studio/api/editor.py), before the websocket is connected. The browser keeps the
draft's text and revision, and every request names the workflow; nothing lives in this state between two events but the
last answers. So a tab that comes back after a broken connection, or to another process,
simply goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import reflex as rx

from engine.errors import AppError, InputError
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.components.layout import page, studio_page
from studio.container import get_container
from studio.editor.wrapper import LOADED, workflow_editor
from studio.services import editing, preview
from studio.services.editor_commit import Commit

Json = Any
Answer = dict[str, Any]


class EditorState(rx.State):
    """One open workflow in one tab."""

    saved: Answer = {}  # noqa: RUF012  # Reflex copies defaults for each tab
    started: Answer = {}  # noqa: RUF012
    checked: Answer = {}  # noqa: RUF012
    published: Answer = {}  # noqa: RUF012

    @rx.event
    @requires("workflows:read")
    def load(self) -> rx.event.EventSpec:
        """The page was loaded, or its connection is back; then the island looks whether the draft went on."""
        self.saved, self.checked, self.started, self.published = {}, {}, {}, {}
        return rx.call_script(f"window.dispatchEvent(new Event('{LOADED}'))")

    @rx.event
    @requires("workflows:write")
    async def commit(self, request: Answer) -> AsyncIterator[None]:
        """Save what changed, then say what is wrong with it. A repeated request is only answered again."""
        if self.saved.get("op") == request.get("op"):
            self.saved, self.checked = dict(self.saved), dict(self.checked)
            return
        done = editing.Saved({})

        async def save(workflow_id: UUID) -> Answer:
            nonlocal done
            done = await editing.save(get_container().db, current_scope(), workflow_id, Commit.from_json(request))
            return done.answer

        self.saved = await _answer(request, save)
        yield
        if done.document is not None:
            found = await editing.check(get_container().db, current_scope(), done.document)
            self.checked = {"op": self.saved["op"], "diagnostics": found}

    @rx.event
    @requires("workflows:run")
    async def run(self, request: Answer) -> None:
        """Run the draft with an input."""

        async def start(workflow_id: UUID) -> Answer:
            container = get_container()
            started = await preview.start(
                container.db,
                container.client,
                current_scope(),
                workflow_id,
                run_input=request.get("input"),
                chat=bool(request.get("chat")),
                conversation_id=_uuid(request.get("conversation_id")),
                piece=preview.Piece.from_json(request.get("part")),
            )
            conversation = str(started.conversation_id) if started.conversation_id else None
            return {
                "run_id": str(started.run_id),
                "conversation_id": conversation,
                "strays": list(started.strays),
            }

        self.started = await _answer(request, start)

    @rx.event
    @requires("runs:cancel")
    async def cancel(self, request: Answer) -> rx.event.EventSpec | None:
        """Ask a run to end."""
        try:
            run_id = _uuid(request.get("run_id"))
            if run_id is not None:
                await get_container().client.cancel(current_scope(), run_id)
        except AppError as error:
            return rx.toast.error(error.public_message)
        return None

    @rx.event
    @requires("workflows:publish")
    async def publish(self, request: Answer) -> None:
        """Freeze the draft as a version and open its addresses."""
        note = str(request.get("note") or "")
        self.published = await _answer(
            request,
            lambda workflow_id: editing.publish(get_container().db, current_scope(), workflow_id, note),
        )

    @rx.event
    @requires("workflows:read")
    async def addresses(self, request: Answer) -> None:
        """Where the live version answers."""
        self.published = await _answer(
            request, lambda workflow_id: editing.addresses(get_container().db, current_scope(), workflow_id)
        )

    @rx.event
    @requires("workflows:publish")
    async def renew(self, request: Answer) -> None:
        """A new token or signing secret for one address; the old one stops working at once."""

        async def act(workflow_id: UUID) -> Answer:
            endpoint_id = _uuid(request.get("endpoint_id"))
            if endpoint_id is None:
                raise InputError("Say which address is to get a new secret.")
            container = get_container()
            return await editing.renew_secret(container.db, container.vault, current_scope(), workflow_id, endpoint_id)

        self.published = await _answer(request, act)


async def _answer(request: Answer, act: Callable[[UUID], Awaitable[Answer]]) -> Answer:
    """What `act` gives for the workflow that the request names, or why not; marked with the request's `op`."""
    mark: Answer = {"op": str(request.get("op") or "")}
    try:
        workflow_id = _uuid(request.get("workflow_id"))
        if workflow_id is None:
            raise InputError("The request names no workflow.")
        return mark | await act(workflow_id)
    except AppError as error:
        return mark | {"error": error.public_message, "details": error.to_dict().get("details", {})}


def _uuid(text: Json) -> UUID | None:
    """Raises InputError for a text that is no id."""
    if text is None:
        return None
    try:
        return UUID(str(text))
    except ValueError as error:
        raise InputError("This is not an id.") from error


@studio_page("/app/workflows/[workflow_name]", title="Editor", on_load=EditorState.load)
def editor_page() -> rx.Component:
    """The island fills the page right of the rail."""
    return page(
        workflow_editor(
            saved=EditorState.saved,
            checked=EditorState.checked,
            started=EditorState.started,
            published=EditorState.published,
            on_commit=EditorState.commit,
            on_run=EditorState.run,
            on_cancel=EditorState.cancel,
            on_publish=EditorState.publish,
            on_addresses=EditorState.addresses,
            on_renew=EditorState.renew,
        ),
        active="workflows",
        bare=True,
    )
