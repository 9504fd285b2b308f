"""The supervisor of `heddle up`: restarts what dies, leaves nothing behind, whatever happens to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from studio.commands.children import Children, stop_recorded
from tests.support.processes import is_alive, wait_until

ROOT = Path(__file__).resolve().parents[2]
# Writes its number and that of a child of its own to a file, then waits; `deaf` ignores SIGTERM.
ROLE = """
import os, signal, subprocess, sys, time
from pathlib import Path
from studio.commands.children import die_with_supervisor
folder, name, how, supervisor = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[5])
if how == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
die_with_supervisor(supervisor)
(folder / f"{name}.{os.getpid()}").write_text(f"{os.getpid()} {grandchild.pid}")
if how == "short":
    sys.exit("this role is short-lived")
time.sleep(600)
"""
SUPERVISOR = """
import sys, time
from pathlib import Path
from studio.commands.children import Children
folder, role = Path(sys.argv[1]), sys.argv[2]
with Children(folder, print, program=(sys.executable, role), plan=[("one", [str(folder), "one", "steady"])]):
    time.sleep(600)
"""


@pytest.fixture
def role(tmp_path: Path) -> tuple[str, str]:
    path = tmp_path / "role.py"
    path.write_text(ROLE)
    return sys.executable, str(path)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def started(folder: Path, name: str) -> list[list[int]]:
    """[own number, grandchild's number] of each start of that role so far."""
    texts = [path.read_text() for path in sorted(folder.glob(f"{name}.*"), key=lambda path: path.stat().st_mtime)]
    return [[int(number) for number in text.split()] for text in texts if text]


def test_a_child_that_dies_comes_back_and_its_own_children_go(tmp_path: Path, role: tuple[str, str]) -> None:
    said: list[str] = []
    with Children(tmp_path, said.append, program=role) as children:
        children.add("one", [str(tmp_path), "one", "steady"])
        wait_until(lambda: len(started(tmp_path, "one")) == 1)
        first, grandchild = started(tmp_path, "one")[0]
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: len(started(tmp_path, "one")) == 2, each=children.watch)
        assert not is_alive(grandchild)
    assert said == ["one ended (signal SIGKILL); starting it again"]
    assert not any(is_alive(pid) for pids in started(tmp_path, "one") for pid in pids)


def test_a_child_that_keeps_dying_is_started_less_and_less_often(tmp_path: Path, role: tuple[str, str]) -> None:
    said: list[str] = []
    with Children(tmp_path, said.append, program=role) as children:
        child = children.add("one", [str(tmp_path), "one", "short"])
        wait_until(lambda: len(said) == 3, each=children.watch)
        assert child.last_words() == "this role is short-lived"
    assert [line.partition(";")[2] for line in said] == [
        " starting it again",
        " starting it again in 1 s",
        " starting it again in 2 s",
    ]


def test_a_deaf_child_is_stopped_too(tmp_path: Path, role: tuple[str, str]) -> None:
    with Children(tmp_path, print, program=role, patience_s=1.0) as children:
        children.add("one", [str(tmp_path), "one", "deaf"])
        children.add("two", [str(tmp_path), "two", "steady"])
        wait_until(lambda: bool(started(tmp_path, "one") and started(tmp_path, "two")))
        began = time.monotonic()
    assert time.monotonic() - began < 5
    pids = [pid for name in ("one", "two") for found in started(tmp_path, name) for pid in found]
    wait_until(lambda: not any(map(is_alive, pids)))
    assert not (tmp_path / "children.json").exists()


def test_children_notice_that_their_supervisor_was_killed(tmp_path: Path, role: tuple[str, str]) -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR, tmp_path, role[1]]) as supervisor:
        wait_until(lambda: len(started(tmp_path, "one")) == 1)
        supervisor.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in started(tmp_path, "one")[0]))


def test_the_next_start_ends_what_was_left_behind_and_no_stranger(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with (
        subprocess.Popen(command, start_new_session=True) as left,
        subprocess.Popen(command, start_new_session=True) as stranger,
    ):
        entries = [
            {"pid": left.pid, "created": psutil.Process(left.pid).create_time()},
            {"pid": stranger.pid, "created": 1.0},  # a number that belongs to somebody else by now
        ]
        (tmp_path / "children.json").write_text(json.dumps({"children": entries}))
        stop_recorded(tmp_path)
        assert not is_alive(left.pid)
        assert is_alive(stranger.pid)
        stranger.kill()
    assert not (tmp_path / "children.json").exists()
