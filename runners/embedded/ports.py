"""Ports: a free one for a server of ours, and whose it is when it is taken."""

from __future__ import annotations

import errno
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
    return _fault(host, port) is None


def require_port(host: str, port: int) -> None:
    """Raise ConfigError, with the mend, when we cannot listen on the port that people chose."""
    fault = _fault(host, port)
    if fault is None:
        return
    if fault.errno == errno.EADDRINUSE:
        raise ConfigError(
            f"Port {port} is in use{_holder(port)}: stop what uses it, or choose another with --port "
            f"(make run PORT={port + 1 if port < 65535 else 8000})"
        )
    if fault.errno == errno.EACCES:
        raise ConfigError(f"Only root may listen on port {port}: choose one from 1024 with --port (make run PORT=8000)")
    raise ConfigError(
        f"We cannot listen on {host} ({(fault.strerror or str(fault)).lower()}): choose another with --host"
    )


def _fault(host: str, port: int) -> OSError | None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as fault:
            return fault
        return None


def _holder(port: int) -> str:
    """` by NAME (process N)` when the system tells us."""
    try:
        for link in psutil.net_connections("tcp"):
            if link.status == psutil.CONN_LISTEN and link.laddr and link.laddr.port == port and link.pid:
                return f" by {psutil.Process(link.pid).name()} (process {link.pid})"
    except (psutil.Error, OSError):
        pass
    return ""
