"""what answers at public addresses, many in one round trip

Revision ID: 0013
Revises: 0012
"""

from alembic import op

from engine.store.urls import APP_ROLE

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# The published endpoints at these addresses. `p_batch`: ['["tenant", "kind", "path"]', ...], each a text, which stands
# in the answer as it was given. An address at which nothing is published has no row.
ENDPOINTS = """
CREATE FUNCTION heddle_endpoints(p_batch jsonb) RETURNS TABLE (asked text, endpoint jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  w record;
  f record;
BEGIN
  FOR w IN SELECT DISTINCT t.asked, t.asked::jsonb AS place FROM jsonb_array_elements_text(p_batch) AS t(asked) LOOP
    SELECT * INTO f FROM heddle_endpoint(w.place ->> 0, w.place ->> 1, w.place ->> 2);
    IF FOUND THEN
      PERFORM set_config('app.tenant_id', f.tenant_id::text, true);
      RETURN QUERY SELECT w.asked, to_jsonb(e) FROM endpoints e
        WHERE e.tenant_id = f.tenant_id AND e.endpoint_id = f.endpoint_id;
    END IF;
  END LOOP;
END $$
"""
SIGNATURE = "heddle_endpoints(jsonb)"


def upgrade() -> None:
    op.execute(ENDPOINTS)
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {APP_ROLE}")


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}")
