"""What happens around the frontend build: the address rewrite, stale detection, sentences for failures."""

from __future__ import annotations

import errno
import shutil
import socket
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.errors import ConfigError
from runners.embedded import ports
from studio import frontend
from studio.build_plugin import add_editor_page, make_relative, preload_fonts, share_one_chunk
from studio.delivery import with_headers, with_plain_addresses


def test_addresses_come_from_the_page(tmp_path: Path) -> None:
    chunk = tmp_path / "assets" / "shared-abc.js"
    chunk.parent.mkdir()
    constants = 'PING:"http://localhost:8000/ping",EVENT:`ws://localhost:8000/_event`,T:`websocket`'
    chunk.write_text(f'var e={{{constants}}},h="http://localhost:3000/x";')
    make_relative(tmp_path)
    text = chunk.read_text()
    assert text.count("localhost") == 1
    assert 'h="http://localhost:3000/x"' in text
    assert 'EVENT:(location.protocol.replace("http","ws")+"//"+location.host+"/_event")' in text
    assert 'PING:(location.protocol+"//"+location.host+"/ping")' in text
    assert "T:`websocket`" in text


def test_a_build_of_another_shape_is_refused(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    with pytest.raises(RuntimeError, match="way of building has changed"):
        make_relative(tmp_path)


def test_what_pages_share_stands_in_one_chunk() -> None:
    config = "output: {\n        codeSplitting: {\n          groups: [\n            { test: /env.json/ },"
    assert 'groups: [\n            { name: "shared", minShareCount: 2 },\n            { test' in share_one_chunk(config)
    with pytest.raises(RuntimeError, match="way of building has changed"):
        share_one_chunk("output: {}")


def test_the_page_of_a_workflow_asks_for_the_editor_at_once(tmp_path: Path) -> None:
    files = {
        "__spa-fallback.html": '<html><head><link href="/x"/><script>1</script></head></html>',
        "assets/_app_._workflows_.__workflow_name_._index-a1.js": (
            'm.f=["assets/editor-b2.js","assets/editor-c3.css","assets/gone-d4.js"];import{a}from"./icon-e5.js";'
        ),
        "assets/editor-b2.js": "",
        "assets/editor-c3.css": "",
        "assets/icon-e5.js": "",
        "assets/inter-latin-wght-normal-f6.woff2": "",
        "assets/jetbrains-mono-latin-wght-normal-g7.woff2": "",
        "login.html": "<html><script>1</script></html>",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    add_editor_page(tmp_path)
    preload_fonts(tmp_path)
    page = (tmp_path / "app" / "workflows" / "_editor.html").read_text()
    assert page.startswith('<html><head><link href="/x"/><link rel="modulepreload" href="/assets/_app_._workflows_.__')
    assert '<link rel="modulepreload" href="/assets/editor-b2.js"/>' in page
    assert '<link rel="preload" as="style" crossorigin="" href="/assets/editor-c3.css"/>' in page
    assert '<link rel="modulepreload" href="/assets/icon-e5.js"/>' in page
    assert "gone" not in page
    assert page.index("inter-latin") < page.index("<script")
    assert "jetbrains-mono" in (tmp_path / "login.html").read_text()
    (tmp_path / "assets" / "editor-b2.js").unlink()
    (tmp_path / "assets" / "_app_._workflows_.__workflow_name_._index-a1.js").unlink()
    with pytest.raises(RuntimeError, match="way of building has changed"):
        add_editor_page(tmp_path)


def test_a_changed_source_means_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rxconfig.py", "reflex.lock", "assets", "engine/nodes", "engine/language/node_types.py"):
        source, target = frontend.ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    (tmp_path / "studio" / "pages").mkdir(parents=True)
    (tmp_path / "studio" / "cli.py").write_text("1")
    (tmp_path / "studio" / "state.py").write_text("1")
    monkeypatch.setattr(frontend, "ROOT", tmp_path)
    first = frontend.source_hash()
    assert frontend.source_hash() == first
    (tmp_path / "studio" / "cli.py").write_text("2")
    assert frontend.source_hash() == first, "the command line is no part of any page"
    (tmp_path / "studio" / "state.py").write_text("2")
    second = frontend.source_hash()
    assert second != first
    (tmp_path / "studio" / "pages" / "new.py").write_text("")
    assert frontend.source_hash() not in (first, second)


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_full_disk_is_said_before_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "BUILDS", tmp_path)
    monkeypatch.setattr(frontend, "WORK_DIR", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(10, 5, 5_000_000))
    with pytest.raises(ConfigError, match=r"needs about 900 MB .* but only 5 MB are free"):
        frontend.ensure_built(lambda _: None)


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("npm error code ENOTFOUND\nnpm error network", "npm cannot reach its registry"),
        ("npm error code ENOSPC", "The disk is full"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "NODE_EXTRA_CA_CERTS"),
        ("SyntaxError: bad", "The reason is in the log"),
    ],
)
def test_a_failed_build_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, sentence: str) -> None:
    monkeypatch.setattr(frontend, "WORK_DIR", tmp_path)
    said = frontend._why(output)
    assert sentence in said
    assert (tmp_path / "build.log").read_text() == output


def test_a_taken_port_is_said() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with pytest.raises(ConfigError, match="is in use"):
            ports.require_port("127.0.0.1", holder.getsockname()[1])


def test_a_port_for_root_only_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_fault", lambda _host, _port: PermissionError(errno.EACCES, "Permission denied"))
    with pytest.raises(ConfigError, match="Only root may listen on port 80: choose one from 1024"):
        ports.require_port("127.0.0.1", 80)


def test_an_address_that_is_not_ours_is_said() -> None:
    for host in ("192.0.2.1", "no.such.host.invalid"):
        with pytest.raises(ConfigError, match=f"cannot listen on {host}"):
            ports.require_port(host, 8000)


async def _request(app: Any, path: str, reply: list[tuple[bytes, bytes]]) -> tuple[str, dict[str, str]]:
    """Path that reaches the inner app, and the headers that leave the outer one."""
    reached = ""
    sent: dict[str, str] = {}

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        nonlocal reached
        reached = scope["path"]
        await send({"type": "http.response.start", "status": 200, "headers": list(reply)})

    async def send(message: Any) -> None:
        sent.update({k.decode(): v.decode() for k, v in message["headers"]})

    async def receive() -> Any:
        return {}

    await app(inner)({"type": "http", "method": "GET", "path": path, "headers": []}, receive, send)
    return reached, sent


async def test_pages_have_addresses_without_a_slash(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "runs.html").touch()
    (tmp_path / "app" / "index.html").touch()
    wrapped = lambda inner: with_plain_addresses(inner, tmp_path)  # noqa: E731
    assert (await _request(wrapped, "/app/runs", []))[0] == "/app/runs.html"
    assert (await _request(wrapped, "/app/runs/1", []))[0] == "/app/runs/1"
    assert (await _request(wrapped, "/app/index", []))[0] == "/app/index"
    assert (await _request(wrapped, "/app/workflows/any_one", []))[0] == "/app/workflows/_editor.html"
    assert (await _request(wrapped, "/app/workflows/any_one/more", []))[0] == "/app/workflows/any_one/more"


async def test_headers_of_pages_assets_and_published_chats() -> None:
    html = [(b"content-type", b"text/html; charset=utf-8")]
    _, page = await _request(with_headers, "/app/runs", html)
    assert page["x-frame-options"] == "DENY"
    assert page["cache-control"] == "no-cache"
    _, asset = await _request(with_headers, "/assets/x-abc.js", [])
    assert "immutable" in asset["cache-control"]
    _, chat = await _request(with_headers, "/c/demo/support", html)
    assert "x-frame-options" not in chat
    assert chat["x-content-type-options"] == "nosniff"


def test_a_lock_file_in_another_order_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "ROOT", tmp_path)
    lock, pins = tmp_path / "reflex.lock" / "package.json", tmp_path / "reflex.lock" / "package-lock.json"
    lock.parent.mkdir()
    lock.write_text('{"a": 1, "b": 2}')
    pins.write_text('{"react": "1"}')
    with frontend._lock_files_kept():
        lock.write_text('{"b": 2, "a": 1}')
        pins.write_text('{"react": "2"}')
    assert lock.read_text() == '{"a": 1, "b": 2}'
    assert pins.read_text() == '{"react": "2"}'
