"""An index by which a trace finds its children; empty for traces that have no parent, and then it costs nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make it."""
    op.create_index(
        "ix_traces_parent", "traces", ["parent_trace_id"], postgresql_where=sa.text("parent_trace_id IS NOT NULL")
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_index("ix_traces_parent", "traces")
