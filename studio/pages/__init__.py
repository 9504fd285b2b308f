"""The studio's pages. Importing this package registers all of them."""

from studio.pages import (
    api_keys,
    approvals,
    audit,
    editor,
    events,
    not_found,
    prompts,
    run_detail,
    runs,
    sign_in,
    workflows,
)

__all__ = [
    "api_keys",
    "approvals",
    "audit",
    "editor",
    "events",
    "not_found",
    "prompts",
    "run_detail",
    "runs",
    "sign_in",
    "workflows",
]
