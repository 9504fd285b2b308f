"""The shell as people use it: signing in and out, the lists, the run page, theme, empty and error states."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from engine.store.access import identity, workflows
from engine.store.session import Database, Scope
from studio.frontend import ROOT
from tests.support.held_back import HeldBack

PASSWORD = "a password of the tests"


def fill_form(page: Page, email: str, password: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def enter(page: Page, studio: Any, email: str) -> None:
    page.goto("/login")
    fill_form(page, email, PASSWORD)
    expect(page).to_have_url(f"{studio.url}/app/workflows")


def test_signing_in_and_out(page: Page, studio: Any) -> None:
    page.goto("/app/runs?status=failed")
    expect(page).to_have_url(re.compile("/login"))
    fill_form(page, studio.email, "wrong")
    expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is not right.")
    # The address is there still, the password is asked for, and neither stands in the page's own address.
    expect(page.get_by_label("E-mail address")).to_have_value(studio.email)
    expect(page.get_by_label("Password")).to_be_focused()
    assert "@" not in page.url
    page.keyboard.type(studio.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{studio.url}/app/runs?status=failed")
    expect(page.get_by_label("Status")).to_have_value("failed")
    page.get_by_role("link", name="Workflows").click()
    expect(page.get_by_role("link", name="customer_support_workflow")).to_be_visible()
    page.get_by_role("button", name="Account and theme").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(page.get_by_label("E-mail address")).to_have_value("")
    page.goto("/app/workflows")
    expect(page).to_have_url(re.compile("/login"))


def test_signing_in_before_the_server_has_said_a_word_leads_where_one_wanted(page: Page, studio: Any) -> None:
    line = HeldBack(page)
    line.hold()
    page.goto("/login?next=%2Fapp%2Fruns%3Fstatus%3Dfailed")
    expect(page.locator("[name=next]")).to_have_value("/app/runs?status=failed")
    fill_form(page, studio.email, studio.password)
    expect(page).to_have_url(f"{studio.url}/app/runs?status=failed")
    line.let_go()


def test_the_cookie_is_out_of_reach(signed_in_page: Page, studio: Any) -> None:
    signed_in_page.goto("/app/workflows")
    (cookie,) = signed_in_page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert signed_in_page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("path", ["//evil.example/", "https://evil.example/", "/app/../../evil", "/\\evil.example"])
def test_signing_in_leads_nowhere_else(context: BrowserContext, studio: Any, path: str) -> None:
    answer = context.request.post(
        f"{studio.url}/auth/sign-in",
        form={"email": studio.email, "password": studio.password, "next": path},
        headers={"Origin": studio.url},
        max_redirects=0,
    )
    assert answer.headers["location"].startswith("/app/")
    assert "evil.example" not in answer.headers["location"]


def test_another_site_s_form_signs_nobody_in(context: BrowserContext, studio: Any) -> None:
    answer = context.request.post(
        f"{studio.url}/auth/sign-in",
        form={"email": studio.email, "password": studio.password},
        headers={"Origin": "http://evil.example"},
        max_redirects=0,
    )
    assert "set-cookie" not in answer.headers
    assert answer.headers["location"].startswith("/login?reason=origin")


def test_five_failures_close_the_door(context: BrowserContext, studio: Any) -> None:
    """The same for an account that exists and one that does not: the text tells nothing."""
    for email in (f"nobody-{uuid.uuid4().hex}@example.com", _fresh_person(studio)):
        said = []
        for _ in range(7):
            answer = context.request.post(
                f"{studio.url}/auth/sign-in",
                form={"email": email, "password": "wrong"},
                headers={"Origin": studio.url},
                max_redirects=0,
            )
            said.append(answer.headers["location"])
        assert said == ["/login?reason=wrong"] * 5 + ["/login?reason=locked"] * 2


def _fresh_person(studio: Any) -> str:
    email = f"fresh-{uuid.uuid4().hex[:8]}@example.com"

    async def make(database: Database) -> None:
        async with database.anonymous() as session:
            tenant_id = await identity.tenant_id_by_slug(session, "demo")
        assert tenant_id is not None
        async with database.transaction(Scope(tenant_id, None, "system")) as tx:
            await identity.add_member(tx, email, "Fresh", "no password", "viewer")

    studio.run(make)
    return email


def test_the_list_shows_the_shipped_workflows(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/app/workflows")
    row = page.get_by_role("row", name=re.compile("customer_support_workflow"))
    expect(row).to_contain_text("Live v")
    expect(row).to_contain_text("Chat")
    expect(row).to_contain_text("Webhook")
    shipped = sorted(path.stem for path in (ROOT / "workflows").glob("*.yaml"))
    assert len(shipped) == 23
    for name in shipped:  # other tests may have added workflows of their own
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(1)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("search_knowledge_base")
    expect(page.get_by_role("row", name=re.compile("order_management"))).to_have_count(0)
    expect(page.get_by_role("row", name=re.compile("faq_handling"))).to_be_visible()
    page.get_by_role("searchbox").fill("xyzzy")
    expect(page.get_by_role("heading", name="Nothing fits these filters")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    for name in shipped:
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
    page.get_by_label("Category").select_option(label="Sales")
    expect(page.get_by_role("row", name=re.compile("lead_capture"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("faq_handling"))).to_have_count(0)


def test_a_row_opens_the_editor_by_keyboard(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    page.goto("/app/workflows")
    page.get_by_role("link", name="faq_handling").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{studio.url}/app/workflows/faq_handling")


def test_new_duplicate_archive_undo(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    name = f"made_{uuid.uuid4().hex[:8]}"
    page.goto("/app/workflows")
    page.get_by_role("button", name="New workflow").click()
    page.get_by_label("Name", exact=True).fill("Not A Name")
    page.get_by_role("button", name="Create workflow").click()
    expect(page.get_by_role("status").filter(has_text="A name starts with a small letter")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("faq_handling")
    page.get_by_role("button", name="Create workflow").click()
    expect(page.get_by_role("status").filter(has_text="exists already")).to_be_visible()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create workflow").click()
    expect(page).to_have_url(f"{studio.url}/app/workflows/{name}")
    page.goto("/app/workflows")
    page.get_by_role("button", name=f"Actions for {name}", exact=True).click()
    page.get_by_role("menuitem", name="Duplicate").click()
    expect(page.get_by_role("link", name=f"{name}_copy")).to_be_visible()
    for gone in (f"{name}_copy", name):
        page.get_by_role("button", name=f"Actions for {gone}", exact=True).click()
        page.get_by_role("menuitem", name="Archive").click()
        expect(page.get_by_role("link", name=gone, exact=True)).to_have_count(0)
    page.get_by_role("button", name="Undo").last.click()
    # One of the two is back: the newest toast may stand first or last.
    expect(page.get_by_role("link", name=re.compile(f"^{name}(_copy)?$"))).to_have_count(1)
    _archive_made(studio)


def test_a_refused_name_is_described_invalid_and_focused(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/app/workflows")
    page.get_by_role("button", name="New workflow").click()
    name = page.get_by_role("textbox", name="Name")
    expect(name).to_be_focused()
    expect(name).to_have_accessible_description(re.compile("It stands in addresses and in files"))
    expect(name).to_have_attribute("aria-invalid", "false")
    for text, said in (("Not A Name", "starts with a small letter"), ("faq_handling", "exists already")):
        name.fill(text)
        page.get_by_role("button", name="Create workflow").click()
        expect(name).to_have_accessible_description(re.compile(said))
        expect(name).to_have_attribute("aria-invalid", "true")
        expect(name).to_be_focused()


def test_a_dialog_that_is_opened_at_once_stays(signed_in_page: Page) -> None:
    """A dialog is left open, the page loaded again, and another opened while it still comes: that is the page's own."""
    page = signed_in_page
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("dialog", name="Import")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="New workflow").click()
    expect(page.get_by_role("dialog", name="New workflow")).to_be_visible()
    expect(page.locator("tbody tr", has_text="track_order")).to_be_attached()
    page.get_by_label("Name", exact=True).fill("Not A Name")
    page.get_by_role("button", name="Create workflow").click()
    expect(page.get_by_role("status").filter(has_text="A name starts with a small letter")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Not A Name")


def test_a_new_workflow_begins_from_a_picture_in_the_gallery(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    name = f"made_{uuid.uuid4().hex[:8]}"
    page.goto("/app/workflows")
    page.get_by_role("button", name="New workflow").click()
    page.get_by_label("Name", exact=True).fill(name)
    card = page.get_by_role("radio", name=re.compile("bug_troubleshooting"))
    expect(card).to_contain_text("6 nodes · needs a model, tools")
    picture = card.locator(".picture")
    assert picture.evaluate("one => getComputedStyle(one).maskImage").startswith('url("data:image/svg+xml')
    card.press("Enter")
    expect(card).to_have_attribute("aria-checked", "true")
    page.get_by_role("button", name="Create workflow").click()
    expect(page).to_have_url(f"{studio.url}/app/workflows/{name}")
    expect(page.locator(".react-flow__node")).to_have_count(6)
    _archive_made(studio)


def _archive_made(studio: Any) -> None:
    """Leave the list as the other tests expect it."""

    async def tidy(database: Database) -> None:
        scope = await _demo(database)
        async with database.transaction(scope) as tx:
            for row in await workflows.list_workflows(tx):
                if row.name.startswith(("made_", "brought_")):
                    await workflows.archive(tx, row.workflow_id)

    studio.run(tidy)


async def _demo(database: Database) -> Scope:
    async with database.anonymous() as session:
        tenant_id = await identity.tenant_id_by_slug(session, "demo")
    assert tenant_id is not None
    return Scope(tenant_id, None, "system")


def test_importing_keeps_every_byte(signed_in_page: Page, studio: Any, tmp_path: Any) -> None:
    page = signed_in_page
    name = f"brought_{uuid.uuid4().hex[:8]}"
    original = (ROOT / "workflows" / "faq_handling.yaml").read_text("utf-8")
    text = re.sub(r"(?m)^name:.*$", f'name: "{name}"   # mine', original).replace("\n", "\r\n")
    file = tmp_path / "mine.yaml"
    file.write_bytes(text.encode())
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Text of the file").fill("nodes: [")
    expect(page.locator(".problems li")).not_to_have_count(0)
    expect(page.get_by_role("button", name="Import workflow")).to_be_disabled()
    page.get_by_label("Workflow file").set_input_files(file)
    expect(page.locator(".import-report")).to_contain_text(name)
    page.get_by_role("button", name="Import workflow").click()
    expect(page).to_have_url(f"{studio.url}/app/workflows/{name}")
    answer = page.context.request.get(f"{studio.url}/api/v1/workflows/{name}/yaml")
    assert answer.body() == text.encode()
    _archive_made(studio)


def test_everything_is_exported_at_once(signed_in_page: Page, tmp_path: Any) -> None:
    page = signed_in_page
    page.goto("/app/workflows")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export all").click()
    assert waiting.value.suggested_filename == "workflows.zip"
    waiting.value.save_as(tmp_path / "workflows.zip")
    with zipfile.ZipFile(tmp_path / "workflows.zip") as packed:
        assert packed.read("order_management.yaml") == (ROOT / "workflows" / "order_management.yaml").read_bytes()


def test_a_viewer_reads_and_changes_nothing(page: Page, studio: Any, people: Any) -> None:
    enter(page, studio, people.viewer)
    expect(page.get_by_role("link", name="faq_handling")).to_be_visible()
    expect(page.get_by_role("button", name="New workflow")).to_have_count(0)
    page.get_by_role("button", name="Actions for faq_handling").click()
    expect(page.get_by_role("menuitem", name="Export YAML")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Archive")).to_have_count(0)


def test_another_tenant_starts_empty_and_sees_nothing_of_the_first(page: Page, studio: Any, people: Any) -> None:
    run_id = _start_run(studio, "Where is my order ORD-10000007?")
    enter(page, studio, people.stranger)
    expect(page.get_by_role("heading", name="No workflows yet")).to_be_visible()
    page.goto("/app/runs")
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    page.goto(f"/app/runs/{run_id}")
    expect(page.get_by_role("heading", name="There is no such run")).to_be_visible()
    page.goto("/app/runs/not-an-id")
    expect(page.get_by_role("heading", name="There is no such run")).to_be_visible()


def _start_run(studio: Any, message: str) -> str:
    """A run from the command line; returns its id."""
    command = [sys.executable, "-m", "studio.cli", "run", "workflows/customer_support_workflow.yaml", "--json"]
    done = subprocess.run(
        [*command, "--input", json.dumps({"message": message})],
        cwd=ROOT,
        env=studio.environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.stdout, done.stderr[-2000:]
    said = json.loads(done.stdout)
    return str(said.get("run_id") or said["run"]["run_id"])


def test_a_run_from_the_command_line_shows_its_steps(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    mark = uuid.uuid4().hex[:8]
    run_id = _start_run(studio, f"Where is my order ORD-10000007? ({mark})")
    page.goto("/app/runs")
    page.get_by_role("searchbox").fill(mark)
    row = page.get_by_role("row").filter(has_text=mark)
    expect(row).to_contain_text("succeeded")
    expect(row).to_contain_text("cli")
    row.get_by_role("link").click()
    expect(page).to_have_url(f"{studio.url}/app/runs/{run_id}")
    expect(page.get_by_label("Output")).to_contain_text("ORD-10000007")
    step = page.get_by_role("button", name=re.compile("classify_intent"))
    step.click()
    inspector = page.get_by_role("complementary", name="Step")
    expect(inspector).to_contain_text("classify_intent")
    expect(inspector).to_contain_text("Tier")
    expect(inspector).to_contain_text("order")
    expect(page.get_by_role("button", name=re.compile("get_order_details|search_order")).first).to_be_visible()
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value(mark)
    expect(page.get_by_role("row").filter(has_text=mark)).to_be_visible()
    assert page.locator("style[data-emotion]").count() == 0, "see styled() in studio/components/native.py"


def test_the_filters_of_the_run_list_stand_in_its_address(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/app/runs?status=failed&trigger=no-such&workflow=<b>&search=100%25")
    expect(page.get_by_label("Status")).to_have_value("failed")
    expect(page.get_by_label("Trigger")).to_have_value("")
    expect(page.get_by_role("searchbox")).to_have_value("100%")
    expect(page.get_by_role("heading", name="No run fits these filters")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page).to_have_url(re.compile(r"/app/runs$"))
    page.get_by_label("Status").select_option("cancelled")
    page.get_by_role("searchbox").fill("a&b='c'")
    expect(page).to_have_url(re.compile(r"/app/runs\?status=cancelled&search=a%26b%3D%27c%27$"))
    page.reload()
    expect(page.get_by_label("Status")).to_have_value("cancelled")
    expect(page.get_by_role("searchbox")).to_have_value("a&b='c'")


def test_the_theme_is_chosen_and_kept(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/app/workflows")
    expect(page.locator("html")).to_have_class(re.compile("light"))
    page.get_by_role("button", name="Account and theme").click()
    page.get_by_role("menuitem", name="Dark").click()
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    page.reload(wait_until="commit")
    page.wait_for_selector("body")
    # Already on the first paint: the class is set before any of our scripts run.
    assert "dark" in (page.locator("html").get_attribute("class") or "")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--bg').trim()") == "#111315"


def test_an_address_without_a_page_says_so(signed_in_page: Page) -> None:
    signed_in_page.goto("/app/no-such-page")
    expect(signed_in_page.get_by_role("heading", name="There is no page here")).to_be_visible()


def test_a_page_that_breaks_says_so(signed_in_page: Page) -> None:
    page = signed_in_page

    def broken(route: Route) -> None:
        text = route.fetch().text()
        assert '"aria-label":`Trigger`' in text
        route.fulfill(
            body=text.replace('"aria-label":`Trigger`', '"aria-label":null.gone'), content_type="text/javascript"
        )

    page.route("**/assets/_app_._runs_._index-*.js", broken)
    page.goto("/app/runs")
    said = page.get_by_role("alert")
    expect(said.get_by_role("heading", name="This page stopped working")).to_be_visible()
    said.get_by_text("What broke").click()
    expect(said).to_contain_text("TypeError")
    page.unroute("**/assets/_app_._runs_._index-*.js")
    said.get_by_role("button", name="Load the page again").click()
    expect(page.get_by_label("Trigger")).to_be_visible()


def test_a_file_that_is_gone_is_asked_for_once_more(signed_in_page: Page) -> None:
    """As after an upgrade: the tab knows the files of the build before."""
    page = signed_in_page
    page.goto("/app/workflows")
    page.route("**/assets/editor-*.js", lambda route: route.fulfill(status=404), times=1)
    page.get_by_role("link", name="customer_support_workflow").click()
    expect(page.locator(".react-flow__node").first).to_be_visible()
    page.goto("/app/workflows")
    page.route("**/assets/editor-*.js", lambda route: route.fulfill(status=404))
    page.get_by_role("link", name="customer_support_workflow").click()
    expect(page.get_by_role("alert")).to_contain_text("A part of this page could not be loaded. Try again")


def test_pages_are_not_shadowed_and_have_safe_headers(context: BrowserContext, studio: Any) -> None:
    for path in ("/login", "/app/workflows", "/app/runs", "/app/runs/x", "/app/workflows/x"):
        answer = context.request.get(studio.url + path, max_redirects=0)
        assert answer.status == 200, path
        assert answer.headers["content-type"].startswith("text/html"), path
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-cache"
        assert "access-control-allow-origin" not in answer.headers


def test_pages_bring_no_style_sheet_for_each_value(frontend: Path) -> None:
    pages = list((frontend / "build" / "client").rglob("*.html"))
    assert pages
    assert [page.name for page in pages if "data-emotion" in page.read_text("utf-8")] == []


def test_the_build_serves_any_address(browser: Any, studio: Any) -> None:
    """One build, many ports and names: the page finds its websocket where it came from."""
    port = studio.url.rpartition(":")[2]
    page = browser.new_page(base_url=f"http://127.0.0.1:{port}")
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto("/login?reason=wrong")
    expect(page.get_by_role("alert")).to_be_visible()
    page.close()
    assert [url for url in sockets if url.startswith(f"ws://127.0.0.1:{port}/_event")] == sockets != []
