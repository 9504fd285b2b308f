"""The program that a sandbox worker is started as: with little memory, few files, no environment, and inside
bubblewrap, which takes network, files and other processes away.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from engine.errors import ConfigError

_MEMORY_KB = 1_500_000  # of addresses, for the whole worker; a program's own limit lies far below
_SCRIPT = """\
#!/bin/sh
ulimit -c 0
ulimit -n 64
ulimit -v {memory}
exec env -i {command} "$@"
"""
# What a program that was linked to the system's C library needs to start.
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")


def worker_binary() -> Path:
    """The interpreter's own program; raises ConfigError when it is not installed."""
    from pydantic_monty._binary import find_monty_binary  # noqa: PLC0415 - only where code is allowed

    try:
        return Path(find_monty_binary())
    except FileNotFoundError as error:
        raise ConfigError("the sandbox's program is not installed (package pydantic-monty)") from error


def launchers(folder: Path) -> Iterator[tuple[Path, bool]]:
    """(program, whether bubblewrap is around it), the safer one first. The scripts are written into `folder`."""
    binary = worker_binary().resolve()
    if os.name == "posix":
        wrapper = shutil.which("bwrap")
        if wrapper:
            yield _script(folder / "monty-wrapped", _wrapped(wrapper, binary)), True
        yield _script(folder / "monty-bare", [str(binary)]), False
    yield binary, False


def _wrapped(wrapper: str, binary: Path) -> list[str]:
    command = [wrapper, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    command += ["--hostname", "sandbox", "--chdir", "/", "--ro-bind", str(binary), "/monty"]
    for library in _LIBRARIES:
        command += ["--ro-bind-try", library, library]
    return [*command, "/monty"]


def _script(path: Path, command: list[str]) -> Path:
    """Written anew each time, in one step: several workers share the folder."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(_SCRIPT.format(memory=_MEMORY_KB, command=shlex.join(command)), encoding="utf-8")
    fresh.chmod(stat.S_IRWXU)
    fresh.replace(path)
    return path
