"""The parts of the quality page: numbers, flags and gate over time, principles, where they fail, what calibration noticed."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard import (
    calibration_charts,
    clickable,
    data,
    decisions_data,
    decisions_panels,
    decisions_words,
    filters,
    layout,
    navigation,
    panels,
    quality_charts,
    quality_data,
    words,
)
from dashboard.fitting_table import fitting_table
from dashboard.trace_list import SHORT_COLUMNS, trace_list
from dashboard.view import View
from tracing_core.model import TraceStatus
from tracing_core.query.alerts import AlertRow
from tracing_core.query.overview import Totals
from tracing_core.query.quality import MOST_RUNS, QualityReport, Side
from tracing_core.query.runs import RunMeasures

_MOST_FLAGGED = 10
_FEW, _TALL = 4, 420
_SIDES: dict[Side, str] = {"domain": "Domains", "intent": "Intents"}


def of_runs(view: View) -> View:
    """The view for research runs: complete ones, unless another status is asked for."""
    return replace(view, status=view.status or TraceStatus.COMPLETE)


def numbers(totals: Totals, runs: RunMeasures, for_review: str) -> None:
    """The flags of all answers, and the verdicts on runs."""
    judged = runs.qg_passed + runs.qg_failed
    with st.grid(5, min_column_width=150, gap="small"):
        st.metric(
            "Flagged answers",
            words.share(totals.flagged / totals.count if totals.count else None),
            border=True,
            help=f"{words.count(totals.flagged)} of {words.count(totals.count)} are rated badly, empty or unsure",
        )
        st.metric("Runs judged", words.count(judged), border=True, help="Runs of which a quality gate said something")
        st.metric("Gate passed", words.share(runs.qg_passed / judged if judged else None), border=True)
        st.metric(
            "Quality score",
            words.ABSENT if runs.avg_quality is None else f"{runs.avg_quality:.2f}",
            border=True,
            help="Mean of complete runs, 0 to 3",
        )
        st.metric("For review", for_review, border=True, help="Runs that calibration flagged, and nobody settled yet")


def over_time(view: View) -> None:
    """Quality flags, and what the gate said, each bar a link to its traces."""
    chosen = view.trace_filter(filters.present())
    left, right = layout.wide_then_narrow()
    with left:
        panels.flags(data.flags_over_time(chosen))
    points = quality_data.gate(chosen)
    with right, decisions_panels.panel("Quality gate"):
        if not points:
            st.caption("No run of this time went through a quality gate.")
            return
        picked = clickable.chart(
            quality_charts.gate_over_time(points), "quality.gate", "Passes and failures of the quality gate over time"
        )
        said = {entry[0] for entry in picked}
        gate = said.pop() == "yes" if len(said) == 1 else None
        panels.open_times([entry[1] for entry in picked], [point.bucket for point in points], gate=gate)


def principles(view: View, report: QualityReport) -> None:
    """Which principles fail most, where they fail, and who is above or below the average."""
    runs = of_runs(view)
    st.subheader("What falls short", anchor=False)
    st.caption(_looked_at(report))
    left, right = layout.narrow_then_wide()
    with (
        left,
        decisions_panels.panel(
            "Principles", "How often each fails, with its interval of 95 %; a bar leads to the runs"
        ),
    ):
        picked = clickable.chart(
            quality_charts.principles(report.principles), "quality.principles", "How often each principle fails"
        )
        if picked:
            navigation.open_page("traces", replace(runs, gap=picked[0][0]).params())
    with right:
        _table(runs, report)
    side: Side = st.segmented_control(
        "By", list(_SIDES), format_func=_SIDES.__getitem__, key="quality.side", default="domain", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    _where(runs, report, side)


def _looked_at(report: QualityReport) -> str:
    mean = "" if report.mean_score is None else f", mean score {report.mean_score:.2f} of 3"
    if report.whole:
        return f"{words.count(report.runs)} complete runs that a gate judged{mean}"
    return f"The newest {words.count(MOST_RUNS)} complete runs that a gate judged{mean}"


def _table(runs: View, report: QualityReport) -> None:
    rows = [
        {
            "Principle": each.principle_id,
            "Fails": f"{words.count(round(each.fails))} of {words.count(round(each.count))}",
            "Rate": f"{decisions_words.percent(each.rate)} ({decisions_words.between(each.interval)})",
            "Mean score": words.ABSENT if each.mean_score is None else f"{each.mean_score:.2f}",
        }
        for each in report.principles
    ]
    at = fitting_table(
        rows,
        "quality.table",
        alt="Principles with how often they fail",
        numbers=("Fails", "Rate", "Mean score"),
        click="opens",
    )
    if at is not None:
        navigation.open_page("traces", replace(runs, gap=report.principles[at].principle_id).params())


def _where(runs: View, report: QualityReport, side: Side) -> None:
    cells, standings = report.cells[side], report.standings[side]
    if not quality_charts.frequent(cells) and not any(row.value for row in standings):
        st.caption(f"No run of this time names its {side}.")
        return
    left, right = layout.wide_then_narrow()
    said = "Red or blue where a principle fails more or less often here than on the whole, by more than chance explains"
    with left, decisions_panels.panel(f"Principles by {side}", f"{said}. A cell leads to the runs that fall short"):
        picked = clickable.chart(
            quality_charts.heat(cells, report.principles), f"quality.heat.{side}", f"Failures of principles by {side}"
        )
        if picked:
            changed = {"gap": picked[0][0], side: picked[0][1]}
            navigation.open_page("traces", replace(runs, **changed).params())
    with (
        right,
        decisions_panels.panel("Against the average", "Mean score less that of all runs, with its interval of 95 %"),
    ):
        picked = clickable.chart(
            quality_charts.standings(standings),
            f"quality.standings.{side}",
            f"Score of each {side} against the average",
        )
        if picked:
            changed = {side: picked[0][0]}
            navigation.open_page("traces", replace(runs, **changed).params())


def noticed(view: View) -> None:
    """What calibration noticed, and the runs that somebody should look at."""
    chosen = view.trace_filter(filters.present())
    found = quality_data.alerts(chosen)
    page = data.traces(replace(chosen, flagged_for_review=True), "newest", None, _MOST_FLAGGED)
    st.subheader("What calibration noticed", anchor=False)
    if not found and not page.rows:
        st.caption("No pattern that is worth a look, and no run that waits for a review.")
        return
    left, right = layout.narrow_then_wide()
    with left, decisions_panels.panel("Patterns", "Each is said once a day; it leads to the run that showed it first"):
        with st.container(height=_TALL if len(found) > _FEW else "content", border=False, gap="small"):
            for alert in found:
                alert_line(alert)
        if not found:
            st.caption("Nothing was noticed in this time.")
    with right:
        if page.rows:
            trace_list(page.rows, key="quality.flagged", now=filters.now(), columns=SHORT_COLUMNS)
        else:
            st.caption("No run of this time waits for a review.")
        if page.next_cursor:
            navigation.link("traces", "All runs that wait for a review", replace(view, review=True).params())


def alert_line(alert: AlertRow) -> None:
    """One pattern, with the way to the run that showed it."""
    with st.container(gap=None):
        st.caption(f"{words.ago(alert.created_at, filters.now())} · {words.label(alert.project)}")
        st.text(alert.message)
        navigation.link("trace", "The run that showed it", {"id": alert.trace_id})


def reliability(view: View) -> None:
    """Whether the confidence of decisions holds; the page of decisions says more."""
    chosen = view.trace_filter(filters.present())
    known = decisions_data.outcomes(chosen)
    if not known:
        return
    outcome = view.outcome if view.outcome in known else known[0]
    found, _ = decisions_data.calibrations(chosen, outcome)
    if found is None:
        return
    st.subheader("Does confidence hold?", anchor=False)
    left, right = layout.wide_then_narrow()
    with left, decisions_panels.panel(f"Confidence against: {decisions_words.OUTCOMES[outcome].lower()}"):
        picked = clickable.chart(calibration_charts.reliability(found), "quality.reliability", "Reliability curve")
        if picked:
            changed = replace(view, sure_from=picked[0][0], sure_to=picked[0][1])
            navigation.open_page("traces", changed.params())
    with right, decisions_panels.panel("In words"):
        decisions_panels.in_words(found)
        navigation.link("decisions", "By type, stage and model", replace(view, outcome=outcome).params())
