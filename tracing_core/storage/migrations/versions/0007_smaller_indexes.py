"""Indexes without the id that breaks ties, which was half of them, and none over attributes, by which nothing is looked up."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_NEWEST, _SLOWEST, _ID = sa.text("started_at DESC"), sa.text("duration_ms DESC"), sa.text("trace_id DESC")
_REMADE = ("ix_traces_newest", "ix_traces_all_newest", "ix_traces_duration")


def upgrade() -> None:
    """Make them anew."""
    op.drop_index("ix_traces_attributes", "traces")
    for name in _REMADE:
        op.drop_index(name, "traces")
    op.create_index("ix_traces_newest", "traces", ["project", _NEWEST])
    op.create_index("ix_traces_all_newest", "traces", [_NEWEST])
    timed = sa.text("duration_ms IS NOT NULL")
    op.create_index("ix_traces_duration", "traces", [_SLOWEST], postgresql_where=timed)


def downgrade() -> None:
    """Make them as they were."""
    for name in _REMADE:
        op.drop_index(name, "traces")
    op.create_index("ix_traces_newest", "traces", ["project", _NEWEST, _ID])
    op.create_index("ix_traces_all_newest", "traces", [_NEWEST, _ID])
    op.create_index("ix_traces_duration", "traces", [_SLOWEST, _ID])
    op.create_index(
        "ix_traces_attributes",
        "traces",
        ["attributes"],
        postgresql_using="gin",
        postgresql_ops={"attributes": "jsonb_path_ops"},
    )
