"""The index over the words merges what waits a quarter as late, so that no writer waits long for it and less lies in it."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Say so to the index."""
    op.execute("ALTER INDEX ix_traces_search SET (gin_pending_list_limit = 1024)")


def downgrade() -> None:
    """Back to the default."""
    op.execute("ALTER INDEX ix_traces_search RESET (gin_pending_list_limit)")
