"""The fields of an alert rule as widgets: filled from a rule, drawn, and read back into one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import streamlit as st

from dashboard import alerts_words, data, filters, words
from tracing_core.alerts.measure import ABOUT, About, AlertMeasure
from tracing_core.alerts.rule import LONGEST_NAME, LONGEST_TEXT, Against, AlertRule, Direction, Severity
from tracing_core.model import QualityFlag
from tracing_core.query.facets import Facet
from tracing_core.query.filters import TraceFilter
from tracing_core.settings import settings

PREFIX = "alerts.form."
_WEEK_DAYS = 7
_SIDES = {Direction.ABOVE: "above", Direction.BELOW: "below"}
_AGAINST = {Against.THRESHOLD: "the threshold", Against.LAST_WEEK: "the same time last week"}
_SEVERITIES = {Severity.INFO: "Info", Severity.WARNING: "Warning", Severity.CRITICAL: "Critical"}
_FILTERS = ("project", "library", "model", "operation", "trace_name")
_SCALED = ("threshold", "recovery_threshold")
_AS_THEY_ARE = (
    "name", "measure", "direction", "against", *_FILTERS, "flag", "confidence", "window_minutes", "minimum_count",
    "for_minutes", "renotify_minutes", "severity", "note",
)  # fmt: skip


def fill(rule: AlertRule) -> None:
    """Put a rule into the form."""
    for name in _AS_THEY_ARE:
        st.session_state[PREFIX + name] = getattr(rule, name)
    scale = _scale(rule.measure, rule.against)
    for name in _SCALED:
        number = getattr(rule, name)
        st.session_state[PREFIX + name] = None if number is None else round(number * scale, 9)
    st.session_state[PREFIX + "destinations"] = list(rule.destinations)
    st.session_state[PREFIX + "quiet_times"] = alerts_words.quiet_words(rule.quiet_times)
    st.session_state[PREFIX + "silenced_until"] = rule.silenced_until


def rule() -> AlertRule:
    """The rule that the form describes.

    Raises:
        InvalidInput: a value does not fit; names the field.
    """
    found: dict[str, Any] = {name: _of(name) for name in _AS_THEY_ARE}
    about = ABOUT[found["measure"]]
    for name in _FILTERS:
        if not _asks(name, about):
            found[name] = None
    if found["measure"] is AlertMeasure.NO_DATA or not about.history:
        found["against"] = Against.THRESHOLD
    if found["measure"] is AlertMeasure.NO_DATA:
        found |= {"direction": Direction.ABOVE, "threshold": 0.0, "recovery_threshold": None}
    else:
        scale = _scale(found["measure"], found["against"])
        found |= {name: None if _of(name) is None else _of(name) / scale for name in _SCALED}
        found["threshold"] = found["threshold"] or 0.0
    found["flag"] = found["flag"] if about.takes == "flag" else None
    found["confidence"] = found["confidence"] if about.takes == "confidence" else None
    if not about.counted:
        found["minimum_count"] = 0
    return AlertRule(
        **{name: value for name, value in found.items() if value is not None or name not in ("name", "note")},
        destinations=tuple(_of("destinations") or ()),
        quiet_times=alerts_words.quiet_times(_of("quiet_times") or ""),
        silenced_until=_of("silenced_until"),
    )


def draw() -> None:
    """The widgets, those alone that the chosen number needs."""
    st.text_input("Name", key=PREFIX + "name", max_chars=LONGEST_NAME, placeholder="Slow answers")
    measure: AlertMeasure = _of("measure")
    with st.grid(2, min_column_width=220, gap="small"):
        st.selectbox(
            "Number", list(AlertMeasure), key=PREFIX + "measure", format_func=lambda each: ABOUT[each].title,
            on_change=_other_measure, help="What is watched",
        )  # fmt: skip
        if measure is not AlertMeasure.NO_DATA:
            _threshold(ABOUT[measure])
    st.caption(f"{ABOUT[measure].title}: {ABOUT[measure].meaning}.")
    _which(ABOUT[measure])
    _when(ABOUT[measure])
    _who()


def _threshold(about: About) -> None:
    against = _of("against") if about.history else Against.THRESHOLD
    unit = alerts_words.unit_words(against, about.unit)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox("Is bad", list(Direction), key=PREFIX + "direction", format_func=_SIDES.__getitem__, width=110)
        st.number_input(f"Threshold, in {unit}", min_value=0.0, key=PREFIX + "threshold", step=None, format="%g")
    if about.history:
        st.selectbox(
            "Compared with", list(Against), key=PREFIX + "against", format_func=_AGAINST.__getitem__,
            on_change=_other_scale, help="Against last week the threshold is how many times as much it is",
        )  # fmt: skip
    st.number_input(
        f"Recovers at, in {unit}", min_value=0.0, key=PREFIX + "recovery_threshold", step=None, format="%g",
        placeholder="at the threshold", help="How far back it has to come, so that it does not fire and recover in turns",
    )  # fmt: skip


def _which(about: About) -> None:
    """Of which traces."""
    with st.grid(3, min_column_width=200, gap="small"):
        for name in _FILTERS:
            if _asks(name, about):
                _filter(name)
        if about.takes == "flag":
            st.selectbox(
                "Quality flag", list(QualityFlag), key=PREFIX + "flag", format_func=words.flag, index=None,
                placeholder="Any but normal",
            )  # fmt: skip
        if about.takes == "confidence":
            st.number_input("Confidence below", 0.0, 1.0, key=PREFIX + "confidence", step=0.05)


def _filter(name: str) -> None:
    label, options = alerts_words.FIELDS[name], _options(name)
    chosen = st.session_state.get(PREFIX + name)
    if chosen is not None and chosen not in options:
        options = [chosen, *options]
    st.selectbox(
        label, options, key=PREFIX + name, index=None, placeholder="All", accept_new_options=True,
        format_func=lambda value: words.label(value, 60) or f"no {name}",
    )  # fmt: skip


def _options(name: str) -> list[str]:
    """What there was in the last week."""
    if name == "project":
        return list(data.projects())
    hour = filters.now().replace(minute=0, second=0, microsecond=0)
    week = TraceFilter(start=hour - timedelta(days=_WEEK_DAYS))
    if name == "operation":
        return [each.operation for each in data.breakdown(week)]
    facets: tuple[Facet, ...] = ("library", "model")
    return [each.value for facet in facets if facet == name for each in data.facet(facet, week)]


def _when(about: About) -> None:
    with st.grid(4, min_column_width=150, gap="small"):
        st.number_input("Window, in minutes", min_value=1, step=1, key=PREFIX + "window_minutes")
        if about.counted:
            st.number_input(
                "Minimum count", min_value=0, step=1, key=PREFIX + "minimum_count",
                help="Fewer than these in the window say nothing",
            )  # fmt: skip
        st.number_input(
            "For, in minutes", min_value=0, step=1, key=PREFIX + "for_minutes",
            help="How long it has to be bad all the time before the rule fires",
        )  # fmt: skip
        st.number_input(
            "Tell again, after minutes", min_value=1, step=1, key=PREFIX + "renotify_minutes", placeholder="never",
            help="While it goes on firing",
        )  # fmt: skip


def _who() -> None:
    with st.grid(2, min_column_width=220, gap="small"):
        st.selectbox("Severity", list(Severity), key=PREFIX + "severity", format_func=_SEVERITIES.__getitem__)
        known = sorted(settings().alert_destinations)
        chosen = _of("destinations") or []
        st.multiselect(
            "Tell", [*known, *(each for each in chosen if each not in known)], key=PREFIX + "destinations",
            placeholder="Only this page" if known else "No destination is set up",
            help="Destinations are named by the operator, in TRACEWHY_ALERT_DESTINATIONS",
        )  # fmt: skip
    with st.expander("Quiet times and note"):
        st.text_area(
            "Quiet times, one a line", key=PREFIX + "quiet_times", height=80,
            placeholder="sat, sun 00:00-23:59 Europe/Berlin",
            help="When nobody is told in each week; it still fires on this page",
        )  # fmt: skip
        st.text_area(
            "Note", key=PREFIX + "note", height=80, max_chars=LONGEST_TEXT, help="What to do about it; told with it"
        )


def _other_measure() -> None:
    """Another number has another unit: a threshold of the one before would be wrong by far."""
    about = ABOUT[_of("measure")]
    for name in _SCALED:
        st.session_state[PREFIX + name] = None
    st.session_state[PREFIX + "confidence"] = 0.6 if about.takes == "confidence" else None


def _other_scale() -> None:
    for name in _SCALED:
        st.session_state[PREFIX + name] = None


def _asks(name: str, about: About) -> bool:
    return about.by_operation if name == "operation" else name in about.filtered


def _scale(measure: AlertMeasure, against: Against) -> float:
    return 1.0 if against is Against.LAST_WEEK else alerts_words.factor(ABOUT[measure].unit)


def _of(name: str) -> Any:
    return st.session_state.get(PREFIX + name)
