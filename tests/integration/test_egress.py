"""What may go out (attack-and-fault cases A29 to A37), on loopback servers only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address
from typing import Any

import httpcore
import pytest

from connectors.http.addresses import Address, is_disguised, is_public
from connectors.http.client import EgressClient
from engine.errors import (
    AppError,
    EgressBlocked,
    InputError,
    OutputTooLarge,
    PermanentError,
    StepTimeout,
    TransientError,
)
from engine.execution.ports import HttpReply, HttpRequest
from tests.support.echo import Echo, Page, bomb, echo_server, redirect


@pytest.fixture
def echo() -> Iterator[Echo]:
    with echo_server() as server:
        yield server


@pytest.fixture
def other() -> Iterator[Echo]:
    with echo_server() as server:
        yield server


@pytest.fixture
async def client(echo: Echo) -> AsyncIterator[EgressClient]:
    """A client that may reach `echo`, as an operator may allow for a service of the house."""
    made = EgressClient([echo.host], max_bytes=1024 * 1024)
    yield made
    await made.aclose()


async def get(client: EgressClient, url: str, **more: Any) -> HttpReply:
    return await client.request(HttpRequest("GET", url, **{"timeout_s": 5, **more}))


async def test_a_reply_comes_back_as_data(client: EgressClient, echo: Echo) -> None:
    request = HttpRequest(
        "post",
        echo.url("/path?a=1"),
        headers={"X-Trace": "7", "Authorization": "Bearer t"},
        query={"b": [1, 2], "c": True, "d": None, "e": "ä &"},
        body={"name": "Ünal"},
    )
    reply = await client.request(request)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    sent = reply.body
    assert (sent["method"], sent["path"]) == ("POST", "/path?a=1&b=1&b=2&c=true&e=%C3%A4%20%26")
    assert sent["body"] == '{"name": "Ünal"}'
    assert (sent["headers"]["x-trace"], sent["headers"]["host"]) == ("7", echo.host)


@pytest.mark.parametrize("status", [204, 404, 500])
async def test_any_status_is_a_reply(client: EgressClient, echo: Echo, status: int) -> None:
    echo.pages["/"] = Page(status)
    assert (await get(client, echo.url())).status == status


@pytest.mark.parametrize(
    ("content_type", "body", "shown"),
    [
        ("application/problem+json", b'{"a": 1}', {"a": 1}),
        ("application/json", b"{broken", "{broken"),
        ("application/json", b"[" * 100_000, "[" * 100_000),
        ("text/plain; charset=latin-1", b"\xe4", "ä"),
        ("text/plain; charset=nonsense", b"x\x00y", "xy"),
        ("application/octet-stream", b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
async def test_bodies_are_read_by_their_type(
    client: EgressClient, echo: Echo, content_type: str, body: bytes, shown: object
) -> None:
    echo.pages["/"] = Page(200, (("Content-Type", content_type),), body)
    assert (await get(client, echo.url())).body == shown


A29_A30 = [
    "http://127.0.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://0x7f000001:{port}/",
    "http://017700000001:{port}/",
    "http://127.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.100.100.200/",
    "http://100.64.0.1/",
    "http://168.63.129.16/",
    "http://10.1.2.3/",
    "http://172.20.0.1/",
    "http://192.168.1.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[fd00::1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[ff02::1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
]


@pytest.mark.parametrize("template", A29_A30)
async def test_addresses_of_the_house_are_blocked_before_a_byte(other: Echo, template: str) -> None:
    client = EgressClient()
    with pytest.raises(EgressBlocked) as caught:
        await get(client, template.format(port=other.port))
    assert (caught.value.code, caught.value.retryable) == ("egress_blocked", False)
    assert other.seen == []
    await client.aclose()


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::1"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("host", "disguised"),
    [
        *[(host, True) for host in ("127.1", "0x7f.1", "1", "a.0x1f", "0X7F000001.", "localhost", "a.localhost.")],
        *[(host, False) for host in ("example.com", "8.8.8.8", "3com.com", "a.1b", "::1", "1.example")],
    ],
)
def test_disguises_are_seen(host: str, disguised: bool) -> None:
    assert is_disguised(host) is disguised


class Names:
    """A name server of the test's own: the next answer for each question, the last one again and again."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = [[ip_address(text) for text in answer] for answer in answers]
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Wire(httpcore.AsyncNetworkBackend):
    """Records where connections would go, and refuses them."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    async def connect_tcp(self, host: str, port: int, *args: Any, **more: Any) -> httpcore.AsyncNetworkStream:
        self.tried.append(host)
        raise httpcore.ConnectError("no network in tests")


async def test_a_name_that_changes_its_mind_leads_to_its_first_answer() -> None:
    names, wire = Names(["93.184.216.34"], ["127.0.0.1"]), Wire()
    client = EgressClient(resolve=names, backend=wire)
    with pytest.raises(TransientError):
        await client.request(HttpRequest("POST", "http://rebind.example/"))
    assert (names.asked, wire.tried) == (1, ["93.184.216.34"])
    with pytest.raises(EgressBlocked):
        await client.request(HttpRequest("POST", "http://rebind.example/"))
    assert wire.tried == ["93.184.216.34"]
    await client.aclose()


async def test_one_address_of_the_house_spoils_the_name() -> None:
    wire = Wire()
    client = EgressClient(resolve=Names(["93.184.216.34", "10.0.0.1"]), backend=wire)
    with pytest.raises(EgressBlocked):
        await get(client, "https://mixed.example/")
    assert wire.tried == []
    await client.aclose()


async def test_a_name_without_an_address_may_pass_later() -> None:
    client = EgressClient()
    with pytest.raises(TransientError, match="could not be resolved"):
        await get(client, "http://no-such-name.invalid/")
    await client.aclose()


async def test_a_redirect_into_the_house_is_blocked(client: EgressClient, echo: Echo, other: Echo) -> None:
    for target in (other.url("/secret"), "http://[::1]/", "file:///etc/passwd", "gopher://x/"):
        echo.pages["/"] = redirect(target)
        with pytest.raises(EgressBlocked):
            await get(client, echo.url())
    assert other.seen == []


async def test_redirects_within_an_origin_keep_what_was_sent(client: EgressClient, echo: Echo) -> None:
    echo.pages["/a"] = redirect("/b", 307)
    request = HttpRequest("POST", echo.url("/a"), headers={"Authorization": "Bearer t"}, body={"x": 1})
    sent = (await client.request(request)).body
    assert (sent["method"], sent["path"], sent["body"]) == ("POST", "/b", '{"x": 1}')
    assert sent["headers"]["authorization"] == "Bearer t"


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_post_becomes_a_get(client: EgressClient, echo: Echo, status: int) -> None:
    echo.pages["/a"] = redirect("/b", status)
    sent = (await client.request(HttpRequest("POST", echo.url("/a"), body={"x": 1}))).body
    assert (sent["method"], sent["body"]) == ("GET", "")
    assert "content-type" not in sent["headers"]


async def test_credentials_do_not_change_hosts(echo: Echo, other: Echo) -> None:
    client = EgressClient([echo.host, other.host])
    echo.pages["/"] = redirect(other.url("/there"), 307)
    secrets = {"Authorization": "Bearer t", "X-Api-Key": "k", "Cookie": "c=1", "Accept": "text/plain"}
    sent = (await get(client, echo.url(), headers=secrets)).body
    assert sent["path"] == "/there"
    assert sent["headers"]["accept"] == "text/plain"
    assert not {"authorization", "x-api-key", "cookie"} & set(sent["headers"])
    assert echo.seen[0]["headers"]["authorization"] == "Bearer t"
    await client.aclose()


async def test_redirects_in_a_circle_end(client: EgressClient, echo: Echo) -> None:
    echo.pages["/"] = redirect("/")
    with pytest.raises(PermanentError, match="more than 5 times"):
        await get(client, echo.url())
    assert len(echo.seen) == 6


async def test_endless_slow_and_packed_bodies_are_stopped(client: EgressClient, echo: Echo) -> None:
    echo.pages["/endless"] = Page(endless=True)
    with pytest.raises(OutputTooLarge):
        await get(client, echo.url("/endless"))
    echo.pages["/bomb"] = bomb(200)
    with pytest.raises(OutputTooLarge):
        await get(client, echo.url("/bomb"))
    echo.pages["/drip"] = Page(drip=0.05)
    started = asyncio.get_running_loop().time()
    with pytest.raises(StepTimeout):
        await get(client, echo.url("/drip"), timeout_s=0.4)
    assert asyncio.get_running_loop().time() - started < 3


async def test_a_packed_body_within_the_limit_is_unpacked(client: EgressClient, echo: Echo) -> None:
    echo.pages["/"] = bomb(1)
    assert (await get(client, echo.url())).body == ""  # NUL characters are dropped: they cannot be stored


@pytest.mark.parametrize(
    ("page", "error"),
    [
        (Page(200, (("Content-Encoding", "gzip"),), b"not gzip"), PermanentError),
        (Page(200, (("Content-Encoding", "gzip"),), bomb(1).body[:200]), PermanentError),
        (Page(200, (("Content-Encoding", "br"),), b"x"), PermanentError),
        (Page(200, (), b"half", cut=True), TransientError),
    ],
    ids=["not gzip", "half gzip", "brotli", "cut"],
)
async def test_damaged_bodies_are_typed_errors(
    client: EgressClient, echo: Echo, page: Page, error: type[AppError]
) -> None:
    echo.pages["/"] = page
    with pytest.raises(error):
        await get(client, echo.url())


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, InputError),
        ({"headers": {"X-A\r\nX-B": "1"}}, InputError),
        ({"headers": {"X-A": "1\x00"}}, InputError),
        ({"headers": {"X-A": "ä"}}, InputError),
        ({"headers": {"Host": "internal"}}, InputError),
        ({"headers": {"Transfer-Encoding": "chunked"}}, InputError),
        ({"headers": {"content-length": "5"}}, InputError),
        ({"headers": {"Proxy-Authorization": "x"}}, InputError),
        ({"method": "CONNECT"}, InputError),
        ({"method": "GET / HTTP/1.1\r\n"}, InputError),
        ({"url": "file:///etc/passwd"}, EgressBlocked),
        ({"url": "gopher://127.0.0.1:6379/_FLUSHALL"}, EgressBlocked),
        ({"url": "ftp://example.com/"}, EgressBlocked),
        ({"url": "unix:/var/run/docker.sock"}, EgressBlocked),
        ({"url": "example.com/path"}, EgressBlocked),
        ({"url": "http:///path"}, InputError),
        ({"url": "http://user:secret@example.com/"}, InputError),
        ({"url": "http://exa mple.com/"}, InputError),
        ({"url": "http://example.com:99999/"}, InputError),
        ({"url": ""}, EgressBlocked),
    ],
)
async def test_requests_that_are_none_are_typed_errors(
    client: EgressClient, echo: Echo, change: dict[str, Any], error: type[AppError]
) -> None:
    fields = {"method": "GET", "url": echo.url(), **change}
    with pytest.raises(error):
        await client.request(HttpRequest(**fields))
    assert echo.seen == []


async def test_a_line_break_in_the_address_is_escaped_not_sent(client: EgressClient, echo: Echo) -> None:
    for url in (echo.url("/a\r\nX-Injected: 1"), echo.url("/a b")):
        try:
            await get(client, url)
        except AppError:
            continue
    assert all("x-injected" not in request["headers"] for request in echo.seen)


async def test_a_proxy_in_the_environment_is_ignored(
    client: EgressClient, echo: Echo, other: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, other.url())
    monkeypatch.setenv("NO_PROXY", "")
    assert (await get(client, echo.url())).status == 200
    assert (len(echo.seen), other.seen) == (1, [])


async def test_a_nodes_own_list_narrows_and_never_widens(client: EgressClient, echo: Echo, other: Echo) -> None:
    assert (await get(client, echo.url(), allow_hosts=("127.0.0.1",))).status == 200
    for hosts in (("api.example.com",), ("*.example.com", "27.0.0.1")):
        with pytest.raises(EgressBlocked, match="not among the hosts"):
            await get(client, echo.url(), allow_hosts=hosts)
    with pytest.raises(EgressBlocked):
        await get(client, other.url(), allow_hosts=("127.0.0.1",))


async def test_nobody_there_is_transient_and_only_reading_is_repeated(echo: Echo) -> None:
    wire = Wire()
    client = EgressClient(resolve=Names(["93.184.216.34"]), backend=wire)
    with pytest.raises(TransientError):
        await client.request(HttpRequest("POST", "http://down.example/", timeout_s=5))
    assert len(wire.tried) == 1
    with pytest.raises(TransientError):
        await client.request(HttpRequest("GET", "http://down.example/", timeout_s=5))
    assert len(wire.tried) == 3
    await client.aclose()
