"""Two groups of runs: what they are told apart by, the verdict, each number with its uncertainty, and what else differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from math import isinf

import streamlit as st

from dashboard import (
    compare_charts,
    compare_data,
    compare_page,
    compare_times,
    compare_view,
    filters,
    layout,
    navigation,
    states,
    words,
)
from dashboard.clickable import chart
from dashboard.compare_view import DEFAULT_BY, Asked
from dashboard.decisions_panels import panel
from dashboard.view import View
from tracing_core.cohort import OTHERS, Cohort, CohortSample
from tracing_core.comparison import Comparison, Line, Unit
from tracing_core.comparison_words import headline, mix_sentence, sentence, within_sentence
from tracing_core.query.cohorts import Dimension

_TOPICS = {"latency": "Time", "cost": "Cost", "quality": "Quality"}
_COLOURS = {"better": "green", "worse": "red", "other": "blue", "same": "gray"}
_BE = {"better": "better", "worse": "worse", "other": "differs", "same": "may be chance"}


def show(view: View, asked: Asked) -> None:
    """Choose two groups, and compare them."""
    chosen = view.trace_filter(filters.present())
    found = {each.by: each for each in compare_data.dimensions(chosen)}
    if not found and asked.by is None:
        _nothing(view)
        return
    asked = _filled(view, asked, found)
    _choose(view, asked, found)
    cohorts = asked.cohorts()
    if cohorts is None:
        states.empty(
            "Choose two groups that differ.", hint="All others is everything that does not have the other value."
        )
        return
    a, b = cohorts
    if asked.by == "time":  # the ranges of the groups stand for that of the page
        chosen = replace(chosen, start=None, end=None)
    samples = compare_data.sample(chosen, a), compare_data.sample(chosen, b)
    _tell(view, cohorts, samples, compare_data.compared(chosen, a, b))


def _nothing(view: View) -> None:
    if view.chips():
        states.empty("No traces fit these filters.", hint="Take one away, or choose a longer time range.")
    else:
        states.empty("No traces to compare in this time.", hint="Choose a longer time range, or make some.", chat=True)


def _filled(view: View, asked: Asked, found: Mapping[str, Dimension]) -> Asked:
    """What was asked, with the most frequent values where nothing was chosen."""
    by = asked.by or (DEFAULT_BY if DEFAULT_BY in found else next(iter(found)))
    values = _values(view, by, found)
    a = asked.a or next((each for each in values if each != asked.b), None)
    b = asked.b or next((each for each in values if each != a), None)
    return Asked(by=by, a=a, b=b)


def _values(view: View, by: str, found: Mapping[str, Dimension]) -> list[str]:
    if by == "time":
        this, *before = compare_view.times(view, filters.present())
        return [*before[:1], this, *before[1:]]
    return [*found[by].values] if by in found else []


def _choose(view: View, asked: Asked, found: Mapping[str, Dimension]) -> None:
    by = asked.by or DEFAULT_BY
    values = _values(view, by, found)
    said = compare_view.times(view, filters.present()) if by == "time" else {}
    counts = found[by].values if by in found else {}

    def name(value: str) -> str:
        if value == OTHERS:
            return "all others"
        count = f" · {words.count(counts[value])}" if value in counts else ""
        return f"{words.label(said.get(value) or compare_view.named(by, value), 60)}{count}"

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        ways = [*found, *(["time"] if view.bounds(filters.present())[0] else [])]
        ways = ways if by in ways else [by, *ways]
        st.session_state["compare.by"] = by
        st.selectbox(
            "Told apart by", ways, key="compare.by", format_func=compare_view.title, on_change=_set_by, width=230
        )
        for key, value in (("a", asked.a), ("b", asked.b)):
            options = [*values, *([] if by == "time" else [OTHERS])]
            options = options if value in options or value is None else [value, *options]
            st.session_state[f"compare.{key}"] = value
            st.selectbox(
                key.upper(),
                options,
                key=f"compare.{key}",
                format_func=name,
                on_change=partial(_set, asked, key),
                width=260,
            )
        st.button(
            "Swap",
            key="compare.swap",
            icon=":material/swap_horiz:",
            on_click=partial(compare_page.go, asked.swapped()),
            width="content",
        )
    if by == "time":
        compare_times.choose(asked)


def _tell(
    view: View, cohorts: tuple[Cohort, Cohort], samples: tuple[CohortSample, CohortSample], found: Comparison
) -> None:
    with st.container(border=True):
        st.markdown(f"**{words.safe_markdown(headline(found))}**")
        _legend(view, cohorts, samples)
    for mix in found.mixes:
        _mix(found, mix.by)
    if not found.lines:
        return
    left, right = layout.wide_then_narrow()
    with left, panel("Number by number", "Green: B is better; red: worse; both beyond what chance explains"):
        st.markdown(_table(found.lines))
        if found.missing:
            missing = words.safe_markdown(" · ".join(each.title.lower() for each in found.missing))
            st.caption(f"Too few runs say anything of: {missing}")
    with right, panel("B against A", "Percent more or less, with intervals of 95 %; grey may be chance"):
        chart(
            compare_charts.ratios([line for line in found.lines if line.measure.relative]),
            "compare.ratios",
            "B against A",
        )
        for line in found.lines:
            if line.differs or line.measure.topic == "quality":
                st.caption(f"**{line.measure.title}.** {words.safe_markdown(sentence(line))}")
    if found.stages:
        left, right = layout.wide_then_narrow()
        with left, panel("Stages", "The median time of each stage, where most time goes"):
            st.markdown(_table(found.stages))
        with right, panel("Stages of B against A", "Percent more or less time, with intervals of 95 %"):
            chart(compare_charts.ratios(found.stages), "compare.stages", "Stages of B against A")
    st.caption(
        f"Intervals are of 95 %. {len(found.lines) + len(found.stages)} numbers were compared, and their p values are made "
        "larger for that (Holm), so that chance alone calls any of them a difference once in twenty comparisons at most."
    )


def _legend(view: View, cohorts: tuple[Cohort, Cohort], samples: tuple[CohortSample, CohortSample]) -> None:
    for key, cohort, sample in zip("AB", cohorts, samples, strict=True):
        name = cohort.value if not cohort.others else f"not {cohort.value}"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            said = f"{words.count(len(sample))} runs"
            if not sample.whole:
                said = f"{words.count(len(sample))} of about {words.count(sample.stands_for)} runs, drawn at random"
            elif sample.stands_for != len(sample):
                said += f" that stand for {words.count(sample.stands_for)}"
            st.markdown(
                f"**{key}** {words.label(compare_view.named(cohort.by, name), 80)} :gray[{said}]", width="content"
            )
            params = compare_view.traces_of(view, cohort)
            if params is not None:
                navigation.link("traces", "Its traces", params)


def _mix(found: Comparison, by: str) -> None:
    mix = next(each for each in found.mixes if each.by == by)
    compared = {line.measure.key for line in found.lines}
    told = [
        each
        for each in mix.within
        if each.key in compared and (each.turns or each.key in ("duration_ms", "rating", "flagged"))
    ]
    with st.container(border=True):
        icon = ":orange[:material/warning:]" if any(each.turns for each in told) else ":gray[:material/info:]"
        st.markdown(f"{icon} {words.safe_markdown(mix_sentence(mix))}")
        for each in told:
            st.caption(words.safe_markdown(within_sentence(each, mix.by)))


def _table(lines: Sequence[Line]) -> str:
    """A table in Markdown; all words in it are ours, or made harmless."""
    rows = ["| | A | B | B is | p |", "|---|---:|---:|---|---:|"]
    topics = {line.measure.topic for line in lines}
    topic = None
    for line in lines:
        measure = line.measure
        if len(topics) > 1 and measure.topic != topic:
            topic = measure.topic
            rows.append(f"| **{_TOPICS[topic]}** | | | | |")
        colour = _COLOURS[line.verdict]
        p = "<0.001" if line.corrected_p < 0.001 else f"{line.corrected_p:.3f}"
        rows.append(
            f"| {words.label(measure.title, 40)} | {_whole(measure.unit, line.a.value)} | {_whole(measure.unit, line.b.value)} "
            f"| :{colour}[{_change(line)}] | {p} |"
        )
    return "\n".join(rows)


def _change(line: Line) -> str:
    """What the difference is, with its interval."""
    if line.measure.relative and line.ratio is not None:
        low, middle, high = (
            _signed((each - 1) * 100, 0) for each in (line.ratio.low, line.ratio.value, line.ratio.high)
        )
        if line.ratio.low <= 0 and isinf(line.ratio.high):
            return "too few runs to say"
        return f"{middle} % ({low} to {high}) · {_BE[line.verdict]}"
    size, unit = (100, " points") if line.measure.unit == "share" else (1, "")
    digits = 1 if size == 100 else 2
    low, middle, high = (
        _signed(each * size, digits) for each in (line.difference.low, line.difference.value, line.difference.high)
    )
    return f"{middle}{unit} ({low} to {high}) · {_BE[line.verdict]}"


def _signed(value: float, digits: int) -> str:
    """With its sign; what rounds to nothing has a plus."""
    return "+∞" if isinf(value) else f"{round(value, digits) + 0.0:+,.{digits}f}"


def _whole(unit: Unit, value: float) -> str:
    """An amount that no line break parts from its unit."""
    return amount(unit, value).replace(" ", "\u00a0")


def amount(unit: Unit, value: float) -> str:
    """A number with its unit, for Markdown."""
    if unit == "ms":
        return words.duration(value)
    if unit == "usd":
        return words.money(Decimal(repr(value))).replace("$", "\\$")
    if unit == "tokens":
        return words.count(round(value))
    return words.share(value) if unit == "share" else f"{value:.2f}"


def _set_by() -> None:
    compare_page.go(Asked(by=st.session_state["compare.by"]))


def _set(asked: Asked, key: str) -> None:
    asked = compare_page.newest(asked)
    chosen = st.session_state[f"compare.{key}"]
    other = "b" if key == "a" else "a"
    changed = {key: chosen}
    if getattr(asked, other) == chosen:  # the two never are the same: they change places
        changed[other] = getattr(asked, key)
    compare_page.go(replace(asked, **changed))
