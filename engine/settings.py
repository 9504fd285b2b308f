"""All configuration, read once from the environment. Nothing else in the house reads `os.environ`.

Names are `HEDDLE_*`, except where an established one exists (`DATABASE_URL`, `REDIS_URL`, `OPENAI_API_KEY`, ...).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from engine.errors import ConfigError

DEFAULT_PORT = 8000
DATABASE_SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg://")
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
PROVIDER_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY", "GROQ_API_KEY")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose. `database_url` and `redis_url` are None when the embedded servers are to be used."""

    data_dir: Path
    port: int = DEFAULT_PORT
    host: str = "127.0.0.1"
    database_url: str | None = None
    redis_url: str | None = None
    secret: str | None = None
    master_key: str | None = None
    public_url: str | None = None
    tier_models: Mapping[str, str] = field(default_factory=dict)
    provider_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    openai_base_url: str | None = None
    egress_allow: frozenset[str] = frozenset()
    worker_concurrency: int = 100
    code: bool = False  # whether code steps may run
    log_level: str = "INFO"

    @property
    def base_url(self) -> str:
        return self.public_url or f"http://localhost:{self.port}"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read and check everything; raises ConfigError that names every wrong variable at once."""
        wrong: list[str] = []

        def integer(name: str, default: int, low: int, high: int) -> int:
            text = env.get(name) or str(default)
            if not text.isdigit() or not low <= int(text) <= high:
                wrong.append(f"{name} must be a whole number from {low} to {high}, not {text!r}")
                return default
            return int(text)

        def address(name: str, schemes: tuple[str, ...]) -> str | None:
            text = env.get(name) or None
            if text and not text.startswith(schemes):
                wrong.append(f"{name} must begin with {' or '.join(schemes)}")  # it may hold a password: not shown
            return text

        def switch(name: str) -> bool:
            text = (env.get(name) or "off").lower()
            if text not in ("on", "off"):
                wrong.append(f"{name} must be on or off, not {text!r}")
            return text == "on"

        settings = cls(
            data_dir=Path(env.get("HEDDLE_DATA_DIR") or ".heddle").expanduser().resolve(),
            port=integer("HEDDLE_PORT", DEFAULT_PORT, 1, 65535),
            host=env.get("HEDDLE_HOST") or "127.0.0.1",
            database_url=address("DATABASE_URL", DATABASE_SCHEMES),
            redis_url=address("REDIS_URL", REDIS_SCHEMES),
            secret=env.get("HEDDLE_SECRET") or None,
            master_key=env.get("HEDDLE_MASTER_KEY") or None,
            public_url=(env.get("HEDDLE_PUBLIC_URL") or "").rstrip("/") or None,
            tier_models={t: env[f"HEDDLE_TIER_{t}"] for t in "ABC" if env.get(f"HEDDLE_TIER_{t}")},
            provider_keys={k: env[k] for k in PROVIDER_KEYS if env.get(k)},
            openai_base_url=env.get("OPENAI_BASE_URL") or None,
            egress_allow=frozenset(filter(None, (env.get("HEDDLE_EGRESS_ALLOW") or "").split(","))),
            worker_concurrency=integer("HEDDLE_WORKER_CONCURRENCY", 100, 1, 2000),
            code=switch("HEDDLE_CODE"),
            log_level=env.get("HEDDLE_LOG_LEVEL") or "INFO",
        )
        if wrong:
            raise ConfigError("; ".join(wrong))
        return settings


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings; the environment is read at the first call."""
    return Settings.from_env(os.environ)


def keep_litellm_offline() -> None:
    """Make LiteLLM use the price list it ships with instead of fetching one. Call right before importing it.

    The library reads this at import and takes no argument for it; only here and below is the environment written.
    """
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


def skip_plugins() -> None:
    """Keep pydantic from looking for plugins: we have none, and it reads every installed package's metadata for it."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
