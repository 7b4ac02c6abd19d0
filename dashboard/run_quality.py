"""What the gate said of a run by principle, and what people make of it: why it is flagged, notes, settling it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import layout, navigation, run_data, run_record, words
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.query.trace import TraceDetail
from tracing_core.research_columns import GAP_BELOW, STRENGTH
from tracing_core.review import LONGEST_NOTES
from tracing_core.rounds import Principle, Round


def badge(trace: TraceDetail) -> list[str]:
    """What a run's gate said, and whether it is flagged, for the sentence at the top; nothing for other traces."""
    said = []
    if trace.quality_gate_passed is not None:
        score = "" if trace.overall_quality_score is None else f" {trace.overall_quality_score:.1f}/3"
        colour, verdict = ("green", "passed") if trace.quality_gate_passed else ("red", "failed")
        said.append(f":{colour}-badge[gate {verdict}{score}]")
    if trace.flagged_for_review:
        said.append(":orange-badge[for review]")
    return said


def is_judged(trace: TraceDetail) -> bool:
    """Whether there is anything to say about the quality of a trace."""
    said = (trace.quality_gate_passed, trace.overall_quality_score, trace.principle_scores, trace.gap_principles)
    return any(each is not None for each in said) or trace.flagged_for_review or trace.review_notes is not None


def quality(trace: TraceDetail, rounds: Sequence[Round]) -> None:
    """Draw both."""
    left, right = layout.wide_then_narrow()
    with left:
        _principles(trace, rounds[-1].principles if rounds else ())
    with right:
        _review(trace)
        run_record.record(trace.trace_id)


def _principles(trace: TraceDetail, told: Sequence[Principle]) -> None:
    found = told or tuple(
        Principle(principle_id=name, name=None, score=score, feedback=None)
        for name, score in sorted((trace.principle_scores or {}).items(), key=lambda pair: pair[1])
    )
    gaps, strengths = set(trace.gap_principles or ()), set(trace.strength_principles or ())
    st.caption(
        f"Of {words.count(len(found))} principles {words.count(len(gaps))} fell short (below {GAP_BELOW}), "
        f"{words.count(len(strengths))} were fully met ({STRENGTH})"
    )
    with st.container(gap="xsmall"):
        for each in found:
            _principle(each, is_gap=each.principle_id in gaps, is_strength=each.principle_id in strengths)
    if not found:
        st.caption("The gate said nothing of single principles.")


def _principle(each: Principle, *, is_gap: bool, is_strength: bool) -> None:
    mark = ":red-badge[gap]" if is_gap else ":green-badge[strength]" if is_strength else ""
    score = words.ABSENT if each.score is None else f"{each.score:g}"
    name = f" :gray[{words.label(each.name)}]" if each.name else ""
    with st.container(border=True, gap=None):
        st.markdown(f"**{score}** · {words.label(each.principle_id)}{name} {mark}")
        if each.feedback:
            st.text(each.feedback)


def _review(trace: TraceDetail) -> None:
    with st.container(border=True):
        state = ":orange-badge[waits for somebody]" if trace.flagged_for_review else ":gray[not flagged]"
        st.markdown(f"**Review** {state}")
        why = run_data.alerts(trace.trace_id)
        for alert in why:
            st.text(alert.message)
            if alert.trace_id != trace.trace_id:
                navigation.link("trace", "Seen that day first in another run", {"id": alert.trace_id})
        if trace.flagged_for_review and not why:
            st.caption("Why it was flagged is not stored any more.")
        with st.form(f"trace.review.{trace.trace_id}", border=False):
            notes = st.text_area(
                "Notes", trace.review_notes or "", max_chars=LONGEST_NOTES, key=f"trace.notes.{trace.trace_id}"
            )
            with st.container(horizontal=True):
                saved = st.form_submit_button("Save notes", key="trace.review.save")
                turned = st.form_submit_button(
                    "Settled" if trace.flagged_for_review else "Flag for review", key="trace.review.turn"
                )
        if saved or turned:
            flagged = trace.flagged_for_review != turned
            _write(trace.trace_id, notes, flagged)


def _write(trace_id: str, notes: str, flagged: bool) -> None:
    try:
        run_data.review(trace_id, notes, flagged=flagged)
    except InvalidInput as error:
        st.error(f"Not saved: {error.problem}")
    except TraceNotFound:
        st.error("Not saved: this trace is not stored any more.")
    else:
        st.toast("Review saved", icon=":material/check:")
        st.rerun()  # the badge at the top follows from it
