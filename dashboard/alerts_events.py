"""What happened to the rules, who was told and with which outcome; and the destinations, each with a way to try it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard import alerts_data, alerts_words, filters, navigation, states, words
from dashboard.alerts_words import DELIVERY_COLOURS, KIND_COLOURS, KINDS
from dashboard.fitting_table import fitting_table
from tracing_core.alerts.sending import Attempt, Fate
from tracing_core.errors import InvalidInput
from tracing_core.query.alert_rules import DeliveryRow, DestinationHealth, EventRow
from tracing_core.settings import environment_name

EVENT = "event"
"""Of the URL: the id of an event."""
AT_FIRST = 10
MORE = 40
_SHOWN = "alerts.shown"
_TRIED = "alerts.tried"
_PROBLEM = "alerts.events.problem"
_AGAIN = ("failed", "unknown")
_LONGEST_ERROR = 300
_EXAMPLE = '{"ops": {"kind": "slack", "url": "https://hooks.example.com/..."}, "log": {"kind": "log"}}'


def feed(rule_id: str | None) -> None:
    """The newest events, of all rules or of one."""
    st.subheader("What happened", anchor=False)
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(problem)
    many = st.session_state.get(_SHOWN, AT_FIRST)
    found = alerts_data.events(rule_id, many + 1)
    asked = st.query_params.get(EVENT)
    if asked and (one := alerts_data.event(asked)) is not None:
        _event(one, chosen=True)
    elif asked:
        st.info("The event that this address names is not kept any more.")
    rest = [each for each in found[:many] if each.event.event_id != asked]
    if not rest and not asked:
        states.empty(
            "No alert has fired.", hint="What fires and recovers is told here, also where nobody else is told."
        )
    for each in rest:
        _event(each, chosen=False)
    if len(found) > many:
        st.button("Show more", key="alerts.more", on_click=_show_more)


def _show_more() -> None:
    st.session_state[_SHOWN] = st.session_state.get(_SHOWN, AT_FIRST) + MORE


def _event(row: EventRow, *, chosen: bool) -> None:
    event = row.event
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(KINDS[event.kind], color=KIND_COLOURS[event.kind])  # type: ignore[arg-type]  # a colour of badges
            st.markdown(f"**{words.label(event.rule.name, 80)}**", width="content")
            when = words.ago(event.happened_at, filters.now())
            st.caption(when, width="stretch", help=words.exact(event.happened_at))
            if chosen:
                st.badge("from the address", color="blue")
            for each in row.deliveries:
                st.badge(f"{words.label(each.destination, 40)}: {each.status}", color=DELIVERY_COLOURS[each.status])  # type: ignore[arg-type]
            if not row.deliveries:
                st.caption("only told here", width="content")
            navigation.link("traces", "Traces", alerts_words.traces_params(event), icon=":material/list_alt:")
            if "explain" in navigation.BY_KEY:
                navigation.link(
                    "explain", "Explain", alerts_words.explain_params(event), icon=":material/troubleshoot:"
                )
        st.markdown(f"{words.label(event.message, _LONGEST_ERROR)}.")
        for each in row.deliveries:
            if each.status in _AGAIN:
                _lost(each)


def _lost(delivery: DeliveryRow) -> None:
    """A message that did not arrive, or of which nobody knows: why, and the way to send it again."""
    times = f"{words.count(delivery.attempts)} attempt{'' if delivery.attempts == 1 else 's'}"
    doubt = "; it may have arrived, so it is not sent again by itself" if delivery.status == "unknown" else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f"{words.label(delivery.destination, 40)}: {words.label(delivery.last_error or 'no reason is known', _LONGEST_ERROR)}"
            f" ({times}){doubt}",
            width="stretch",
        )
        st.button(
            "Send again",
            key=f"alerts.again.{delivery.event_id}.{delivery.destination}",
            icon=":material/send:",
            on_click=partial(_send_again, delivery),
        )


def _send_again(delivery: DeliveryRow) -> None:
    try:
        alerts_data.desk().send_again(delivery.event_id, delivery.destination)
    except InvalidInput as error:
        st.session_state[_PROBLEM] = alerts_words.problem(error)
    alerts_data.forget()


def destinations(found: Sequence[DestinationHealth]) -> None:
    """Where alerts may be sent; with none, what to set."""
    st.subheader("Destinations", anchor=False)
    if not found:
        with st.container(border=True):
            st.markdown(
                ":gray[:material/notifications_off:] Alerts are told on this page alone: no destination is set up."
            )
            st.caption(f"Whoever runs the service names them in {environment_name('alert_destinations')}, such as:")
            st.code(f"{environment_name('alert_destinations')}='{_EXAMPLE}'", language=None, wrap_lines=True)
        return
    fitting_table(
        [_destination(each) for each in found], "alerts.destinations", alt="Destinations of alerts", wide="Last error",
        numbers=("Delivered", "Waiting", "Failed", "Unknown"), lesser=("Waiting", "Unknown"),
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for each in found:
            if each.kind is not None:
                st.button(
                    f"Try {words.label(each.name, 40)}",
                    key=f"alerts.try.{each.name}",
                    icon=":material/send:",
                    help="Sends a message that says that it is a trial",
                    on_click=partial(_try, each.name),
                )
    _tried()


def _destination(each: DestinationHealth) -> dict[str, str]:
    return {
        "Name": each.name,
        "Leads to": each.shown if each.kind in (None, "log") else f"{each.kind} {each.shown}",
        "Delivered": words.count(each.delivered),
        "Waiting": words.count(each.waiting),
        "Failed": words.count(each.failed),
        "Unknown": words.count(each.unknown),
        "Last delivered": words.ago(each.last_delivered_at, filters.now()),
        "Last error": each.last_error or words.ABSENT,
    }


def _try(name: str) -> None:
    try:
        attempt = alerts_data.desk().test(name)
    except InvalidInput as error:
        attempt = Attempt(fate=Fate.FAILED, said=error.problem)
    st.session_state[_TRIED] = (name, attempt)


def _tried() -> None:
    """What became of the trial, once."""
    name, attempt = st.session_state.pop(_TRIED, (None, None))
    if attempt is None:
        return
    said = words.label(attempt.said or "no reason is known", _LONGEST_ERROR)
    if attempt.fate is Fate.DELIVERED:
        st.success(f"The trial arrived at {words.label(name, 40)}.", icon=":material/check:")
    elif attempt.fate is Fate.UNKNOWN:
        st.warning(f"Nobody knows whether the trial arrived at {words.label(name, 40)}: {said}", icon=":material/help:")
    else:
        st.error(f"The trial did not arrive at {words.label(name, 40)}: {said}", icon=":material/error:")
