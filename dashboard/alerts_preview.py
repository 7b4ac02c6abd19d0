"""What a rule would have done: the number at present, and how often it would have fired."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from dashboard import alerts_charts, alerts_data, filters, words
from tracing_core.alerts.dry_run import DryRun
from tracing_core.alerts.measure import ABOUT
from tracing_core.alerts.rule import Against, AlertRule
from tracing_core.alerts.words import amount, condition
from tracing_core.errors import InvalidInput

DAY = timedelta(days=1)
_TIMES = {"the last 7 days": 7 * DAY, "the last 24 hours": DAY}
_CONFIG: dict[str, Any] = {"displayModeBar": False}


def preview(rule: AlertRule | None) -> None:
    """The dry run of what the form says; a sentence where there is none."""
    with st.container(border=True):
        st.markdown("**Dry run**", help="The same looks, once a minute, at the traces that are stored")
        if rule is None:
            st.caption("Once the rule is whole, this shows what it would have done.")
        elif not ABOUT[rule.measure].history:
            st.caption("This number is only known of now, so the rule cannot be tried on the past.")
        else:
            show(rule, "alerts.form.dry")


def show(rule: AlertRule, key: str) -> None:
    """What the rule would have done in the last week, or as far back as minutes are kept."""
    run, name, problem = newest(rule)
    if run is None:
        st.caption(f"The rule cannot be tried on the past: {problem}")
        return
    st.markdown(f"{said(run, rule)} in {name} · {words.label(present(run, rule))} at {run.end:%H:%M} UTC")
    st.plotly_chart(alerts_charts.course(run, rule), key=key, config=_CONFIG, alt=f"Course of {condition(rule)}")


def newest(rule: AlertRule) -> tuple[DryRun | None, str, str]:
    """The longest dry run that can be made, of which time it is, and else why there is none."""
    end, problem = minute(filters.now()), ""
    for name, length in _TIMES.items():
        try:
            return alerts_data.dry_run(rule, end - length, end), name, ""
        except InvalidInput as error:
            problem = error.problem
    return None, "", problem


def said(run: DryRun, rule: AlertRule) -> str:
    """`Would have fired **3 times**`, and what that makes in messages."""
    times = run.said.removeprefix("would ")
    messages = "1 message" if run.messages == 1 else f"{words.count(run.messages)} messages"
    told = f", {messages} to each destination" if run.messages and rule.destinations else ""
    return f"Would **{times}**{told}"


def present(run: DryRun, rule: AlertRule) -> str:
    """The number at the last look."""
    last = run.points[-1]
    if rule.against is Against.LAST_WEEK:
        return words.ABSENT if last.ratio is None else f"{last.ratio:.3g} times last week"
    return amount(last.value, ABOUT[rule.measure].unit)


def minute(moment: datetime) -> datetime:
    """The moment, so that what is read within five minutes is read once."""
    return moment.replace(minute=moment.minute - moment.minute % 5, second=0, microsecond=0)
