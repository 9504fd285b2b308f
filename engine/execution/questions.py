"""What a person is asked, and whether an answer is one. Pure; used where the answer comes in, and again by the step.

A question is {mode: approval | form | choice | handoff, message, details, choices, form, order, assignees, hash}, with
`order` {details, form}: their names as written, which JSON in the database forgets. An answer is {hash, decision,
values?, comment?, by?}.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from engine.execution.schema_check import problems

Json = Any
DECISIONS = {"approval": ["approve", "reject"], "form": ["submit"], "handoff": ["resolve"]}


def hash_of(shown: Mapping[str, Json]) -> str:
    """Sha256, in hex, of what a person is shown."""
    text = json.dumps(dict(shown), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def faults(asked: Mapping[str, Json], answer: Mapping[str, Json]) -> list[str]:
    """What is wrong with an answer {hash, decision, values?, comment?, by?} to what was asked; nothing: it is one."""
    if answer.get("hash") != asked["hash"]:
        return ["what the answer is about has changed"]
    wanted = asked["choices"] if asked["mode"] == "choice" else DECISIONS[asked["mode"]]
    if answer.get("decision") not in wanted:
        return [f"decision must be one of {', '.join(wanted)}"]
    if asked["form"] is None:
        return ["there is no form to fill in"] if answer.get("values") else []
    return [] if answer["decision"] == "reject" else problems(asked["form"], answer.get("values") or {})
