"""The first tables: traces, their spans by day, decisions, feedback, rollups and the ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

SEARCH_DOCUMENT = (
    "to_tsvector('simple'::regconfig, left(coalesce(query, ''), 2000) || ' ' || left(coalesce(answer, ''), 4000))"
)


def upgrade() -> None:
    """Make the tables."""
    _create_traces()
    _index_traces()
    _create_trace_spans()
    _create_decisions()
    _create_feedback()
    _create_trace_metrics()
    _create_ledger()


def downgrade() -> None:
    """Remove the tables, with all that is in them."""
    op.drop_table("ledger")
    op.drop_table("trace_metrics")
    op.drop_table("feedback")
    op.drop_table("decisions")
    op.drop_table("trace_spans")
    op.drop_table("traces")


def _create_traces() -> None:
    op.create_table(
        "traces",
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("query", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("intent", sa.Text(), nullable=True),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("report_type", sa.Text(), nullable=True),
        sa.Column("research_type", sa.Text(), nullable=True),
        sa.Column("library", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_ms", sa.Double(), nullable=True),
        sa.Column("retrieval_ms", sa.Double(), nullable=True),
        sa.Column("generation_ms", sa.Double(), nullable=True),
        sa.Column("stage_ms", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("time_to_first_token_ms", sa.Double(), nullable=True),
        sa.Column("tokens_per_second", sa.Double(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cached_tokens", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.Numeric(precision=20, scale=10), nullable=True),
        sa.Column("unknown_models", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("citations_count", sa.Integer(), nullable=True),
        sa.Column("quality_flag", sa.Text(), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=True),
        sa.Column("quality_gate_passed", sa.Boolean(), nullable=True),
        sa.Column("overall_quality_score", sa.Double(), nullable=True),
        sa.Column("evidence_collected", sa.Integer(), nullable=True),
        sa.Column("evidence_passed", sa.Integer(), nullable=True),
        sa.Column("evidence_filtered", sa.Integer(), nullable=True),
        sa.Column("iteration_count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("quality_gate_failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("span_count", sa.Integer(), nullable=False),
        sa.Column("decision_count", sa.Integer(), nullable=False),
        sa.Column("parent_trace_id", sa.Text(), nullable=True),
        sa.Column("trace_file_path", sa.Text(), nullable=True),
        sa.Column("report_file_path", sa.Text(), nullable=True),
        sa.Column("output_file_paths", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("sampling_probability", sa.Double(), server_default=sa.text("1"), nullable=False),
        sa.Column("schema_version", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", name=op.f("pk_traces")),
    )


def _index_traces() -> None:
    op.create_index("ix_traces_all_newest", "traces", [sa.text("started_at DESC"), sa.text("trace_id DESC")])
    op.create_index("ix_traces_duration", "traces", [sa.text("duration_ms DESC"), sa.text("trace_id DESC")])
    op.create_index(
        "ix_traces_flag",
        "traces",
        ["quality_flag", sa.text("started_at DESC")],
        postgresql_where=sa.text("quality_flag != 'NORMAL'"),
    )
    op.create_index("ix_traces_library", "traces", ["library", sa.text("started_at DESC")])
    op.create_index("ix_traces_model", "traces", ["model", sa.text("started_at DESC")])
    op.create_index("ix_traces_newest", "traces", ["project", sa.text("started_at DESC"), sa.text("trace_id DESC")])
    op.create_index(
        "ix_traces_not_complete",
        "traces",
        ["status", sa.text("started_at DESC")],
        postgresql_where=sa.text("status != 'complete'"),
    )
    op.create_index(
        "ix_traces_rated",
        "traces",
        [sa.text("started_at DESC"), "project"],
        postgresql_where=sa.text("rating IS NOT NULL"),
    )
    op.create_index(
        "ix_traces_session", "traces", ["session_id", "started_at"], postgresql_where=sa.text("session_id IS NOT NULL")
    )
    op.create_index(
        "ix_traces_user",
        "traces",
        ["user_id", sa.text("started_at DESC")],
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.create_index("ix_traces_search", "traces", [sa.text(SEARCH_DOCUMENT)], postgresql_using="gin")


def _create_trace_spans() -> None:
    op.create_table(
        "trace_spans",
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("span_id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("decision_count", sa.SmallInteger(), nullable=False),
        sa.Column("total_tokens", sa.BigInteger(), nullable=True),
        sa.Column("cost_usd", sa.Numeric(20, 10), nullable=True),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "span_id", "started_at", name=op.f("pk_trace_spans")),
        postgresql_partition_by="RANGE (started_at)",
    )
    op.execute("CREATE TABLE trace_spans_default PARTITION OF trace_spans DEFAULT")


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("span_id", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("what", postgresql.JSONB(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("alternatives_considered", postgresql.JSONB(), nullable=False),
        sa.Column("inputs", postgresql.JSONB(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.trace_id"], name=op.f("fk_decisions_trace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trace_id", "position", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_type", "decisions", ["decision", sa.text("decided_at DESC")])


def _create_feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("feedback_id", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("char_length(comment) <= 2000", name=op.f("ck_feedback_comment_length")),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_feedback_rating_1_to_5")),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.trace_id"], name=op.f("fk_feedback_trace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feedback_id", name=op.f("pk_feedback")),
        sa.UniqueConstraint("trace_id", "user_id", name=op.f("uq_feedback_trace_id_user_id")),
    )
    op.create_index("ix_feedback_newest", "feedback", [sa.text("updated_at DESC")])
    op.create_index("ix_feedback_rating", "feedback", ["rating", sa.text("updated_at DESC")])


def _create_trace_metrics() -> None:
    op.create_table(
        "trace_metrics",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("granularity", sa.Text(), nullable=False, comment="minute, hour or day"),
        sa.Column("bucket", sa.DateTime(timezone=True), nullable=False, comment="when the bucket starts"),
        sa.Column(
            "dimension",
            sa.Text(),
            nullable=False,
            comment="trace (every trace), operation (spans by name), library or model",
        ),
        sa.Column(
            "value", sa.Text(), nullable=False, comment="which operation, library or model; empty for dimension trace"
        ),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms_sum", sa.Double(), nullable=False),
        sa.Column("timed_count", sa.BigInteger(), nullable=False, comment="how many had a duration"),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column(
            "unpriced_count", sa.BigInteger(), nullable=False, comment="traces that used a model whose price is unknown"
        ),
        sa.Column("flag_user_negative", sa.BigInteger(), nullable=False),
        sa.Column("flag_empty", sa.BigInteger(), nullable=False),
        sa.Column("flag_low_confidence", sa.BigInteger(), nullable=False),
        sa.Column("flag_normal", sa.BigInteger(), nullable=False),
        sa.Column("rating_count", sa.BigInteger(), nullable=False),
        sa.Column("rating_sum", sa.BigInteger(), nullable=False),
        sa.Column(
            "bins",
            postgresql.ARRAY(sa.Integer()),
            nullable=False,
            comment="logarithmic histogram of durations: bin numbers",
        ),
        sa.Column(
            "bin_counts", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="and how many fell into each"
        ),
        sa.CheckConstraint("granularity IN ('minute', 'hour', 'day')", name=op.f("ck_trace_metrics_granularity")),
        sa.PrimaryKeyConstraint(
            "project", "granularity", "dimension", "bucket", "value", name=op.f("pk_trace_metrics")
        ),
    )


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "outcome", sa.Text(), nullable=False, comment="received, stored, sampled_out, dead_lettered or dropped"
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "source", "outcome", "reason", name=op.f("pk_ledger")),
    )
