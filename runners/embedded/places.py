"""Where the servers' files lie, and as whom the servers run.

PostgreSQL refuses to run as root, so root starts the servers as an unprivileged account. That account often cannot
enter the folder the data belongs in (a home with mode 0700), nor read the wheel's programs. Then the servers get a
home below /var/lib/heddle instead, remembered in the data folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ConfigError

SHARED_HOME = Path("/var/lib/heddle")
MB = 1024 * 1024
SPACE_TO_CREATE = 300 * MB
SPACE_TO_START = 50 * MB
_CANDIDATES = ("nobody", "daemon")


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged user that the servers run as when we are root."""

    uid: int
    gid: int

    def popen_options(self) -> dict[str, Any]:
        """Arguments for subprocess.Popen."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give one file or folder to the account."""
        os.chown(path, self.uid, self.gid)

    def can_enter(self, folder: Path) -> bool:
        """Whether the account can pass through `folder`; the kernel answers, so ACLs and mounts count too."""
        return self._test("-x", folder)

    def can_read(self, file: Path) -> bool:
        """Whether the account can read `file`."""
        return self._test("-r", file)

    def _test(self, what: str, path: Path) -> bool:
        probe = ["/bin/sh", "-c", f'test {what} "$1"', "sh", str(path)]
        done = subprocess.run(probe, check=False, cwd="/", capture_output=True, **self.popen_options())
        return done.returncode == 0


def server_account() -> Account | None:
    """None when we are not root: then the servers run as ourselves."""
    if os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - Unix only, like being root

    for name in _CANDIDATES:
        try:
            found = pwd.getpwnam(name)
            account = Account(found.pw_uid, found.pw_gid)
            subprocess.run(["/bin/sh", "-c", "true"], check=True, cwd="/", **account.popen_options())
        except (KeyError, OSError, subprocess.SubprocessError):
            continue
        return account
    raise ConfigError(
        "PostgreSQL refuses to run as root and this machine lets us use no other account: "
        "start Heddle as an ordinary user, or set DATABASE_URL and REDIS_URL"
    )


def running_as(account: Account | None) -> dict[str, Any]:
    """Arguments for subprocess.Popen that start a server as `account`; nothing when it is us."""
    return account.popen_options() if account else {}


def ensure_data_dir(data_dir: Path) -> Path:
    """Make the data folder (private, but passable for the servers' account) and prove that it can be written."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == data_dir.stat().st_uid:
            data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as err:
        raise ConfigError(_unwritable(data_dir, err)) from err
    return data_dir


def _unwritable(data_dir: Path, err: OSError) -> str:
    reason = (err.strerror or str(err)).lower()
    return (
        f"The data folder {data_dir} cannot be written ({reason}): choose another one with "
        "--data-dir (or DATA_DIR= for make, HEDDLE_DATA_DIR elsewhere), or change who owns it"
    )


def require_space(folder: Path, needed: int) -> None:
    """Raise ConfigError when the file system of `folder` has less than `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ConfigError(
            f"Only {free // MB} MB are free for {folder} and {needed // MB} MB are needed: "
            "free some space, or choose another folder with --data-dir"
        )


def server_home(data_dir: Path, account: Account | None, remembered: str | None) -> Path:
    """The folder that holds the servers' data; `remembered` is the one chosen before, if any."""
    if remembered and Path(remembered).is_dir():
        return Path(remembered)
    if account is None or account.can_enter(data_dir):
        return data_dir
    home = SHARED_HOME / uuid.uuid4().hex[:12]
    try:
        home.mkdir(parents=True)
        home.chmod(0o711)
        SHARED_HOME.chmod(0o755)
    except OSError as err:
        raise ConfigError(_unreachable(data_dir)) from err
    if not account.can_enter(home):
        raise ConfigError(_unreachable(data_dir))
    return home


def _unreachable(data_dir: Path) -> str:
    return (
        f"The servers do not run as root and their account cannot enter {data_dir}: "
        "choose a folder that everybody may pass through, such as --data-dir /srv/heddle"
    )
