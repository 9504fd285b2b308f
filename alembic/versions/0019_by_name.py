"""what a call asks first, in fewer round trips: who calls, many at once, and runs accepted by a workflow's name

Revision ID: 0019
Revises: 0018
"""

from alembic import op

from engine.store.urls import APP_ROLE

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# Who calls. `p_batch`: ["session:hash", "key:hash", ...] of sessions' tokens and API keys, each as it stands in the answer.
# What is nobody's has no row. In order, because the use of a key is noted: two processes must not wait for each other.
CALLERS = """
CREATE FUNCTION heddle_callers(p_batch jsonb) RETURNS TABLE (asked text, caller jsonb)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, public AS $$
  WITH wanted AS (
    SELECT DISTINCT x.asked, split_part(x.asked, ':', 1) AS kind, split_part(x.asked, ':', 2) AS hash
    FROM jsonb_array_elements_text(p_batch) AS x(asked) ORDER BY 1
  )
  SELECT w.asked, to_jsonb(s) FROM wanted w CROSS JOIN LATERAL heddle_session(w.hash) s WHERE w.kind = 'session'
  UNION ALL
  SELECT w.asked, to_jsonb(k) FROM wanted w CROSS JOIN LATERAL heddle_api_key(w.hash) k WHERE w.kind = 'key'
$$
"""
SIGNATURE = "heddle_callers(jsonb)"

# As in migration 0010. Instead of `workflow_id` an entry may have `workflow_name`, of one that is not archived.
NAME = "workflow_name text,"
BY_NAME = """
    IF w.workflow_name IS NOT NULL THEN
      SELECT k.workflow_id INTO w.workflow_id FROM workflows k
      WHERE k.tenant_id = w.tenant_id AND k.name = w.workflow_name AND k.archived_at IS NULL;
    END IF;"""
ACCEPT = f"""
CREATE OR REPLACE FUNCTION heddle_accept(p_batch jsonb, p_owner text, p_lease_s double precision)
RETURNS TABLE (run_id uuid, verdict text, run jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  w record;
  d record;
  r runs%ROWTYPE;
BEGIN
  FOR w IN SELECT * FROM jsonb_to_recordset(p_batch)
             AS x(tenant_id uuid, run_id uuid, workflow_id uuid, {NAME} number integer, trigger text,
                  input jsonb, idempotency_key text, created_by uuid, part jsonb, leased boolean) ORDER BY 1, 2 LOOP
    PERFORM set_config('app.tenant_id', w.tenant_id::text, true);
    run_id := w.run_id; run := NULL;{BY_NAME}
    SELECT k.name, k.published_number, v.number, v.hash INTO d
    FROM workflows k LEFT JOIN workflow_versions v ON v.tenant_id = k.tenant_id AND v.workflow_id = k.workflow_id
         AND v.number = coalesce(w.number, k.published_number)
    WHERE k.tenant_id = w.tenant_id AND k.workflow_id = w.workflow_id;
    IF NOT FOUND THEN
      verdict := 'no_workflow';
    ELSIF d.hash IS NULL THEN
      verdict := CASE WHEN w.number IS NULL AND d.published_number IS NULL THEN 'unpublished' ELSE 'no_version' END;
    ELSE
      INSERT INTO runs (tenant_id, run_id, workflow_id, workflow_name, version_number, definition_hash, trigger, status,
                        input, bindings, idempotency_key, created_by, part, lease_owner, lease_until, epoch,
                        progress_epoch, cancel_requested, tokens_in, tokens_out, cost_usd_micros, steps, created_at,
                        started_at)
      VALUES (w.tenant_id, w.run_id, w.workflow_id, d.name, d.number, d.hash, w.trigger,
              CASE WHEN w.leased THEN 'running' ELSE 'queued' END, w.input, '{{}}', w.idempotency_key, w.created_by,
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
ACCEPT_BEFORE = ACCEPT.replace(f" {NAME}", "").replace(BY_NAME, "")


def upgrade() -> None:
    op.execute(CALLERS)
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {APP_ROLE}")
    op.execute(ACCEPT)


def downgrade() -> None:
    op.execute(ACCEPT_BEFORE)
    op.execute(f"DROP FUNCTION {SIGNATURE}")
