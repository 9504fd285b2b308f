"""A network that is slow at a chosen moment: what the server says to a page is held back, then let go."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from playwright.sync_api import Page, WebSocketRoute

STEP_MS = 50
LIMIT_MS = 15_000


class HeldBack:
    """The page's websocket. Made before the page is opened; what the page says always passes.

    `lines`: a connection each time the page made one; `passed`: what it was told.
    """

    def __init__(self, page: Page) -> None:
        self.lines: list[WebSocketRoute] = []
        self._page = page
        self._waiting: deque[tuple[WebSocketRoute, str | bytes]] = deque()
        self._from: str | None = None  # hold back from the message on that has this text
        self.passed: list[str] = []
        page.route_web_socket(re.compile("/_event"), self._through)

    def heard(self, text: str) -> None:
        """Wait until the page has been told something that has this text."""
        self._until(lambda: any(text in message for message in self.passed), text)

    def hold(self, text: str = "") -> None:
        """Hold back from now on, or from the message on that has this text."""
        self._from = text

    def wait(self, text: str = "") -> None:
        """Until the server has said something that has this text and is held back."""
        self._until(lambda: any(text in str(message) for _, message in self._waiting), text)

    def let_go(self, text: str = "") -> None:
        """All of it arrives now, in its order; or all up to the message that has this text, and the rest waits on."""
        if not text:
            self._from = None
        while self._waiting:
            line, message = self._waiting.popleft()
            self._pass_on(line, message)
            if text and text in str(message):
                return

    def _until(self, is_so: Callable[[], bool], text: str) -> None:
        for _ in range(LIMIT_MS // STEP_MS):
            if is_so():
                return
            self._page.wait_for_timeout(STEP_MS)
        raise AssertionError(f"the server did not say {text!r}")

    def _pass_on(self, line: WebSocketRoute, message: str | bytes) -> None:
        self.passed.append(str(message))
        line.send(message)

    def _through(self, line: WebSocketRoute) -> None:
        server = line.connect_to_server()
        self.lines.append(line)

        def pass_on(message: str | bytes) -> None:
            is_held = self._from is not None and (self._waiting or self._from in str(message))
            if is_held:
                self._waiting.append((line, message))
            else:
                self._pass_on(line, message)

        server.on_message(pass_on)
