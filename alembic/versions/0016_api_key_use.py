"""an API key's use is noted once a minute, not at each call

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# As in the first migration, but the row is written only when its time of use is a minute old: calls with the same key
# waited for each other's commit.
API_KEY = """
CREATE OR REPLACE FUNCTION heddle_api_key(p_key_hash text)
RETURNS TABLE (tenant_id uuid, api_key_id uuid, scopes jsonb, created_by uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH found AS (
    SELECT k.tenant_id, k.api_key_id, k.scopes, k.created_by FROM api_keys k JOIN tenants t ON t.tenant_id = k.tenant_id
    WHERE k.key_hash = p_key_hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
      AND t.status = 'active'
  ), noted AS (
    UPDATE api_keys k SET last_used_at = now() FROM found f
    WHERE k.tenant_id = f.tenant_id AND k.api_key_id = f.api_key_id
      AND coalesce(k.last_used_at, '-infinity') < now() - interval '1 minute'
  )
  SELECT f.tenant_id, f.api_key_id, f.scopes, f.created_by FROM found f
$$
"""


def upgrade() -> None:
    op.execute(API_KEY)


def downgrade() -> None:
    raise NotImplementedError("the function of the first migration does the same; go back to it from a backup")
