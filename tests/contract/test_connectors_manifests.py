"""Every connector keeps the contract: a whole manifest, valid schemas, an action for each tool, light to read."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from connectors.manifest import ROOT, Manifest, manifests, read_manifest, scan
from connectors.policy import policy_of
from connectors.toolbox import toolbox_specs
from engine.errors import ConfigError

ACTIONS = [(m.id, name) for m in manifests().values() for name in m.actions]

# FACTS.md section 1: the tools that workflow files call, by their exact names and parameters.
CLASSIC = {
    "search_knowledge_base": "query limit threshold",
    "search_products": "query filters limit",
    "check_inventory": "product_id quantity",
    "calculate_pricing": "product_id quantity customer_id",
    "create_order_draft": "customer_id items total_amount status",
    "generate_payment_link": "order_id amount customer_id",
    "search_order": "order_id tracking_number",
    "search_orders_by_customer": "email phone",
    "get_order_details": "order_id",
    "check_duplicate_lead": "email phone",
    "create_lead": "name email phone company interest urgency quality source status",
    "notify_sales_team": "lead_id customer_name urgency quality interest",
    "escalate_to_human": "priority category customer_id message",
    "escalate_to_manager": "priority complaint_type severity customer_id message analysis",
    "escalate_to_specialist": "complaint_type severity customer_id message analysis",
    "escalate_to_technical_lead": "priority issue_type severity customer_id message analysis",
    "escalate_to_technical_specialist": "issue_type severity customer_id message analysis",
    "schedule_follow_up": "customer_id complaint_id follow_up_date follow_up_type",
    "schedule_technical_follow_up": "customer_id issue_id follow_up_date follow_up_type",
}
READS = ("search_", "check_", "calculate_", "get_", "query_")
# What the other side offers no idempotency for: never repeated by the policy.
ONCE = {"send_slack_message", "send_email", "call_api"}


def action_of(connector: str, tool: str) -> object:
    return getattr(importlib.import_module(f"connectors.{connector}.client"), tool)


def test_all_classic_tools_are_there_with_their_parameters() -> None:
    specs = toolbox_specs()
    assert list(specs) == sorted(specs)
    for tool, parameters in CLASSIC.items():
        assert set(parameters.split()) <= set(specs[tool].parameters["properties"]), tool


@pytest.mark.parametrize("manifest", manifests().values(), ids=lambda m: m.id)
def test_a_manifest_is_complete(manifest: Manifest) -> None:
    assert manifest.auth.kind == "none" or manifest.auth.credential is not None
    for name, action in manifest.actions.items():
        policy_of(manifest.policy, action.policy)
        assert action.title.strip(), name
        assert action.description.endswith("."), name
    todo = [point for point, state in manifest.checklist.items() if state == "todo"]
    assert not todo


@pytest.mark.parametrize(("connector", "tool"), ACTIONS)
def test_schemas_are_valid_and_closed(connector: str, tool: str) -> None:
    spec = toolbox_specs()[tool]
    Draft202012Validator.check_schema(spec.parameters)
    Draft202012Validator.check_schema(spec.returns)
    assert spec.connector == connector
    assert spec.parameters["additionalProperties"] is False
    assert spec.returns["required"]
    for name, inner in spec.parameters["properties"].items():
        if "default" in inner:
            Draft202012Validator(inner).validate(inner["default"])
        assert inner.keys() & {"type", "enum", "description"}, name


@pytest.mark.parametrize(("connector", "tool"), ACTIONS)
def test_each_tool_has_its_action(connector: str, tool: str) -> None:
    action = action_of(connector, tool)
    assert inspect.iscoroutinefunction(action)
    assert list(inspect.signature(action).parameters) == ["call", "parameters"]
    assert (action.__doc__ or "").strip()


@pytest.mark.parametrize(("connector", "tool"), ACTIONS)
def test_what_writes_is_idempotent_by_key(connector: str, tool: str) -> None:
    action = manifests()[connector].actions[tool]
    assert action.idempotent is (tool not in ONCE)
    assert action.writes is not tool.startswith(READS)


def test_reading_specs_loads_no_driver() -> None:
    code = (
        "import sys; from connectors.toolbox import toolbox_specs; assert len(toolbox_specs()) >= 19; "
        "heavy = {'sqlalchemy', 'psycopg', 'jsonschema', 'httpx', 'httpcore', 'litellm', 'numpy', 'redis'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert done.stdout.strip() == "[]"


def write(folder: Path, name: str, **change: object) -> None:
    base = yaml.safe_load((ROOT / "knowledge" / "manifest.yaml").read_text())
    (folder / name).mkdir()
    (folder / name / "manifest.yaml").write_text(yaml.safe_dump({**base, "id": name, **change}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "other"}, "folder's name"),
        ({"colour": "red"}, "colour"),
        ({"owner": None}, "owner"),
        ({"actions": {}}, "actions"),
        ({"auth": {"kind": "magic"}}, "auth.kind"),
        ({"checklist": {"tests": {"status": "exempt"}}}, "checklist"),
    ],
)
def test_a_wrong_manifest_is_named(tmp_path: Path, change: dict[str, object], said: str) -> None:
    write(tmp_path, "shop", **change)
    with pytest.raises(ConfigError, match=said):
        scan(tmp_path)


def test_broken_yaml_and_double_tools_are_named(tmp_path: Path) -> None:
    write(tmp_path, "one")
    write(tmp_path, "two")
    with pytest.raises(ConfigError, match="search_knowledge_base"):
        scan(tmp_path)
    (tmp_path / "one" / "manifest.yaml").write_text("id: [")
    with pytest.raises(ConfigError, match="not YAML"):
        read_manifest(tmp_path / "one" / "manifest.yaml")
