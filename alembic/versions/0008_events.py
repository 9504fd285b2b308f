"""events for others: outbox, deliveries, dead letters, usage counters; the audit chain

Revision ID: 0008
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from engine.store.rls import allow_system, secure_tenant_table, system_function
from engine.store.urls import APP_ROLE, SYSTEM_ROLE

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

# The records of one run that have something to tell, in the transaction that writes them. Nothing of what was asked or
# answered leaves the house: names, amounts and times do. A record that is written again has the same event.
TELL = """
CREATE FUNCTION heddle_tell(p_tenant uuid, p_run uuid, p_steps jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
BEGIN
  INSERT INTO outbox (tenant_id, event_id, run_id, topic, source, payload)
  SELECT p_tenant, md5(p_run || ' ' || s.seq || ' ' || e.topic)::uuid, p_run, e.topic, 'system',
         jsonb_build_object('run_id', p_run, 'step', s.path, 'node_type', s.node_type, 'iteration', s.iteration,
                            'attempt', s.attempt) || e.payload
  FROM jsonb_to_recordset(p_steps) AS s(seq integer, path text, node_type text, iteration integer, attempt integer,
    status text, input jsonb, outcome jsonb, duration_ms integer, model text, tier text, reason text, tokens_in integer,
    tokens_out integer, cost_usd_micros bigint)
  CROSS JOIN LATERAL (SELECT split_part(s.outcome ->> 'effect', '#', 1)) AS f(name)
  CROSS JOIN LATERAL (
    SELECT 1, 'usage_metered', jsonb_build_object('model', s.model, 'tokens_in', s.tokens_in,
      'tokens_out', s.tokens_out, 'cost_usd_micros', s.cost_usd_micros) WHERE s.model IS NOT NULL
    UNION ALL SELECT 2, 'router_decision', jsonb_build_object('tier', s.tier, 'model', s.model, 'reason', s.reason)
      WHERE s.model IS NOT NULL AND s.tier IS NOT NULL
    UNION ALL SELECT 3, 'tool_call', jsonb_build_object(
      'tool', CASE WHEN s.node_type = 'tool' THEN s.input ->> 'tool' WHEN s.node_type = 'http' THEN 'http'
                   WHEN s.node_type = 'email' THEN 'send_email' WHEN f.name LIKE 'tool:%' THEN split_part(f.name, ':', 3) ELSE f.name END,
      'status', CASE WHEN s.status = 'failed' OR jsonb_typeof(s.outcome #> '{result,error}') IS NOT NULL
                     THEN 'failed' ELSE 'succeeded' END,
      'error', coalesce(s.outcome #> '{error,code}', s.outcome #> '{result,error,code}'),
      'duration_ms', s.duration_ms)
      WHERE s.status = 'effect' AND f.name NOT LIKE 'turn:%' AND s.node_type NOT IN ('event', 'memory')
         OR s.node_type IN ('tool', 'http', 'email') AND s.status IN ('succeeded', 'failed')
  ) AS e(number, topic, payload)
  ORDER BY s.seq, e.number
  ON CONFLICT DO NOTHING;
END $$
"""

# As in migration 0005; entries with records that have something to tell say so, and only those are looked at again.
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
      IF w.progress AND v.progress_epoch < w.epoch THEN
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

# However a run ends: at its worker, given up, or cancelled before anybody worked on it.
TELL_RUN = """
CREATE FUNCTION heddle_tell_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.outbox (tenant_id, event_id, run_id, topic, source, payload)
  VALUES (NEW.tenant_id, md5(NEW.run_id || ' agent_run')::uuid, NEW.run_id, 'agent_run', 'system', jsonb_build_object(
    'run_id', NEW.run_id, 'workflow', NEW.workflow_name, 'version', NEW.version_number, 'trigger', NEW.trigger,
    'status', NEW.status, 'error', NEW.error ->> 'code', 'conversation_id', NEW.conversation_id, 'steps', NEW.steps,
    'tokens_in', NEW.tokens_in, 'tokens_out', NEW.tokens_out, 'cost_usd_micros', NEW.cost_usd_micros,
    'duration_ms', round(extract(epoch FROM NEW.ended_at - NEW.created_at) * 1000)));
  RETURN NULL;
END $$
"""

RUN_TRIGGER = """
CREATE TRIGGER tell AFTER UPDATE OF ended_at ON runs FOR EACH ROW
WHEN (NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL)
EXECUTE FUNCTION heddle_tell_run()
"""

# As in migration 0005, but the totals come first, so that the run's event has them.
CLOSE_RUN = """
CREATE OR REPLACE FUNCTION heddle_close_run(p_tenant uuid, p_run uuid, p_status text, p_output jsonb, p_error jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
DECLARE
  v_conversation uuid;
  v_reply text := coalesce(p_output ->> 'reply', p_output ->> 'reply_text');
BEGIN
  PERFORM heddle_total_run(p_tenant, p_run);
  UPDATE runs r SET status = p_status, output = p_output, error = p_error, ended_at = clock_timestamp(),
         lease_owner = NULL, lease_until = NULL, wake_at = NULL
  WHERE r.tenant_id = p_tenant AND r.run_id = p_run RETURNING r.conversation_id INTO v_conversation;
  UPDATE run_waits v SET closed_at = clock_timestamp(), closed_by = p_status
  WHERE v.tenant_id = p_tenant AND v.run_id = p_run AND v.closed_at IS NULL;
  IF v_conversation IS NOT NULL AND v_reply <> '' AND p_status = 'succeeded' THEN
    INSERT INTO messages (tenant_id, conversation_id, message_id, role, content, run_id, created_at)
    VALUES (p_tenant, v_conversation, gen_random_uuid(), 'assistant', v_reply, p_run, clock_timestamp());
  END IF;
END $$
"""

# Hand these events to everybody who listens: count usage, queue deliveries, signal runs that wait for the topic. All of
# it in one transaction with the mark that it was done, so each is done once.
DISPATCH = """
CREATE FUNCTION heddle_dispatch(p_seqs bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  v record;
BEGIN
  INSERT INTO usage_counters AS c (tenant_id, day, usage_type, quantity)
  SELECT e.tenant_id, (e.created_at AT TIME ZONE 'UTC')::date, u.usage_type, sum(u.quantity)
  FROM outbox e CROSS JOIN LATERAL (
    SELECT 'tokens_in', (e.payload ->> 'tokens_in')::bigint WHERE e.topic = 'usage_metered'
    UNION ALL SELECT 'tokens_out', (e.payload ->> 'tokens_out')::bigint WHERE e.topic = 'usage_metered'
    UNION ALL SELECT 'cost_usd_micros', (e.payload ->> 'cost_usd_micros')::bigint WHERE e.topic = 'usage_metered'
    UNION ALL SELECT 'model_calls', 1 WHERE e.topic = 'usage_metered'
    UNION ALL SELECT 'tool_calls', 1 WHERE e.topic = 'tool_call'
    UNION ALL SELECT 'runs', 1 WHERE e.topic = 'agent_run') AS u(usage_type, quantity)
  WHERE e.seq = ANY(p_seqs) AND e.dispatched_at IS NULL AND e.source = 'system'
  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (tenant_id, day, usage_type) DO UPDATE SET quantity = c.quantity + excluded.quantity;

  INSERT INTO deliveries (tenant_id, consumer, target_id, event_id, order_key, attempts, next_at)
  SELECT e.tenant_id, l.consumer, l.target_id, e.event_id, coalesce(e.run_id, e.event_id), 0, clock_timestamp()
  FROM outbox e CROSS JOIN LATERAL (
    SELECT 'webhook', s.subscription_id FROM subscriptions s
    WHERE s.tenant_id = e.tenant_id AND s.enabled AND EXISTS (
      SELECT 1 FROM jsonb_array_elements_text(s.topics) AS t(topic)
      WHERE t.topic IN ('*', e.topic) OR (right(t.topic, 2) = '.*' AND starts_with(e.topic, left(t.topic, -1))))
    UNION ALL
    SELECT 'trigger', g.trigger_id FROM event_triggers g WHERE g.tenant_id = e.tenant_id AND g.topic = e.topic
  ) AS l(consumer, target_id)
  WHERE e.seq = ANY(p_seqs) AND e.dispatched_at IS NULL ORDER BY e.seq;

  FOR v IN SELECT e.tenant_id, e.event_id, e.topic, e.payload, w.run_id FROM outbox e
           JOIN run_waits w ON w.tenant_id = e.tenant_id AND w.signal = e.topic AND w.reason = 'event'
            AND w.closed_at IS NULL AND e.payload @> coalesce(nullif(w.data -> 'match', 'null'), '{}')
           WHERE e.seq = ANY(p_seqs) AND e.dispatched_at IS NULL ORDER BY 1, 5, e.seq LOOP
    PERFORM 1 FROM runs r WHERE r.tenant_id = v.tenant_id AND r.run_id = v.run_id FOR NO KEY UPDATE;
    INSERT INTO run_signals (tenant_id, run_id, signal_id, name, data, created_at)
    VALUES (v.tenant_id, v.run_id, md5(v.event_id::text || v.run_id)::uuid, v.topic, v.payload, clock_timestamp())
    ON CONFLICT DO NOTHING;
    UPDATE runs r SET status = 'queued', wake_at = clock_timestamp()
    WHERE r.tenant_id = v.tenant_id AND r.run_id = v.run_id AND r.status = 'suspended';
  END LOOP;

  UPDATE outbox e SET dispatched_at = clock_timestamp() WHERE e.seq = ANY(p_seqs) AND e.dispatched_at IS NULL;
END $$
"""

# One batch, in the order of writing; one scheduler at a time. An event that cannot be handed out goes to the dead
# letters, and those around it do not suffer.
FAN_OUT = """
CREATE FUNCTION heddle_fan_out(p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  v_seqs bigint[];
  v_seq bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7523094288207667301) THEN RETURN 0; END IF;
  SELECT array_agg(x.seq) INTO v_seqs FROM (
    SELECT e.seq FROM outbox e WHERE e.dispatched_at IS NULL ORDER BY e.seq LIMIT p_limit) x;
  IF v_seqs IS NULL THEN RETURN 0; END IF;
  BEGIN
    PERFORM heddle_dispatch(v_seqs);
    RETURN cardinality(v_seqs);
  EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN NULL;
  END;
  FOREACH v_seq IN ARRAY v_seqs LOOP
    BEGIN
      PERFORM heddle_dispatch(ARRAY[v_seq]);
    EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
      INSERT INTO dead_letters (tenant_id, dead_letter_id, consumer, event_id, run_id, topic, payload, event_at,
                                attempts, error)
      SELECT e.tenant_id, gen_random_uuid(), 'dispatch', e.event_id, e.run_id, e.topic, e.payload, e.created_at, 1,
             SQLERRM FROM outbox e WHERE e.seq = v_seq AND e.dispatched_at IS NULL;
      UPDATE outbox e SET dispatched_at = clock_timestamp() WHERE e.seq = v_seq AND e.dispatched_at IS NULL;
    END;
  END LOOP;
  RETURN cardinality(v_seqs);
END $$
"""

# What is due, by listener and run: the first undelivered event of each run and those behind it, for one scheduler until
# `leased_until`. `p_busy` are listeners that have enough under way already. The first one's attempt is counted here, so
# that an event which kills its scheduler is not sent for ever.
DUE_DELIVERIES = """
CREATE FUNCTION heddle_due_deliveries(p_busy uuid[], p_runs integer, p_limit integer, p_lease_s double precision)
RETURNS TABLE (tenant_id uuid, delivery_id bigint, consumer text, target_id uuid, order_key uuid, event_id uuid,
               attempts integer, leased_until timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH targets AS (
    SELECT s.tenant_id, s.subscription_id AS target_id FROM subscriptions s WHERE s.enabled
    UNION ALL SELECT g.tenant_id, g.trigger_id FROM event_triggers g
  ), heads AS (
    SELECT h.* FROM targets t JOIN tenants n ON n.tenant_id = t.tenant_id AND n.status = 'active'
    CROSS JOIN LATERAL (
      SELECT d.tenant_id, d.target_id, d.order_key, d.delivery_id FROM deliveries d
      WHERE d.tenant_id = t.tenant_id AND d.target_id = t.target_id AND d.next_at <= clock_timestamp()
        AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.tenant_id = d.tenant_id AND e.target_id = d.target_id
                        AND e.order_key = d.order_key AND e.delivery_id < d.delivery_id)
      ORDER BY d.next_at, d.delivery_id LIMIT p_runs FOR UPDATE SKIP LOCKED) h
    WHERE t.target_id <> ALL(p_busy) LIMIT p_limit
  )
  UPDATE deliveries d SET next_at = statement_timestamp() + make_interval(secs => p_lease_s),
         attempts = d.attempts + (d.delivery_id = h.delivery_id)::integer
  FROM heads h WHERE d.tenant_id = h.tenant_id AND d.target_id = h.target_id AND d.order_key = h.order_key
  RETURNING d.tenant_id, d.delivery_id, d.consumer, d.target_id, d.order_key, d.event_id, d.attempts, d.next_at
$$
"""

PURGE = """
CREATE FUNCTION heddle_purge_events(p_events_days integer, p_letters_days integer, p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  v_events integer;
BEGIN
  DELETE FROM deliveries d WHERE NOT EXISTS (
      SELECT 1 FROM subscriptions s WHERE s.tenant_id = d.tenant_id AND s.subscription_id = d.target_id)
    AND NOT EXISTS (SELECT 1 FROM event_triggers g WHERE g.tenant_id = d.tenant_id AND g.trigger_id = d.target_id);
  DELETE FROM dead_letters l WHERE l.created_at < clock_timestamp() - make_interval(days => p_letters_days);
  DELETE FROM outbox o USING (
    SELECT e.tenant_id, e.event_id FROM outbox e
    WHERE e.created_at < clock_timestamp() - make_interval(days => p_events_days) AND e.dispatched_at IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.tenant_id = e.tenant_id AND d.event_id = e.event_id)
    LIMIT p_limit) old
  WHERE o.tenant_id = old.tenant_id AND o.event_id = old.event_id;
  GET DIAGNOSTICS v_events = ROW_COUNT;
  RETURN v_events;
END $$
"""

AUDIT_HASH = """
CREATE FUNCTION heddle_audit_hash(a audit_log) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public AS $$
  SELECT encode(sha256(convert_to(jsonb_build_array(a.tenant_id, a.number, a.user_id, a.role, a.action, a.resource_type,
    a.resource_id, a.details, extract(epoch FROM a.created_at), a.prev_hash)::text, 'UTF8')), 'hex')
$$
"""

# Write one deed of the transaction's tenant at the end of its chain.
AUDIT = """
CREATE FUNCTION heddle_audit(p_user uuid, p_role text, p_action text, p_type text, p_id text, p_details jsonb)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  v_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  v_head audit_heads%ROWTYPE;
  v_new audit_log%ROWTYPE;
BEGIN
  INSERT INTO audit_heads (tenant_id, number, hash) VALUES (v_tenant, 0, '') ON CONFLICT DO NOTHING;
  SELECT * INTO v_head FROM audit_heads h WHERE h.tenant_id = v_tenant FOR UPDATE;
  v_new := ROW(v_tenant, v_head.number + 1, p_user, p_role, p_action, p_type, p_id, p_details, clock_timestamp(),
               v_head.hash, '');
  v_new.hash := heddle_audit_hash(v_new);
  INSERT INTO audit_log SELECT v_new.*;
  UPDATE audit_heads h SET number = v_new.number, hash = v_new.hash WHERE h.tenant_id = v_tenant;
  INSERT INTO outbox (tenant_id, event_id, topic, source, payload) VALUES (
    v_tenant, gen_random_uuid(), 'audit_log', 'system', jsonb_build_object('number', v_new.number, 'user_id', p_user,
    'role', p_role, 'action', p_action, 'resource_type', p_type, 'resource_id', p_id, 'details', p_details));
  RETURN v_new.number;
END $$
"""

# The first entry of the transaction's tenant that is not as it was written, and why; nothing when all are.
AUDIT_VERIFY = """
CREATE FUNCTION heddle_audit_verify() RETURNS TABLE (number bigint, fault text)
LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
  WITH chain AS (
    SELECT a.number, a.hash, a.prev_hash, heddle_audit_hash(a) AS own,
           lag(a.number, 1, 0::bigint) OVER w AS before, lag(a.hash, 1, '') OVER w AS hash_before
    FROM audit_log a WINDOW w AS (ORDER BY a.number)
  ), faults AS (
    SELECT c.before + 1 AS number, 'missing' AS fault FROM chain c WHERE c.number <> c.before + 1
    UNION ALL SELECT c.number, 'changed' FROM chain c WHERE c.own <> c.hash
    UNION ALL SELECT c.number, 'not the one that followed' FROM chain c
      WHERE c.prev_hash <> c.hash_before AND c.number = c.before + 1
    UNION ALL SELECT coalesce(max(c.number), 0) + 1, 'missing' FROM chain c
      HAVING coalesce(max(c.number), 0) < (SELECT h.number FROM audit_heads h)
    UNION ALL SELECT h.number, 'not the one that was written last' FROM audit_heads h JOIN chain c USING (number)
      WHERE c.hash <> h.hash
  )
  SELECT f.number, f.fault FROM faults f ORDER BY f.number LIMIT 1
$$
"""

SYSTEM_ACCESS = {
    "outbox": "SELECT, INSERT, UPDATE, DELETE",
    "subscriptions": "SELECT",
    "event_triggers": "SELECT",
    "deliveries": "SELECT, INSERT, UPDATE, DELETE",
    "dead_letters": "SELECT, INSERT, DELETE",
    "usage_counters": "SELECT, INSERT, UPDATE",
    "run_waits": "SELECT",
    "run_signals": "SELECT, INSERT",
    "audit_log": "SELECT, INSERT",
    "audit_heads": "SELECT, INSERT, UPDATE",
}
SYSTEM_FUNCTIONS = {
    "heddle_dispatch(bigint[])": DISPATCH,
    "heddle_fan_out(integer)": FAN_OUT,
    "heddle_due_deliveries(uuid[], integer, integer, double precision)": DUE_DELIVERIES,
    "heddle_purge_events(integer, integer, integer)": PURGE,
    "heddle_audit(uuid, text, text, text, text, jsonb)": AUDIT,
}
APP_FUNCTIONS = {
    "heddle_tell(uuid, uuid, jsonb)": TELL,
    "heddle_audit_hash(audit_log)": AUDIT_HASH,
    "heddle_audit_verify()": AUDIT_VERIFY,
}


def upgrade() -> None:
    _tables()
    statements = [s for table in NEW_TABLES for s in secure_tenant_table(table)]
    statements += [s for table, privileges in SYSTEM_ACCESS.items() for s in allow_system(table, privileges)]
    statements += [
        f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM {APP_ROLE}" for table in ("audit_log", "audit_heads")
    ]
    for signature, source in APP_FUNCTIONS.items():
        statements += [source, f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC"]
        statements.append(f"GRANT EXECUTE ON FUNCTION {signature} TO {APP_ROLE}")
        statements.append(f"GRANT EXECUTE ON FUNCTION {signature} TO {SYSTEM_ROLE}")
    for signature, source in SYSTEM_FUNCTIONS.items():
        statements += [source, *system_function(signature)]
    statements.append(f"REVOKE ALL ON FUNCTION heddle_dispatch(bigint[]) FROM {APP_ROLE}")  # for heddle_fan_out alone
    statements += [CLOSE_RUN, JOURNAL, TELL_RUN, RUN_TRIGGER]
    for statement in statements:
        op.execute(statement)


NEW_TABLES = (
    "outbox",
    "subscriptions",
    "event_triggers",
    "deliveries",
    "dead_letters",
    "usage_counters",
    "audit_log",
    "audit_heads",
)


def _table(name: str, *columns: sa.Column | sa.Constraint) -> None:
    tenant = sa.Column("tenant_id", sa.Uuid(), nullable=False)
    key = sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE")
    op.create_table(name, tenant, *columns, key)


def _uuid(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(), nullable=nullable)


def _json(name: str) -> sa.Column:
    return sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), nullable=False)


def _time(name: str, default: str | None = None, nullable: bool = False) -> sa.Column:
    server_default = sa.text(default) if default else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=server_default, nullable=nullable)


def _number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), sa.Identity(always=True), nullable=False)


def _tables() -> None:
    _table(
        "outbox",
        _uuid("event_id"),
        _number("seq"),
        _uuid("run_id", nullable=True),
        _text("topic"),
        _text("source"),
        _json("payload"),
        _time("created_at", "clock_timestamp()"),
        _time("dispatched_at", nullable=True),
        sa.CheckConstraint("source IN ('system', 'tenant')", name="outbox_source"),
        sa.PrimaryKeyConstraint("tenant_id", "event_id"),
    )
    op.create_index("outbox_waiting", "outbox", ["seq"], postgresql_where=sa.text("dispatched_at IS NULL"))
    op.create_index("outbox_recent", "outbox", ["tenant_id", "seq"])
    op.create_index("outbox_age", "outbox", ["created_at"], postgresql_using="brin")
    _table(
        "subscriptions",
        _uuid("subscription_id"),
        _text("url"),
        _json("topics"),
        _text("description"),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        _text("fault", nullable=True),
        _time("created_at", "now()"),
        _uuid("created_by", nullable=True),
        _time("last_success_at", nullable=True),
        _time("last_failure_at", nullable=True),
        _text("last_error", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "subscription_id"),
    )
    _table(
        "event_triggers",
        _uuid("trigger_id"),
        _uuid("workflow_id"),
        _text("key"),
        _text("topic"),
        _text("filter", nullable=True),
        _time("created_at", "now()"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.workflow_id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "trigger_id"),
        sa.UniqueConstraint("tenant_id", "workflow_id", "key"),
    )
    op.create_index("event_triggers_topic", "event_triggers", ["tenant_id", "topic"])
    _table(
        "deliveries",
        _number("delivery_id"),
        _text("consumer"),
        _uuid("target_id"),
        _uuid("event_id"),
        _uuid("order_key"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("next_at"),
        _text("last_error", nullable=True),
        _time("created_at", "now()"),
        sa.CheckConstraint("consumer IN ('webhook', 'trigger')", name="deliveries_consumer"),
        sa.PrimaryKeyConstraint("tenant_id", "delivery_id"),
    )
    op.create_index("deliveries_due", "deliveries", ["tenant_id", "target_id", "next_at", "delivery_id"])
    op.create_index("deliveries_order", "deliveries", ["tenant_id", "target_id", "order_key", "delivery_id"])
    op.create_index("deliveries_event", "deliveries", ["tenant_id", "event_id"])
    _table(
        "dead_letters",
        _uuid("dead_letter_id"),
        _text("consumer"),
        _uuid("target_id", nullable=True),
        _uuid("event_id"),
        _uuid("run_id", nullable=True),
        _text("topic"),
        _json("payload"),
        _time("event_at"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _text("error"),
        _time("created_at", "now()"),
        sa.PrimaryKeyConstraint("tenant_id", "dead_letter_id"),
    )
    op.create_index("dead_letters_recent", "dead_letters", ["tenant_id", sa.text("created_at DESC")])
    _table(
        "usage_counters",
        sa.Column("day", sa.Date(), nullable=False),
        _text("usage_type"),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "day", "usage_type"),
    )
    _table(
        "audit_log",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        _uuid("user_id", nullable=True),
        _text("role"),
        _text("action"),
        _text("resource_type"),
        _text("resource_id"),
        _json("details"),
        _time("created_at"),
        _text("prev_hash"),
        _text("hash"),
        sa.PrimaryKeyConstraint("tenant_id", "number"),
    )
    _table(
        "audit_heads",
        sa.Column("number", sa.BigInteger(), nullable=False),
        _text("hash"),
        sa.PrimaryKeyConstraint("tenant_id"),
    )


def downgrade() -> None:
    raise NotImplementedError("events that were promised to others are not thrown away")
