"""What is kept, how it grows, and the rules by which: the last part of the system page."""

from __future__ import annotations

import streamlit as st

from dashboard import data, layout, system_charts, words
from dashboard.fitting_table import fitting_table
from tracing_core.settings import Settings, environment_name, settings

_MEANINGS = {
    "traces": "Traces, one row each",
    "trace_spans": "Spans, without what they hold",
    "span_payloads": "What spans hold, compressed",
    "trace_metrics": "Numbers for the charts",
    "decisions": "Decisions",
    "feedback": "Ratings",
    "ledger": "What became of every trace",
    "receiver_diagnostics": "What is known of senders",
    "alert_deliveries": "Messages about alerts",
    "alert_events": "What alert rules saw",
    "calibration_alerts": "What calibration saw",
    "calibration_records": "What people confirmed of runs",
    "components": "What components declare",
    "sampled_out": "What sampling left out",
    "storage_sizes": "Sizes of past days",
    "trace_labels": "Labels",
    "trace_reviews": "Reviews",
    "waiting_feedback": "Ratings that wait for their trace",
}
_ALWAYS = frozenset(
    {
        "traces",
        "trace_spans",
        "span_payloads",
        "trace_metrics",
        "decisions",
        "feedback",
        "ledger",
        "receiver_diagnostics",
    }
)
_LEAST_BYTES = 65_536
"""Other tables that are smaller are left out."""
_RULES = (
    "mode", "success_share", "project_shares", "head_share", "retention_days", "keep_flagged_days", "metrics_days",
    "keep_files", "files", "spool_bytes", "ingest_bytes", "queue_size", "journal", "export_endpoint",
)  # fmt: skip
_SIZES = frozenset({"spool_bytes", "ingest_bytes"})
_SHARES = frozenset({"success_share", "head_share"})


def storage() -> None:
    """The database by day and by table, and the files."""
    found, files = data.storage(), data.trace_files()
    left, right = layout.narrow_then_wide()
    with left, st.container(border=True, height="stretch"):
        st.markdown(
            "**Bytes of spans by day**",
            help="Bytes of the spans that began on a day and of what they hold, with indexes",
        )
        dated = [part for part in found.days if part.day is not None and part.spans]
        if dated:
            config = {"displayModeBar": False}
            st.plotly_chart(system_charts.growth(dated), key="system.growth", config=config, alt="Bytes by day")
            st.caption(f"{words.count(len(dated))} days · {words.size(sum(part.bytes for part in dated))}")
        else:
            st.caption("Nothing is stored yet, or PostgreSQL has not counted it yet.")
    with right, st.container(border=True, height="stretch"):
        st.markdown("**Tables and files**", help="Rows as PostgreSQL estimates them")
        rows = [
            {
                "Table": _MEANINGS.get(table.table, table.table),
                "Rows": words.count(table.rows),
                "Data": words.size(table.data_bytes),
                "Indexes": words.size(table.index_bytes),
            }
            for table in found.tables
            if table.table in _ALWAYS or table.data_bytes + table.index_bytes >= _LEAST_BYTES
        ]
        about = "" if files.exact else "about "
        rows.append(
            {
                "Table": "Files of traces (JSON)",
                "Rows": words.ABSENT if files.problem else about + words.count(files.files),
                "Data": words.ABSENT if files.problem else about + words.size(files.bytes),
                "Indexes": words.ABSENT,
            }
        )
        fitting_table(rows, "system.tables", alt="Sizes of tables", numbers=("Rows", "Data", "Indexes"))
        if files.problem:
            st.caption(f"The files are not known: {files.problem}")


def rules() -> None:
    """Sampling, retention and limits as the settings of this process have them."""
    st.subheader("Rules in force", anchor=False)
    values = settings()
    rows = [
        {
            "Setting": environment_name(field),
            "Value": _said(field, getattr(values, field)),
            "Meaning": str(Settings.model_fields[field].description),
        }
        for field in _RULES
        if field in Settings.model_fields
    ]
    fitting_table(rows, "system.settings", alt="Settings in force", wide="Meaning")
    st.caption("As the dashboard reads them, from the environment and `.env`; the service has its own environment.")


def _said(field: str, value: object) -> str:
    if value is None or value == {}:
        return words.ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field in _SIZES and isinstance(value, int):
        return words.size(value)
    if field in _SHARES and isinstance(value, float):
        return words.share(value)
    return words.count(value) if isinstance(value, int) else str(value)
