"""The part of the page of patterns about what fails: over time, by stage and error, with the traces behind each."""

from __future__ import annotations

from datetime import datetime, timedelta

import streamlit as st

from dashboard import clickable, decisions_panels, filters, patterns_charts, patterns_data, states, words
from dashboard.fitting_table import fitting_table
from dashboard.trace_list import trace_list
from dashboard.view import View
from tracing_core.failure_patterns import FailurePattern
from tracing_core.query.failures import Failures
from tracing_core.query.time_buckets import chart_granularity

_LISTED, _MOST_ROWS = 20, 50


def show(view: View) -> None:
    """Failure patterns."""
    now = filters.present()
    found = patterns_data.failures(view.trace_filter(now), view.period_before(now))
    if not found.patterns:
        states.empty("Nothing failed in this time.", hint="Choose a longer time range to look further back.")
        return
    _numbers(found)
    st.caption(_looked_at(found))
    start, end = view.bounds(now)
    length = (end or now) - (start or min(each.first_seen for each in found.patterns))
    with decisions_panels.panel("Over time", "The most frequent; a bar leads to its traces"):
        figure = patterns_charts.failures_over_time(found.patterns, _granularity(length), (start, end or now))
        picked = clickable.chart(figure, "patterns.failures", "Failures over time by stage and error")
    rows = [_row(each, now) for each in found.patterns[:_MOST_ROWS]]
    at = fitting_table(
        rows, "patterns.failures.table", alt="Failures by stage and error", wide="Error",
        numbers=("Times", "Against before", "Got over"), lesser=("Against before", "Got over", "First seen"), click="picks",
    )  # fmt: skip
    chosen = at if at is not None else picked[0][0] if picked else None
    if chosen is not None:
        _pattern(found.patterns[chosen])


def _granularity(length: timedelta) -> str:
    return chart_granularity(max(length, timedelta()))


def _numbers(found: Failures) -> None:
    new = [each for each in found.patterns if each.is_new]
    with st.grid(3, min_column_width=160, gap="small"):
        failed = words.count(found.failed) if found.all_failed else f"more than {words.count(found.failed)}"
        st.metric(
            "Failed or interrupted", failed, border=True,
            help="Traces; one that was interrupted counts, and has no row below unless an error is known of it",
        )  # fmt: skip
        st.metric("Kinds of failures", words.count(len(found.patterns)), border=True)
        known = found.patterns[0].before is not None
        st.metric(
            "New", words.count(len(new)) if known else words.ABSENT, border=True, help="None in the period before"
        )


def _looked_at(found: Failures) -> str:
    failed = (
        "all that failed or were interrupted"
        if found.all_failed
        else f"the newest {words.count(found.failed)} of those"
    )
    some = words.count(found.complete.looked_at)
    which = f"all {some}" if found.complete.whole else f"{some}, drawn at random,"
    return (
        f"From {failed} and {which} that were completed, some of which got over a failure. A failure counts where it began; "
        "numbers, ids, names and quotations are taken out of messages."
    )


def _row(each: FailurePattern, now: datetime) -> dict[str, str]:
    return {
        "Times": words.count(round(each.count)),
        "Against before": _change(each),
        "Stage": each.stage or "the trace itself",
        "Error": each.name,
        "Got over": words.share(each.recovered),
        "Last seen": words.ago(each.last_seen, now),
        "First seen": words.ago(each.first_seen, now),
    }


def _change(each: FailurePattern) -> str:
    if each.before is None:
        return words.ABSENT
    return "new" if not each.before else f"{(each.count / each.before - 1) * 100:+.0f} %"


def _pattern(each: FailurePattern) -> None:
    st.subheader(words.label(each.name, 100), anchor=False)
    st.caption(
        f"First {words.exact(each.first_seen)}, last {words.exact(each.last_seen)}. The newest message as it came:"
    )
    st.text(each.example)
    trace_list(patterns_data.rows(each.trace_ids[:_LISTED]), key="patterns.failures.traces", now=filters.now())
