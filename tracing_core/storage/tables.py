"""The tables, declared once. The migrations build the same schema; a test compares the two.

`traces` is the projection of a run that lists and filters read; `trace_spans` holds its tree, by day; `decisions` its
choices; `feedback` what people thought; `calibration_alerts` and `calibration_records` what was noticed about runs and what people confirmed; `trace_metrics` the rollups; `ledger` what became of every trace received;
`receiver_diagnostics` what is known of those who send; `sampled_out` the traces that were left out a short while ago.
What spans hold is in `span_payloads`, compressed and many spans together, so that a text which several of them repeat is
stored once.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    cast,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REGCONFIG
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from tracing_core.storage.schema import Moment, metadata

traces = Table(
    "traces",
    metadata,
    Column("trace_id", Text, primary_key=True),
    Column("project", Text, nullable=False),
    Column("project_id", Text),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("error", Text),
    Column("query", Text),
    Column("answer", Text),
    Column("intent", Text),
    Column("domain", Text),
    Column("report_type", Text),
    Column("research_type", Text),
    Column("library", Text),
    Column("session_id", Text),
    Column("user_id", Text),
    Column("environment", Text),
    Column("release", Text),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("started_at", Moment, nullable=False),
    Column("completed_at", Moment),
    Column("duration_ms", Double),
    Column("retrieval_ms", Double),
    Column("generation_ms", Double),
    Column("stage_ms", JSONB, nullable=False, server_default=text("'{}'")),
    Column("time_to_first_token_ms", Double),
    Column("tokens_per_second", Double),
    Column("model", Text),
    Column("provider", Text),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("cache_write_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("cost_usd", Numeric(20, 10), comment="given by the sender where it was, else computed"),
    Column("cost_given_usd", Numeric(20, 10)),
    Column("cost_computed_usd", Numeric(20, 10)),
    Column("unknown_models", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("price_version", Text, comment="of the price book that the computed cost is from"),
    Column("confidence", Double),
    Column("citations_count", Integer),
    Column("quality_flag", Text, nullable=False),
    Column("rating", SmallInteger),
    Column("is_slow", Boolean, nullable=False, server_default=text("false")),
    Column("quality_gate_passed", Boolean),
    Column("overall_quality_score", Double),
    Column("evidence_collected", Integer),
    Column("evidence_passed", Integer),
    Column("evidence_filtered", Integer),
    Column("evidence_retrieved", Integer),
    Column("evidence_used", Integer),
    Column("evidence_sources", ARRAY(Text)),
    Column("intake_duration", Double, comment="seconds, as those of the next four stages"),
    Column("rubric_duration", Double),
    Column("collection_duration", Double),
    Column("synthesis_duration", Double),
    Column("quality_gate_duration", Double),
    Column("synthesis_model", Text),
    Column("synthesis_input_tokens", Integer),
    Column("synthesis_output_tokens", Integer),
    Column("synthesis_cost_usd", Double),
    Column("principle_scores", JSONB, comment="score by principle"),
    Column("gap_principles", ARRAY(Text)),
    Column("strength_principles", ARRAY(Text)),
    Column("flagged_for_review", Boolean, nullable=False, server_default=text("false")),
    Column("review_notes", Text),
    Column("iteration_count", Integer, nullable=False, server_default=text("1")),
    Column("quality_gate_failures", Integer, nullable=False, server_default=text("0")),
    Column("span_count", Integer, nullable=False),
    Column("decision_count", Integer, nullable=False),
    Column("parent_trace_id", Text),
    Column("trace_file_path", Text),
    Column("report_file_path", Text),
    Column("output_file_paths", ARRAY(Text)),
    Column("sampling_probability", Double, nullable=False, server_default=text("1")),
    Column(
        "attributes",
        JSONB,
        nullable=False,
        server_default=text("'{}'"),
        comment="short values of the root, to filter by",
    ),
    Column("schema_version", SmallInteger, nullable=False),
    Column("created_at", Moment, nullable=False, server_default=func.now()),
    Column("updated_at", Moment, nullable=False, server_default=func.now()),
)

# Without the id, which would be half of the index: the few traces of one moment are sorted when they are read.
Index("ix_traces_newest", traces.c.project, traces.c.started_at.desc())
Index("ix_traces_all_newest", traces.c.started_at.desc())
Index(
    "ix_traces_flag",
    traces.c.quality_flag,
    traces.c.started_at.desc(),
    postgresql_where=traces.c.quality_flag != "NORMAL",
)
Index(
    "ix_traces_not_complete",
    traces.c.status,
    traces.c.started_at.desc(),
    postgresql_where=traces.c.status != "complete",
)
Index("ix_traces_library", traces.c.library, traces.c.started_at.desc(), postgresql_where=traces.c.library.is_not(None))
Index("ix_traces_model", traces.c.model, traces.c.started_at.desc())
Index("ix_traces_session", traces.c.session_id, traces.c.started_at, postgresql_where=traces.c.session_id.is_not(None))
Index("ix_traces_user", traces.c.user_id, traces.c.started_at.desc(), postgresql_where=traces.c.user_id.is_not(None))
Index("ix_traces_parent", traces.c.parent_trace_id, postgresql_where=traces.c.parent_trace_id.is_not(None))
Index("ix_traces_rated", traces.c.started_at.desc(), traces.c.project, postgresql_where=traces.c.rating.is_not(None))
Index("ix_traces_duration", traces.c.duration_ms.desc(), postgresql_where=traces.c.duration_ms.is_not(None))
Index(
    "ix_traces_unpriced",
    traces.c.started_at.desc(),
    postgresql_where=func.cardinality(traces.c.unknown_models) > 0,
)
for _name, _column in {
    "intent": traces.c.intent,
    "domain": traces.c.domain,
    "report_type": traces.c.report_type,
    "quality_gate": traces.c.quality_gate_passed,
    "overall_score": traces.c.overall_quality_score,
}.items():  # empty for most traces, and then they cost nothing
    Index(f"idx_traces_{_name}", _column, traces.c.started_at.desc(), postgresql_where=_column.is_not(None))
Index(
    "idx_traces_flagged",
    traces.c.started_at.desc(),
    postgresql_where=traces.c.flagged_for_review,
)
for _name, _column in {
    "principle_scores": traces.c.principle_scores,
    "gap_principles": traces.c.gap_principles,
    "evidence_sources": traces.c.evidence_sources,
}.items():
    Index(f"idx_traces_{_name}", _column, postgresql_using="gin", postgresql_where=_column.is_not(None))


def search_document(of: FromClause = traces) -> ColumnElement[str]:
    """The text that a search looks through. A query must use this very expression for its index to serve.

    Args:
        of: the table, or what a select made of it.

    PostgreSQL's `simple` configuration: questions name identifiers, which stemming would damage.
    """
    return func.to_tsvector(cast(text("'simple'"), REGCONFIG), searched_text(of))


def searched_text(of: FromClause = traces) -> ColumnElement[str]:
    """The beginnings of question and answer, which a search document is made of."""
    question = func.left(func.coalesce(of.c.query, ""), 2000)
    answer = func.left(func.coalesce(of.c.answer, ""), 4000)
    return question + " " + answer


trace_spans = Table(
    "trace_spans",
    metadata,
    Column("trace_id", Text, nullable=False),
    Column("span_id", Text, nullable=False),
    Column("parent_id", Text),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("duration_ms", Double),
    Column("status", Text, nullable=False),
    Column("error", Text),
    Column("decision_count", SmallInteger, nullable=False),
    Column("total_tokens", BigInteger),
    Column("cost_usd", Numeric(20, 10)),
    Column("model", Text),
    Column("part", Integer, nullable=False, comment="which row of span_payloads holds the content"),
    postgresql_partition_by="RANGE (started_at)",
)
# Not unique: the row of the trace is what writers of its spans meet at, and the spans of a trace share one index entry.
Index("ix_trace_spans_trace", trace_spans.c.trace_id)

span_payloads = Table(
    "span_payloads",
    metadata,
    Column("trace_id", Text, nullable=False),
    Column("part", Integer, nullable=False),
    Column("started_at", Moment, nullable=False, comment="that of the trace when it was first stored"),
    Column("content", LargeBinary, nullable=False, comment="JSON of spans, compressed with zstd"),
    Column("rest", LargeBinary, comment="the end of content, kept in the row itself"),
    postgresql_partition_by="RANGE (started_at)",
)
Index("ix_span_payloads_trace", span_payloads.c.trace_id)

decisions = Table(
    "decisions",
    metadata,
    Column("trace_id", Text, ForeignKey("traces.trace_id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("span_id", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("what", JSONB, nullable=False),
    Column("why", Text, nullable=False),
    Column("confidence", Double),
    Column("alternatives_considered", JSONB, nullable=False),
    Column("inputs", JSONB, nullable=False),
    Column("decided_at", Moment, nullable=False),
    Column("model", Text, comment="that the span of the decision called, else the one that answered"),
    PrimaryKeyConstraint("trace_id", "position"),
)
Index("ix_decisions_type", decisions.c.decision, decisions.c.decided_at.desc())

feedback = Table(
    "feedback",
    metadata,
    Column("feedback_id", Text, primary_key=True),
    Column("trace_id", Text, ForeignKey("traces.trace_id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Text, nullable=False),
    Column("rating", SmallInteger, nullable=False),
    Column("comment", Text),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("trace_id", "user_id"),
    CheckConstraint("rating BETWEEN 1 AND 5", name="rating_1_to_5"),
    CheckConstraint("char_length(comment) <= 2000", name="comment_length"),
)
Index("ix_feedback_newest", feedback.c.updated_at.desc())
Index("ix_feedback_user", feedback.c.user_id, feedback.c.updated_at.desc())
Index("ix_feedback_rating", feedback.c.rating, feedback.c.updated_at.desc())

# What waits to be merged into it, in KB: four times as much as this is PostgreSQL's default, and each merge a wait as long.
Index("ix_traces_search", search_document(), postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 1024})

_WRITTEN_BY_DATABASE = frozenset({"created_at", "updated_at", "rating", "flagged_for_review", "review_notes"})
TRACE_COLUMNS = tuple(c.name for c in traces.columns if c.name not in _WRITTEN_BY_DATABASE)
"""The columns that a writer gives; the others are the database's, a rating's or a review's."""
SPAN_COLUMNS = tuple(c.name for c in trace_spans.columns)
DECISION_COLUMNS = tuple(c.name for c in decisions.columns)
