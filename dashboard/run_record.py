"""The calibration record of a run (seed B, section 7.2): filled in from the trace, edited, confirmed with a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import filters, run_data, words
from dashboard.decision_cards import plain
from tracing_core.calibration_fields import TEXTS
from tracing_core.calibration_records import LONGEST_NAME, LONGEST_NOTES, differences
from tracing_core.errors import InvalidInput, TraceNotFound

_GATE = {True: "passed", False: "failed", None: "no gate"}
_BEST = 3.0
_NAME = "trace.record.name"


def record(trace_id: str) -> None:
    """Who confirmed what so far, and the way to confirm it."""
    with st.container(border=True):
        st.markdown("**Calibration record**", help="What this run says of itself, checked by a person, for calibration")
        for each in run_data.records(trace_id):
            changed = ", ".join(differences(each.prefilled, each.document)) or "nothing"
            by = words.label(each.confirmed_by)
            st.caption(f"{by} · {words.ago(each.confirmed_at, filters.now())} · changed {words.label(changed, 200)}")
            if each.notes:
                st.text(each.notes)
        if st.button("Check and confirm", key="trace.record.open", icon=":material/fact_check:"):
            _dialog(trace_id)


@st.dialog("Calibration record", width="large")
def _dialog(trace_id: str) -> None:
    form(trace_id)


def form(trace_id: str) -> None:
    """The record to check, and what keeps it."""
    try:
        prefilled = run_data.pulled(trace_id)
    except TraceNotFound:
        st.error("This trace is not stored any more.")
        return
    st.caption("Filled in from the run. Mend what is wrong, then confirm it; what was measured stays as it is.")
    with st.form("trace.record", border=False):
        changes = _fields(prefilled)
        notes = st.text_area("What else is to be known", key="trace.record.notes", max_chars=LONGEST_NOTES)
        name = st.text_input(
            "Confirmed by", st.session_state.get(_NAME, ""), key="trace.record.by", max_chars=LONGEST_NAME
        )
        sent = st.form_submit_button("Confirm", type="primary", key="trace.record.send")
    if sent:
        _keep(prefilled, changes, notes, name)


def _keep(prefilled: Mapping[str, Any], changes: Mapping[str, Any], notes: str, name: str) -> None:
    try:
        run_data.confirm(prefilled, changes, notes=notes, confirmed_by=name)
    except InvalidInput as error:
        st.error(f"Not kept: {error}")
        return
    st.session_state[_NAME] = name
    st.toast("Record kept", icon=":material/check:")
    st.rerun()


def _fields(prefilled: Mapping[str, Any]) -> dict[str, Any]:
    """The fields to edit; returns them as they are now."""
    found: dict[str, Any] = {}
    with st.grid(3, min_column_width=160, gap="small"):
        for field in TEXTS:
            found[field] = st.text_input(_title(field), prefilled[field] or "", key=f"trace.record.{field}") or None
        found["quality_gate_passed"] = st.selectbox(
            "Quality gate", list(_GATE), list(_GATE).index(prefilled["quality_gate_passed"]),
            format_func=_GATE.__getitem__, key="trace.record.gate",
        )  # fmt: skip
        found["overall_quality_score"] = st.number_input(
            "Quality score", 0.0, None, prefilled["overall_quality_score"], 0.1, key="trace.record.score",
            help=f"0 to {_BEST:g}; empty when nobody scored it",
        )  # fmt: skip
    found["principle_scores"] = _scores(prefilled["principle_scores"])
    for field in ("gap_principles", "strength_principles"):
        found[field] = st.multiselect(
            _title(field), sorted({*prefilled[field], *prefilled["principle_scores"]}), prefilled[field],
            key=f"trace.record.{field}", accept_new_options=True,
        )  # fmt: skip
    found["evidence"] = _evidence(prefilled["evidence"])
    found["decisions"] = _decisions(prefilled["decisions"])
    return found


def _scores(scores: Mapping[str, float]) -> dict[str, float]:
    st.caption("Principle scores")
    rows = st.data_editor(
        [{"Principle": name, "Score": float(score)} for name, score in scores.items()] or [{"Principle": None, "Score": None}],
        num_rows="dynamic", hide_index=True, key="trace.record.scores", height="content",
        column_config={
            "Principle": st.column_config.TextColumn(),
            "Score": st.column_config.NumberColumn(min_value=0.0, max_value=_BEST, step=0.1),
        },
    )  # fmt: skip
    return {row["Principle"]: row["Score"] for row in rows if row.get("Principle") and row.get("Score") is not None}


def _evidence(evidence: Mapping[str, Any]) -> dict[str, Any]:
    counts = [name for name in evidence if name != "sources"]
    found: dict[str, Any] = {}
    with st.grid(len(counts), min_column_width=110, gap="small"):
        for name in counts:
            found[name] = st.number_input(
                f"Evidence {name}", 0, None, evidence[name], key=f"trace.record.evidence.{name}"
            )
    sources = st.multiselect(
        "Sources of evidence", evidence["sources"] or [], evidence["sources"], key="trace.record.sources",
        accept_new_options=True,
    )  # fmt: skip
    return {**found, "sources": sources or (None if evidence["sources"] is None else [])}


def _decisions(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Type, stage and confidence can be mended; what was chosen is shown."""
    if not made:
        return made
    with st.expander(f"Decisions {words.count(len(made))}"):
        rows = st.data_editor(
            [
                {"Stage": each["stage"], "Decision": each["decision"], "What": plain(each["what"]), "Confidence": each["confidence"]}
                for each in made
            ],
            hide_index=True, key="trace.record.decisions", disabled=["What"],
            column_config={"Confidence": st.column_config.NumberColumn(min_value=0.0, max_value=1.0, step=0.01)},
        )  # fmt: skip
    return [
        {**each, "stage": row["Stage"] or "", "decision": row["Decision"], "confidence": row["Confidence"]}
        for each, row in zip(made, rows, strict=True)
    ]


def _title(field: str) -> str:
    return field.replace("_", " ").capitalize()
