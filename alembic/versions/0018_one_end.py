"""a run that ends where all its records are known is fenced, totalled and ended by one update

Revision ID: 0018
Revises: 0017
"""

from alembic import op

from engine.store.urls import APP_ROLE

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# What a run said at its end, as the assistant's message of its conversation.
REPLY = """
CREATE FUNCTION heddle_reply(p_tenant uuid, p_conversation uuid, p_run uuid, p_status text, p_output jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
DECLARE
  v_reply text := coalesce(p_output ->> 'reply', p_output ->> 'reply_text');
BEGIN
  IF v_reply <> '' AND p_status = 'succeeded' THEN
    INSERT INTO messages (tenant_id, conversation_id, message_id, role, content, run_id, created_at)
    VALUES (p_tenant, p_conversation, gen_random_uuid(), 'assistant', v_reply, p_run, clock_timestamp());
  END IF;
END $$
"""

# As in migration 0014.
CLOSE_RUN = """
CREATE OR REPLACE FUNCTION heddle_close_run(p_tenant uuid, p_run uuid, p_status text, p_output jsonb, p_error jsonb)
RETURNS runs
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
DECLARE
  v_run runs%ROWTYPE;
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
  IF v_run.conversation_id IS NOT NULL THEN
    PERFORM heddle_reply(p_tenant, v_run.conversation_id, p_run, p_status, p_output);
  END IF;
  RETURN v_run;
END $$
"""

# The records of one entry. What is NULL or 0 in most of them may be left out.
INSERT_STEPS = """INSERT INTO steps (tenant_id, run_id, seq, path, node_type, iteration, attempt, status, input, outcome,
                   started_at, duration_ms, model, tier, reason, tokens_in, tokens_out, cost_usd_micros)
SELECT w.tenant_id, w.run_id, s.seq, s.path, s.node_type, s.iteration, s.attempt, s.status,
       nullif(s.input, 'null'), s.outcome, to_timestamp(nullif(s.started_at, 0)), s.duration_ms, s.model, s.tier,
       s.reason, coalesce(s.tokens_in, 0), coalesce(s.tokens_out, 0), coalesce(s.cost_usd_micros, 0)
FROM jsonb_to_recordset(w.steps) AS s(seq integer, path text, node_type text, iteration integer,
  attempt integer, status text, input jsonb, outcome jsonb, started_at double precision, duration_ms integer,
  model text, tier text, reason text, tokens_in integer, tokens_out integer, cost_usd_micros bigint)"""

# As in migration 0014. An end with `totals` comes from a process that has all records of the run, none of which waited:
# one update then fences, totals and ends it. It finds a run once only, so none of the records are there already. What it
# does not find is looked at as before.
JOURNAL = """
CREATE OR REPLACE FUNCTION heddle_journal(p_batch jsonb)
RETURNS TABLE (run_id uuid, verdict text, ended_at timestamptz, steps integer, tokens_in integer, tokens_out integer,
               cost_usd_micros bigint)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  w record;
  v record;
  r runs%ROWTYPE;
  v_end jsonb;
  v_totals jsonb;
  v_holds boolean;
BEGIN
  FOR w IN SELECT * FROM jsonb_to_recordset(p_batch)
             AS x(tenant_id uuid, run_id uuid, epoch integer, waits boolean, progress boolean, tells boolean,
                  steps jsonb, "end" jsonb)
             ORDER BY 1, 2 LOOP
    PERFORM set_config('app.tenant_id', w.tenant_id::text, true);
    run_id := w.run_id; verdict := 'written'; v_end := w."end"; v_totals := v_end -> 'totals'; r := NULL;
    v_holds := false;
    IF v_totals IS NOT NULL THEN
      UPDATE runs q SET status = v_end ->> 'status', output = nullif(v_end -> 'output', 'null'),
             error = nullif(v_end -> 'error', 'null'), ended_at = clock_timestamp(), lease_owner = NULL,
             lease_until = NULL, wake_at = NULL, steps = (v_totals ->> 'steps')::integer,
             tokens_in = (v_totals ->> 'tokens_in')::integer, tokens_out = (v_totals ->> 'tokens_out')::integer,
             cost_usd_micros = (v_totals ->> 'cost_usd_micros')::bigint
      WHERE q.tenant_id = w.tenant_id AND q.run_id = w.run_id AND q.epoch = w.epoch AND q.status = 'running'
      RETURNING q.* INTO r;
      v_holds := FOUND;
    END IF;
    IF NOT v_holds THEN
      SELECT q.status, q.progress_epoch INTO v FROM runs q
      WHERE q.tenant_id = w.tenant_id AND q.run_id = w.run_id AND q.epoch = w.epoch FOR NO KEY UPDATE;
      IF NOT FOUND THEN
        verdict := 'lost';
      ELSIF v.status <> 'running' THEN
        verdict := CASE WHEN v.status = v_end ->> 'status' THEN 'written'
                        WHEN v_end ->> 'status' = 'suspended' AND v.status = 'queued' THEN 'woken' ELSE 'lost' END;
      ELSE
        v_holds := true;
        IF w.progress AND v.progress_epoch < w.epoch AND v_end IS NULL THEN
          UPDATE runs q SET progress_epoch = w.epoch WHERE q.tenant_id = w.tenant_id AND q.run_id = w.run_id;
        END IF;
      END IF;
    END IF;
    IF v_holds THEN
      IF r.run_id IS NOT NULL THEN
        INSERT_STEPS;
      ELSE
        INSERT_STEPS
        ON CONFLICT DO NOTHING;
      END IF;
      IF w.waits THEN
        PERFORM heddle_waits(w.tenant_id, w.run_id, w.steps);
      END IF;
      IF w.tells THEN
        PERFORM heddle_tell(w.tenant_id, w.run_id, w.steps);
      END IF;
      IF r.run_id IS NOT NULL THEN
        IF r.conversation_id IS NOT NULL THEN
          PERFORM heddle_reply(w.tenant_id, r.conversation_id, w.run_id, r.status, r.output);
        END IF;
      ELSIF v_end ->> 'kind' = 'finish' THEN
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
""".replace("INSERT_STEPS", INSERT_STEPS)
SIGNATURE = "heddle_reply(uuid, uuid, uuid, text, jsonb)"


def upgrade() -> None:
    op.execute(REPLY)
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {APP_ROLE}")
    op.execute(CLOSE_RUN)
    op.execute(JOURNAL)


def downgrade() -> None:
    raise NotImplementedError("the functions of migration 0014 do the same; go back to it from a backup")
