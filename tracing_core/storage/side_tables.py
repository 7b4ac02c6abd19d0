"""The tables beside those of traces: rollups, what became of what came in, what components declare, and what calibration
noticed and people confirmed.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Double,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tracing_core.storage.schema import Moment, metadata

trace_metrics = Table(
    "trace_metrics",
    metadata,
    Column("project", Text, nullable=False),
    Column("granularity", Text, nullable=False, comment="minute, hour or day"),
    Column("bucket", Moment, nullable=False, comment="when the bucket starts"),
    Column(
        "dimension", Text, nullable=False, comment="trace (every trace), operation (spans by name), library or model"
    ),
    Column("value", Text, nullable=False, comment="which operation, library or model; empty for dimension trace"),
    Column("stored", BigInteger, nullable=False, comment="traces or spans that are there, each counted once"),
    Column(
        "count", Double, nullable=False, comment="those they stand for: each by 1 / its sampling probability, as below"
    ),
    Column("errors", Double, nullable=False),
    Column("duration_ms_sum", Double, nullable=False),
    Column("timed_count", Double, nullable=False, comment="how many had a duration"),
    Column("input_tokens", Double, nullable=False),
    Column("output_tokens", Double, nullable=False),
    Column("cost_usd", Numeric(20, 10), nullable=False),
    Column("unpriced_count", Double, nullable=False, comment="traces that used a model whose price is unknown"),
    Column("flag_user_negative", Double, nullable=False),
    Column("flag_empty", Double, nullable=False),
    Column("flag_low_confidence", Double, nullable=False),
    Column("flag_normal", Double, nullable=False),
    Column("rating_count", Double, nullable=False),
    Column("rating_sum", Double, nullable=False),
    Column("bins", ARRAY(Integer), nullable=False, comment="logarithmic histogram of durations: bin numbers"),
    Column("bin_counts", ARRAY(Double), nullable=False, comment="and how many fell into each"),
    PrimaryKeyConstraint("project", "granularity", "dimension", "bucket", "value"),
    CheckConstraint("granularity IN ('minute', 'hour', 'day')", name="granularity"),
    postgresql_with={"fillfactor": 70},
)
"""Rows are written anew with every batch; what is left free in a page takes their next version, which no index need know."""

ledger = Table(
    "ledger",
    metadata,
    Column("day", Date, nullable=False),
    Column("source", Text, nullable=False),
    Column("outcome", Text, nullable=False, comment="received, stored, sampled_out, dead_lettered or dropped"),
    Column("reason", Text, nullable=False),
    Column("count", BigInteger, nullable=False, comment="traces, or pieces of them"),
    Column("spans", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("day", "source", "outcome", "reason"),
)

receiver_diagnostics = Table(
    "receiver_diagnostics",
    metadata,
    Column("process", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="process, source or refusals"),
    Column("name", Text, nullable=False, comment="of the source; empty for the other kinds"),
    Column("seen_at", Moment, nullable=False),
    Column("document", JSONB, nullable=False),
    PrimaryKeyConstraint("process", "kind", "name"),
)

sampled_out = Table(
    "sampled_out",
    metadata,
    Column("trace_id", Text, primary_key=True),
    Column("judged_at", Moment, nullable=False, server_default=func.now()),
    prefixes=["UNLOGGED"],
)

calibration_alerts = Table(
    "calibration_alerts",
    metadata,
    Column("day", Date, nullable=False),
    Column("project", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="which pattern was seen"),
    Column("subject", Text, nullable=False, comment="of which principle, intent, domain or type of decision"),
    Column("message", Text, nullable=False),
    Column("trace_id", Text, nullable=False, comment="the run that showed it; it may be gone"),
    Column("created_at", Moment, nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("day", "project", "kind", "subject"),
)

calibration_records = Table(
    "calibration_records",
    metadata,
    Column("record_id", Text, primary_key=True),
    Column("trace_id", Text, nullable=False, comment="the run that it is of; it may be gone"),
    Column("project", Text, nullable=False),
    Column("document", JSONB, nullable=False, comment="as a person confirmed it"),
    Column("prefilled", JSONB, nullable=False, comment="as the run filled it in"),
    Column("notes", Text, nullable=False),
    Column("confirmed_by", Text, nullable=False),
    Column("confirmed_at", Moment, nullable=False),
)
Index("ix_calibration_records_trace", calibration_records.c.trace_id)
Index("ix_calibration_records_newest", calibration_records.c.confirmed_at.desc())

components = Table(
    "components",
    metadata,
    Column("project", Text, nullable=False),
    Column("component", Text, nullable=False),
    Column("document", JSONB, nullable=False, comment="its schema, as get_trace_schema could have given it"),
    Column("declared_at", Moment, nullable=False, comment="when a process that has it last said so"),
    PrimaryKeyConstraint("project", "component"),
)
