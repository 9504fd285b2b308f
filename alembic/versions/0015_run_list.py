"""the run list stays quick with a million runs

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NOT_ORDINARY = sa.text("status <> 'succeeded'")


def upgrade() -> None:
    newest_first = sa.literal_column("created_at DESC")
    op.create_index("runs_of_trigger", "runs", ["tenant_id", "trigger", newest_first])
    op.create_index("runs_of_status", "runs", ["tenant_id", "status", newest_first], postgresql_where=NOT_ORDINARY)


def downgrade() -> None:
    op.drop_index("runs_of_status", table_name="runs", postgresql_where=NOT_ORDINARY)
    op.drop_index("runs_of_trigger", table_name="runs")
