"""One type of decision: its choices and how they turned out, how far to believe its confidence, what it was made over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from dashboard import (
    calibration_charts,
    clickable,
    decisions_charts,
    decisions_data,
    decisions_panels,
    decisions_words,
    filters,
    layout,
    navigation,
    panels,
    states,
    words,
)
from dashboard.fitting_table import fitting_table
from dashboard.view import View
from tracing_core.confidence import Calibration
from tracing_core.query.alternatives import MARGINS, MarginBand, NotTaken
from tracing_core.query.confidence import Wrong, WrongDecision
from tracing_core.query.decisions import DecisionPoint, DecisionType, DecisionTypes
from tracing_core.query.outcomes import Outcome

_BANDS = (
    "the alternative was surer", f"close call, under {MARGINS[2]}", f"clear, {MARGINS[2]}–{MARGINS[3]}",
    f"no contest, {MARGINS[3]} or more",
)  # fmt: skip


def show(view: View, outcome: Outcome) -> None:
    """All about the decisions of the type that the address names."""
    now = filters.present()
    chosen = view.trace_filter(now)
    found = decisions_data.types(chosen, outcome, view.period_before(now), over_time=True)
    _head(view, found)
    if not found.types:
        states.empty("No such decision in this time.", hint="Choose a longer time range, or take a filter away.")
        return
    of_type = found.types[0]
    judged, _ = decisions_data.calibrations(chosen, outcome)
    _numbers(of_type, judged, found, outcome)
    _how_it_went(of_type)
    _confidence(judged)
    _over_time(of_type)
    _not_taken(view, outcome)
    _wrong(view, outcome)
    st.caption(decisions_panels.said_of_samples(found))


def _head(view: View, found: DecisionTypes) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "All types",
            key="decisions.all",
            icon=":material/arrow_back:",
            on_click=partial(filters.change, **dict.fromkeys(filters.OF_DECISIONS)),
        )
        st.subheader(f":violet[◆] {words.label(view.decision or '', 120)}", anchor=False, width="stretch")
        navigation.link("traces", "Traces with it", view.params(), icon=":material/list_alt:")
    if found.types:
        stages = ", ".join(words.label(name or "the trace itself") for name in found.types[0].stages)
        st.caption(f"decided in {stages}")


def _numbers(each: DecisionType, judged: Calibration | None, found: DecisionTypes, outcome: Outcome) -> None:
    quantiles, before = each.quantiles, each.before
    with st.grid(6, min_column_width=140, gap="small"):
        _metric("How often", decisions_words.about(each.group.count, found.sample), None)
        _metric(
            "Confidence",
            words.ABSENT if quantiles is None else f"{quantiles.median:.2f}",
            None if quantiles is None else f"Median; 8 of 10 are from {quantiles.low:.2f} to {quantiles.high:.2f}",
        )
        _metric(
            "Right",
            words.share(each.group.good),
            f"{decisions_words.OUTCOMES[outcome]}. Of {words.count(each.group.known)} whose outcome is known; "
            f"{decisions_words.between(each.group.interval)} with 95 % confidence",
            delta=None
            if before is None or before.good is None or each.group.good is None
            else each.group.good - before.good,
        )
        _metric("Gap", decisions_words.gap(judged.gap if judged else None), "Confidence less how often right")
        _metric("Calibration error", f"{judged.expected_error:.3f}" if judged else words.ABSENT, "Expected (ECE)")
        _metric(
            "Drift", decisions_words.percent(each.drift), "Of the decisions go another way than in the period before"
        )


def _metric(label: str, value: str, help_text: str | None, delta: float | None = None) -> None:
    st.metric(
        label,
        value,
        None if delta is None else f"{delta * 100:+.0f} points",
        help=help_text,
        border=True,
        height="stretch",
    )


def _how_it_went(each: DecisionType) -> None:
    left, right = layout.wide_then_narrow()
    with (
        left,
        decisions_panels.panel("Choices", "How often each was made, and how often that was right, with intervals"),
    ):
        picked = clickable.chart(decisions_charts.choices(each), "decisions.choices", "Choices and their outcomes")
        if each.others > 0:
            st.caption(f"{decisions_words.percent(each.others)} went {_others(each)} other ways.")
        if picked:
            navigation.open_page("traces", filters.remembered(what=picked[0][0]))
    with right, decisions_panels.panel("Confidence", "How sure these decisions said that they were"):
        if each.confidences:
            picked = clickable.chart(
                decisions_charts.confidences(each), "decisions.confidences", "Distribution of confidence"
            )
            _open_bin(picked)
        else:
            st.caption("None of them says how sure it is.")


def _others(each: DecisionType) -> str:
    return f"{words.count(each.distinct - len(each.choices))}{' or more' if each.distinct_more else ''}"


def _confidence(judged: Calibration | None) -> None:
    left, right = layout.wide_then_narrow()
    with (
        left,
        decisions_panels.panel("Said and came true", "On the line, confidence holds; beneath it, it is too high"),
    ):
        if judged is None:
            st.caption("No decision has both a confidence and a known outcome.")
        else:
            picked = clickable.chart(
                calibration_charts.reliability(judged), "decisions.curve", "Reliability curve with intervals"
            )
            _open_bin(picked)
    with right, decisions_panels.panel("In words"):
        if judged is None:
            st.caption("Rate answers, or record a quality gate, and this says how far to believe the confidence.")
        else:
            decisions_panels.in_words(judged)


def _open_bin(picked: Sequence[Any]) -> None:
    if picked:
        low, high = picked[0][0], picked[0][1]
        navigation.open_page("traces", filters.remembered(sure_from=low, sure_to=high))


def _over_time(each: DecisionType) -> None:
    if len(each.points) < 2:
        return
    left, right = layout.wide_then_narrow()
    with left, decisions_panels.panel("What was chosen, over time"):
        picked = clickable.chart(
            decisions_charts.choices_over_time(each), "decisions.drift", "Share of each choice over time"
        )
        if picked:
            _open_time(picked[0][0], each.points, {"what": picked[0][1]} if picked[0][1] else {})
    with right, decisions_panels.panel("Said and came true, over time"):
        picked = clickable.chart(
            decisions_charts.confidence_over_time(each.points), "decisions.course", "Confidence and outcome over time"
        )
        if picked:
            _open_time(picked[0][0], each.points, {})


def _open_time(moment: str, points: Sequence[DecisionPoint], changes: Mapping[str, Any]) -> None:
    panels.open_times([moment], [point.bucket for point in points], **changes)


def _not_taken(view: View, outcome: Outcome) -> None:
    found = decisions_data.alternatives(view.trace_filter(filters.present()), outcome)
    st.subheader("Alternatives not taken", anchor=False)
    if not found.not_taken:
        st.caption("No decision says what else was on the table.")
        return
    left, right = layout.wide_then_narrow()
    with left:
        rows = [_alternative_row(each) for each in found.not_taken]
        at = fitting_table(
            rows, "decisions.alternatives", alt="Alternatives not taken", lesser=("Chosen", "Its confidence"),
            numbers=("Not taken", "Chosen", "Its confidence", "Margin", "Right without it"), click="opens",
        )  # fmt: skip
        if at is not None:
            navigation.open_page("traces", filters.remembered(alternative=found.not_taken[at].name))
    with right:
        bands = [_band_row(name, band) for name, band in zip(_BANDS, found.bands, strict=True) if band.count]
        if bands:
            fitting_table(
                bands, "decisions.margins", alt="By how much surer the choice was than the best alternative",
                numbers=("Decisions", "Right"),
            )  # fmt: skip
    st.caption(f"{decisions_words.percent(found.with_any)} of {words.count(found.read)} decisions name an alternative.")


def _alternative_row(each: NotTaken) -> dict[str, str]:
    return {
        "Alternative": each.name,
        "Not taken": words.count(round(each.count)),
        "Chosen": words.count(round(each.chosen)),
        "Its confidence": words.confidence(each.confidence),
        "Margin": decisions_words.gap(each.margin),
        "Right without it": _right(each),
    }


def _band_row(name: str, band: MarginBand) -> dict[str, str]:
    return {"How close": name, "Decisions": words.count(round(band.count)), "Right": _right(band)}


def _right(each: NotTaken | MarginBand) -> str:
    if each.good is None:
        return words.ABSENT
    return f"{decisions_words.percent(each.good)} ({decisions_words.between(each.interval)})"


def _wrong(view: View, outcome: Outcome) -> None:
    chosen = view.trace_filter(filters.present())
    st.subheader("Wrong about themselves", anchor=False)
    titles: dict[Wrong, str] = {"over": "Sure, and not right", "under": "Unsure, and right"}
    draw: dict[str, Callable[[], None]] = {}
    for which, title in titles.items():
        rows = decisions_data.wrong(chosen, outcome, which)
        draw[f"{title} · {len(rows)}"] = partial(_listed, f"decisions.wrong.{which}", rows)
    for tab, each in zip(st.tabs(list(draw)), draw.values(), strict=True):
        with tab:
            each()


def _listed(key: str, rows: Sequence[WrongDecision]) -> None:
    if not rows:
        st.caption("None in this time.")
        return
    said = [
        {
            "Confidence": f"{each.confidence:.2f}",
            "Chose": decisions_words.choice(each.what),
            "Question": " ".join((each.query or words.ABSENT).split()),
            "Trace": navigation.address("trace", {"id": each.trace_id}),
            "When": words.ago(each.started_at, filters.now()),
            "Stage": each.stage or "the trace itself",
            "Model": each.model or words.ABSENT,
        }
        for each in rows
    ]
    fitting_table(
        said, key, alt="Decisions with their traces, the worst first", wide="Question", numbers=("Confidence",),
        lesser=("When", "Stage", "Model"), link="Trace",
    )  # fmt: skip
