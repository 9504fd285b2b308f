"""what a batch has of one tenant is written and ended by a few statements, not by a few statements for each run

Revision ID: 0021
Revises: 0020
"""

from alembic import context, op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# The batch by tenant, whose rows alone can be seen and written meanwhile; in order, so that two processes that lock the
# same runs do not wait for each other.
BY_TENANT = """SELECT (e ->> 'tenant_id')::uuid AS tenant_id, array_agg(e ORDER BY e ->> 'run_id') AS entries,
                  bool_or(e -> 'end' ? 'totals') AS has_ends
           FROM jsonb_array_elements(p_batch) AS x(e) GROUP BY 1 ORDER BY 1"""

# Made for each batch, plans would cost more than they save.
ONE_PLAN = "SET plan_cache_mode = force_generic_plan"

# The records in `steps` of an entry. What is NULL or 0 in most of them may be left out.
RECORDS = """s(seq integer, path text, node_type text, iteration integer, attempt integer, status text, input jsonb,
            outcome jsonb, started_at double precision, duration_ms integer, model text, tier text, reason text,
            tokens_in integer, tokens_out integer, cost_usd_micros bigint)"""
INSERT_STEPS = """INSERT INTO steps (tenant_id, run_id, seq, path, node_type, iteration, attempt, status, input, outcome,
                           started_at, duration_ms, model, tier, reason, tokens_in, tokens_out, cost_usd_micros)
        SELECT t.tenant_id, x.run_id, s.seq, s.path, s.node_type, s.iteration, s.attempt, s.status,
               nullif(s.input, 'null'), s.outcome, to_timestamp(nullif(s.started_at, 0)), s.duration_ms, s.model,
               s.tier, s.reason, coalesce(s.tokens_in, 0), coalesce(s.tokens_out, 0), coalesce(s.cost_usd_micros, 0)"""

# As in migration 0018. An end with `totals`, of a run whose records tell nothing to others: fenced, totalled and ended
# by one update. It finds a run once only, so none of the records are there already.
ENDED = f"""
      WITH given AS MATERIALIZED (
        SELECT x.* FROM unnest(t.entries) AS e(entry) CROSS JOIN LATERAL jsonb_to_record(e.entry)
          AS x(run_id uuid, epoch integer, waits boolean, tells boolean, steps jsonb, "end" jsonb)
        WHERE x."end" ? 'totals' AND NOT x.waits AND NOT x.tells
      ), ended AS (
        UPDATE runs q SET status = x."end" ->> 'status', output = nullif(x."end" -> 'output', 'null'),
               error = nullif(x."end" -> 'error', 'null'), ended_at = clock_timestamp(), lease_owner = NULL,
               lease_until = NULL, wake_at = NULL, steps = n.steps, tokens_in = n.tokens_in,
               tokens_out = n.tokens_out, cost_usd_micros = n.cost_usd_micros
        FROM given x CROSS JOIN LATERAL jsonb_to_record(x."end" -> 'totals')
          AS n(steps integer, tokens_in integer, tokens_out integer, cost_usd_micros bigint)
        WHERE q.tenant_id = t.tenant_id AND q.run_id = x.run_id AND q.epoch = x.epoch AND q.status = 'running'
        RETURNING q.run_id, q.conversation_id, q.status, q.output, q.ended_at, q.steps, q.tokens_in, q.tokens_out,
                  q.cost_usd_micros, x.steps AS records
      ), written AS (
        {INSERT_STEPS}
        FROM ended x CROSS JOIN LATERAL jsonb_to_recordset(x.records) AS {RECORDS}
      )
      SELECT * FROM ended"""
# All others whose run is there, locked, and whether it still belongs to who writes. (What locks is not joined in another
# way than row by row, whatever the planner believes of a table that was empty when it looked.)
OTHERS = """
      SELECT x.*, e.entry, q.status, q.progress_epoch
      FROM unnest(t.entries) AS e(entry) CROSS JOIN LATERAL jsonb_to_record(e.entry)
        AS x(run_id uuid, epoch integer, waits boolean, progress boolean, tells boolean, "end" jsonb)
      CROSS JOIN LATERAL (
        SELECT h.status, h.progress_epoch FROM runs h
        WHERE h.tenant_id = t.tenant_id AND h.run_id = x.run_id AND h.epoch = x.epoch FOR NO KEY UPDATE
      ) q
      WHERE x.run_id <> ALL (v_ended)"""
JOURNAL = f"""
CREATE OR REPLACE FUNCTION heddle_journal(p_batch jsonb)
RETURNS TABLE (run_id uuid, verdict text, ended_at timestamptz, steps integer, tokens_in integer, tokens_out integer,
               cost_usd_micros bigint)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public {ONE_PLAN} AS $$
#variable_conflict use_column
DECLARE
  t record;
  w record;
  r runs%ROWTYPE;
  v_ended uuid[];
  v_held jsonb[];
  v_further jsonb[];
  v_progress uuid[];
BEGIN
  FOR t IN {BY_TENANT} LOOP
    PERFORM set_config('app.tenant_id', t.tenant_id::text, true);
    v_ended := '{{}}'; v_held := '{{}}'; v_further := '{{}}'; v_progress := '{{}}'; verdict := 'written';
    IF t.has_ends THEN
      FOR w IN {ENDED} LOOP
        IF w.conversation_id IS NOT NULL THEN
          PERFORM heddle_reply(t.tenant_id, w.conversation_id, w.run_id, w.status, w.output);
        END IF;
        v_ended := v_ended || w.run_id;
        run_id := w.run_id; ended_at := w.ended_at; steps := w.steps; tokens_in := w.tokens_in;
        tokens_out := w.tokens_out; cost_usd_micros := w.cost_usd_micros;
        RETURN NEXT;
      END LOOP;
      CONTINUE WHEN cardinality(v_ended) = cardinality(t.entries);
    END IF;
    ended_at := NULL; steps := NULL; tokens_in := NULL; tokens_out := NULL; cost_usd_micros := NULL;
    FOR w IN {OTHERS} LOOP
      run_id := w.run_id; verdict := 'written';
      IF w.status <> 'running' THEN
        verdict := CASE WHEN w.status = w."end" ->> 'status' THEN 'written'
                        WHEN w."end" ->> 'status' = 'suspended' AND w.status = 'queued' THEN 'woken' ELSE 'lost' END;
        RETURN NEXT;
        CONTINUE;
      END IF;
      v_held := v_held || w.entry;
      IF w.progress AND w.progress_epoch < w.epoch AND w."end" IS NULL THEN
        v_progress := v_progress || w.run_id;
      END IF;
      IF w.waits OR w.tells OR w."end" IS NOT NULL THEN
        v_further := v_further || w.entry;
      ELSE
        RETURN NEXT;
      END IF;
    END LOOP;
    CONTINUE WHEN v_held = '{{}}';
    IF v_progress <> '{{}}' THEN
      UPDATE runs q SET progress_epoch = q.epoch WHERE q.tenant_id = t.tenant_id AND q.run_id = ANY (v_progress);
    END IF;
    {INSERT_STEPS}
        FROM unnest(v_held) AS e(entry) CROSS JOIN LATERAL jsonb_to_record(e.entry) AS x(run_id uuid, steps jsonb)
        CROSS JOIN LATERAL jsonb_to_recordset(x.steps) AS {RECORDS}
    ON CONFLICT DO NOTHING;
    CONTINUE WHEN v_further = '{{}}';
    FOR w IN SELECT x.* FROM unnest(v_further) AS e(entry) CROSS JOIN LATERAL jsonb_to_record(e.entry)
               AS x(run_id uuid, epoch integer, waits boolean, progress boolean, tells boolean, steps jsonb,
                    "end" jsonb) LOOP
      run_id := w.run_id; verdict := 'written'; r := NULL;
      IF w.waits THEN
        PERFORM heddle_waits(t.tenant_id, w.run_id, w.steps);
      END IF;
      IF w.tells THEN
        PERFORM heddle_tell(t.tenant_id, w.run_id, w.steps);
      END IF;
      IF w."end" ->> 'kind' = 'finish' THEN
        r := heddle_close_run(t.tenant_id, w.run_id, w."end" ->> 'status', nullif(w."end" -> 'output', 'null'),
                              nullif(w."end" -> 'error', 'null'));
      ELSIF w."end" IS NOT NULL THEN
        UPDATE runs q SET lease_owner = NULL, lease_until = NULL, status = w."end" ->> 'status',
               progress_epoch = CASE WHEN w.progress THEN w.epoch ELSE q.progress_epoch END,
               wake_at = clock_timestamp() + make_interval(secs => (w."end" ->> 'wake_in_s')::double precision)
        WHERE q.tenant_id = t.tenant_id AND q.run_id = w.run_id;
        PERFORM heddle_total_run(t.tenant_id, w.run_id);
        IF w."end" ->> 'status' = 'suspended' AND (w."end" ->> 'signals_seen')::bigint <
           (SELECT count(*) FROM run_signals g WHERE g.tenant_id = t.tenant_id AND g.run_id = w.run_id) THEN
          UPDATE runs q SET status = 'queued', wake_at = clock_timestamp()
          WHERE q.tenant_id = t.tenant_id AND q.run_id = w.run_id;
          verdict := 'woken';
        END IF;
      END IF;
      ended_at := r.ended_at; steps := r.steps; tokens_in := r.tokens_in; tokens_out := r.tokens_out;
      cost_usd_micros := r.cost_usd_micros;
      RETURN NEXT;
    END LOOP;
  END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute(JOURNAL)


def downgrade() -> None:
    op.execute(context.script.get_revision("0018").module.JOURNAL)
