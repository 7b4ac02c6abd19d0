"""Less is done beside writing.

ANALYZE leaves out long values that no plan asks about: cutting texts into words took most of its time, which is the writers'.
Pages of rollups leave room for the next version of their rows, which are written again with every batch: half of these versions
went to other pages before, with an entry in the index each. The index by library holds traces that name one, as its neighbours do.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_NOT_PLANNED_BY = (
    "query",
    "answer",
    "stage_ms",
    "attributes",
    "trace_file_path",
    "report_file_path",
    "output_file_paths",
)
_DEFAULT = -1


def upgrade() -> None:
    """Say so to the table and its index."""
    _analyze(0)
    op.execute("ALTER TABLE trace_metrics SET (fillfactor = 70)")
    _index_libraries(where=sa.text("library IS NOT NULL"))


def downgrade() -> None:
    """As it was."""
    _analyze(_DEFAULT)
    op.execute("ALTER TABLE trace_metrics RESET (fillfactor)")
    _index_libraries(where=None)


def _analyze(target: int) -> None:
    op.execute(f"ALTER INDEX ix_traces_search ALTER COLUMN 1 SET STATISTICS {target}")
    for name in _NOT_PLANNED_BY:
        op.execute(f"ALTER TABLE traces ALTER COLUMN {name} SET STATISTICS {target}")


def _index_libraries(where: sa.TextClause | None) -> None:
    op.drop_index("ix_traces_library", "traces")
    op.create_index("ix_traces_library", "traces", ["library", sa.text("started_at DESC")], postgresql_where=where)
