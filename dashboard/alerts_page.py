"""The rules of the page Alerts: how they are, and the one that is chosen with its course and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from dashboard import (
    alerts_charts,
    alerts_data,
    alerts_form,
    alerts_preview,
    alerts_words,
    filters,
    states,
    system_watch,
    words,
)
from dashboard.alerts_words import STATE_COLOURS, STATES
from dashboard.data import VIEWER
from dashboard.watch_data import watching
from tracing_core.alerts.measure import ABOUT
from tracing_core.alerts.state import StateName
from tracing_core.alerts.words import condition
from tracing_core.errors import InvalidInput
from tracing_core.query.alert_rules import DestinationHealth, EventRow, RuleRow
from tracing_core.settings import environment_name, settings

RULE = "rule"
"""Of the URL: the id of the chosen rule."""
_MOST_COURSES = 20
"""Rules whose course is drawn in the table: the first ones."""
_PROBLEM = "alerts.problem"


def numbers(rows: Sequence[RuleRow], sent: Sequence[DestinationHealth]) -> None:
    """How many rules fire, wait, are silenced or say nothing, and how many messages were not delivered."""
    now = filters.now()
    named = [alerts_words.state(row) for row in rows]
    lost = sum(each.failed + each.unknown for each in sent)
    shown = {
        "Firing": named.count("Firing"),
        "Pending": named.count("Pending"),
        "Silenced": sum(alerts_words.is_silent(row, now) for row in rows),
        "Unknown": named.count("Unknown"),
        "Rules on": sum(row.enabled for row in rows),
        "Not delivered": lost,
    }
    with st.grid(6, min_column_width=140, gap="small"):
        for label, count in shown.items():
            st.metric(label, words.count(count), border=True, height="stretch", help=_HELP.get(label))
    for sentence in system_watch.problems(watching(now.replace(minute=0, second=0, microsecond=0)).alerts, now):
        st.warning(sentence, icon=":material/notification_important:")
    if not settings().alerts:
        st.warning(f"{environment_name('alerts')} is off here: no rule is looked at while the service has it so.")


_HELP = {
    "Pending": "Bad, and not for long enough yet to fire",
    "Silenced": "Rules that are on and of which nobody is told now",
    "Unknown": "Too little came in to say anything",
    "Not delivered": "Messages that failed, or of which nobody knows whether they arrived",
}


def rules(rows: Sequence[RuleRow], history: Sequence[EventRow]) -> None:
    """The rules as a table; a click chooses one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Rules", anchor=False, width="stretch")
        st.button("New rule", key="alerts.new", type="primary", icon=":material/add:", on_click=alerts_form.create)
    if not rows:
        states.empty(
            "No rule is set up.",
            hint="A new rule begins with a template: low confidence, a cost spike, low ratings, a latency objective.",
        )
        return
    ordered = alerts_words.worst_first(rows)
    fired = alerts_words.fired_times(history, filters.now())
    table = [_row(row, fired.get(row.rule_id, []), course=n < _MOST_COURSES) for n, row in enumerate(ordered)]
    picked = st.dataframe(
        {name: [each[name] for each in table] for name in table[0]},
        key="alerts.rules",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height="content" if len(table) <= 15 else 600,
        column_config=_COLUMNS,
        alt="Alert rules",
    )
    chosen: list[int] = picked["selection"]["rows"]
    remembered = st.session_state.get("alerts.picked")
    st.session_state["alerts.picked"] = chosen
    if chosen and chosen != remembered:
        st.query_params[RULE] = ordered[chosen[0]].rule_id


_COLUMNS: dict[str, Any] = {
    "State": st.column_config.MultiselectColumn(options=list(STATES), color=list(STATE_COLOURS), width="small"),
    "Rule": st.column_config.TextColumn(width="medium"),
    "Now": st.column_config.TextColumn(alignment="right", width="small"),
    "Bad when": st.column_config.TextColumn(width=150),
    "Last 24 hours": st.column_config.AreaChartColumn(y_min=0, width="small"),
    "Fired in 7 days": st.column_config.BarChartColumn(y_min=0, y_max=1, color="red", width="small"),
    "Times": st.column_config.TextColumn(alignment="right", width="small", help="How often it fired in 7 days"),
    "Tells": st.column_config.TextColumn(width="small"),
}


def _row(row: RuleRow, fired: Sequence[tuple[datetime, datetime]], *, course: bool) -> dict[str, Any]:
    now = filters.now()
    recent = [each for each in fired if (now - each[1]).days < alerts_words.STRIP_DAYS]
    told = ", ".join(row.rule.destinations) if row.rule else ""
    return {
        "State": [alerts_words.state(row)],
        "Rule": row.name,
        "Now": alerts_words.value(row),
        "Bad when": alerts_words.limit(row.rule) if row.rule else words.ABSENT,
        "Last 24 hours": _course(row) if course else [],
        "Fired in 7 days": alerts_words.strip(recent, now),
        "Times": words.count(len(recent)),
        "Tells": "silenced" if alerts_words.is_silent(row, now) else told or "only here",
    }


def _course(row: RuleRow) -> list[float]:
    if row.rule is None or not row.enabled or not ABOUT[row.rule.measure].history:
        return []
    end = alerts_preview.minute(filters.now())
    try:
        return alerts_charts.spark(alerts_data.dry_run(row.rule, end - alerts_preview.DAY, end), row.rule)
    except InvalidInput:
        return []  # minutes of that time are not kept; the rule itself says so where it is opened


def chosen(rows: Sequence[RuleRow]) -> RuleRow | None:
    """The rule that the URL names."""
    asked = st.query_params.get(RULE)
    return next((row for row in rows if row.rule_id == asked), None)


def detail(row: RuleRow) -> None:
    """The chosen rule: what it says, its course, and what can be done."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            at = STATES.index(alerts_words.state(row))
            st.badge(STATES[at], color=STATE_COLOURS[at])  # type: ignore[arg-type]  # a colour of badges
            st.markdown(f"**{words.label(row.name, 100)}**", width="stretch")
            st.button("Close", key="alerts.close", type="tertiary", icon=":material/close:", on_click=_close)
        st.markdown(_sentence(row))
        if row.rule is not None and row.rule.note:
            st.text(row.rule.note)
        if row.rule is not None and (unknown := alerts_data.desk().unknown(row.rule)):
            names = ", ".join(words.label(name, 40) for name in unknown)
            st.warning(f"Nothing arrives at {names}: not in {environment_name('alert_destinations')}.")
        _actions(row)
        if row.rule is not None and ABOUT[row.rule.measure].history:
            alerts_preview.show(row.rule, "alerts.course")


def _sentence(row: RuleRow) -> str:
    """What it watches, since when it is as it is, and who changed it last."""
    now = filters.now()
    if row.rule is None:
        return f":red[This rule cannot be read: {words.label(row.problem or '', 300)}] Delete it and set it up anew."
    said = [words.label(condition(row.rule), 300)]
    if row.enabled and row.state is not None:
        said.append(_for_how_long(alerts_words.state(row), row.state.since, now))
        said.append(f"looked at {words.ago(row.state.looked_at, now)}")
        if row.state.name is StateName.UNKNOWN:
            said.append(f"{words.count(round(row.state.sample.count))} counted, {row.rule.minimum_count} needed")
    if row.rule.silenced_until is not None and row.rule.silenced_until > now:
        said.append(f"silenced until {words.exact(row.rule.silenced_until)[:16]} UTC")
    said.append(f"changed by {words.label(row.updated_by, 40)} {words.ago(row.updated_at, now)}")
    return " · ".join(said)


def _for_how_long(state: str, since: datetime, now: datetime) -> str:
    """`firing for 7 min`."""
    said = words.ago(since, now)
    name = state if state == "OK" else state.lower()
    return f"{name} for {said.removesuffix(' ago')}" if said.endswith(" ago") else f"{name} since a moment ago"


def _actions(row: RuleRow) -> None:
    with st.container(horizontal=True, gap="small"):
        if row.rule is not None:
            st.button("Edit", key="alerts.edit", icon=":material/edit:", on_click=partial(alerts_form.edit, row))
            copy = partial(alerts_form.create, row.rule)
            st.button("Copy", key="alerts.copy", icon=":material/content_copy:", on_click=copy)
            _silence(row)
            label, icon = ("Turn off", ":material/toggle_off:") if row.enabled else ("Turn on", ":material/toggle_on:")
            st.button(
                label, key="alerts.enable", icon=icon,
                on_click=partial(_do, lambda: alerts_data.desk().enable(row.rule_id, not row.enabled, by=VIEWER)),
            )  # fmt: skip
        _delete_button(row)
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(problem)


def _silence(row: RuleRow) -> None:
    now = filters.now()
    with st.popover("Silence", icon=":material/notifications_off:"):
        if row.rule is not None and row.rule.silenced_until is not None and row.rule.silenced_until > now:
            _silence_button(row, "End the silence", None)
        for name, until in alerts_words.silences(now).items():
            _silence_button(row, f"For {name}", until)


def _silence_button(row: RuleRow, label: str, until: datetime | None) -> None:
    act = partial(_do, lambda: alerts_data.desk().silence(row.rule_id, until, by=VIEWER))
    st.button(label, key=f"alerts.silence.{label}", type="tertiary", on_click=act)


def _delete_button(row: RuleRow) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"**{words.label(row.name, 100)}** is watched no more. What happened to it stays on this page.")
        st.button("Delete this rule", key="alerts.delete", on_click=partial(_delete, row))


def _delete(row: RuleRow) -> None:
    _do(lambda: alerts_data.desk().delete(row.rule_id, by=VIEWER))
    _close()


def _do(act: Callable[[], object]) -> None:
    try:
        act()
    except InvalidInput as error:
        st.session_state[_PROBLEM] = alerts_words.problem(error)
    alerts_data.forget()


def _close() -> None:
    st.query_params.pop(RULE, None)
