"""The tables of what people set up to keep watch: alert rules, what became of them, budgets, saved views, early ratings, sizes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from tracing_core.storage.schema import Moment, metadata

alert_rules = Table(
    "alert_rules",
    metadata,
    Column("rule_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("document", JSONB, nullable=False, comment="what it watches, and when it fires"),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("updated_by", Text, nullable=False),
)

alert_states = Table(
    "alert_states",
    metadata,
    Column("rule_id", Text, ForeignKey("alert_rules.rule_id", ondelete="CASCADE"), primary_key=True),
    Column("state", Text, nullable=False, comment="ok, pending, firing or unknown"),
    Column("since", Moment, nullable=False, comment="when it came into this state"),
    Column("value", Double, comment="the number, when it was last looked at"),
    Column("evaluated_at", Moment, nullable=False),
    Column("document", JSONB, nullable=False, server_default=text("'{}'"), comment="what the next look has to know"),
)

alert_events = Table(
    "alert_events",
    metadata,
    Column("event_id", Text, primary_key=True),
    Column("rule_id", Text, nullable=False, comment="the rule may be gone"),
    Column("rule_name", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="fired, still_firing or recovered"),
    Column("happened_at", Moment, nullable=False),
    Column("value", Double),
    Column("message", Text, nullable=False),
    Column("document", JSONB, nullable=False, comment="the rule as it was, and the traces behind the number"),
)
Index("ix_alert_events_newest", alert_events.c.happened_at.desc())
Index("ix_alert_events_rule", alert_events.c.rule_id, alert_events.c.happened_at.desc())

alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("event_id", Text, ForeignKey("alert_events.event_id", ondelete="CASCADE"), nullable=False),
    Column("destination", Text, nullable=False),
    Column("status", Text, nullable=False, comment="waiting, sending, delivered, failed or unknown"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_attempt_at", Moment, nullable=False),
    Column("last_error", Text),
    Column("finished_at", Moment),
    PrimaryKeyConstraint("event_id", "destination"),
)
Index(
    "ix_alert_deliveries_open",
    alert_deliveries.c.next_attempt_at,
    postgresql_where=alert_deliveries.c.status.in_(["waiting", "sending"]),
)

waiting_feedback = Table(
    "waiting_feedback",
    metadata,
    Column("trace_id", Text, nullable=False, comment="of a trace that has not come yet"),
    Column("user_id", Text, nullable=False),
    Column("feedback_id", Text, nullable=False),
    Column("rating", SmallInteger, nullable=False),
    Column("comment", Text),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    PrimaryKeyConstraint("trace_id", "user_id"),
)
Index("ix_waiting_feedback_oldest", waiting_feedback.c.updated_at)

trace_labels = Table(
    "trace_labels",
    metadata,
    Column("trace_id", Text, ForeignKey("traces.trace_id", ondelete="CASCADE"), nullable=False),
    Column("label", Text, nullable=False),
    Column("labelled_at", Moment, nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("trace_id", "label"),
)
Index("ix_trace_labels_label", trace_labels.c.label)

trace_reviews = Table(
    "trace_reviews",
    metadata,
    Column("trace_id", Text, ForeignKey("traces.trace_id", ondelete="CASCADE"), primary_key=True),
    Column("resolved_at", Moment, nullable=False, comment="what was said of it before is settled"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("project", Text, primary_key=True, comment="empty for all of them together"),
    Column("monthly_usd", Numeric(20, 10), nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("updated_by", Text, nullable=False),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("view_id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("params", JSONB, nullable=False, comment="the parameters of the URL"),
    Column("created_at", Moment, nullable=False, server_default=func.now()),
    Column("created_by", Text, nullable=False),
)

storage_sizes = Table(
    "storage_sizes",
    metadata,
    Column("day", Date, nullable=False),
    Column("what", Text, nullable=False, comment="database or files"),
    Column("bytes", BigInteger, nullable=False, comment="when it was last looked at on that day (UTC)"),
    PrimaryKeyConstraint("day", "what"),
)
