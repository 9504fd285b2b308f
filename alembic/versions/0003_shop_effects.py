"""payments, stock movements, and what was done to orders

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from engine.store.rls import secure_tenant_table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    changes = sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    op.add_column("orders", changes)
    op.alter_column("orders", "changes", server_default=None)
    op.create_table(
        "payments",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("captured_cents", sa.Integer(), nullable=False),
        sa.Column("refunded_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("payment_method", sa.String(), nullable=True),
        sa.Column("entries", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "amount_cents > 0 AND captured_cents BETWEEN 0 AND amount_cents "
            "AND refunded_cents BETWEEN 0 AND captured_cents",
            name="payments_amounts",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id", "order_id"], ["orders.tenant_id", "orders.order_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "payment_id"),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
    )
    op.create_index("payments_order", "payments", ["tenant_id", "order_id"])
    op.create_table(
        "stock_movements",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id", "order_id"], ["orders.tenant_id", "orders.order_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id", "product_id"], ["products.tenant_id", "products.product_id"]),
        sa.PrimaryKeyConstraint("tenant_id", "movement_id"),
        sa.UniqueConstraint("tenant_id", "idempotency_key", "product_id"),
    )
    op.create_index("stock_movements_order", "stock_movements", ["tenant_id", "order_id"])
    for statement in [*secure_tenant_table("payments"), *secure_tenant_table("stock_movements")]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("stock_movements")
    op.drop_table("payments")
    op.drop_column("orders", "changes")
