"""leases, the journal's functions, signals

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from engine.store.rls import secure_tenant_table, system_function
from engine.store.urls import APP_ROLE

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Lease runs to `p_owner`, and give back what is needed to go on with each. `p_wanted`: [{tenant_id, run_id}].
# A verdict per entry: claimed | missing | over | busy | cancelled | abandoned. The epoch counts leases; progress_epoch
# is the last lease that brought the run forward. A run that ended `p_max_leases` leases in a row without any progress
# is taken to be what kills its workers, and fails instead of going round for ever.
CLAIM = """
CREATE FUNCTION heddle_claim(p_wanted jsonb, p_owner text, p_lease_s double precision, p_max_leases integer)
RETURNS TABLE (run_id uuid, verdict text, run jsonb, steps jsonb, history jsonb, signals jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  w record;
  v runs%ROWTYPE;
BEGIN
  FOR w IN SELECT DISTINCT x.tenant_id, x.run_id FROM jsonb_to_recordset(p_wanted) AS x(tenant_id uuid, run_id uuid)
           ORDER BY 1, 2 LOOP
    PERFORM set_config('app.tenant_id', w.tenant_id::text, true);
    run_id := w.run_id; run := NULL; steps := NULL; history := NULL; signals := NULL;
    SELECT * INTO v FROM runs r WHERE r.tenant_id = w.tenant_id AND r.run_id = w.run_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      verdict := 'missing';
    ELSIF v.status NOT IN ('queued', 'running') THEN
      verdict := 'over';
    ELSIF v.lease_until >= clock_timestamp() THEN
      verdict := 'busy';
    ELSIF v.cancel_requested THEN
      verdict := 'cancelled';
      PERFORM heddle_close_run(w.tenant_id, w.run_id, 'cancelled', NULL, NULL);
    ELSIF v.epoch - v.progress_epoch >= p_max_leases THEN
      verdict := 'abandoned';
      PERFORM heddle_close_run(w.tenant_id, w.run_id, 'failed', NULL, jsonb_build_object(
        'code', 'run_abandoned', 'type', 'run_abandoned', 'retryable', false,
        'message', 'The run stopped its worker again and again.',
        'details', jsonb_build_object('leases', v.epoch - v.progress_epoch)));
    ELSE
      verdict := 'claimed';
      UPDATE runs r SET status = 'running', lease_owner = p_owner, epoch = r.epoch + 1, wake_at = NULL,
             lease_until = clock_timestamp() + make_interval(secs => p_lease_s),
             started_at = coalesce(r.started_at, clock_timestamp())
      WHERE r.tenant_id = w.tenant_id AND r.run_id = w.run_id RETURNING * INTO v;
      run := to_jsonb(v);
      SELECT jsonb_agg(to_jsonb(s) - 'tenant_id' - 'run_id'
                       || jsonb_build_object('started_at', extract(epoch FROM s.started_at)) ORDER BY s.seq)
        INTO steps FROM steps s WHERE s.tenant_id = w.tenant_id AND s.run_id = w.run_id;
      SELECT jsonb_agg(jsonb_build_object('id', g.signal_id, 'name', g.name, 'data', g.data)
                       ORDER BY g.created_at, g.signal_id)
        INTO signals FROM run_signals g WHERE g.tenant_id = w.tenant_id AND g.run_id = w.run_id;
      IF v.conversation_id IS NOT NULL THEN
        history := heddle_history(w.tenant_id, v.conversation_id, w.run_id, v.created_at);
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END $$
"""

# What was said before a run began, oldest first: [{role, content}], at most 50 messages.
HISTORY = """
CREATE FUNCTION heddle_history(p_tenant uuid, p_conversation uuid, p_run uuid, p_before timestamptz) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
  SELECT jsonb_agg(jsonb_build_object('role', x.role, 'content', x.content) ORDER BY x.created_at, x.message_id)
  FROM (SELECT m.role, m.content, m.created_at, m.message_id FROM messages m
        WHERE m.tenant_id = p_tenant AND m.conversation_id = p_conversation
          AND m.run_id IS DISTINCT FROM p_run AND m.created_at <= p_before
        ORDER BY m.created_at DESC, m.message_id DESC LIMIT 50) x
$$
"""

# End a run: status, totals over its steps, and the reply of a conversation. The caller holds the row's lock.
CLOSE_RUN = """
CREATE FUNCTION heddle_close_run(p_tenant uuid, p_run uuid, p_status text, p_output jsonb, p_error jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
DECLARE
  v_conversation uuid;
  v_reply text := coalesce(p_output ->> 'reply', p_output ->> 'reply_text');
BEGIN
  UPDATE runs r SET status = p_status, output = p_output, error = p_error, ended_at = clock_timestamp(),
         lease_owner = NULL, lease_until = NULL, wake_at = NULL
  WHERE r.tenant_id = p_tenant AND r.run_id = p_run RETURNING r.conversation_id INTO v_conversation;
  PERFORM heddle_total_run(p_tenant, p_run);
  IF v_conversation IS NOT NULL AND v_reply <> '' AND p_status = 'succeeded' THEN
    INSERT INTO messages (tenant_id, conversation_id, message_id, role, content, run_id, created_at)
    VALUES (p_tenant, v_conversation, gen_random_uuid(), 'assistant', v_reply, p_run, clock_timestamp());
  END IF;
END $$
"""

TOTAL_RUN = """
CREATE FUNCTION heddle_total_run(p_tenant uuid, p_run uuid) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, public AS $$
  UPDATE runs r SET tokens_in = t.tokens_in, tokens_out = t.tokens_out, cost_usd_micros = t.cost, steps = t.steps
  FROM (SELECT coalesce(sum(s.tokens_in), 0) AS tokens_in, coalesce(sum(s.tokens_out), 0) AS tokens_out,
               coalesce(sum(s.cost_usd_micros), 0) AS cost, count(DISTINCT (s.path, s.iteration)) AS steps
        FROM steps s WHERE s.tenant_id = p_tenant AND s.run_id = p_run) t
  WHERE r.tenant_id = p_tenant AND r.run_id = p_run
$$
"""

# Write journal entries of many runs and tenants in one transaction.
# `p_batch`: [{tenant_id, run_id, epoch, steps: [...], end?: {kind, status, output, error, wake_in_s, signals_seen}}].
# Each entry is fenced by the epoch of its lease; the lock keeps a new lease from being taken until this commits. An
# entry that was committed before (its acknowledgement got lost) is answered like the first time.
# Verdicts: written | lost | woken (a suspended run that was signalled meanwhile is queued again).
JOURNAL = """
CREATE FUNCTION heddle_journal(p_batch jsonb) RETURNS TABLE (run_id uuid, verdict text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  w record;
  v record;
  v_end jsonb;
BEGIN
  FOR w IN SELECT * FROM jsonb_to_recordset(p_batch)
             AS x(tenant_id uuid, run_id uuid, epoch integer, steps jsonb, "end" jsonb) ORDER BY 1, 2 LOOP
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
      IF v.progress_epoch < w.epoch THEN
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
      IF v_end ->> 'kind' = 'finish' THEN
        PERFORM heddle_close_run(w.tenant_id, w.run_id, v_end ->> 'status', nullif(v_end -> 'output', 'null'),
                                 nullif(v_end -> 'error', 'null'));
      ELSIF v_end IS NOT NULL THEN
        UPDATE runs r SET lease_owner = NULL, lease_until = NULL, status = v_end ->> 'status',
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

# Extend all leases that a process holds, of whatever tenant, in one statement. A run that is not in the answer is lost.
HEARTBEAT = """
CREATE FUNCTION heddle_heartbeat(p_owner text, p_held jsonb, p_lease_s double precision)
RETURNS TABLE (run_id uuid, cancel_requested boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH held AS (
    SELECT r.tenant_id, r.run_id
    FROM runs r JOIN jsonb_to_recordset(p_held) AS h(tenant_id uuid, run_id uuid, epoch integer)
      ON h.tenant_id = r.tenant_id AND h.run_id = r.run_id
    WHERE r.epoch = h.epoch AND r.lease_owner = p_owner AND r.status = 'running'
    ORDER BY r.tenant_id, r.run_id FOR NO KEY UPDATE OF r
  )
  UPDATE runs r SET lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
  FROM held WHERE r.tenant_id = held.tenant_id AND r.run_id = held.run_id
  RETURNING r.run_id, r.cancel_requested
$$
"""

# As in the first migration, but a run whose leases end without progress waits longer each time, so that it does not
# take down its neighbours again at once.
DUE_RUNS = """
CREATE OR REPLACE FUNCTION heddle_due_runs(p_limit integer)
RETURNS TABLE (tenant_id uuid, run_id uuid, epoch integer, reason text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH due AS (
    SELECT r.tenant_id, r.run_id,
           CASE r.status WHEN 'queued' THEN 'lost wake-up' WHEN 'running' THEN 'lease ended' ELSE 'timer' END AS reason
    FROM runs r
    WHERE (r.status = 'queued' AND coalesce(r.wake_at, r.created_at + interval '2 seconds') <= now())
       OR (r.status = 'running' AND coalesce(r.wake_at, r.lease_until) <= now()
           AND r.lease_until + make_interval(secs => LATER) < now())
       OR (r.status = 'suspended' AND r.wake_at <= now())
    ORDER BY r.created_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  )
  UPDATE runs r SET wake_at = now() + interval '15 seconds',
                    status = CASE r.status WHEN 'suspended' THEN 'queued' ELSE r.status END
  FROM due d WHERE r.tenant_id = d.tenant_id AND r.run_id = d.run_id
  RETURNING r.tenant_id, r.run_id, r.epoch, d.reason
$$
"""

LATER = "least(60, 5 * greatest(0, r.epoch - r.progress_epoch - 1))"

FUNCTIONS = {
    "heddle_history(uuid, uuid, uuid, timestamptz)": HISTORY,
    "heddle_total_run(uuid, uuid)": TOTAL_RUN,
    "heddle_close_run(uuid, uuid, text, jsonb, jsonb)": CLOSE_RUN,
    "heddle_claim(jsonb, text, double precision, integer)": CLAIM,
    "heddle_journal(jsonb)": JOURNAL,
}
SYSTEM_FUNCTIONS = {"heddle_heartbeat(text, jsonb, double precision)": HEARTBEAT}


def upgrade() -> None:
    op.add_column("runs", sa.Column("progress_epoch", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "run_signals",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("signal_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id", "run_id"], ["runs.tenant_id", "runs.run_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "run_id", "signal_id"),
    )
    statements = secure_tenant_table("run_signals")
    for signature, source in FUNCTIONS.items():
        statements += [source, f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC"]
        statements.append(f"GRANT EXECUTE ON FUNCTION {signature} TO {APP_ROLE}")
    for signature, source in SYSTEM_FUNCTIONS.items():
        statements += [source, *system_function(signature)]
    for statement in [*statements, DUE_RUNS.replace("LATER", LATER)]:
        op.execute(statement)


def downgrade() -> None:
    op.execute(DUE_RUNS.replace("LATER", "0"))
    for signature in [*SYSTEM_FUNCTIONS, *reversed(FUNCTIONS)]:
        op.execute(f"DROP FUNCTION {signature}")
    op.drop_table("run_signals")
    op.drop_column("runs", "progress_epoch")
