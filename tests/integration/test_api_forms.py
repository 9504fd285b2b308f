"""Published forms: what a visitor sees, sends and gets back, and what nobody gets through them."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest

from engine.settings import Settings
from engine.store.access import identity, run_list, runs
from engine.store.session import Database, Scope
from engine.store.tables.runs import RunRow
from studio.api import forms, rates
from studio.auth.permissions import PERMISSIONS
from studio.services.tokens import PageTokens

TEXT = """\
name: "{name}"
version: "1.0.0"
description: "Takes orders from a page"
category: "system"
priority: "low"
triggers:
  - name: "page"
    type: "form"
    config:
      path: "{name}"
      title: "Order <b>here</b>"
      description: "All fields & more"
      {more}
      fields:
        required: [customer, size]
        properties:
          customer: {{type: string, title: "Your name", maxLength: 40}}
          size: {{enum: [S, M, "<L>"]}}
          amount: {{type: integer, minimum: 1}}
nodes:
  - {{name: "start", type: "start"}}
  - {{name: "greet", type: "transform", config: {{set: {{greeting: "'Thank you, ' + context.customer"}}}}}}
  - {{name: "end", type: "end", config: {{output: {{reply: "context.greeting"}}}}}}
edges:
  - {{from: "start", to: "greet", condition: null}}
  - {{from: "greet", to: "end", condition: null}}
"""
GOOD = {"customer": "Ada <script>alert(1)</script>", "size": "M", "amount": "2"}


@pytest.fixture
async def page(http: httpx.AsyncClient, database: Database, scope: Scope) -> str:
    """Address of a published form."""
    return await publish(http, database, scope, "orders")


async def publish(http: httpx.AsyncClient, database: Database, scope: Scope, name: str, more: str = "") -> str:
    async with database.transaction(scope) as tx:
        _, secret = await identity.create_api_key(tx, "test", sorted(PERMISSIONS))
    key = {"Authorization": f"Bearer {secret}"}
    made = await http.post("/api/v1/workflows", headers=key, json={"text": TEXT.format(name=name, more=more)})
    assert made.status_code == 201, made.text
    done = await http.post(f"/api/v1/workflows/{name}/publish", headers=key, json={})
    assert done.status_code == 201, done.text
    (address,) = done.json()["addresses"]
    assert (address["kind"], address["auth"]) == ("form", "none")
    return str(address["path"])


async def send(http: httpx.AsyncClient, page: str, fields: dict[str, str], **options: str) -> httpx.Response:
    token = options.pop("token", None) or token_in((await http.get(page)).text)
    headers = {"Content-Type": forms.KIND} | options
    return await http.post(page, content=urlencode(fields | {"heddle:token": token}), headers=headers)


def token_in(text: str) -> str:
    found = re.search(r'name="heddle:token" value="([^"]+)"', text)
    assert found
    return unescape(found[1])


async def started(database: Database, scope: Scope) -> list[RunRow]:
    async with database.transaction(scope) as tx:
        return list((await run_list.list_runs(tx, trigger="form")).rows)


async def test_the_page_shows_the_fields_and_nothing_as_markup(http: httpx.AsyncClient, page: str) -> None:
    shown = await http.get(page)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>Order &lt;b&gt;here&lt;/b&gt;</h1>" in shown.text
    assert "All fields &amp; more" in shown.text
    assert '<label for="f0">Your name</label>' in shown.text
    assert '<label for="f2">Amount <span class="mark">optional</span></label>' in shown.text
    assert '<option value="&lt;L&gt;">&lt;L&gt;</option>' in shown.text
    policy = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "script" not in shown.text
    assert re.findall(r'<(?:input|select) [^>]*name="(\w+)"', shown.text) == ["customer", "size", "amount"]


async def test_what_is_sent_starts_a_run_and_shows_what_came_of_it(
    http: httpx.AsyncClient, database: Database, scope: Scope, page: str
) -> None:
    sent = await send(http, page, GOOD)
    assert sent.status_code == 303
    answer = await http.get(sent.headers["location"])
    assert answer.status_code == 200
    assert "Thank you, Ada &lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    (run,) = await started(database, scope)
    assert (run.status, run.trigger, run.version_number) == ("succeeded", "form", 1)
    assert run.input == {"customer": GOOD["customer"], "size": "M", "amount": 2}


async def test_faults_stand_beside_their_fields_and_nothing_is_lost(
    http: httpx.AsyncClient, database: Database, scope: Scope, page: str
) -> None:
    sent = await send(http, page, {"customer": '"><img src=x>', "size": "XXL", "amount": "many"})
    assert sent.status_code == 422
    assert "Please look at 2 fields again." in sent.text
    assert '<p class="wrong" id="f1-wrong">Please choose one of these.</p>' in sent.text
    assert '<p class="wrong" id="f2-wrong">Please write a whole number.</p>' in sent.text
    assert sent.text.count('aria-invalid="true"') == 2
    assert sent.text.count(" autofocus") == 1
    assert 'value="&quot;&gt;&lt;img src=x&gt;"' in sent.text
    assert await started(database, scope) == []
    again = await send(http, page, GOOD, token=token_in(sent.text))
    assert again.status_code == 303


async def test_a_form_that_is_sent_twice_starts_one_run(
    http: httpx.AsyncClient, database: Database, scope: Scope, page: str
) -> None:
    token = token_in((await http.get(page)).text)
    twice = [await send(http, page, GOOD, token=token) for _ in range(2)]
    assert [answer.status_code for answer in twice] == [303, 303]
    other = await send(http, page, GOOD | {"amount": "3"}, token=token)
    assert other.status_code == 409
    assert "sent already" in other.text
    assert len(await started(database, scope)) == 1
    assert (await send(http, page, GOOD | {"amount": "3"}, token=token_in(other.text))).status_code == 303
    assert len(await started(database, scope)) == 2


async def test_without_the_pages_token_nothing_starts(
    http: httpx.AsyncClient, database: Database, scope: Scope, settings: Settings, page: str
) -> None:
    good = token_in((await http.get(page)).text)
    other = token_in((await http.get(await publish(http, database, scope, "other"))).text)
    old = PageTokens(str(settings.secret), clock=lambda: 1_000_000.0).make("x")
    nonce, made, signature = good.split(".")
    for token in (
        "x",
        "..",
        "a.b.c",
        other,
        old,
        f"{nonce}x.{made}.{signature}",
        f"{nonce}.{int(made) - 1}.{signature}",
    ):
        refused = await send(http, page, GOOD, token=token)
        assert (refused.status_code, "open for too long" in refused.text) == (403, True), token
    assert await started(database, scope) == []


async def test_a_token_of_yesterday_is_too_old(settings: Settings) -> None:
    now = [1_000_000.0]
    tokens = PageTokens("secret", clock=lambda: now[0])
    token = tokens.make("form")
    nonce = tokens.read("form", token, 60)
    assert nonce
    assert tokens.read("form", token, 60) == nonce
    assert tokens.read("forn", token, 60) is None
    assert PageTokens("other", clock=lambda: now[0]).read("form", token, 60) is None
    now[0] += 61
    assert tokens.read("form", token, 60) is None
    now[0] -= 4000
    assert tokens.read("form", token, 60) is None, "made in the future"


@pytest.mark.parametrize("origin", ["https://evil.test", "null"])
async def test_another_site_cannot_send_it(
    http: httpx.AsyncClient, database: Database, scope: Scope, page: str, origin: str
) -> None:
    assert (await send(http, page, GOOD, Origin=origin)).status_code == 403
    assert (await send(http, page, GOOD, Origin="http://heddle.test")).status_code == 303
    assert len(await started(database, scope)) == 1


async def test_what_no_browser_sends(http: httpx.AsyncClient, database: Database, scope: Scope, page: str) -> None:
    for body, kind in (
        (b'{"customer": "Ada"}', "application/json"),
        (b"customer=Ada", "multipart/form-data; boundary=x"),
        ("customer=ü".encode(), forms.KIND),
        (b"&".join(b"a%d=1" % n for n in range(600)), forms.KIND),
        (b"customer=" + b"x" * 300_000, forms.KIND),
    ):
        refused = await http.post(page, content=body, headers={"Content-Type": kind})
        assert refused.status_code == 422, kind
        assert refused.json()["code"] == "validation_error"
    odd = (
        b"customer=%ff%00%ed%a0%80&size=M&"
        + urlencode({"heddle:token": token_in((await http.get(page)).text)}).encode()
    )
    kept = await http.post(page, content=odd, headers={"Content-Type": forms.KIND})
    assert kept.status_code == 303
    (run,) = await started(database, scope)
    assert "\0" not in run.input["customer"]


async def test_an_answer_is_shown_only_to_whom_it_was_led(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope, page: str
) -> None:
    location = (await send(http, page, GOOD)).headers["location"]
    foreign = await publish(http, database, other_scope, "theirs")
    (run,) = await started(database, scope)
    for address in (
        f"{page}?run={run.run_id}",
        f"{page}?run={run.run_id}&key=x",
        location.replace(str(run.run_id), str(UUID(int=5))),
        location.replace(page, foreign),
        f"{page}?run=nonsense&key=x",
    ):
        assert (await http.get(address)).status_code in (404, 422), address
    assert (await http.get(location)).status_code == 200


async def test_a_word_of_thanks_instead_of_the_answer(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    page = await publish(
        http, database, scope, "thanks", 'thanks: "We <will> write"\n      theme: dark\n      submit: "Go"'
    )
    shown = await http.get(page)
    assert 'data-theme="dark"' in shown.text
    assert '<button type="submit">Go</button>' in shown.text
    sent = await send(http, page, GOOD)
    answer = await http.get(sent.headers["location"])
    assert "We &lt;will&gt; write" in answer.text
    assert "Ada" not in answer.text
    (run,) = await started(database, scope)
    assert run.status == "queued"


async def test_a_run_that_failed_says_no_more_than_that(
    http: httpx.AsyncClient, database: Database, scope: Scope, page: str
) -> None:
    location = (await send(http, page, GOOD)).headers["location"]
    (run,) = await started(database, scope)
    async with database.transaction(scope) as tx:
        row = await runs.get_run(tx, run.run_id)
        row.status, row.error = "failed", {"code": "x", "message": "the secret reason"}
    answer = await http.get(location)
    assert "Something went wrong" in answer.text
    assert "secret reason" not in answer.text


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "ADDRESS_BURST", 3)
    monkeypatch.setattr(rates, "PER_ADDRESS_S", 0.001)


@pytest.mark.usefixtures("narrow")
async def test_too_many_forms_are_held_back(
    http: httpx.AsyncClient, database: Database, scope: Scope, page: str
) -> None:
    answers = [await send(http, page, GOOD) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [303, 303, 303, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Please wait a moment" in answers[-1].text
    assert 'value="2"' in answers[-1].text, "what was typed is not lost"
    assert len(await started(database, scope)) == 3


async def test_where_no_form_is(http: httpx.AsyncClient, page: str) -> None:
    for address in (page + "x", page.replace("/f/", "/f/x"), "/f/a/b/c"):
        assert (await http.get(address)).status_code == 404
        assert (await http.post(address, content="a=b", headers={"Content-Type": forms.KIND})).status_code == 404


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_a_person_is_told_on_a_page_and_a_program_in_json(http: httpx.AsyncClient, page: str) -> None:
    nowhere = page + "x"
    for address, status, said in (
        (nowhere, 404, "Nothing is published here."),
        (nowhere.replace("/f/", "/c/"), 404, "Nothing is published here."),
        (f"{page}?run=nonsense&key=x", 422, "The request is not valid."),
    ):
        shown = await http.get(address, headers=BROWSER)
        assert (shown.status_code, shown.headers["content-type"]) == (status, "text/html; charset=utf-8"), address
        assert said in shown.text
        assert "frame-ancestors *" in shown.headers["content-security-policy"], "it may stand where a chat is embedded"
        assert (await http.get(address)).json()["detail"] == said
    sent = await http.post(nowhere, content="a=b", headers=BROWSER | {"Content-Type": forms.KIND})
    assert (sent.status_code, "Nothing is published here." in sent.text) == (404, True)
    for data in ("/api/v1/runs", nowhere.replace("/f/", "/hooks/")):
        assert (await http.get(data, headers=BROWSER)).headers["content-type"] == "application/problem+json"


async def test_the_page_that_says_so_repeats_nothing_of_the_address(http: httpx.AsyncClient) -> None:
    shown = await http.get("/f/<script>alert(1)</script>/x", headers=BROWSER)
    assert shown.status_code == 404
    assert "alert(1)" not in shown.text
