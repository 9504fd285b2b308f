"""the end of a run is answered where it is written; a journal record costs no foreign keys

Revision ID: 0014
Revises: 0013
"""

from alembic import op

from engine.store.rls import allow_system, system_function
from engine.store.urls import APP_ROLE

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# As in migration 0012; returns the run as it ended.
CLOSE_RUN = """
CREATE FUNCTION heddle_close_run(p_tenant uuid, p_run uuid, p_status text, p_output jsonb, p_error jsonb)
RETURNS runs
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
DECLARE
  v_run runs%ROWTYPE;
  v_reply text := coalesce(p_output ->> 'reply', p_output ->> 'reply_text');
BEGIN
  UPDATE runs r SET status = p_status, output = p_output, error = p_error, ended_at = clock_timestamp(),
         lease_owner = NULL, lease_until = NULL, wake_at = NULL,
         tokens_in = t.tokens_in, tokens_out = t.tokens_out, cost_usd_micros = t.cost, steps = t.steps
  FROM (SELECT coalesce(sum(s.tokens_in), 0) AS tokens_in, coalesce(sum(s.tokens_out), 0) AS tokens_out,
               coalesce(sum(s.cost_usd_micros), 0) AS cost, count(DISTINCT (s.path, s.iteration)) AS steps
        FROM steps s WHERE s.tenant_id = p_tenant AND s.run_id = p_run) t
  WHERE r.tenant_id = p_tenant AND r.run_id = p_run RETURNING r.* INTO v_run;
  UPDATE run_waits v SET closed_at = clock_timestamp(), closed_by = p_status
  WHERE v.tenant_id = p_tenant AND v.run_id = p_run AND v.closed_at IS NULL;
  IF v_run.conversation_id IS NOT NULL AND v_reply <> '' AND p_status = 'succeeded' THEN
    INSERT INTO messages (tenant_id, conversation_id, message_id, role, content, run_id, created_at)
    VALUES (p_tenant, v_run.conversation_id, gen_random_uuid(), 'assistant', v_reply, p_run, clock_timestamp());
  END IF;
  RETURN v_run;
END $$
"""

# As in migration 0012; the row of an entry that ends its run says when, and what the run came to.
JOURNAL = """
CREATE FUNCTION heddle_journal(p_batch jsonb)
RETURNS TABLE (run_id uuid, verdict text, ended_at timestamptz, steps integer, tokens_in integer, tokens_out integer,
               cost_usd_micros bigint)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  w record;
  v record;
  r runs%ROWTYPE;
  v_end jsonb;
BEGIN
  FOR w IN SELECT * FROM jsonb_to_recordset(p_batch)
             AS x(tenant_id uuid, run_id uuid, epoch integer, waits boolean, progress boolean, tells boolean,
                  steps jsonb, "end" jsonb)
             ORDER BY 1, 2 LOOP
    PERFORM set_config('app.tenant_id', w.tenant_id::text, true);
    run_id := w.run_id; verdict := 'written'; v_end := w."end"; r := NULL;
    SELECT q.status, q.progress_epoch INTO v FROM runs q
    WHERE q.tenant_id = w.tenant_id AND q.run_id = w.run_id AND q.epoch = w.epoch FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      verdict := 'lost';
    ELSIF v.status <> 'running' THEN
      verdict := CASE WHEN v.status = v_end ->> 'status' THEN 'written'
                      WHEN v_end ->> 'status' = 'suspended' AND v.status = 'queued' THEN 'woken' ELSE 'lost' END;
    ELSE
      IF w.progress AND v.progress_epoch < w.epoch AND v_end IS NULL THEN
        UPDATE runs q SET progress_epoch = w.epoch WHERE q.tenant_id = w.tenant_id AND q.run_id = w.run_id;
      END IF;
      INSERT INTO steps (tenant_id, run_id, seq, path, node_type, iteration, attempt, status, input, outcome,
                         started_at, duration_ms, model, tier, reason, tokens_in, tokens_out, cost_usd_micros)
      SELECT w.tenant_id, w.run_id, s.seq, s.path, s.node_type, s.iteration, s.attempt, s.status,
             nullif(s.input, 'null'), s.outcome, to_timestamp(nullif(s.started_at, 0)), s.duration_ms, s.model, s.tier, s.reason,
             s.tokens_in, s.tokens_out, s.cost_usd_micros
      FROM jsonb_to_recordset(w.steps) AS s(seq integer, path text, node_type text, iteration integer,
        attempt integer, status text, input jsonb, outcome jsonb, started_at double precision, duration_ms integer,
        model text, tier text, reason text, tokens_in integer, tokens_out integer, cost_usd_micros bigint)
      ON CONFLICT DO NOTHING;
      IF w.waits THEN
        PERFORM heddle_waits(w.tenant_id, w.run_id, w.steps);
      END IF;
      IF w.tells THEN
        PERFORM heddle_tell(w.tenant_id, w.run_id, w.steps);
      END IF;
      IF v_end ->> 'kind' = 'finish' THEN
        r := heddle_close_run(w.tenant_id, w.run_id, v_end ->> 'status', nullif(v_end -> 'output', 'null'),
                              nullif(v_end -> 'error', 'null'));
      ELSIF v_end IS NOT NULL THEN
        UPDATE runs q SET lease_owner = NULL, lease_until = NULL, status = v_end ->> 'status',
               progress_epoch = CASE WHEN w.progress THEN w.epoch ELSE q.progress_epoch END,
               wake_at = clock_timestamp() + make_interval(secs => (v_end ->> 'wake_in_s')::double precision)
        WHERE q.tenant_id = w.tenant_id AND q.run_id = w.run_id;
        PERFORM heddle_total_run(w.tenant_id, w.run_id);
        IF v_end ->> 'status' = 'suspended' AND (v_end ->> 'signals_seen')::bigint <
           (SELECT count(*) FROM run_signals g WHERE g.tenant_id = w.tenant_id AND g.run_id = w.run_id) THEN
          UPDATE runs q SET status = 'queued', wake_at = clock_timestamp()
          WHERE q.tenant_id = w.tenant_id AND q.run_id = w.run_id;
          verdict := 'woken';
        END IF;
      END IF;
    END IF;
    ended_at := r.ended_at; steps := r.steps; tokens_in := r.tokens_in; tokens_out := r.tokens_out;
    cost_usd_micros := r.cost_usd_micros;
    RETURN NEXT;
  END LOOP;
END $$
"""

# Each record was looked up in `runs` and in `tenants`, whose row all writers then had to lock. `heddle_journal` holds
# the run's row while it writes, and so does whoever copies records; what a foreign key did besides is done here.
FORGET = """
CREATE FUNCTION heddle_forget_steps() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  DELETE FROM steps s WHERE s.tenant_id = OLD.tenant_id AND s.run_id = OLD.run_id;
  RETURN NULL;
END $$
"""
FORGET_TRIGGER = """
CREATE TRIGGER forget AFTER DELETE ON runs FOR EACH ROW EXECUTE FUNCTION heddle_forget_steps()
"""
FOREIGN_KEYS = ("steps_tenant_id_fkey", "steps_tenant_id_run_id_fkey")


def upgrade() -> None:
    closing, journal = "heddle_close_run(uuid, uuid, text, jsonb, jsonb)", "heddle_journal(jsonb)"
    for signature, source in ((closing, CLOSE_RUN), (journal, JOURNAL)):
        op.execute(f"DROP FUNCTION {signature}")
        op.execute(source)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {APP_ROLE}")
    for statement in (*allow_system("steps", "SELECT, DELETE"), FORGET, *system_function("heddle_forget_steps()")):
        op.execute(statement)
    op.execute(FORGET_TRIGGER)
    for name in FOREIGN_KEYS:
        op.drop_constraint(name, "steps")


def downgrade() -> None:
    raise NotImplementedError("runs that ended meanwhile have all they need; go back to migration 0013 from a backup")
