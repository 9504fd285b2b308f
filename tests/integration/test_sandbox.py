"""Programs of tenants in the sandbox: what they can do, how they are stopped, and what they never reach."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from connectors.code import sandbox as sandbox_module
from connectors.code.sandbox import MontySandbox
from engine.errors import AppError, CodeFailed, ConfigError, OutputTooLarge, StepTimeout
from engine.execution.ports import CodeTask
from engine.settings import Settings
from engine.store.session import Database, Scope
from runners.client import ByText, RunRequest
from runners.connections import Connections
from runners.runtime import Runtime
from tests.contract.test_nodes_data import one
from tests.support.counting import until
from tests.support.ports import RUN_ID, TENANT_ID
from tests.support.processes import facts, is_alive

ROOT = Path(__file__).resolve().parents[2]
HAS_WRAPPER = shutil.which("bwrap") is not None


@pytest.fixture(params=["bare", "wrapped"])
async def sandbox(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Any]:
    """Both ways to start workers; the second where the machine has bubblewrap and lets it work."""
    if request.param == "bare":
        monkeypatch.setattr(shutil, "which", lambda name, **_: None)
    elif not HAS_WRAPPER:
        pytest.skip("bubblewrap is not installed")
    found = MontySandbox(tmp_path / "sandbox", workers=2)
    wrapped = await found.start()
    if request.param == "wrapped" and not wrapped:
        pytest.skip("this machine does not let bubblewrap work")
    yield found
    await found.aclose()


async def run(sandbox: MontySandbox, source: str, seconds: float = 5.0, memory_mb: int = 32, **inputs: Any) -> Any:
    return (await sandbox.run(CodeTask(TENANT_ID, source, inputs, seconds, memory_mb))).value


# -- what it can do ----------------------------------------------------------------------------------------------------


async def test_a_program_computes_with_its_inputs(sandbox: MontySandbox) -> None:
    source = """
import json, math, re
from datetime import date

def total(lines):
    return sum(line["price"] * line["quantity"] for line in lines)

found = re.findall(r"ORD-\\d+", text)
result = {"total": total(lines), "orders": found, "year": date(2026, 1, 2).year, "root": math.sqrt(16), "none": None}
"""
    lines = [{"price": 2.5, "quantity": 2}, {"price": 10, "quantity": 1}]
    value = await run(sandbox, source, lines=lines, text="ORD-1 and ORD-22")
    assert value == {"total": 15.0, "orders": ["ORD-1", "ORD-22"], "year": 2026, "root": 4.0, "none": None}


@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, "ü 🧵 \n", [], {}, {"a": [{"b": [1, [2, [3]]]}]}, 2**62, "x" * 9000]
)
async def test_values_come_back_as_they_went_in(sandbox: MontySandbox, value: Any) -> None:
    assert await run(sandbox, "result = given", given=value) == value


async def test_what_is_printed_comes_along(sandbox: MontySandbox) -> None:
    result = await sandbox.run(CodeTask(TENANT_ID, "print('a', 1)\nprint('b')\nresult = 1", {}, 5.0, 32))
    assert (result.value, result.printed) == (1, "a 1\nb\n")


async def test_programs_know_nothing_of_each_other(sandbox: MontySandbox) -> None:
    await run(sandbox, "kept = 'secret'\nresult = 1")
    for _ in range(4):
        with pytest.raises(CodeFailed, match="kept"):
            await run(sandbox, "result = kept")


async def test_many_at_once(sandbox: MontySandbox) -> None:
    values = await asyncio.gather(*(run(sandbox, "result = sum(range(n))", n=n) for n in range(60)))
    assert values == [sum(range(n)) for n in range(60)]


async def test_a_tenant_with_many_long_programs_leaves_room_for_others(sandbox: MontySandbox) -> None:
    busy = [asyncio.create_task(run(sandbox, "while True: pass", seconds=20)) for _ in range(6)]
    await _worker()
    other = CodeTask(RUN_ID, "result = 1", {}, 5.0, 32)
    assert (await asyncio.wait_for(sandbox.run(other), 15)).value == 1
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)


# -- what goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "left nothing in `result`"),
        ("def f(:\n  pass", "line 1: SyntaxError"),
        ("x = 1\n\nraise ValueError('no  such\\norder')", "line 3: ValueError: no such order"),
        ("def f():\n  return 1 / 0\nresult = f()", "line 2: ZeroDivisionError"),
        ("def f():\n  return f()\nf()", "RecursionError"),
        ("result = {1, 2}", "`result` is not JSON: TypeError"),
        ("class A:\n  pass\nresult = A()", "`result` is not JSON"),
        ("result = []\nresult.append(result)", "`result` is not JSON"),
        ("result = float('nan')", "not JSON"),
        ("result = 10 ** 5000", "not JSON"),
        ("x = []\nfor i in range(5000):\n  x = [x]\nresult = x", "not JSON"),
        ("import sys\nsys.exit(3)", ""),
        ("raise SystemExit", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("assert 1 == 2", "line 1: AssertionError"),
        ("(" * 50_000, "SyntaxError"),
        ("'" + "x" * 90_000, "SyntaxError"),
        ("\0", ""),
        ("\ud800", ""),
        ("raise ValueError('y' * 5000)", "yyyy"),
    ],
    ids=lambda value: ascii(value[:30]),
)
async def test_failures_say_what_and_where_in_few_words(sandbox: MontySandbox, source: str, said: str) -> None:
    with pytest.raises(CodeFailed) as caught:
        await run(sandbox, source)
    assert said in caught.value.public_message
    assert len(caught.value.public_message) < 500
    assert await run(sandbox, "result = 1") == 1


async def test_what_it_printed_helps_with_its_failure(sandbox: MontySandbox) -> None:
    with pytest.raises(CodeFailed) as caught:
        await run(sandbox, "print('got here')\nresult = missing")
    assert (caught.value.details["line"], caught.value.details["printed"]) == (2, "got here\n")


# -- limits ------------------------------------------------------------------------------------------------------------

ENDLESS = [
    "while True: pass",
    "while True:\n  try:\n    while True: pass\n  except BaseException:\n    pass",
    "def f():\n  try:\n    while True: pass\n  finally:\n    f()\nf()",
    "import time\ntime.sleep(1000)\nresult = 1",
    "import time\nwhile True: time.sleep(0.01)",
    "sum(range(10 ** 12))",
    "sorted(range(10 ** 5), key=lambda n: sum(range(10 ** 6)))",
    "import re\nre.match('(a|a)*$', 'a' * 40 + 'b') or [1 for _ in iter(int, 1)]",
    "for x in iter(int, 1): pass",
    "any(False for _ in iter(int, 1))",
]


@pytest.mark.parametrize("source", ENDLESS, ids=lambda source: ascii(source[:40]))
async def test_time_is_limited(sandbox: MontySandbox, source: str) -> None:
    with pytest.raises(AppError) as caught:
        await asyncio.wait_for(run(sandbox, source, seconds=0.5), 30)
    assert isinstance(caught.value, StepTimeout | CodeFailed)
    assert await run(sandbox, "result = 1") == 1


@pytest.mark.parametrize(
    "source",
    [
        "x = []\nwhile True: x.append('a' * 1000)",
        "x = 'a' * 10 ** 9",
        "x = [0] * 10 ** 9",
        "x = 2 ** 10 ** 10",
        "x = b'a' * 10 ** 9",
        "x = 'ab'\nwhile True: x = x + x",
        "x = {}\nwhile True: x[len(x)] = str(len(x)) * 100",
        "x = [[]]\nfor _ in range(60): x = x + x",
        "x = '%1000000000d' % 1",
        "x = f'{1:>1000000000}'",
        "x = 'a'.ljust(10 ** 9)",
        "x = 'a,' * 10 ** 6\ny = [x.split(',') for _ in range(1000)]",
        "x = ('a' * 10 ** 6).replace('a', 'b' * 10 ** 6)",
        "import re\nx = re.sub('a', 'b' * 10 ** 6, 'a' * 10 ** 6)",
        "x = list(range(10 ** 9))",
        "x = int('9' * 10 ** 6) ** 1000",
    ],
    ids=lambda source: ascii(source[:40]),
)
async def test_memory_is_limited(sandbox: MontySandbox, source: str) -> None:
    with pytest.raises(AppError) as caught:
        await asyncio.wait_for(run(sandbox, f"{source}\nresult = 1", seconds=5), 40)
    assert isinstance(caught.value, CodeFailed | StepTimeout)
    assert await run(sandbox, "result = 1") == 1


@pytest.mark.parametrize(
    "source",
    [
        "result = 'x' * 2_000_000",
        "result = ['x' * 1000] * 2000",
        "result = '\\u00fc' * 200_000",
        "import json\nlen = lambda _: 0\nstr = lambda _: ''\nresult = 'x' * 2_000_000",
        "_json = None\nresult = 'x' * 2_000_000",
    ],
    ids=lambda source: ascii(source[:40]),
)
async def test_results_are_limited_whatever_names_the_program_takes(sandbox: MontySandbox, source: str) -> None:
    with pytest.raises(OutputTooLarge):
        await run(sandbox, source, memory_mb=128)


@pytest.mark.parametrize("tail", ["'x' * 20_000_000", "['x' * 1000] * 20_000 \\", "print"])
async def test_the_last_value_of_a_program_does_not_leave_the_sandbox(sandbox: MontySandbox, tail: str) -> None:
    assert await run(sandbox, f"result = 1\n{tail}", memory_mb=128) == 1


async def test_printing_is_limited(sandbox: MontySandbox) -> None:
    for source in ("while True: print('x' * 1000)", "print('x' * 5_000_000)", "while True: print()"):
        with pytest.raises((OutputTooLarge, StepTimeout)):
            await run(sandbox, source, seconds=2)


# -- what it never reaches ---------------------------------------------------------------------------------------------

PROBES = [
    "import socket",
    "import subprocess",
    "import ctypes",
    "import sys\nresult = sys.modules",
    "import sys\nresult = sys._getframe().f_back",
    "import builtins\nresult = builtins.open('/etc/passwd').read()",
    "import importlib\nresult = importlib.import_module('os')",
    "result = __import__('os').system('id')",
    "result = open('/etc/passwd').read()",
    "result = open('/proc/self/environ').read()",
    "open('/tmp/escaped', 'w').write('x')\nresult = 1",
    "from pathlib import Path\nresult = Path('/etc/passwd').read_text()",
    "from pathlib import Path\nresult = [str(p) for p in Path('/').iterdir()]",
    "import os\nresult = os.environ['PATH']",
    "import os\nresult = os.getenv('HOME')",
    "import os\nresult = os.listdir('/')",
    "import os\nos.system('id')\nresult = 1",
    "import os\nos.kill(os.getppid(), 9)\nresult = 1",
    "import os\nos.fork()\nresult = 1",
    "import os\nresult = os.popen('id').read()",
    "import urllib.request\nresult = urllib.request.urlopen('http://127.0.0.1').read()",
    "import asyncio\nresult = asyncio.open_connection('127.0.0.1', 80)",
    "result = ().__class__.__bases__[0].__subclasses__()",
    "result = ''.__class__.__mro__[1].__subclasses__()",
    "result = (lambda: 0).__globals__",
    "result = (lambda: 0).__code__.co_consts",
    "result = [c for c in object.__subclasses__()]",
    "def f(): yield\nresult = f().gi_frame.f_builtins",
    "try:\n  1 / 0\nexcept Exception as e:\n  result = e.__traceback__.tb_frame.f_globals",
    "result = '{0.__class__.__mro__}'.format(1)",
    "result = getattr(print, '__self__')",
    "result = getattr(getattr((), '__cl' + 'ass__'), '__base__')",
    "class A:\n  def __reduce__(self): return (print, ('x',))\nimport pickle\nresult = pickle.dumps(A())",
    'result = eval(\'__import__("os").listdir("/")\')',
    "exec('import socket')\nresult = 1",
    "import code\nresult = code.interact()",
    "import gc\nresult = gc.get_objects()",
    "import inspect\nresult = inspect.stack()",
    "result = breakpoint()",
    "result = input()",
]


@pytest.mark.parametrize("source", PROBES, ids=lambda source: ascii(source.replace("\n", "; ")[:60]))
async def test_attempts_to_break_out_fail(sandbox: MontySandbox, source: str) -> None:
    with pytest.raises(CodeFailed):
        await run(sandbox, source)
    assert not os.path.exists("/tmp/escaped")  # noqa: ASYNC240


async def test_a_worker_has_no_environment_and_no_open_files_of_ours(
    sandbox: MontySandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEDDLE_SECRET", "SECRET-of-the-house")
    with (tmp_path / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), False)
        task = asyncio.create_task(run(sandbox, "while True: pass", seconds=3))
        worker = await _worker()
        assert "SECRET" not in str(worker.environ())
        assert str(tmp_path / "ours") not in {file.path for file in worker.open_files()}
        with pytest.raises(StepTimeout):
            await task


async def _worker() -> psutil.Process:
    """The program's process, once it works."""
    for _ in range(200):
        for process, path in facts(psutil.Process().children(recursive=True), psutil.Process.exe):
            if Path(path).name == "monty":
                return process
        await asyncio.sleep(0.02)
    raise AssertionError("no worker was started")


@pytest.mark.skipif(not HAS_WRAPPER, reason="bubblewrap is not installed")
async def test_behind_bubblewrap_there_is_no_network_and_nothing_of_the_house(tmp_path: Path) -> None:
    found = MontySandbox(tmp_path / "sandbox", workers=1)
    if not await found.start():
        pytest.skip("this machine does not let bubblewrap work")
    task = asyncio.create_task(run(found, "while True: pass", seconds=3))
    worker = await _worker()
    own, ours = Path(f"/proc/{worker.pid}/ns"), Path("/proc/self/ns")
    apart = {
        name
        for name in ("net", "pid", "mnt", "ipc", "uts", "user")
        if os.readlink(own / name) != os.readlink(ours / name)
    }
    assert apart == {"net", "pid", "mnt", "ipc", "uts", "user"}
    seen = set(os.listdir(f"/proc/{worker.pid}/root"))
    assert seen <= {"monty", "lib", "lib64", "usr"}
    with pytest.raises(StepTimeout):
        await task
    await found.aclose()


# -- workers that die --------------------------------------------------------------------------------------------------


async def test_a_worker_that_is_killed_is_replaced_and_the_program_run_again(sandbox: MontySandbox) -> None:
    task = asyncio.create_task(run(sandbox, "x = sum(range(3_000_000))\nresult = x", seconds=30))
    (await _worker()).send_signal(signal.SIGKILL)
    assert await task == sum(range(3_000_000))


async def test_a_program_whose_workers_die_again_and_again_fails(sandbox: MontySandbox) -> None:
    task = asyncio.create_task(run(sandbox, "while True: pass", seconds=30))
    killed: set[int] = set()
    while not task.done():
        worker = await _next_worker(killed, task)
        if worker is not None:
            killed.add(worker.pid)
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
    with pytest.raises(CodeFailed, match="brought its sandbox down"):
        await task
    assert len(killed) == 2
    assert await run(sandbox, "result = 1") == 1


async def _next_worker(killed: set[int], task: asyncio.Task[Any]) -> psutil.Process | None:
    while not task.done():
        try:
            worker = await _worker()
            if worker.pid not in killed:
                return worker
        except (psutil.NoSuchProcess, AssertionError):
            pass
        await asyncio.sleep(0.01)
    return None


async def test_a_program_that_nobody_waits_for_is_stopped(sandbox: MontySandbox) -> None:
    task = asyncio.create_task(run(sandbox, "while True: pass", seconds=30))
    worker = await _worker()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(psutil.wait_procs, [worker], 10)
    assert not is_alive(worker.pid)
    assert await run(sandbox, "result = 1") == 1


async def test_nothing_is_left_behind(tmp_path: Path) -> None:
    found = MontySandbox(tmp_path / "sandbox", workers=3)
    await asyncio.gather(*(run(found, "result = 1") for _ in range(6)))
    await found.aclose()
    await until(lambda: _monties() == [])


def _monties(pid: int | None = None) -> list[psutil.Process]:
    """The sandbox workers that the process, or the test, started."""
    children = psutil.Process(pid).children(recursive=True)
    return [process for process, name in facts(children, psutil.Process.name) if "monty" in name]


OWNER = """
import asyncio, shutil, sys
from pathlib import Path
from uuid import UUID

from connectors.code.sandbox import MontySandbox
from engine.execution.ports import CodeTask

if sys.argv[1] == "bare":
    shutil.which = lambda *_, **__: None

async def main():
    sandbox = MontySandbox(Path(sys.argv[2]), workers=1)
    print(await sandbox.start(), flush=True)
    await sandbox.run(CodeTask(UUID(int=1), "while True: pass", {}, float(sys.argv[3]), 32))

asyncio.run(main())
"""


@pytest.mark.parametrize(("kind", "seconds"), [("bare", 3), ("wrapped", 60)])
def test_no_program_outlives_a_killed_process(kind: str, seconds: int, tmp_path: Path) -> None:
    """Behind bubblewrap it ends at once, without it at its time limit."""
    command = [sys.executable, "-c", OWNER, kind, str(tmp_path), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        assert owner.stdout is not None
        if owner.stdout.readline().strip() != str(kind == "wrapped"):
            owner.kill()
            pytest.skip("this machine does not let bubblewrap work")
        workers = _started(owner.pid)
        owner.kill()
    gone, alive = psutil.wait_procs(workers, timeout=30)
    assert (alive, len(gone)) == ([], len(workers))


def _started(pid: int) -> list[psutil.Process]:
    """The process's sandbox workers, once there are some."""
    for _ in range(300):
        if found := _monties(pid):
            return found
        time.sleep(0.02)
    raise AssertionError("no worker was started")


async def test_where_nothing_starts_the_operator_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o700)
    monkeypatch.setattr(sandbox_module, "launchers", lambda _: [(broken, True), (tmp_path / "absent", False)])
    with pytest.raises(ConfigError, match="does not start"):
        await run(MontySandbox(tmp_path), "result = 1")


# -- in a run ----------------------------------------------------------------------------------------------------------

TEXT = one("type: code, config: {source: 'result = {\"double\": n * 2}', inputs: {n: context.n}}")
HUGE = 10**30


async def test_a_run_in_a_worker_where_the_operator_allows_it(
    settings: Settings, connections: Connections, scope: Scope, database: Database
) -> None:
    request = RunRequest(ByText(TEXT), {"n": 21})
    for code, with_models, status in ((False, True, "failed"), (True, True, "succeeded"), (True, False, "queued")):
        runtime = await Runtime.open(replace(settings, code=code), connections, db=database, with_models=with_models)
        try:
            view = await runtime.client.run_inline(scope, request, 30, whole=with_models)
            assert view.status == status, (view.error, code)
            if status == "succeeded":
                assert view.output == {"reply": None, "double": 42}
                huge = await runtime.client.run_inline(scope, replace(request, input={"n": HUGE}), 30, whole=True)
                assert huge.output["double"] == pytest.approx(2 * HUGE)
        finally:
            await runtime.close()


def test_the_operators_switch_is_on_or_off() -> None:
    assert not Settings.from_env({}).code
    assert Settings.from_env({"HEDDLE_CODE": "on"}).code
    with pytest.raises(ConfigError, match="HEDDLE_CODE must be on or off"):
        Settings.from_env({"HEDDLE_CODE": "yes please"})
