"""What OTLP brings: contents of spans compressed in a table of their own, tokens and costs by class, weighted rollups."""

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import zstandard
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

COUNTS = (
    "count", "errors", "timed_count", "input_tokens", "output_tokens", "unpriced_count", "flag_user_negative",
    "flag_empty", "flag_low_confidence", "flag_normal", "rating_count", "rating_sum",
)  # fmt: skip
TIMED = "how many had a duration"
UNPRICED = "traces that used a model whose price is unknown"
WEIGHTED = "those they stand for: each by 1 / its sampling probability, as below"
COMMENTS = {"count": WEIGHTED, "timed_count": TIMED, "unpriced_count": UNPRICED}
BATCH = 500
DICTIONARY = Path(__file__).parents[3] / "contents_1.dict"

KEPT = ("attributes", "events", "evidence", "prompts", "outputs", "otel")
ROWS_AT_A_TIME = 50
MOVE = """
WITH given AS (
    SELECT trace_id, jsonb_strip_nulls(jsonb_build_object(
        'tracewhy.project', project, 'tracewhy.name', name, 'tracewhy.source', source, 'tracewhy.project_id', project_id,
        'tracewhy.intent', intent, 'tracewhy.domain', domain, 'tracewhy.report_type', report_type,
        'tracewhy.research_type', research_type, 'tracewhy.library', library, 'tracewhy.session_id', session_id,
        'tracewhy.user_id', user_id, 'tracewhy.error', error, 'tracewhy.parent_trace_id', parent_trace_id,
        'tracewhy.status', status, 'tracewhy.tags', tags, 'tracewhy.confidence', confidence,
        'tracewhy.citations_count', citations_count, 'tracewhy.iteration_count', iteration_count,
        'tracewhy.quality_gate_failures', quality_gate_failures, 'tracewhy.sampling_probability', sampling_probability))
        || CASE WHEN query IS NULL THEN '{}' ELSE jsonb_build_object('tracewhy.query', NULL) END
        || CASE WHEN answer IS NULL THEN '{}' ELSE jsonb_build_object('tracewhy.answer', NULL) END AS attributes
    FROM traces WHERE source <> 'otlp'
), roots AS (
    SELECT DISTINCT ON (trace_id) trace_id, span_id FROM trace_spans
    ORDER BY trace_id, parent_id IS NOT NULL, jsonb_exists(payload -> 'attributes', 'tracewhy.source') IS NOT TRUE,
        position, started_at, span_id
), made AS (
    SELECT trace_id, span_id, jsonb_agg(jsonb_build_object(
        'decision', decision, 'what', what, 'why', why, 'confidence', confidence,
        'alternatives_considered', alternatives_considered, 'inputs', inputs, 'timestamp', decided_at)
        ORDER BY position) AS decisions
    FROM decisions GROUP BY trace_id, span_id
)
INSERT INTO span_payloads (trace_id, part, started_at, content)
SELECT t.trace_id, 0, t.started_at, convert_to(jsonb_build_object('spans', jsonb_agg(
    s.payload || jsonb_build_object(
        'span_id', s.span_id, 'parent_id', s.parent_id, 'name', s.name, 'kind', s.kind,
        'started_at', s.started_at, 'duration_ns', round(s.duration_ms * 1000000), 'status', s.status,
        'error', s.error, 'decisions', coalesce(made.decisions, '[]'),
        'attributes', coalesce(s.payload -> 'attributes', '{}') || coalesce(given.attributes, '{}'))
    ORDER BY s.position))::text, 'UTF8')
FROM traces t JOIN trace_spans s USING (trace_id)
LEFT JOIN made ON made.trace_id = s.trace_id AND made.span_id = s.span_id
LEFT JOIN roots ON roots.trace_id = s.trace_id AND roots.span_id = s.span_id
LEFT JOIN given ON given.trace_id = roots.trace_id
GROUP BY t.trace_id"""
"""Spans get their decisions back, and roots what the trace says of itself: further pieces are joined to these."""


def upgrade() -> None:
    """Make room, and move the contents of spans."""
    for column in _new_in_traces():
        op.add_column("traces", column)
    op.alter_column("traces", "cost_usd", comment="given by the sender where it was, else computed")
    op.execute("UPDATE traces SET cost_computed_usd = cost_usd WHERE cost_usd IS NOT NULL")
    op.create_index(
        "ix_traces_attributes",
        "traces",
        ["attributes"],
        postgresql_using="gin",
        postgresql_ops={"attributes": "jsonb_path_ops"},
    )
    _move_contents()
    _weigh_rollups()
    op.add_column("ledger", sa.Column("spans", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.alter_column("ledger", "count", comment="traces, or pieces of them")


def downgrade() -> None:
    """Back to contents beside their spans, without what version 0001 has no place for."""
    op.alter_column("ledger", "count", comment=None)
    op.drop_column("ledger", "spans")
    _count_whole()
    _move_contents_back()
    op.drop_index("ix_traces_attributes", "traces")
    op.alter_column("traces", "cost_usd", comment=None)
    for column in reversed(_new_in_traces()):
        op.drop_column("traces", column.name)


def _new_in_traces() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("environment", sa.Text()),
        sa.Column("release", sa.Text()),
        sa.Column("provider", sa.Text()),
        sa.Column("cache_write_tokens", sa.Integer()),
        sa.Column("reasoning_tokens", sa.Integer()),
        sa.Column("cost_given_usd", sa.Numeric(20, 10)),
        sa.Column("cost_computed_usd", sa.Numeric(20, 10)),
        sa.Column("is_slow", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "attributes",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="short values of the root, to filter by",
        ),
    )


def _move_contents() -> None:
    op.create_table(
        "span_payloads",
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="that of the trace when it was first stored",
        ),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="JSON of spans, compressed with zstd"),
        postgresql_partition_by="RANGE (started_at)",
    )
    op.execute("ALTER TABLE span_payloads ALTER COLUMN content SET STORAGE EXTERNAL")
    op.create_index("ix_span_payloads_trace", "span_payloads", ["trace_id"])
    op.execute("CREATE TABLE span_payloads_default PARTITION OF span_payloads DEFAULT")
    op.add_column("trace_spans", sa.Column("model", sa.Text()))
    op.add_column(
        "trace_spans",
        sa.Column(
            "part",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="which row of span_payloads holds the content",
        ),
    )
    op.alter_column("trace_spans", "part", server_default=None)
    # JSON that is not compressed is read as well: the next write of a trace compresses it.
    op.execute(MOVE)
    op.drop_column("trace_spans", "payload")
    op.drop_constraint("pk_trace_spans", "trace_spans")
    op.create_index("ix_trace_spans_trace", "trace_spans", ["trace_id"])


def _move_contents_back() -> None:
    op.add_column(
        "trace_spans",
        sa.Column("payload", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    )
    op.alter_column("trace_spans", "payload", server_default=None)
    connection = op.get_bind()
    rows = sa.text("SELECT trace_id, content FROM span_payloads ORDER BY trace_id, part")
    update = sa.text(
        "UPDATE trace_spans SET payload = CAST(:payload AS jsonb) WHERE trace_id = :trace_id AND span_id = :span_id"
    )
    for row in connection.execute(rows.execution_options(yield_per=ROWS_AT_A_TIME)):
        spans = json.loads(_plain(bytes(row.content)))["spans"]
        values = [
            {
                "trace_id": row.trace_id,
                "span_id": _without_nul(span["span_id"]),
                "payload": json.dumps(_without_nul({name: span[name] for name in KEPT if span.get(name)})),
            }
            for span in spans
        ]
        for start in range(0, len(values), BATCH):
            connection.execute(update, values[start : start + BATCH])
    op.drop_index("ix_trace_spans_trace", "trace_spans")
    op.create_primary_key("pk_trace_spans", "trace_spans", ["trace_id", "span_id", "started_at"])
    op.drop_column("trace_spans", "part")
    op.drop_column("trace_spans", "model")
    op.drop_table("span_payloads")


def _without_nul(value: Any) -> Any:
    """`value` without the character that jsonb cannot hold."""
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value


def _plain(content: bytes) -> bytes:
    """The JSON of contents as version 0002 packs them."""
    if not content.startswith(b"\x01"):
        return content
    dictionary = zstandard.ZstdCompressionDict(DICTIONARY.read_bytes(), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return zstandard.ZstdDecompressor(dict_data=dictionary).decompress(content[1:], max_output_size=2**31)


def _weigh_rollups() -> None:
    for name in COUNTS:
        op.alter_column("trace_metrics", name, type_=sa.Double(), comment=COMMENTS.get(name))
    op.alter_column("trace_metrics", "bin_counts", type_=postgresql.ARRAY(sa.Double()))
    op.add_column(
        "trace_metrics",
        sa.Column(
            "stored",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="traces or spans that are there, each counted once",
        ),
    )
    op.execute("UPDATE trace_metrics SET stored = count")
    op.alter_column("trace_metrics", "stored", server_default=None)


def _count_whole() -> None:
    op.drop_column("trace_metrics", "stored")
    for name in COUNTS:
        op.alter_column(
            "trace_metrics", name, type_=sa.BigInteger(), comment=None if name == "count" else COMMENTS.get(name)
        )
    op.alter_column("trace_metrics", "bin_counts", type_=postgresql.ARRAY(sa.BigInteger()))
