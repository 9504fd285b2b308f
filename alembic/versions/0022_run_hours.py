"""the numbers of the workflow list are added up once an hour, not at each look from all runs

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from engine.store.rls import allow_system, secure_tenant_table, system_function
from engine.store.urls import APP_ROLE, SYSTEM_ROLE

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# What ended within ten minutes of its beginning is found by when it began, for which there is an index. Only what took
# longer (or seems to have ended before it began, after a clock was put back) has an entry in an index by its end, so
# that an ordinary run pays for none.
LONG = "NOT (ended_at - created_at BETWEEN '00:00:00'::interval AND '00:10:00'::interval)"
QUICK = "r.ended_at - r.created_at BETWEEN '00:00:00'::interval AND '00:10:00'::interval"

# What happened to a tenant's runs from `p_since` until before `p_until`, by the hours of UTC: how many began, and how
# many ended with which status; of the succeeded ones also by how long they took, in classes of which each ends 5 % above
# where it begins (class k: from 1.05^k microseconds on). `took_us` and `cost_usd_micros` are sums over the ended ones.
# Without a search path of its own, so that the planner sees through it.
TALLY = f"""
CREATE FUNCTION heddle_run_tally(p_tenant uuid, p_since timestamptz, p_until timestamptz)
RETURNS TABLE (hour timestamptz, workflow_name text, what text, class smallint, runs bigint, took_us bigint,
               cost_usd_micros bigint)
LANGUAGE sql STABLE AS $$
  SELECT date_trunc('hour', r.created_at, 'UTC'), r.workflow_name::text, 'began'::text, NULL::smallint, count(*),
         0::bigint, 0::bigint
  FROM runs r WHERE r.tenant_id = p_tenant AND r.created_at >= p_since AND r.created_at < p_until GROUP BY 1, 2
  UNION ALL
  SELECT date_trunc('hour', e.ended_at, 'UTC'), e.workflow_name::text, e.status::text,
         CASE WHEN e.status = 'succeeded'
              THEN floor(ln(greatest(e.took_us, 1)::double precision) / ln(1.05::double precision))::smallint END,
         count(*), sum(e.took_us)::bigint, sum(e.cost_usd_micros)::bigint
  FROM (
    SELECT r.workflow_name, r.status, r.ended_at, r.cost_usd_micros,
           greatest(0, extract(epoch FROM r.ended_at - r.created_at) * 1000000)::bigint AS took_us
    FROM runs r WHERE r.tenant_id = p_tenant AND r.ended_at >= p_since AND r.ended_at < p_until AND {QUICK}
      AND r.created_at >= p_since - interval '10 minutes' AND r.created_at < p_until
    UNION ALL
    SELECT r.workflow_name, r.status, r.ended_at, r.cost_usd_micros,
           greatest(0, extract(epoch FROM r.ended_at - r.created_at) * 1000000)::bigint
    FROM runs r WHERE r.tenant_id = p_tenant AND r.ended_at >= p_since AND r.ended_at < p_until AND NOT ({QUICK})
  ) e GROUP BY 1, 2, 3, 4
$$
"""
TALLY_SIGNATURE = "heddle_run_tally(uuid, timestamptz, timestamptz)"

# Add up hours that are over, at most a day of one tenant at a time, those furthest behind first, for `p_ms` milliseconds;
# returns how many such pieces. An hour is over when it ended before `p_before` and a minute ago. `p_before` is when the
# oldest transaction under way began: one that is still to commit may say that something happened at any time since then.
# A tenant's mark is locked meanwhile, so that several schedulers share the tenants, and moves in the same transaction.
# Whatever stands behind the mark is written anew: who wants hours to be added up again takes the mark back, or away.
# Kept is what the list of workflows shows at most, twice 30 days.
ROLL_UP = """
CREATE FUNCTION heddle_roll_up(p_before timestamptz, p_ms integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  v_stop timestamptz := clock_timestamp() + make_interval(secs => p_ms / 1000.0);
  v_end timestamptz := date_trunc('hour', least(p_before, clock_timestamp() - interval '1 minute'), 'UTC');
  v_first timestamptz := v_end - interval '61 days';
  v_from timestamptz;
  v_to timestamptz;
  v record;
  n integer := 0;
BEGIN
  INSERT INTO run_hours_until (tenant_id, until)
  SELECT t.tenant_id, least(v_end, date_trunc('hour', r.created_at, 'UTC'))
  FROM tenants t CROSS JOIN LATERAL
       (SELECT q.created_at FROM runs q WHERE q.tenant_id = t.tenant_id ORDER BY q.created_at LIMIT 1) r
  WHERE NOT EXISTS (SELECT FROM run_hours_until u WHERE u.tenant_id = t.tenant_id)
  ON CONFLICT DO NOTHING;
  LOOP
    SELECT u.tenant_id, u.until INTO v FROM run_hours_until u WHERE u.until < v_end
    ORDER BY u.until LIMIT 1 FOR UPDATE SKIP LOCKED;
    EXIT WHEN NOT FOUND;
    v_from := greatest(v.until, v_first);
    v_to := least(v_from + interval '24 hours', v_end);
    DELETE FROM run_hours h WHERE h.tenant_id = v.tenant_id AND (h.hour < v_first OR h.hour >= v_from);
    INSERT INTO run_hours (tenant_id, hour, workflow_name, began, failed, cancelled, cost_usd_micros, classes,
                           class_runs, class_us)
    SELECT v.tenant_id, x.hour, x.workflow_name, coalesce(sum(x.runs) FILTER (WHERE x.what = 'began'), 0),
           coalesce(sum(x.runs) FILTER (WHERE x.what = 'failed'), 0),
           coalesce(sum(x.runs) FILTER (WHERE x.what = 'cancelled'), 0), sum(x.cost_usd_micros),
           coalesce(array_agg(x.class ORDER BY x.class) FILTER (WHERE x.class IS NOT NULL), '{}'),
           coalesce(array_agg(x.runs ORDER BY x.class) FILTER (WHERE x.class IS NOT NULL), '{}'),
           coalesce(array_agg(x.took_us ORDER BY x.class) FILTER (WHERE x.class IS NOT NULL), '{}')
    FROM heddle_run_tally(v.tenant_id, v_from, v_to) x GROUP BY x.hour, x.workflow_name;
    UPDATE run_hours_until u SET until = v_to WHERE u.tenant_id = v.tenant_id;
    n := n + 1;
    EXIT WHEN clock_timestamp() > v_stop;
  END LOOP;
  RETURN n;
END $$
"""
ROLL_UP_SIGNATURE = "heddle_roll_up(timestamptz, integer)"


def upgrade() -> None:
    op.create_table(
        "run_hours",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workflow_name", sa.String(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("cancelled", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd_micros", sa.BigInteger(), nullable=False),
        sa.Column("classes", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("class_runs", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("class_us", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "hour", "workflow_name"),
    )
    op.create_table(
        "run_hours_until",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    op.create_index("runs_that_took_long", "runs", ["tenant_id", "ended_at"], postgresql_where=sa.text(LONG))
    statements = [
        *secure_tenant_table("run_hours"),
        *secure_tenant_table("run_hours_until"),
        *allow_system("run_hours", "SELECT, INSERT, DELETE"),
        *allow_system("run_hours_until", "SELECT, INSERT, UPDATE"),
        f"REVOKE INSERT, UPDATE, DELETE ON run_hours, run_hours_until FROM {APP_ROLE}",
        TALLY,
        f"REVOKE ALL ON FUNCTION {TALLY_SIGNATURE} FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {TALLY_SIGNATURE} TO {APP_ROLE}, {SYSTEM_ROLE}",
        ROLL_UP,
        *system_function(ROLL_UP_SIGNATURE),
    ]
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {ROLL_UP_SIGNATURE}")
    op.execute(f"DROP FUNCTION {TALLY_SIGNATURE}")
    op.drop_index("runs_that_took_long", table_name="runs", postgresql_where=sa.text(LONG))
    op.drop_table("run_hours_until")
    op.drop_table("run_hours")
