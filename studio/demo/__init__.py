"""Larkfell, the invented outdoor shop of the demo tenant: help pages, products, customers, orders and leads."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

Json = Any
_FOLDER = Path(__file__).parent


@lru_cache(maxsize=4)
def load(name: str) -> Json:
    """The data of one file: faq, products, customers or orders."""
    return yaml.safe_load((_FOLDER / f"{name}.yaml").read_text("utf-8"))
