"""Which traces were left out by sampling a short while ago, so that what comes late of them is left out at once."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table. A crash of the server may empty it: what comes late is then judged later."""
    op.create_table(
        "sampled_out",
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", name="pk_sampled_out"),
        prefixes=["UNLOGGED"],
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_table("sampled_out")
