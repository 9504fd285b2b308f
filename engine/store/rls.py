"""Row-level security statements for migrations.

Every table with a tenant_id is ENABLEd and FORCEd, with one policy for everybody: the row's tenant is the
transaction's tenant. The setting is '' again after a commit, hence nullif; it is wrapped in a scalar subquery so that
the planner evaluates it once. The system role gets its own policy only on the tables its functions need.
"""

from __future__ import annotations

from engine.store.urls import APP_ROLE, SYSTEM_ROLE

CURRENT_TENANT = "(SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)"


def secure_tenant_table(table: str) -> list[str]:
    """Statements that isolate `table` by tenant and let the app role use it."""
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} TO PUBLIC USING (tenant_id = {CURRENT_TENANT}) "
        f"WITH CHECK (tenant_id = {CURRENT_TENANT})",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}",
    ]


def allow_system(table: str, privileges: str) -> list[str]:
    """Statements that let the system role's functions see all rows of `table`."""
    return [
        f"CREATE POLICY system ON {table} TO {SYSTEM_ROLE} USING (true) WITH CHECK (true)",
        f"GRANT {privileges} ON {table} TO {SYSTEM_ROLE}",
    ]


def system_function(signature: str) -> list[str]:
    """Statements that hand a SECURITY DEFINER function to the system role and let only the app role call it."""
    return [
        f"ALTER FUNCTION {signature} OWNER TO {SYSTEM_ROLE}",
        f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {signature} TO {APP_ROLE}",
    ]
