"""What the components of applications declare, for who looks from another process."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Applications declare when they store their next traces."""
    op.create_table(
        "components",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column(
            "document",
            postgresql.JSONB(),
            nullable=False,
            comment="its schema, as get_trace_schema could have given it",
        ),
        sa.Column(
            "declared_at", sa.DateTime(timezone=True), nullable=False, comment="when a process that has it last said so"
        ),
        sa.PrimaryKeyConstraint("project", "component", name="pk_components"),
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_table("components")
