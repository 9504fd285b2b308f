"""which version a program's call means, many in one round trip

Revision ID: 0024
Revises: 0023
"""

from alembic import op

from engine.store.urls import APP_ROLE

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# The workflows of these names. `p_batch`: ['["tenant id", "name", number or null]', ...], each a text, which stands in the
# answer as it was given. `number` is the one that was asked for, or the published one; `hash` is its text's, null where
# there is no such version; `published_hash` that of the published one, null where there is none; `seen` changes with what
# is meant by the name and with what is published. A name that no workflow has, or one that is archived, has no row.
VERSIONS = """
CREATE FUNCTION heddle_versions(p_batch jsonb) RETURNS TABLE (asked text, version jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  w record;
BEGIN
  FOR w IN SELECT DISTINCT t.asked, (t.asked::jsonb ->> 0)::uuid AS tenant_id, t.asked::jsonb ->> 1 AS name,
             (t.asked::jsonb ->> 2)::integer AS number FROM jsonb_array_elements_text(p_batch) AS t(asked) LOOP
    PERFORM set_config('app.tenant_id', w.tenant_id::text, true);
    RETURN QUERY SELECT w.asked, jsonb_build_object(
        'workflow_id', k.workflow_id, 'number', coalesce(w.number, k.published_number), 'hash', v.hash,
        'published_hash', p.hash, 'seen', concat(k.workflow_id, '/', k.published_number))
      FROM workflows k
      LEFT JOIN workflow_versions v ON v.tenant_id = k.tenant_id AND v.workflow_id = k.workflow_id
        AND v.number = coalesce(w.number, k.published_number)
      LEFT JOIN workflow_versions p ON p.tenant_id = k.tenant_id AND p.workflow_id = k.workflow_id
        AND p.number = k.published_number
      WHERE k.tenant_id = w.tenant_id AND k.name = w.name AND k.archived_at IS NULL;
  END LOOP;
END $$
"""
SIGNATURE = "heddle_versions(jsonb)"


def upgrade() -> None:
    op.execute(VERSIONS)
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {APP_ROLE}")


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}")
