"""runs that go on from others, and parts of workflows

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("origin_run_id", sa.Uuid(), nullable=True))
    part = sa.Column("part", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    op.add_column("runs", part)


def downgrade() -> None:
    op.drop_column("runs", "part")
    op.drop_column("runs", "origin_run_id")
