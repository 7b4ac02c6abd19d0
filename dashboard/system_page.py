"""The first half of the system page: what was received and what became of it, what waits, what was lost and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, time, timedelta

import streamlit as st

from dashboard import data, filters, states, system_charts, words
from dashboard.fitting_table import fitting_table
from dashboard.view import View
from tracing_core.dead_letters import MOST_READ, REPLAY
from tracing_core.ledger import Outcome
from tracing_core.query.diagnostics import ReceiverReport
from tracing_core.query.ledger import LedgerLine
from tracing_core.source_report import ProcessReport

RANGES = {"24h": "24 h", "7d": "7 days", "30d": "30 days"}
_DAYS = {"24h": 1, "7d": 7, "30d": 30}
LOST = (Outcome.DROPPED, Outcome.DEAD_LETTERED)
_LONGEST_REASON = 300


def period(view: View) -> datetime:
    """Let a period be chosen; gives the first moment of its first day, as the ledger counts by days (UTC)."""
    chosen = view.range if view.range in RANGES else "24h"
    now = filters.present()
    first = datetime.combine((now - timedelta(days=_DAYS[chosen])).date(), time(), now.tzinfo)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.session_state["system.range"] = chosen
        st.segmented_control(
            "Period",
            list(RANGES),
            format_func=RANGES.__getitem__,
            key="system.range",
            on_change=_choose,
            label_visibility="collapsed",
            required=True,
        )
        st.caption(f"counted by day, from {first:%d %b %Y} 00:00 UTC", width="content")
    return first


def _choose() -> None:
    filters.change(range=st.session_state["system.range"] or "24h", start=None, end=None)


def numbers(lines: Sequence[LedgerLine], report: ReceiverReport) -> None:
    """Received, missing, waiting, how large, who sends and when last."""
    received = _sum(lines, Outcome.RECEIVED)
    lost = sum(_sum(lines, outcome) for outcome in LOST)
    waits = data.waiting()
    memory = sum(each.queue_requests + each.writer_queued for each in report.processes)
    last = max((each.last_seen for each in report.sources), default=None)
    with st.grid(6, min_column_width=150, gap="small"):
        st.metric("Traces received", words.count(received), border=True, height="stretch")
        st.metric(
            "Missing", words.share(lost / received if received else None), border=True, height="stretch",
            help=f"{words.count(lost)} traces dropped, or refused by the database and kept aside",
        )  # fmt: skip
        st.metric(
            "Waiting", words.count(waits + memory), border=True, height="stretch",
            help=f"{words.count(waits)} traces on disk, {words.count(memory)} requests and traces in memory",
        )  # fmt: skip
        st.metric(
            "Senders", words.count(len(report.sources)), border=True, height="stretch",
            help="Services by instrumentation that sent spans by OTLP",
        )  # fmt: skip
        st.metric("Database", words.size(data.storage().bytes), border=True, height="stretch")
        st.metric(
            "Last spans by OTLP", words.ago(last, filters.now()), border=True, height="stretch", help=words.exact(last)
        )


def flow(lines: Sequence[LedgerLine], since: datetime) -> None:
    """The ledger, from the sources to what became of the traces; and whether it balances."""
    with st.container(border=True, height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("**Where every trace went**", width="content", help=_COUNTED)
            _balance(lines)
        if not any(line.count for line in lines):
            states.empty(f"No trace was received since {since:%d %b}.", chat=True)
            return
        config = {"displayModeBar": False}
        st.plotly_chart(
            system_charts.flow(lines, dark=st.context.theme.type == "dark"),
            key="system.flow",
            config=config,
            alt="What became of the traces",
        )


_COUNTED = "Traces, or pieces of them where a trace comes in several. Narrow streams are drawn wider than they are, to be seen."


def _balance(lines: Sequence[LedgerLine]) -> None:
    received, fates = (
        _sum(lines, Outcome.RECEIVED),
        sum(_sum(lines, each) for each in Outcome) - _sum(lines, Outcome.RECEIVED),
    )
    if received == fates:
        st.badge("every trace accounted for", icon=":material/check:", color="green")
    else:
        missing = words.count(abs(received - fates))
        st.badge(f"{missing} not accounted for", icon=":material/error:", color="red")


def waiting(report: ReceiverReport) -> None:
    """What is received and not stored yet, in memory and on disk; and the traces that the database refused."""
    with st.container(border=True, height="stretch"):
        st.markdown("**What waits**")
        for process in report.processes:
            _process(process)
        if not report.processes:
            st.caption("No service that receives has said anything in the last half minute.")
        _on_disk()


def _process(process: ProcessReport) -> None:
    share = min(process.queue_bytes / process.queue_limit, 1.0) if process.queue_limit else 0.0
    st.progress(
        share,
        f"Queue: {words.size(process.queue_bytes)} of {words.size(process.queue_limit)}, "
        f"{words.count(process.queue_requests)} requests; its own traces: {words.count(process.writer_queued)}",
    )
    st.caption(f"Service up since {process.started_at:%d %b, %H:%M} UTC")
    for problem in filter(None, (process.problem, process.journal_problem)):
        st.warning(words.label(problem, _LONGEST_REASON), icon=":material/cloud_off:")


def _on_disk() -> None:
    waits, dead = data.waiting(), data.dead_reasons()
    if waits:
        st.markdown(f":orange[:material/hard_drive:] {words.count(waits)} traces on disk until the database takes them")
    else:
        st.markdown(":gray[:material/hard_drive:] No trace waits on disk.")
    if not dead:
        st.markdown(":gray[:material/mail_off:] No trace is refused by the database.")
        return
    some = " of the newest" if sum(each.count for each in dead) >= MOST_READ else ""
    st.markdown(f":red[:material/mark_email_unread:] Refused by the database{some}, kept aside")
    for each in dead:
        st.caption(
            f"{words.count(each.count)} × {words.label(each.reason, _LONGEST_REASON)} · newest "
            f"{words.ago(each.newest, filters.now())}"
        )
    st.caption("When the cause is mended, give them back:")
    st.code(REPLAY, language=None, wrap_lines=True)


def losses(lines: Sequence[LedgerLine]) -> None:
    """Every line of the ledger that is a loss, by name; spans that were refused alone, too."""
    lost = [line for line in lines if line.outcome in LOST and (line.count > 0 or line.spans > 0)]
    if not lost:
        return
    received = Counter({line.source: line.count for line in lines if line.outcome == Outcome.RECEIVED})
    st.subheader("Missing traces", anchor=False)
    rows = [
        {
            "Source": system_charts.SOURCES.get(line.source, line.source),
            "Traces": words.count(line.count) if line.count else words.ABSENT,
            "Spans": words.count(line.spans),
            "Of its traces": words.share(line.count / received[line.source] if line.count else None),
            "What": "kept aside" if line.outcome == Outcome.DEAD_LETTERED else "dropped",
            "Reason": line.reason or "no reason is known",
        }
        for line in sorted(lost, key=lambda each: -each.count)
    ]
    fitting_table(
        rows, "system.losses", alt="Losses by reason", wide="Reason", numbers=("Traces", "Spans", "Of its traces"),
        lesser=("Of its traces",),
    )  # fmt: skip
    if any(line.outcome == Outcome.DROPPED for line in lost):
        st.caption(
            "What was dropped is gone; the reason says which limit was reached, and the rules below name its setting."
        )


def _sum(lines: Sequence[LedgerLine], outcome: Outcome) -> int:
    return sum(line.count for line in lines if line.outcome == outcome)
