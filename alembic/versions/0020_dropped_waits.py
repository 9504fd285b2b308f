"""what nobody waits for any more is no longer asked; who goes on with a run is found by it

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

UNASKED = " OR x.outcome -> 'unasked' IS NOT NULL"
DROPPED = """
    UPDATE run_waits v SET closed_at = clock_timestamp(), closed_by = 'dropped'
    FROM jsonb_array_elements(s.outcome -> 'unasked') AS u(step)
    WHERE v.tenant_id = p_tenant AND v.run_id = p_run AND v.path = u.step ->> 0
      AND v.iteration = (u.step ->> 1)::integer AND v.seq < s.seq AND v.closed_at IS NULL;"""
# The records of one run that are about waits: a suspended step opens one, a resumed step closes it, and any record may
# say that steps which wait were dropped with their branch.
WAITS = f"""
CREATE OR REPLACE FUNCTION heddle_waits(p_tenant uuid, p_run uuid, p_steps jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
DECLARE
  s record;
BEGIN
  FOR s IN SELECT * FROM jsonb_to_recordset(p_steps) AS x(seq integer, path text, iteration integer, status text,
             outcome jsonb) WHERE x.status IN ('suspended', 'resumed'){UNASKED} ORDER BY x.seq LOOP{DROPPED}
    IF s.status = 'suspended' THEN
      INSERT INTO run_waits (tenant_id, run_id, seq, path, iteration, reason, signal, until, data, created_at)
      VALUES (p_tenant, p_run, s.seq, s.path, s.iteration, s.outcome #>> '{{suspend,reason}}',
              s.outcome #>> '{{then,signal}}', to_timestamp((s.outcome #>> '{{then,until}}')::double precision),
              s.outcome #> '{{suspend,data}}', clock_timestamp())
      ON CONFLICT DO NOTHING;
    ELSIF s.status = 'resumed' THEN
      UPDATE run_waits v SET closed_at = clock_timestamp(), closed_by = coalesce(s.outcome #>> '{{then,id}}', 'time')
      WHERE v.tenant_id = p_tenant AND v.run_id = p_run AND v.path = s.path AND v.iteration = s.iteration
        AND v.seq < s.seq AND v.closed_at IS NULL;
    END IF;
  END LOOP;
END $$
"""
WAITS_BEFORE = WAITS.replace(UNASKED, "").replace(DROPPED, "").replace("ELSIF s.status = 'resumed' THEN", "ELSE")
IS_FORK = sa.text("origin_run_id IS NOT NULL")


def upgrade() -> None:
    op.execute(WAITS)
    op.create_index("runs_of_origin", "runs", ["tenant_id", "origin_run_id"], postgresql_where=IS_FORK)


def downgrade() -> None:
    op.drop_index("runs_of_origin", table_name="runs", postgresql_where=IS_FORK)
    op.execute(WAITS_BEFORE)
