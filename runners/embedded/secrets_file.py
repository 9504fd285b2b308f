"""Keys and passwords of one installation, kept in `secrets.json` of the data folder (mode 0600)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from engine.errors import ConfigError
from runners.embedded.files import read_json, write_json
from runners.embedded.processes import locked

FILE = "secrets.json"


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """`secret` signs and derives, `master_key` (32 bytes in hex) seals credentials; the passwords are the servers'."""

    secret: str
    master_key: str
    database_password: str
    redis_password: str

    @classmethod
    def fresh(cls) -> Secrets:
        return cls(*(secrets.token_hex(32) for _ in range(2)), *(secrets.token_hex(16) for _ in range(2)))

    def __repr__(self) -> str:
        return "Secrets(...)"


def load_secrets(data_dir: Path, *, secret: str | None = None, master_key: str | None = None) -> Secrets:
    """The installation's secrets, made at the first call. `secret` and `master_key` win over the file when given."""
    path = data_dir / FILE
    with locked(data_dir / ".secrets.lock"):
        found = _read(path)
        if found is None:
            found = Secrets.fresh()
            write_json(path, asdict(found))
    return replace(found, secret=secret or found.secret, master_key=master_key or found.master_key)


def _read(path: Path) -> Secrets | None:
    if not path.exists():
        return None
    data = read_json(path) or {}
    names = [field.name for field in fields(Secrets)]
    if not all(isinstance(data.get(name), str) and data[name] for name in names):
        raise ConfigError(f"{path} is damaged: put it back from a backup, for the stored credentials need it")
    return Secrets(**{name: data[name] for name in names})


def read_notes(data_dir: Path) -> dict[str, str]:
    """What else the file holds for people, such as the demo tenant's password."""
    names = {field.name for field in fields(Secrets)}
    data = read_json(data_dir / FILE) or {}
    return {name: value for name, value in data.items() if name not in names and isinstance(value, str)}


def write_notes(data_dir: Path, notes: Mapping[str, str]) -> None:
    """Keep `notes` beside the secrets; the secrets themselves cannot be changed this way."""
    names = {field.name for field in fields(Secrets)}
    with locked(data_dir / ".secrets.lock"):
        data = read_json(data_dir / FILE) or {}
        write_json(data_dir / FILE, data | {name: value for name, value in notes.items() if name not in names})
