"""runs of the same workflow that are accepted together look it up once

Revision ID: 0023
Revises: 0022
"""

from alembic import context, op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# As in migration 0019. The entries come by tenant, and what follows each other is mostly of one workflow: the tenant is set,
# and the version looked for, when it is another one than before.
ACCEPT = """
CREATE OR REPLACE FUNCTION heddle_accept(p_batch jsonb, p_owner text, p_lease_s double precision)
RETURNS TABLE (run_id uuid, verdict text, run jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  w record;
  d record;
  r runs%ROWTYPE;
  v_wanted text;
  v_found boolean;
BEGIN
  FOR w IN SELECT x.*, concat(x.tenant_id, '/', x.number, '/', x.workflow_id, '/', x.workflow_name) AS wanted
           FROM jsonb_to_recordset(p_batch)
             AS x(tenant_id uuid, run_id uuid, workflow_id uuid, workflow_name text, number integer, trigger text,
                  input jsonb, idempotency_key text, created_by uuid, part jsonb, leased boolean) ORDER BY 1, 2 LOOP
    run_id := w.run_id; run := NULL;
    IF w.wanted IS DISTINCT FROM v_wanted THEN
      PERFORM set_config('app.tenant_id', w.tenant_id::text, true);
      IF w.workflow_name IS NOT NULL THEN
        SELECT k.workflow_id INTO w.workflow_id FROM workflows k
        WHERE k.tenant_id = w.tenant_id AND k.name = w.workflow_name AND k.archived_at IS NULL;
      END IF;
      SELECT k.workflow_id, k.name, k.published_number, v.number, v.hash INTO d
      FROM workflows k LEFT JOIN workflow_versions v ON v.tenant_id = k.tenant_id AND v.workflow_id = k.workflow_id
           AND v.number = coalesce(w.number, k.published_number)
      WHERE k.tenant_id = w.tenant_id AND k.workflow_id = w.workflow_id;
      v_found := FOUND; v_wanted := w.wanted;
    END IF;
    IF NOT v_found THEN
      verdict := 'no_workflow';
    ELSIF d.hash IS NULL THEN
      verdict := CASE WHEN w.number IS NULL AND d.published_number IS NULL THEN 'unpublished' ELSE 'no_version' END;
    ELSE
      INSERT INTO runs (tenant_id, run_id, workflow_id, workflow_name, version_number, definition_hash, trigger, status,
                        input, bindings, idempotency_key, created_by, part, lease_owner, lease_until, epoch,
                        progress_epoch, cancel_requested, tokens_in, tokens_out, cost_usd_micros, steps, created_at,
                        started_at)
      VALUES (w.tenant_id, w.run_id, d.workflow_id, d.name, d.number, d.hash, w.trigger,
              CASE WHEN w.leased THEN 'running' ELSE 'queued' END, w.input, '{}', w.idempotency_key, w.created_by,
              w.part, CASE WHEN w.leased THEN p_owner END,
              CASE WHEN w.leased THEN clock_timestamp() + make_interval(secs => p_lease_s) END,
              w.leased::integer, 0, false, 0, 0, 0, 0, clock_timestamp(),
              CASE WHEN w.leased THEN clock_timestamp() END)
      ON CONFLICT DO NOTHING RETURNING * INTO r;
      IF FOUND THEN
        verdict := 'accepted';
      ELSE
        SELECT * INTO r FROM runs q WHERE q.tenant_id = w.tenant_id
          AND (q.run_id = w.run_id OR q.idempotency_key = w.idempotency_key);
        verdict := CASE WHEN r.run_id = w.run_id THEN 'accepted'
                        WHEN r.input = w.input AND r.workflow_name = d.name THEN 'same' ELSE 'other_input' END;
      END IF;
      run := to_jsonb(r);
    END IF;
    RETURN NEXT;
  END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute(ACCEPT)


def downgrade() -> None:
    op.execute(context.script.get_revision("0019").module.ACCEPT)
