"""What calibration asks of research runs: stages, principles, synthesis, evidence; what was noticed, and what people confirmed."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

_TEXTS = postgresql.ARRAY(sa.Text())
_COLUMNS: dict[str, Any] = {
    "evidence_retrieved": sa.Integer(),
    "evidence_used": sa.Integer(),
    "evidence_sources": _TEXTS,
    "intake_duration": sa.Double(),
    "rubric_duration": sa.Double(),
    "collection_duration": sa.Double(),
    "synthesis_duration": sa.Double(),
    "quality_gate_duration": sa.Double(),
    "synthesis_model": sa.Text(),
    "synthesis_input_tokens": sa.Integer(),
    "synthesis_output_tokens": sa.Integer(),
    "synthesis_cost_usd": sa.Double(),
    "principle_scores": postgresql.JSONB(),
    "gap_principles": _TEXTS,
    "strength_principles": _TEXTS,
    "review_notes": sa.Text(),
}
_COMMENTS = {"intake_duration": "seconds, as those of the next four stages", "principle_scores": "score by principle"}
_SORTED = {
    "intent": "intent",
    "domain": "domain",
    "report_type": "report_type",
    "quality_gate": "quality_gate_passed",
    "overall_score": "overall_quality_score",
}
_SEARCHED = ("principle_scores", "gap_principles", "evidence_sources")
_VIEWS = {
    "trace_quality_gaps": """
        SELECT trace_id, project_id, intent, domain, report_type, overall_quality_score, quality_gate_passed, gap_principles,
               principle_scores, started_at, project AS project_name
        FROM traces
        WHERE status = 'complete' AND cardinality(gap_principles) > 0
        ORDER BY started_at DESC""",
    "trace_intent_summary": """
        SELECT intent, count(*) AS total_runs,
               count(*) FILTER (WHERE quality_gate_passed) AS passed,
               count(*) FILTER (WHERE NOT quality_gate_passed) AS failed,
               avg(overall_quality_score) AS avg_quality, avg(duration_ms) / 1000 AS avg_duration,
               avg(synthesis_cost_usd) AS avg_cost
        FROM traces
        WHERE status = 'complete'
        GROUP BY intent
        ORDER BY total_runs DESC""",
}


def upgrade() -> None:
    """Runs that are stored already have none of it; `rebuild` reads it from their files."""
    for name, kind in _COLUMNS.items():
        op.add_column("traces", sa.Column(name, kind, comment=_COMMENTS.get(name)))
    flagged: sa.Column[bool] = sa.Column(
        "flagged_for_review", sa.Boolean(), nullable=False, server_default=sa.text("false")
    )
    op.add_column("traces", flagged)
    comment = "that the span of the decision called, else the one that answered"
    op.add_column("decisions", sa.Column("model", sa.Text(), comment=comment))
    newest = sa.text("started_at DESC")
    for name, column in _SORTED.items():
        where = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"idx_traces_{name}", "traces", [column, newest], postgresql_where=where)
    op.create_index("idx_traces_flagged", "traces", [newest], postgresql_where=sa.text("flagged_for_review"))
    for column in _SEARCHED:
        where = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"idx_traces_{column}", "traces", [column], postgresql_using="gin", postgresql_where=where)
    _make_tables()
    for name, query in _VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")


def _make_tables() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "calibration_alerts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="which pattern was seen"),
        sa.Column(
            "subject", sa.Text(), nullable=False, comment="of which principle, intent, domain or type of decision"
        ),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False, comment="the run that showed it; it may be gone"),
        sa.Column("created_at", moment, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("day", "project", "kind", "subject", name="pk_calibration_alerts"),
    )
    op.create_table(
        "calibration_records",
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False, comment="the run that it is of; it may be gone"),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False, comment="as a person confirmed it"),
        sa.Column("prefilled", postgresql.JSONB(), nullable=False, comment="as the run filled it in"),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.Column("confirmed_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("record_id", name="pk_calibration_records"),
    )
    op.create_index("ix_calibration_records_trace", "calibration_records", ["trace_id"])
    op.create_index("ix_calibration_records_newest", "calibration_records", [sa.text("confirmed_at DESC")])


def downgrade() -> None:
    """Forget it."""
    for name in _VIEWS:
        op.execute(f"DROP VIEW {name}")
    op.drop_table("calibration_records")
    op.drop_table("calibration_alerts")
    op.drop_column("decisions", "model")
    for name in (*_COLUMNS, "flagged_for_review"):  # and with a column the indexes that it is in
        op.drop_column("traces", name)
    for name in ("intent", "domain", "report_type", "quality_gate", "overall_score"):
        op.execute(f"DROP INDEX IF EXISTS idx_traces_{name}")
