"""Ports: a free one for a server of ours, and whose it is when it is taken."""

from __future__ import annotations

import random
import socket

import psutil

from engine.errors import ConfigError

LOOPBACK = "127.0.0.1"
_PORTS = range(20000, 32000)  # below the range that systems hand out for outgoing connections


def free_port(remembered: int | None = None) -> int:
    """The remembered port when it is still free, else a free one on loopback."""
    tries = [remembered] if remembered else []
    tries += random.sample(_PORTS, 200)
    for port in tries:
        if port_is_free(LOOPBACK, port):
            return port
    raise OSError("no free port between 20000 and 32000")


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def require_port(host: str, port: int) -> None:
    """Raise ConfigError, with the mend, when something else listens on the port that people chose."""
    if not port_is_free(host, port):
        raise ConfigError(
            f"Port {port} is in use{_holder(port)}: stop what uses it, or choose another with --port "
            f"(make run PORT={port + 1 if port < 65535 else 8000})"
        )


def _holder(port: int) -> str:
    """` by NAME (process N)` when the system tells us."""
    try:
        for link in psutil.net_connections("tcp"):
            if link.status == psutil.CONN_LISTEN and link.laddr and link.laddr.port == port and link.pid:
                return f" by {psutil.Process(link.pid).name()} (process {link.pid})"
    except (psutil.Error, OSError):
        pass
    return ""
