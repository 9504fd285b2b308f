"""All persistence: tables, sessions bound to a tenant, the gate to rows, and the run journal."""
