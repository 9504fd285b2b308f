"""A running instance in a real browser: signed in, with an empty cache, on workflows of the benchmark's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, sync_playwright

from engine.errors import ConfigError
from engine.settings import Settings
from runners.connections import Connections, open_connections
from runners.embedded.secrets_file import read_notes
from studio.commands.tenant import tenant_database
from studio.services import restoring
from studio.services.workflow_files import WorkflowFiles
from tests.support.browser import browser_path

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
_TOUR_SEEN = "localStorage.setItem('heddle-tour', 'seen')"


@dataclass(frozen=True, slots=True)
class Instance:
    """A running instance, and how to get into its demo tenant."""

    url: str
    password: str
    browser: Browser

    @contextmanager
    def fresh_page(self) -> Iterator[Page]:
        """A signed-in page of a browser that has seen nothing yet."""
        context = self.browser.new_context(viewport={"width": 1440, "height": 900})
        form: dict[str, str | float | bool] = {
            "email": "demo@heddle.local",
            "password": self.password,
            "tenant": "demo",
        }
        answer = context.request.post(f"{self.url}/auth/sign-in", form=form, headers={"Origin": self.url})
        if not answer.ok:
            raise ConfigError(f"The demo sign-in was refused ({answer.status})")
        context.add_init_script(_TOUR_SEEN)
        yield context.new_page()
        context.close()


@contextmanager
def running_instance(
    settings: Settings, drafts: Mapping[str, str], progress: Callable[[str], None]
) -> Iterator[Instance]:
    """The instance on this data folder, with these texts as drafts. Raises ConfigError where none runs."""
    with open_connections(settings, progress=progress) as connections:
        if connections.instance_url is None:
            raise ConfigError("No instance runs on this data folder: start one with `heddle up`, then measure")
        asyncio.run(_put(connections, drafts))
        url = connections.instance_url
    password = read_notes(settings.data_dir).get("demo_password")
    if not password:
        raise ConfigError("The demo password is not known here: run `heddle seed` with this data folder")
    executable = browser_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        yield Instance(url, password, browser)
        browser.close()


async def _put(connections: Connections, drafts: Mapping[str, str]) -> None:
    async with tenant_database(connections) as (db, scope), db.transaction(scope) as tx:
        for text in drafts.values():
            await restoring.put(tx, WorkflowFiles(text))
