"""what suspended runs wait for

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from engine.store.rls import secure_tenant_table
from engine.store.urls import APP_ROLE

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# As in migration 0002; what a run waited for is over with the run.
CLOSE_RUN = """
CREATE OR REPLACE FUNCTION heddle_close_run(p_tenant uuid, p_run uuid, p_status text, p_output jsonb, p_error jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
DECLARE
  v_conversation uuid;
  v_reply text := coalesce(p_output ->> 'reply', p_output ->> 'reply_text');
BEGIN
  UPDATE runs r SET status = p_status, output = p_output, error = p_error, ended_at = clock_timestamp(),
         lease_owner = NULL, lease_until = NULL, wake_at = NULL
  WHERE r.tenant_id = p_tenant AND r.run_id = p_run RETURNING r.conversation_id INTO v_conversation;
  PERFORM heddle_total_run(p_tenant, p_run);
  UPDATE run_waits v SET closed_at = clock_timestamp(), closed_by = p_status
  WHERE v.tenant_id = p_tenant AND v.run_id = p_run AND v.closed_at IS NULL;
  IF v_conversation IS NOT NULL AND v_reply <> '' AND p_status = 'succeeded' THEN
    INSERT INTO messages (tenant_id, conversation_id, message_id, role, content, run_id, created_at)
    VALUES (p_tenant, v_conversation, gen_random_uuid(), 'assistant', v_reply, p_run, clock_timestamp());
  END IF;
END $$
"""

# The records of one run that are about waits: a suspended step opens one, a resumed step closes it.
WAITS = """
CREATE FUNCTION heddle_waits(p_tenant uuid, p_run uuid, p_steps jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public AS $$
DECLARE
  s record;
BEGIN
  FOR s IN SELECT * FROM jsonb_to_recordset(p_steps) AS x(seq integer, path text, iteration integer, status text,
             outcome jsonb) WHERE x.status IN ('suspended', 'resumed') ORDER BY x.seq LOOP
    IF s.status = 'suspended' THEN
      INSERT INTO run_waits (tenant_id, run_id, seq, path, iteration, reason, signal, until, data, created_at)
      VALUES (p_tenant, p_run, s.seq, s.path, s.iteration, s.outcome #>> '{suspend,reason}',
              s.outcome #>> '{then,signal}', to_timestamp((s.outcome #>> '{then,until}')::double precision),
              s.outcome #> '{suspend,data}', clock_timestamp())
      ON CONFLICT DO NOTHING;
    ELSE
      UPDATE run_waits v SET closed_at = clock_timestamp(), closed_by = coalesce(s.outcome #>> '{then,id}', 'time')
      WHERE v.tenant_id = p_tenant AND v.run_id = p_run AND v.path = s.path AND v.iteration = s.iteration
        AND v.seq < s.seq AND v.closed_at IS NULL;
    END IF;
  END LOOP;
END $$
"""

# As in migration 0002; entries that say that they have `waits` keep run_waits up to date, and only those that say so
# are `progress`: to ask for an effect again and again brings nothing forward.
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
             AS x(tenant_id uuid, run_id uuid, epoch integer, waits boolean, progress boolean, steps jsonb, "end" jsonb)
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


def upgrade() -> None:
    op.create_table(
        "run_waits",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("signal", sa.String(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id", "run_id"], ["runs.tenant_id", "runs.run_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "run_id", "seq"),
    )
    is_open = sa.text("closed_at IS NULL")
    op.create_index("run_waits_open", "run_waits", ["tenant_id", "reason", "created_at"], postgresql_where=is_open)
    op.create_index("run_waits_signal", "run_waits", ["tenant_id", "signal"], postgresql_where=is_open)
    statements = secure_tenant_table("run_waits")
    statements += [WAITS, "REVOKE ALL ON FUNCTION heddle_waits(uuid, uuid, jsonb) FROM PUBLIC"]
    statements.append(f"GRANT EXECUTE ON FUNCTION heddle_waits(uuid, uuid, jsonb) TO {APP_ROLE}")
    for statement in [*statements, CLOSE_RUN, JOURNAL]:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database that has suspended runs does not go back")
