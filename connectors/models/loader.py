"""Loads LiteLLM: late, once, and without letting it use the network on its own.

The import takes seconds and 160 MB; it happens at the first model call, in a thread, so that the event loop goes on.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
import warnings
from typing import Any

from connectors.models.tiers import DEMO_PROVIDER
from engine.settings import keep_litellm_offline

_loaded: Any = None
_lock = threading.Lock()


async def litellm() -> Any:
    """The module, set up; the first call loads it."""
    return _loaded if _loaded is not None else await asyncio.to_thread(_load_once)


def _load_once() -> Any:
    global _loaded  # noqa: PLW0603 - one library a process, and modules are global anyway
    with _lock:
        if _loaded is None:
            _loaded = _load()
    return _loaded


def _load() -> Any:
    keep_litellm_offline()
    library: Any = importlib.import_module("litellm")
    library.suppress_debug_info = True
    library.telemetry = False
    library.drop_params = True  # a model that knows no temperature must not fail for it
    library.disable_aiohttp_transport = True  # httpx everywhere: one way to time out and to close
    handler = importlib.import_module("connectors.models.demo.handler")
    library.custom_provider_map = [{"provider": DEMO_PROVIDER, "custom_handler": handler.DemoModel()}]
    # Nominal prices, so that costs can be seen and compared before there is a key; nobody is billed for them.
    library.register_model(handler.prices())
    _build_models(library)
    return library


def _build_models(library: Any) -> None:
    """Let pydantic build LiteLLM's response models now and not within the first call; it warns of their annotations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        library.Message(content="")
        library.utils.Delta(content="")
        library.utils.StreamingChoices()
        library.ModelResponse()
        library.ModelResponse(stream=True)
        library.utils.ModelResponseStream(choices=[library.utils.StreamingChoices()])
