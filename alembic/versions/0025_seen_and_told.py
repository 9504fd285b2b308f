"""a program's run is accepted as what was looked at before, and a batch's ends are told by one statement

Revision ID: 0025
Revises: 0024
"""

from types import ModuleType
from typing import Any

from alembic import context, op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# `seen` says what somebody found who looked at the workflow by its name: its id, and which version was published. When
# something else is meant by now, the run is not accepted.
ACCEPT = (
    ("idempotency_key text, created_by uuid,", "idempotency_key text, created_by uuid, seen text,"),
    (
        "    ELSIF d.hash IS NULL THEN\n",
        "    ELSIF w.seen <> concat(d.workflow_id, '/', d.published_number) THEN\n"
        "      verdict := 'moved';\n"
        "    ELSIF d.hash IS NULL THEN\n",
    ),
)

# What is told of a run that has ended, of a row with the columns of `runs`.
TOLD = """(tenant_id, event_id, run_id, topic, source, payload)
  SELECT n.tenant_id, md5(n.run_id || ' agent_run')::uuid, n.run_id, 'agent_run', 'system', jsonb_build_object(
    'run_id', n.run_id, 'workflow', n.workflow_name, 'version', n.version_number, 'trigger', n.trigger,
    'status', n.status, 'error', n.error ->> 'code', 'conversation_id', n.conversation_id, 'steps', n.steps,
    'tokens_in', n.tokens_in, 'tokens_out', n.tokens_out, 'cost_usd_micros', n.cost_usd_micros,
    'duration_ms', round(extract(epoch FROM n.ended_at - n.created_at) * 1000))"""
TELL_RUN = f"""
CREATE OR REPLACE FUNCTION heddle_tell_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.outbox {TOLD} FROM (SELECT NEW.*) AS n;
  RETURN NULL;
END $$
"""
# A batch tells of its ends itself: called for each run, the trigger costs twice as much.
RUN_TRIGGER = """
CREATE OR REPLACE TRIGGER tell AFTER UPDATE OF ended_at ON runs FOR EACH ROW
WHEN (NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL
      AND current_setting('app.tells', true) IS DISTINCT FROM 'itself')
EXECUTE FUNCTION heddle_tell_run()
"""
JOURNAL = (
    (
        "        RETURNING q.run_id, q.conversation_id,",
        "        RETURNING q.tenant_id, q.workflow_name, q.version_number, q.trigger, q.error, q.created_at,\n"
        "                  q.run_id, q.conversation_id,",
    ),
    (
        "      )\n      SELECT * FROM ended",
        f"      ), told AS (\n INSERT INTO outbox {TOLD} FROM ended n\n )\n SELECT * FROM ended",
    ),
    (
        "    IF t.has_ends THEN\n",
        "    IF t.has_ends THEN\n      PERFORM set_config('app.tells', 'itself', true);\n",
    ),
    (
        "      CONTINUE WHEN cardinality(v_ended) = cardinality(t.entries);\n",
        "      PERFORM set_config('app.tells', '', true);\n"
        "      CONTINUE WHEN cardinality(v_ended) = cardinality(t.entries);\n",
    ),
)


def upgrade() -> None:
    op.execute(_with(_before("0023").ACCEPT, ACCEPT))
    op.execute(TELL_RUN)
    op.execute(RUN_TRIGGER)
    op.execute(_with(_before("0021").JOURNAL, JOURNAL))


def downgrade() -> None:
    op.execute(_before("0023").ACCEPT)
    op.execute(_before("0008").TELL_RUN.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(_before("0008").RUN_TRIGGER.replace("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER"))
    op.execute(_before("0021").JOURNAL)


def _before(number: str) -> ModuleType:
    """The migration that made what is changed here."""
    found: Any = context.script.get_revision(number)
    module: ModuleType = found.module
    return module


def _with(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    """The function's text with each of the changes, every one of which has one place there."""
    for before, after in changes:
        if text.count(before) != 1:
            raise AssertionError(before)
        text = text.replace(before, after)
    return text
