"""a run's row is written once when it is accepted and once when it ends

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# As in migration 0008, with the totals in the same update.
CLOSE_RUN = """
CREATE OR REPLACE FUNCTION heddle_close_run(p_tenant uuid, p_run uuid, p_status text, p_output jsonb, p_error jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
DECLARE
  v_conversation uuid;
  v_reply text := coalesce(p_output ->> 'reply', p_output ->> 'reply_text');
BEGIN
  UPDATE runs r SET status = p_status, output = p_output, error = p_error, ended_at = clock_timestamp(),
         lease_owner = NULL, lease_until = NULL, wake_at = NULL,
         tokens_in = t.tokens_in, tokens_out = t.tokens_out, cost_usd_micros = t.cost, steps = t.steps
  FROM (SELECT coalesce(sum(s.tokens_in), 0) AS tokens_in, coalesce(sum(s.tokens_out), 0) AS tokens_out,
               coalesce(sum(s.cost_usd_micros), 0) AS cost, count(DISTINCT (s.path, s.iteration)) AS steps
        FROM steps s WHERE s.tenant_id = p_tenant AND s.run_id = p_run) t
  WHERE r.tenant_id = p_tenant AND r.run_id = p_run RETURNING r.conversation_id INTO v_conversation;
  UPDATE run_waits v SET closed_at = clock_timestamp(), closed_by = p_status
  WHERE v.tenant_id = p_tenant AND v.run_id = p_run AND v.closed_at IS NULL;
  IF v_conversation IS NOT NULL AND v_reply <> '' AND p_status = 'succeeded' THEN
    INSERT INTO messages (tenant_id, conversation_id, message_id, role, content, run_id, created_at)
    VALUES (p_tenant, v_conversation, gen_random_uuid(), 'assistant', v_reply, p_run, clock_timestamp());
  END IF;
END $$
"""

# As in migration 0008; an entry that ends the lease brings its progress with the end.
JOURNAL = """
CREATE OR REPLACE FUNCTION heddle_journal(p_batch jsonb) RETURNS TABLE (run_id uuid, verdict text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  w record;
  v record;
  v_end jsonb;
BEGIN
  FOR w IN SELECT * FROM jsonb_to_recordset(p_batch)
             AS x(tenant_id uuid, run_id uuid, epoch integer, waits boolean, progress boolean, tells boolean,
                  steps jsonb, "end" jsonb)
             ORDER BY 1, 2 LOOP
    PERFORM set_config('app.tenant_id', w.tenant_id::text, true);
    run_id := w.run_id; verdict := 'written'; v_end := w."end";
    SELECT r.status, r.progress_epoch INTO v FROM runs r
    WHERE r.tenant_id = w.tenant_id AND r.run_id = w.run_id AND r.epoch = w.epoch FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      verdict := 'lost';
    ELSIF v.status <> 'running' THEN
      verdict := CASE WHEN v.status = v_end ->> 'status' THEN 'written'
                      WHEN v_end ->> 'status' = 'suspended' AND v.status = 'queued' THEN 'woken' ELSE 'lost' END;
    ELSE
      IF w.progress AND v.progress_epoch < w.epoch AND v_end IS NULL THEN
        UPDATE runs r SET progress_epoch = w.epoch WHERE r.tenant_id = w.tenant_id AND r.run_id = w.run_id;
      END IF;
      INSERT INTO steps (tenant_id, run_id, seq, path, node_type, iteration, attempt, status, input, outcome,
                         started_at, duration_ms, model, tier, reason, tokens_in, tokens_out, cost_usd_micros)
      SELECT w.tenant_id, w.run_id, s.seq, s.path, s.node_type, s.iteration, s.attempt, s.status,
             nullif(s.input, 'null'), s.outcome, to_timestamp(s.started_at), s.duration_ms, s.model, s.tier, s.reason,
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
        PERFORM heddle_close_run(w.tenant_id, w.run_id, v_end ->> 'status', nullif(v_end -> 'output', 'null'),
                                 nullif(v_end -> 'error', 'null'));
      ELSIF v_end IS NOT NULL THEN
        UPDATE runs r SET lease_owner = NULL, lease_until = NULL, status = v_end ->> 'status',
               progress_epoch = CASE WHEN w.progress THEN w.epoch ELSE r.progress_epoch END,
               wake_at = clock_timestamp() + make_interval(secs => (v_end ->> 'wake_in_s')::double precision)
        WHERE r.tenant_id = w.tenant_id AND r.run_id = w.run_id;
        PERFORM heddle_total_run(w.tenant_id, w.run_id);
        IF v_end ->> 'status' = 'suspended' AND (v_end ->> 'signals_seen')::bigint <
           (SELECT count(*) FROM run_signals g WHERE g.tenant_id = w.tenant_id AND g.run_id = w.run_id) THEN
          UPDATE runs r SET status = 'queued', wake_at = clock_timestamp()
          WHERE r.tenant_id = w.tenant_id AND r.run_id = w.run_id;
          verdict := 'woken';
        END IF;
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute(CLOSE_RUN)
    op.execute(JOURNAL)


def downgrade() -> None:
    raise NotImplementedError("the functions of migration 0008 do the same; go back to it from a backup")
