"""What the receivers found out about those who send, for pages and commands in other processes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "receiver_diagnostics",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="process, source or refusals"),
        sa.Column("name", sa.Text(), nullable=False, comment="of the source; empty for the other kinds"),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("process", "kind", "name", name="pk_receiver_diagnostics"),
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_table("receiver_diagnostics")
