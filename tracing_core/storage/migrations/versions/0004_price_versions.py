"""From which price book the cost of a trace is, and the traces that wait for a price."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Traces that are stored already are of no known version; `reprice` gives them one."""
    comment = "of the price book that the computed cost is from"
    op.add_column("traces", sa.Column("price_version", sa.Text(), comment=comment))
    op.create_index(
        "ix_traces_unpriced",
        "traces",
        [sa.text("started_at DESC")],
        postgresql_where=sa.text("cardinality(unknown_models) > 0"),
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_index("ix_traces_unpriced", "traces")
    op.drop_column("traces", "price_version")
