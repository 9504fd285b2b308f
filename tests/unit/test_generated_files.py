"""What is generated from the code and committed must be fresh; `make fix` writes it again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENERATORS = ["engine.nodes.docs", "engine.language.diagnostics"]


@pytest.mark.parametrize("module", GENERATORS)
def test_generated_files_are_fresh(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--check"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, f"run `make fix`\n{done.stdout}{done.stderr}"
