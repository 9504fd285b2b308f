"""accepting runs of published versions, many in one transaction

Revision ID: 0010
Revises: 0009
"""

from alembic import op

from engine.store.urls import APP_ROLE

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Accept runs of published versions. `p_batch`: [{tenant_id, run_id, workflow_id, number?, trigger, input,
# idempotency_key?, created_by?, part, leased}]; one that is `leased` begins right away in the process `p_owner`.
# Verdicts: accepted | same (that key and input: `run` is the earlier one) | other_input | no_workflow | no_version |
# unpublished. An entry that was committed before (its acknowledgement got lost) is answered like the first time.
ACCEPT = """
CREATE FUNCTION heddle_accept(p_batch jsonb, p_owner text, p_lease_s double precision)
RETURNS TABLE (run_id uuid, verdict text, run jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  w record;
  d record;
  r runs%ROWTYPE;
BEGIN
  FOR w IN SELECT * FROM jsonb_to_recordset(p_batch)
             AS x(tenant_id uuid, run_id uuid, workflow_id uuid, number integer, trigger text, input jsonb,
                  idempotency_key text, created_by uuid, part jsonb, leased boolean) ORDER BY 1, 2 LOOP
    PERFORM set_config('app.tenant_id', w.tenant_id::text, true);
    run_id := w.run_id; run := NULL;
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

# Runs as they stand. `p_batch`: [{tenant_id, run_id}].
LOOK = """
CREATE FUNCTION heddle_runs(p_batch jsonb) RETURNS TABLE (run_id uuid, run jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  w record;
BEGIN
  FOR w IN SELECT DISTINCT x.tenant_id, x.run_id FROM jsonb_to_recordset(p_batch) AS x(tenant_id uuid, run_id uuid)
           ORDER BY 1, 2 LOOP
    PERFORM set_config('app.tenant_id', w.tenant_id::text, true);
    RETURN QUERY SELECT r.run_id, to_jsonb(r) FROM runs r WHERE r.tenant_id = w.tenant_id AND r.run_id = w.run_id;
  END LOOP;
END $$
"""

FUNCTIONS = {"heddle_accept(jsonb, text, double precision)": ACCEPT, "heddle_runs(jsonb)": LOOK}


def upgrade() -> None:
    for signature, source in FUNCTIONS.items():
        op.execute(source)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {APP_ROLE}")


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
