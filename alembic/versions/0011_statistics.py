"""the planner hears of tables that grow fast

Revision ID: 0011
Revises: 0010
"""

from alembic import op

from engine.store.urls import APP_ROLE

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Functions keep their plans. One that was made while a table was empty takes any index, or none: with some thousand
# runs it reads all of a tenant's rows for each of them, until autovacuum comes by, a minute later at best. So a table
# that has doubled since it was looked at is looked at again (ANALYZE), which also makes new plans.
# Runs as the tables' owner, who alone may do that; it reads and returns no row.
KEEP = """
CREATE FUNCTION heddle_keep_statistics() RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  t record;
  n integer := 0;
BEGIN
  FOR t IN SELECT c.oid::regclass AS name FROM pg_class c
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
             AND pg_stat_get_mod_since_analyze(c.oid) > greatest(100, c.reltuples) LOOP
    EXECUTE format('ANALYZE %s', t.name);
    n := n + 1;
  END LOOP;
  RETURN n;
END $$
"""


def upgrade() -> None:
    op.execute(KEEP)
    op.execute("REVOKE ALL ON FUNCTION heddle_keep_statistics() FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION heddle_keep_statistics() TO {APP_ROLE}")


def downgrade() -> None:
    op.execute("DROP FUNCTION heddle_keep_statistics()")
