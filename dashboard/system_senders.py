"""Who sends spans, and how: the second part of the system page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import streamlit as st

from dashboard import data, filters, navigation, states, words
from dashboard.fitting_table import fitting_table
from tracing_core.doctor import PROBLEMS, source_name
from tracing_core.query.diagnostics import ReceiverReport
from tracing_core.query.system import SAMPLE, Orphans
from tracing_core.source_report import Refusal, SourceReport

_CONVENTIONS = {
    "gen_ai": "OpenTelemetry GenAI", "openinference": "OpenInference", "openllmetry": "OpenLLMetry", "tracewhy": "Tracewhy",
    "langfuse": "Langfuse", "pydantic_ai": "Pydantic AI", "logfire": "Logfire", "vercel": "Vercel AI", "mlflow": "MLflow",
    "opik": "Opik", "google_adk": "Google ADK", "livekit": "LiveKit", "langsmith": "LangSmith", "trulens": "TruLens",
}  # fmt: skip
_MOST_REFUSALS = 20
_SEND = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"


def senders(report: ReceiverReport, since: datetime) -> None:
    """Each source with the conventions it speaks, and beneath it what is odd."""
    st.subheader("Who sends", anchor=False)
    if not report.sources:
        states.empty("Nobody has sent spans by OTLP in this time.", hint=f"Point a program here with {_SEND}")
    else:
        fitting_table(
            [_row(source) for source in report.sources], "system.senders", alt="Sources of spans",
            numbers=("Spans", "Requests", "Unknown"), lesser=("Instrumentation", "Requests", "Exports with"),
        )  # fmt: skip
    found = _findings(report.sources)
    lost = data.orphans(since)
    tabs: dict[str, Callable[[], None]] = {
        f"Clocks and times · {len(found)}": lambda: _clocks(found),
        f"Unknown attributes · {sum(len(each.unmapped) for each in report.sources)}": lambda: _unknown(report.sources),
        f"Spans without a parent · {words.count(sum(each.spans for each in lost))}": lambda: _orphans(lost),
        f"Refused requests · {len(report.refusals)}": lambda: _refusals(report.refusals[:_MOST_REFUSALS]),
    }
    for tab, draw in zip(st.tabs(list(tabs)), tabs.values(), strict=True):
        with tab:
            draw()


def _row(source: SourceReport) -> dict[str, str]:
    spoken = sorted(source.conventions, key=lambda name: -source.conventions[name])
    return {
        "Service": source.source or "no service.name",
        "Last heard": words.ago(source.last_seen, filters.now()),
        "Spans": words.count(source.spans),
        "Speaks": ", ".join(_CONVENTIONS.get(name, name) for name in spoken) or "nothing of model calls",
        "Unknown": words.count(len(source.unmapped)),
        "Instrumentation": source.scope or words.ABSENT,
        "Requests": words.count(source.requests),
        "Exports with": source.sdk or words.ABSENT,
    }


def _findings(sources: Sequence[SourceReport]) -> list[dict[str, str]]:
    return [
        {
            "What": PROBLEMS.get(problem, (problem, ""))[0],
            "Spans": words.count(finding.count),
            "At worst": words.duration(finding.worst_ms) if finding.worst_ms else words.ABSENT,
            "Example": _address(finding.trace_id, finding.span_id),
            "Sender": source_name(source),
            "What to do": PROBLEMS.get(problem, ("", words.ABSENT))[1],
        }
        for source in sources
        for problem, finding in sorted(source.problems.items())
    ]


def _clocks(found: list[dict[str, str]]) -> None:
    if found:
        fitting_table(
            found, "system.times", alt="Wrong times", wide="What", below="Sender", numbers=("Spans", "At worst"), link="Example"
        )  # fmt: skip
    else:
        st.caption("The times of all senders make sense: none ends in the future, none begins before its parent.")


def _unknown(sources: Sequence[SourceReport]) -> None:
    rows = [
        {
            "Attribute": name,
            "Sender": source_name(source),
            "Spans": words.count(finding.count),
            "Example": _address(finding.trace_id, finding.span_id),
        }
        for source in sources
        for name, finding in sorted(source.unmapped.items(), key=lambda item: -item[1].count)
    ]
    if rows:
        st.caption(
            "Kept and shown as they came; no field, chart or filter reads them. Counted in the spans looked at closely."
        )
        fitting_table(
            rows, "system.unknown", alt="Attributes that no convention has", wide="Attribute", below="Sender",
            numbers=("Spans",), link="Example",
        )  # fmt: skip
    else:
        st.caption("Every attribute seen has a meaning here.")


def _orphans(lost: Sequence[Orphans]) -> None:
    if not lost:
        st.caption(f"Each span of the newest {words.count(SAMPLE)} traces by OTLP has its parent.")
        return
    st.caption(
        f"Among the newest {words.count(SAMPLE)} traces by OTLP. A parent is missing when another service of the trace sends "
        "elsewhere, when a program ended before it exported, or when a sampler kept the child alone."
    )
    rows = [
        {
            "Span": each.name,
            "Project": each.project,
            "Spans": words.count(each.spans),
            "Traces": words.count(each.traces),
            "Example": _address(each.example),
        }
        for each in lost
    ]
    fitting_table(rows, "system.orphans", alt="Spans without a parent", numbers=("Spans", "Traces"), link="Example")


def _refusals(refusals: Sequence[Refusal]) -> None:
    if not refusals:
        st.caption("No request was refused in this time.")
        return
    rows = [
        {
            "When": words.ago(each.at, filters.now()),
            "Status": str(each.status),
            "Reason": each.reason,
            "Sender": each.sender or words.ABSENT,
            "Signal": each.signal,
            "Size": words.size(each.size) if each.size else words.ABSENT,
        }
        for each in refusals
    ]
    fitting_table(
        rows,
        "system.refusals",
        alt="Refused requests",
        wide="Reason",
        numbers=("Status", "Size"),
        lesser=("Signal", "Size"),
    )


def _address(trace_id: str, span_id: str = "") -> str:
    return navigation.address("trace", {"id": trace_id, **({"span": span_id} if span_id else {})})
