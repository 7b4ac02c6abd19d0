"""All types of decisions: what was chosen, how well confidence holds, and who decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import streamlit as st

from dashboard import (
    calibration_charts,
    clickable,
    decisions_charts,
    decisions_components,
    decisions_data,
    decisions_panels,
    decisions_words,
    filters,
    layout,
    navigation,
    states,
    words,
)
from dashboard.fitting_table import fitting_table
from dashboard.view import View
from tracing_core.confidence import Calibration
from tracing_core.query.confidence import By
from tracing_core.query.decisions import DecisionType, DecisionTypes
from tracing_core.query.outcomes import OUTCOMES, Outcome

_PART = "part"
_APART: Mapping[By, str] = {"decision": "Type", "stage": "Stage", "model": "Model", "project": "Project"}


def outcome(view: View) -> Outcome:
    """By what it is told whether a trace turned out well: as the address says, else in the first way that is known."""
    known = decisions_data.outcomes(replace(view, outcome=None).trace_filter(filters.present()))
    chosen = view.outcome if view.outcome in known else next(iter(known), view.outcome or OUTCOMES[0])
    if len(known) > 1:
        st.session_state["decisions.outcome"] = chosen
        st.segmented_control(
            "Right means",
            known,
            format_func=decisions_words.OUTCOMES.__getitem__,
            key="decisions.outcome",
            required=True,
            on_change=_set_outcome,
        )
    return chosen


def _set_outcome() -> None:
    filters.change(outcome=st.session_state["decisions.outcome"])


def show(view: View, outcome: Outcome) -> None:
    """What all decisions have in common, and one of three parts."""
    now = filters.present()
    chosen, before = view.trace_filter(now), view.period_before(now)
    found = decisions_data.types(chosen, outcome, before)
    if not found.types:
        _nothing(view)
        return
    whole, judged = decisions_data.calibrations(chosen, outcome, "decision")
    _numbers(found, judged, whole, outcome)
    parts: dict[str, Callable[[], None]] = {
        "Choices": lambda: _choices(found, judged),
        "Confidence": lambda: _confidence(view, outcome, whole),
        "By component": lambda: decisions_components.show(view, found.types),
    }
    parts[_part(list(parts))]()
    st.caption(decisions_panels.said_of_samples(found))


def _nothing(view: View) -> None:
    if view.chips():
        states.empty("No decision fits these filters.", hint="Take one away, or choose a longer time range.")
    else:
        states.empty("No decisions in this time.", hint="Choose a longer time range, or make some.", chat=True)


def _numbers(
    found: DecisionTypes, judged: Mapping[str, Calibration], whole: Calibration | None, outcome: Outcome
) -> None:
    count = sum(each.group.count for each in found.types)
    wrong = sum(each.verdict == "over" for each in judged.values())
    known = decisions_words.OUTCOMES[outcome]
    with st.grid(5, min_column_width=150, gap="small"):
        st.metric("Decisions", decisions_words.about(count, found.sample), border=True, height="stretch")
        st.metric("Types", words.count(len(found.types)), border=True, height="stretch")
        st.metric(
            "Confidence",
            words.confidence(whole.confidence if whole else None),
            help="Mean of decisions whose outcome is known",
            border=True,
            height="stretch",
        )
        st.metric(
            "Right",
            words.share(whole.good if whole else None),
            help=f"{known}. Share of decisions with a confidence and a known outcome",
            border=True,
            height="stretch",
        )
        st.metric(
            "Over-confident",
            words.count(wrong) if judged else words.ABSENT,
            help="Types of decisions whose confidence is above what chance explains of how often they were right",
            border=True,
            height="stretch",
        )


def _part(names: Sequence[str]) -> str:
    """Which part is shown: as the address says, else as before."""
    said = st.query_params.get(_PART) or st.session_state.get("decisions.part")
    st.session_state["decisions.part"] = said if said in names else names[0]
    chosen = st.segmented_control(
        "Part", names, key="decisions.part", label_visibility="collapsed", required=True, on_change=_set_part
    )
    return str(chosen)


def _set_part() -> None:
    st.query_params[_PART] = st.session_state["decisions.part"]


def _choices(found: DecisionTypes, judged: Mapping[str, Calibration]) -> None:
    left, right = layout.wide_then_narrow()
    with (
        left,
        decisions_panels.panel(
            "What was chosen", "Each bar is a type; its parts are the choices, the frequent ones first"
        ),
    ):
        picked = clickable.chart(decisions_charts.types(found.types), "decisions.types", "Choices by type of decision")
        if picked:
            open_type(picked[0][0])
    with (
        right,
        decisions_panels.panel(
            "Said and came true", "Beneath the line a type is over-confident, above it under-confident"
        ),
    ):
        shown = [(each.decision, judged[each.decision]) for each in found.types if each.decision in judged]
        if shown:
            picked = clickable.chart(
                calibration_charts.says_and_comes_true(shown), "decisions.scatter", "Confidence against outcome by type"
            )
            if picked:
                open_type(picked[0][0])
        else:
            st.caption("How these traces turned out is not known: nobody rated them, and no quality gate judged them.")
    rows = [_row(each, judged.get(each.decision), found) for each in found.types]
    at = fitting_table(
        rows, "decisions.table", alt="Types of decisions", wide="Choices", numbers=("How often", "Confidence", "Right", "Drift"),
        lesser=("Drift", "Choices"), click="opens",
    )  # fmt: skip
    if at is not None:
        open_type(found.types[at].decision)


def _row(each: DecisionType, judged: Calibration | None, found: DecisionTypes) -> dict[str, str]:
    quantiles = each.quantiles
    return {
        "Decision": each.decision,
        "How often": decisions_words.about(each.group.count, found.sample),
        "Confidence": words.ABSENT
        if quantiles is None
        else f"{quantiles.median:.2f} ({quantiles.low:.2f}–{quantiles.high:.2f})",
        "Right": decisions_words.good(each.group),
        "Verdict": decisions_words.short_verdict(judged),
        "Drift": decisions_words.drift(each.drift),
        "Choices": decisions_words.choices(each),
    }


def _confidence(view: View, outcome: Outcome, whole: Calibration | None) -> None:
    """The reliability curve of all decisions, and how they do by what they are taken apart by."""
    if whole is None:
        states.empty(
            "No decision has both a confidence and a known outcome.", hint="Rate answers, or record a quality gate."
        )
        return
    left, right = layout.wide_then_narrow()
    with left, decisions_panels.panel("All decisions", decisions_words.verdict(whole)):
        picked = clickable.chart(calibration_charts.reliability(whole), "decisions.reliability", "Reliability curve")
        if picked:
            navigation.open_page("traces", filters.remembered(sure_from=picked[0][0], sure_to=picked[0][1]))
    with right, decisions_panels.panel("In words"):
        decisions_panels.in_words(whole)
    by: By = st.segmented_control(
        "Taken apart by",
        list(_APART),
        format_func=_APART.__getitem__,
        key="decisions.by",
        default="stage",
        required=True,
    )
    _, parts = decisions_data.calibrations(view.trace_filter(filters.present()), outcome, by)
    ordered = sorted(parts.items(), key=lambda item: -abs(item[1].gap) * item[1].weight)
    at = fitting_table(
        [_judged_row(_APART[by], *each) for each in ordered], f"decisions.apart.{by}", alt="Calibration",
        numbers=("Decisions", "Says", "Right", "Calibration error", "Brier"), lesser=("Brier",), click="opens",
    )  # fmt: skip
    if at is not None:
        _open_part(by, ordered[at][0])


def _judged_row(title: str, name: str, found: Calibration) -> dict[str, str]:
    return {
        title: name or "none",
        "Decisions": words.count(found.count),
        "Says": f"{found.confidence:.2f}",
        "Right": f"{decisions_words.percent(found.good)} ({decisions_words.between(found.interval)})",
        "Verdict": decisions_words.short_verdict(found),
        "Calibration error": decisions_panels.error(found),
        "Brier": f"{found.brier.score:.3f}",
    }


def _open_part(by: By, name: str) -> None:
    if by == "decision":
        open_type(name)
    elif by == "stage":
        navigation.open_page("traces", filters.remembered(stage=name))
    elif by == "model":
        navigation.open_page("traces", filters.remembered(model=name))
    else:
        filters.change(project=name)
        st.rerun()


def open_type(decision: str) -> None:
    """Show one type."""
    filters.change(decision=decision)
    st.rerun()
