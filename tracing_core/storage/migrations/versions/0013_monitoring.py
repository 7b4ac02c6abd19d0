"""What people set up to keep watch: alert rules and what became of them, budgets, saved views, ratings that came early, sizes."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

_TABLES = (
    "alert_deliveries", "alert_events", "alert_states", "alert_rules", "waiting_feedback", "trace_labels", "trace_reviews",
    "budgets", "saved_views",
    "storage_sizes",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables."""
    _create_alerts()
    _create_deliveries()
    _create_waiting_feedback()
    _create_reviews()
    _create_settings_of_people()
    _create_storage_sizes()


def downgrade() -> None:
    """Drop them, the referring ones first."""
    op.drop_index("ix_feedback_user", "feedback")
    for name in _TABLES:
        op.drop_table(name)


def _moment(name: str, comment: str | None = None, server_default: Any = None) -> sa.Column[Any]:
    moment = sa.DateTime(timezone=True)
    return sa.Column(name, moment, nullable=False, comment=comment, server_default=server_default)


def _create_alerts() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.text("true")),
        sa.Column("document", postgresql.JSONB(), nullable=False, comment="what it watches, and when it fires"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", name="pk_alert_rules"),
    )
    op.create_table(
        "alert_states",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="ok, pending, firing or unknown"),
        _moment("since", comment="when it came into this state"),
        sa.Column("value", sa.Double(), comment="the number, when it was last looked at"),
        _moment("evaluated_at"),
        sa.Column(
            "document",
            postgresql.JSONB(),
            nullable=False,
            server_default=sa.text("'{}'"),
            comment="what the next look has to know",
        ),
        sa.PrimaryKeyConstraint("rule_id", name="pk_alert_states"),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["alert_rules.rule_id"], name="fk_alert_states_rule_id", ondelete="CASCADE"
        ),
    )


def _create_deliveries() -> None:
    op.create_table(
        "alert_events",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False, comment="the rule may be gone"),
        sa.Column("rule_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="fired, still_firing or recovered"),
        _moment("happened_at"),
        sa.Column("value", sa.Double()),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column(
            "document",
            postgresql.JSONB(),
            nullable=False,
            comment="the rule as it was, and the traces behind the number",
        ),
        sa.PrimaryKeyConstraint("event_id", name="pk_alert_events"),
    )
    op.create_index("ix_alert_events_newest", "alert_events", [sa.text("happened_at DESC")])
    op.create_index("ix_alert_events_rule", "alert_events", ["rule_id", sa.text("happened_at DESC")])
    op.create_table(
        "alert_deliveries",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="waiting, sending, delivered, failed or unknown"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        _moment("next_attempt_at"),
        sa.Column("last_error", sa.Text()),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("event_id", "destination", name="pk_alert_deliveries"),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["alert_events.event_id"],
            name="fk_alert_deliveries_event_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_alert_deliveries_open",
        "alert_deliveries",
        ["next_attempt_at"],
        postgresql_where=sa.text("status IN ('waiting', 'sending')"),
    )


def _create_waiting_feedback() -> None:
    op.create_table(
        "waiting_feedback",
        sa.Column("trace_id", sa.Text(), nullable=False, comment="of a trace that has not come yet"),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("feedback_id", sa.Text(), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=False),
        sa.Column("comment", sa.Text()),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("trace_id", "user_id", name="pk_waiting_feedback"),
    )
    op.create_index("ix_waiting_feedback_oldest", "waiting_feedback", ["updated_at"])


def _create_reviews() -> None:
    op.create_index("ix_feedback_user", "feedback", ["user_id", sa.text("updated_at DESC")])
    op.create_table(
        "trace_labels",
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        _moment("labelled_at", server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("trace_id", "label", name="pk_trace_labels"),
        sa.ForeignKeyConstraint(["trace_id"], ["traces.trace_id"], name="fk_trace_labels_trace_id", ondelete="CASCADE"),
    )
    op.create_index("ix_trace_labels_label", "trace_labels", ["label"])
    op.create_table(
        "trace_reviews",
        sa.Column("trace_id", sa.Text(), nullable=False),
        _moment("resolved_at", comment="what was said of it before is settled"),
        sa.PrimaryKeyConstraint("trace_id", name="pk_trace_reviews"),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.trace_id"], name="fk_trace_reviews_trace_id", ondelete="CASCADE"
        ),
    )


def _create_settings_of_people() -> None:
    op.create_table(
        "budgets",
        sa.Column("project", sa.Text(), nullable=False, comment="empty for all of them together"),
        sa.Column("monthly_usd", sa.Numeric(20, 10), nullable=False),
        _moment("updated_at"),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project", name="pk_budgets"),
    )
    op.create_table(
        "saved_views",
        sa.Column("view_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("params", postgresql.JSONB(), nullable=False, comment="the parameters of the URL"),
        _moment("created_at", server_default=sa.func.now()),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("view_id", name="pk_saved_views"),
        sa.UniqueConstraint("name", name="uq_saved_views_name"),
    )


def _create_storage_sizes() -> None:
    op.create_table(
        "storage_sizes",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False, comment="database or files"),
        sa.Column("bytes", sa.BigInteger(), nullable=False, comment="when it was last looked at on that day (UTC)"),
        sa.PrimaryKeyConstraint("day", "what", name="pk_storage_sizes"),
    )
