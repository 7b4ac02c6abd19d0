"""The end of contents in the row itself, where pieces of a fixed size left a quarter of the pages empty."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """What is stored stays as it is, and is read."""
    comment = "the end of content, kept in the row itself"
    op.add_column("span_payloads", sa.Column("rest", sa.LargeBinary(), comment=comment))
    op.execute("ALTER TABLE span_payloads ALTER COLUMN rest SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Put it together."""
    op.execute("UPDATE span_payloads SET content = content || rest WHERE length(rest) > 0")
    op.drop_column("span_payloads", "rest")
