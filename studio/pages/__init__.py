"""The studio's pages. Importing this package registers all of them."""

from studio.pages import approvals, audit, editor, events, not_found, prompts, run_detail, runs, sign_in, workflows

__all__ = [
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
