"""`heddle up` from an empty folder: everything real, stopped by every kind of signal, and back with its data."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.embedded.ports import free_port
from tests.support.processes import kill_processes_of, processes_of, wait_until

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(600)  # the first start builds the pages


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="heddle-up-"))
    folder.chmod(0o711)
    yield folder / "data"
    kill_processes_of(folder)
    shutil.rmtree(folder, ignore_errors=True)


def start(data_dir: Path, port: int, role: str = "up") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "studio.cli", role, "--port", str(port), "--data-dir", str(data_dir)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def announcement(process: subprocess.Popen[str]) -> str:
    """What it prints once everything answers."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Stop with" in line:
            return "".join(lines)
    raise AssertionError(process.stderr.read() if process.stderr else "it ended")


def status(port: int, path: str) -> int:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        link.request("GET", path)
        return link.getresponse().status
    finally:
        link.close()


def heddle(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "studio.cli", *arguments, "--data-dir", str(data_dir)]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_up_and_down_and_killed_and_up_again(data_dir: Path) -> None:
    port = free_port()
    with start(data_dir, port) as process:
        said = announcement(process)
        assert f"http://localhost:{port}" in said
        assert re.search(r"demo@heddle\.local / \S{8,}", said)
        assert [status(port, path) for path in ("/healthz", "/readyz", "/docs")] == [200, 200, 200]

        second = heddle(data_dir, "up", "--port", str(free_port()))
        assert second.returncode == 1
        assert f"already runs on {data_dir} at http://localhost:{port}" in second.stderr
        assert second.stderr.count("\n") == 1

        workflow = str(ROOT / "workflows" / "example_workflow.yaml")
        done = heddle(data_dir, "run", workflow, "--input", '{"message": "Hello"}', "--json")
        run = json.loads(done.stdout)
        assert run["status"] == "succeeded", done.stderr
        assert "starting PostgreSQL" not in done.stderr  # it used those of the running instance

        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    wait_until(lambda: not processes_of(data_dir))

    with start(data_dir, port) as process:
        assert announcement(process) == said  # the same address and the same password
        listed = json.loads(heddle(data_dir, "runs", "--json").stdout)["runs"]
        assert [one["run_id"] for one in listed] == [run["run_id"]]
        process.kill()
    wait_until(lambda: not processes_of(data_dir))

    with start(data_dir, port) as process:
        announcement(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    wait_until(lambda: not processes_of(data_dir))


def test_a_port_in_use_is_one_sentence(data_dir: Path) -> None:
    port = free_port()
    with socket.socket() as link:
        link.bind(("127.0.0.1", port))
        link.listen()
        done = heddle(data_dir, "up", "--port", str(port))
    assert done.returncode == 1
    assert re.fullmatch(rf"heddle: Port {port} is in use.*: stop what uses it, or choose another .*\n", done.stderr)
    assert not processes_of(data_dir)


def test_a_web_process_ends_though_pages_are_open(data_dir: Path) -> None:
    """A page holds a websocket; one that never answers must not keep the server alive."""
    port = free_port()
    with start(data_dir, port, "web") as process:
        wait_until(lambda: _answers(port), 300)
        with socket.create_connection(("127.0.0.1", port)) as page:
            page.sendall(HANDSHAKE.format(port=port).encode())
            assert b" 101 " in page.recv(1000)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    wait_until(lambda: not processes_of(data_dir))


HANDSHAKE = (
    "GET /_event/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def _answers(port: int) -> bool:
    try:
        return status(port, "/healthz") == 200
    except OSError:
        return False
