"""A whole Heddle for the browser tests: `heddle up` on the test servers, the demo tenant, and Chromium.

The frontend is built once for the present sources and shared by all test processes. A test that fails leaves a
screenshot in test-results/.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from engine.store.access import identity
from engine.store.session import Database, Scope
from engine.store.urls import app_url
from studio.auth.passwords import hash_password
from studio.frontend import ROOT, ensure_built
from tests.support.browser import browser_path
from tests.support.processes import wait_until
from tests.support.servers import MASTER_KEY, SECRET, TestServers

RESULTS = ROOT / "test-results"
START_LIMIT_S = 180.0
PASSWORD = "a password of the tests"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=15_000)


@dataclass(frozen=True, slots=True)
class Studio:
    """A running instance. `password` is the demo admin's; the other people have PASSWORD."""

    url: str
    password: str
    owner_url: str
    redis_url: str
    data_dir: Path
    email: str = "demo@heddle.local"

    @property
    def websocket_url(self) -> str:
        return self.url.replace("http", "ws")

    def environment(self) -> dict[str, str]:
        """For commands that talk to this instance."""
        return _environment(self.owner_url, self.redis_url) | {
            "HEDDLE_DATA_DIR": str(self.data_dir),
            "HEDDLE_PORT": self.url.rpartition(":")[2],
        }

    def run(self, work: Callable[[Database], Any]) -> Any:
        """Run `await work(database)` on the instance's database."""

        async def main() -> Any:
            database = Database(app_url(self.owner_url, SECRET), pool_size=2)
            try:
                return await work(database)
            finally:
                await database.close()

        # In a thread of its own: Playwright keeps an event loop running in this one.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(main())).result()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All browser tests on one xdist worker (with --dist loadgroup): one instance serves them all."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.timeout(300))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep how the test went where the fixtures can see it."""
    report = yield
    setattr(item, f"_{report.when}", report)
    return report


@pytest.fixture(scope="session")
def frontend() -> Path:
    """The build of the present sources."""
    return ensure_built(lambda text: sys.stderr.write(f"{text}\n"))


@pytest.fixture(scope="session")
def studio(servers: TestServers, run_dir: Path, frontend: Path) -> Iterator[Studio]:
    """`heddle up` with web, worker and scheduler on a free port, and the seeded demo tenant."""
    data_dir = run_dir / f"studio-{servers.number}"
    owner_url, redis_url = servers.new_database(f"heddle_studio_{servers.number}"), servers.lasting_redis()
    port = free_port()
    log = run_dir / f"studio-{servers.number}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "studio.cli", "up", "--port", str(port), "--data-dir", str(data_dir)],
            cwd=ROOT,
            env=_environment(owner_url, redis_url),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            said = _until_ready(process, log)
            password = _password_in(said)
            yield Studio(f"http://localhost:{port}", password, owner_url, redis_url, data_dir)
        finally:
            _stop(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(owner_url: str, redis_url: str) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": owner_url,
        "REDIS_URL": redis_url,
        "HEDDLE_SECRET": SECRET,
        "HEDDLE_MASTER_KEY": MASTER_KEY,
    }


def _until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        said = log.read_text()
        if "Stop with" in said:
            return said
        if process.poll() is not None:
            raise RuntimeError(f"heddle up ended with {process.returncode}:\n{said[-4000:]}")
        time.sleep(0.2)
    raise RuntimeError(f"heddle up was not ready within {START_LIMIT_S:.0f} s:\n{log.read_text()[-4000:]}")


def _password_in(said: str) -> str:
    found = re.search(r"demo@heddle\.local / (\S+)", said)
    assert found, said[-2000:]
    return found[1]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@pytest.fixture(scope="session")
def browser_file() -> Path | None:
    """The browser's program; None: Playwright's own."""
    return browser_path()


@pytest.fixture(scope="module")
def browser(browser_file: Path | None) -> Iterator[Browser]:
    """One Chromium a module; each test gets a fresh context, so no cookie goes from test to test.

    Not one a session: while Playwright's synchronous API is open, an event loop counts as running in this thread, and
    every asynchronous test that the same process runs after the browser tests would fail.
    """
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browser_file, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def plain_browser(browser: Browser, browser_file: Path | None, tmp_path: Path) -> Iterator[Browser]:
    """With the settings that people's browsers have. Playwright's turn off that frames keep things apart by site."""
    program = str(browser_file or browser.browser_type.executable_path)
    command = [program, "--headless", *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={tmp_path / 'profile'}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        told = tmp_path / "profile" / "DevToolsActivePort"
        wait_until(lambda: told.exists() and "\n" in told.read_text())
        found = browser.browser_type.connect_over_cdp(f"http://127.0.0.1:{told.read_text().split()[0]}")
        yield found
        found.close()
        process.terminate()


@pytest.fixture
def context(browser: Browser, studio: Studio) -> Iterator[BrowserContext]:
    found = browser.new_context(base_url=studio.url, viewport={"width": 1440, "height": 900}, color_scheme="light")
    found.set_default_timeout(20_000)
    found.add_init_script("localStorage.setItem('heddle-tour', 'seen')")
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of nobody. A script error in it fails the test; a failure leaves a screenshot."""
    faults: list[str] = []
    found = context.new_page()
    found.on("pageerror", lambda error: faults.append(str(error)))
    yield found
    report = getattr(request.node, "_call", None)
    if report is None or report.failed or faults:
        RESULTS.mkdir(exist_ok=True)
        found.screenshot(path=RESULTS / f"{re.sub(r'[^A-Za-z0-9_-]', '_', request.node.name)}.png")
    assert not faults, f"script errors on {found.url}: {faults}"


@pytest.fixture
def signed_in_page(page: Page, studio: Studio) -> Page:
    """A page of the demo tenant's admin."""
    sign_in(page.context, studio, studio.email, studio.password)
    return page


def sign_in(context: BrowserContext, studio: Studio, email: str, password: str) -> None:
    """Give the context a session, the way the form does it."""
    answer = context.request.post(
        f"{studio.url}/auth/sign-in",
        form={"email": email, "password": password},
        headers={"Origin": studio.url},
        max_redirects=0,
    )
    assert answer.status == 303, answer.status
    assert answer.headers["location"].startswith("/app/"), answer.headers["location"]


@dataclass(frozen=True, slots=True)
class People:
    """Members of the demo tenant by role, and the admin of another tenant; all have PASSWORD."""

    viewer: str
    agent: str
    stranger: str
    stranger_scope: Scope


@pytest.fixture(scope="session")
def people(studio: Studio) -> People:
    hashed = hash_password(PASSWORD)
    mark = uuid.uuid4().hex[:8]

    async def make(database: Database) -> People:
        async with database.anonymous() as session:
            tenant_id = await identity.tenant_id_by_slug(session, "demo")
        assert tenant_id is not None
        async with database.transaction(Scope(tenant_id, None, "system")) as tx:
            for role in ("viewer", "agent"):
                await identity.add_member(tx, f"{role}-{mark}@example.com", role.title(), hashed, role)
        other = identity.new_tenant_id()
        async with database.transaction(Scope(other, None, "system")) as tx:
            await identity.create_tenant(tx, f"other-{mark}", "Other shop")
            user_id = await identity.add_member(tx, f"bob-{mark}@example.com", "Bob Other", hashed, "admin")
        return People(
            f"viewer-{mark}@example.com",
            f"agent-{mark}@example.com",
            f"bob-{mark}@example.com",
            Scope(other, user_id, "admin"),
        )

    found: People = studio.run(make)
    return found


@dataclass(frozen=True, slots=True)
class Shop:
    """A tenant of this test's own; both people have PASSWORD."""

    scope: Scope
    admin: str
    viewer: str


@pytest.fixture
def shop(studio: Studio) -> Shop:
    mark, hashed = uuid.uuid4().hex[:8], hash_password(PASSWORD)
    admin, viewer = f"admin-{mark}@example.com", f"viewer-{mark}@example.com"

    async def make(database: Database) -> Shop:
        tenant_id = identity.new_tenant_id()
        async with database.transaction(Scope(tenant_id, None, "system")) as tx:
            await identity.create_tenant(tx, f"shop-{mark}", "A shop")
            user_id = await identity.add_member(tx, admin, "Ada Admin", hashed, "admin")
            await identity.add_member(tx, viewer, "Vic Viewer", hashed, "viewer")
        return Shop(Scope(tenant_id, user_id, "admin"), admin, viewer)

    found: Shop = studio.run(make)
    return found


@pytest.fixture
def admin_page(page: Page, studio: Studio, shop: Shop) -> Page:
    sign_in(page.context, studio, shop.admin, PASSWORD)
    return page
