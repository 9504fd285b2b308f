"""What every page shows of the person who is signed in."""

from __future__ import annotations

import reflex as rx

from studio.auth.guard import current_identity, current_scope
from studio.auth.permissions import ROLES, requires
from studio.container import get_container
from studio.services import accounts, questions


class ShellState(rx.State):
    """The signed-in person and their tenant. What a page hides by `may` is a courtesy; the guard is the lock."""

    name: str = ""
    email: str = ""
    initials: str = ""
    role: str = ""
    tenant_name: str = ""
    tenant_slug: str = ""
    may: list[str] = []  # noqa: RUF012  # Reflex copies the default for each tab
    demo_model: bool = False
    waiting: int = 0  # questions of runs that this person may answer

    @rx.event
    @requires("account:use")
    async def load(self) -> None:
        """Every page's first on_load."""
        identity, container = current_identity(), get_container()
        self.name = identity.name
        self.email = identity.email
        self.initials = initials(identity.name or identity.email)
        self.role = identity.scope.role
        self.tenant_name = identity.tenant_name
        self.tenant_slug = identity.tenant_slug
        self.may = sorted(ROLES.get(identity.scope.role, frozenset()))
        self.demo_model = await accounts.answers_with_demo_model(container.db, identity.scope, container.settings)
        self.waiting = await questions.count(container.db, identity.scope)

    @rx.event
    @requires("runs:read")
    async def count_waiting(self) -> None:
        """Now and then, for the number in the rail."""
        self.waiting = await questions.count(get_container().db, current_scope())


def initials(name: str) -> str:
    """One or two capitals for the avatar."""
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word]
    return "".join(word[0] for word in words[:2]).upper()
