"""schedules

Revision ID: 0007
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from engine.store.rls import allow_system, secure_tenant_table, system_function
from engine.store.urls import SYSTEM_ROLE

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

SEEN = "tenant_id, workflow_id, archived_at, published_number"  # of workflows, by the system role's functions

# Schedules whose time has come, of tenants and workflows that are in use. Looked at again in 15 s, should the scheduler
# that asked die; until then no other one gets them.
DUE_SCHEDULES = """
CREATE FUNCTION heddle_due_schedules(p_limit integer) RETURNS TABLE (tenant_id uuid, schedule_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH due AS (
    SELECT s.tenant_id, s.schedule_id
    FROM schedules s
    JOIN tenants t ON t.tenant_id = s.tenant_id AND t.status = 'active'
    JOIN workflows w ON w.tenant_id = s.tenant_id AND w.workflow_id = s.workflow_id
     AND w.archived_at IS NULL AND w.published_number IS NOT NULL
    WHERE s.look_at <= clock_timestamp()
    ORDER BY s.look_at LIMIT p_limit FOR UPDATE OF s SKIP LOCKED
  )
  UPDATE schedules s SET look_at = clock_timestamp() + interval '15 seconds'
  FROM due d WHERE s.tenant_id = d.tenant_id AND s.schedule_id = d.schedule_id
  RETURNING s.tenant_id, s.schedule_id
$$
"""

# An archived workflow answers at none of its addresses.
ENDPOINT = """
CREATE OR REPLACE FUNCTION heddle_endpoint(p_tenant_slug text, p_kind text, p_path text)
RETURNS TABLE (tenant_id uuid, endpoint_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT e.tenant_id, e.endpoint_id
  FROM endpoints e JOIN tenants t ON t.tenant_id = e.tenant_id
  JOIN workflows w ON w.tenant_id = e.tenant_id AND w.workflow_id = e.workflow_id
  WHERE t.slug = p_tenant_slug AND e.kind = p_kind AND e.path = p_path AND e.enabled AND t.status = 'active'
    AND w.archived_at IS NULL AND w.published_number IS NOT NULL
$$
"""

ENDPOINT_BEFORE = """
CREATE OR REPLACE FUNCTION heddle_endpoint(p_tenant_slug text, p_kind text, p_path text)
RETURNS TABLE (tenant_id uuid, endpoint_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT e.tenant_id, e.endpoint_id FROM endpoints e JOIN tenants t ON t.tenant_id = e.tenant_id
  WHERE t.slug = p_tenant_slug AND e.kind = p_kind AND e.path = p_path AND e.enabled AND t.status = 'active'
$$
"""


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("cron", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("input", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("tells_time", sa.Boolean(), nullable=False),
        sa.Column("overlap", sa.String(), nullable=False),
        sa.Column("catch_up", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_run_id", sa.Uuid(), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("overlap IN ('skip', 'queue')", name="schedules_overlap"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.workflow_id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "schedule_id"),
        sa.UniqueConstraint("tenant_id", "workflow_id", "key"),
    )
    op.create_index(
        "schedules_due", "schedules", ["look_at"], unique=False, postgresql_where=sa.text("look_at IS NOT NULL")
    )
    statements = [
        *secure_tenant_table("schedules"),
        *allow_system("schedules", "SELECT, UPDATE"),
        *allow_system("workflows", f"SELECT ({SEEN})"),
        DUE_SCHEDULES,
        *system_function("heddle_due_schedules(integer)"),
        ENDPOINT,
    ]
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    op.execute(ENDPOINT_BEFORE)
    op.execute("DROP FUNCTION heddle_due_schedules(integer)")
    op.execute("DROP POLICY system ON workflows")
    op.execute(f"REVOKE SELECT ({SEEN}) ON workflows FROM {SYSTEM_ROLE}")
    op.drop_table("schedules")
