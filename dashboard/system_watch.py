"""Who watches the watcher: ratings, costs, alerts, and how long the database takes to answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from dashboard import data, filters, navigation, watch_data, words
from dashboard.fitting_table import fitting_table
from tracing_core.query.diagnostics import ReceiverReport
from tracing_core.query.watching import UNSEEN, AlertHealth
from tracing_core.question_times import QuestionTime, slowest_first

_MOST_QUESTIONS = 15
_LATE_SECONDS = 300
"""After which nobody seems to look at the rules: they are looked at every minute."""


def watching(since: datetime) -> None:
    """Ratings, unknown costs and alerts of the time, as numbers; each leads to its page."""
    st.subheader("Keeping watch", anchor=False)
    found = watch_data.watching(since)
    alerts = found.alerts
    firing, lost = alerts.rules.get("firing", 0), _undelivered(alerts)
    with st.grid(6, min_column_width=150, gap="small"):
        st.metric(
            "Answers rated", words.share(found.feedback_rate), border=True, height="stretch",
            help=f"Of {words.count(found.traces)} traces since {since:%d %b}",
        )  # fmt: skip
        st.metric(
            "Ratings that wait", words.count(found.waiting_ratings), border=True, height="stretch",
            help="Ratings whose trace has not come yet",
        )  # fmt: skip
        st.metric(
            "Cost unknown", words.share(found.unpriced_share), border=True, height="stretch",
            help=f"{words.count(found.unpriced)} traces used a model without a price; `prices` names the models",
        )  # fmt: skip
        st.metric("Alerts that fire", words.count(firing), border=True, height="stretch", help=_states(alerts))
        st.metric(
            "Rules looked at", words.ago(alerts.evaluated_at, filters.now()), border=True, height="stretch",
            help="When the service last looked at a rule; it does so every minute",
        )  # fmt: skip
        st.metric(
            "Messages not told", words.count(lost), border=True, height="stretch",
            help=", ".join(f"{words.count(n)} {status}" for status, n in sorted(alerts.deliveries.items())) or "none was sent",
        )  # fmt: skip
    for sentence in problems(alerts, filters.now()):
        st.warning(sentence, icon=":material/notification_important:")
    if lost:
        navigation.link("alerts", "See which messages, and send them again", icon=":material/arrow_forward:")


def problems(alerts: AlertHealth, now: datetime) -> list[str]:
    """What is wrong with watching itself, in sentences."""
    found = []
    on = sum(alerts.rules.values())
    late = alerts.evaluated_at is None or (now - alerts.evaluated_at).total_seconds() > _LATE_SECONDS
    if on and late:
        last = "never" if alerts.evaluated_at is None else words.ago(alerts.evaluated_at, now)
        found.append(f"Nobody looks at the alert rules: last {last}. The service does that while it runs.")
    return found


def _undelivered(alerts: AlertHealth) -> int:
    return alerts.deliveries.get("failed", 0) + alerts.deliveries.get("unknown", 0)


def _states(alerts: AlertHealth) -> str:
    said = [f"{words.count(count)} {state}" for state, count in sorted(alerts.rules.items()) if state != UNSEEN]
    if unseen := alerts.rules.get(UNSEEN):
        said.append(f"{words.count(unseen)} not looked at yet")
    if alerts.off:
        said.append(f"{words.count(alerts.off)} turned off")
    return "Rules: " + (", ".join(said) or "none is set up")


def questions(report: ReceiverReport) -> None:
    """What the database takes longest to answer: as this application measures, and as PostgreSQL does where it keeps count."""
    rows = [_question("dashboard", each) for each in watch_data.own_questions()[:_MOST_QUESTIONS]]
    asked = slowest_first(each for process in report.processes for each in process.slowest)
    rows += [_question("service", each) for each in asked[:_MOST_QUESTIONS]]
    rows.sort(key=lambda row: -row["ms"])
    st.subheader("Slowest queries", anchor=False)
    if rows:
        shown = [{name: value for name, value in row.items() if name != "ms"} for row in rows[:_MOST_QUESTIONS]]
        fitting_table(
            shown, "system.questions", alt="Slowest questions", numbers=("Calls", "Mean", "Longest", "In all", "Failed"),
            lesser=("In all",),
        )  # fmt: skip
    st.caption(
        "Measured by this dashboard and by the services since each began: what the database took, waiting included. "
        "A question is a function of the code; one that was cut off by the time limit has failed."
    )
    _statements()


def _question(process: str, each: QuestionTime) -> dict[str, Any]:
    return {
        "Question": each.question,
        "Asked by": process,
        "Calls": words.count(each.calls),
        "Mean": words.duration(each.mean_ms),
        "Longest": words.duration(each.max_ms),
        "In all": words.duration(each.total_ms),
        "Failed": words.count(each.failed) if each.failed else words.ABSENT,
        "ms": each.mean_ms,
    }


def _statements() -> None:
    slow = data.slow_queries()
    if slow is None:
        st.caption(
            "PostgreSQL keeps no count of its own here: it does where the extension pg_stat_statements is loaded."
        )
    if not slow:
        return
    rows = [
        {
            "Statement": " ".join(query.statement.split()),
            "Calls": words.count(query.calls),
            "Mean": words.duration(query.mean_ms),
            "Longest": words.duration(query.max_ms),
        }
        for query in slow
    ]
    st.markdown("**As PostgreSQL counts, of all programs**")
    fitting_table(
        rows, "system.statements", alt="Slowest statements", wide="Statement", numbers=("Calls", "Mean", "Longest")
    )
