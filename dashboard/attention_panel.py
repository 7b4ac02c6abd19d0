"""The panel of the overview that says what needs attention: a few sentences, each a link."""

from __future__ import annotations

import streamlit as st

from dashboard import alerts_data, attention_data, attention_words, filters, navigation
from dashboard.attention_words import Item
from dashboard.view import View

_ICONS = {
    "wrong": ":red[:material/error:]", "warning": ":orange[:material/trending_up:]", "note": ":gray[:material/info:]",
    "good": ":green[:material/trending_down:]",
}  # fmt: skip
_HELP = (
    "Alerts that fire, failures that the period before did not have, and what changed against that period by much and "
    "by more than chance does: of all traces, and of each operation, library and model."
)


def attention(view: View) -> None:
    """The three to seven things that changed most; a quiet sentence when there is nothing."""
    items = _items(view)
    with st.container(border=True, gap="small"):
        st.markdown("**Needs attention**", help=_HELP)
        if not items:
            compared = "" if view.period_before(filters.present()) else " in this time"
            st.markdown(
                f":green[:material/check_circle:] Nothing stands out{compared or ' against the period before'}."
            )
        for item in items:
            _draw(item)


def _items(view: View) -> list[Item]:
    now = filters.present()
    chosen, before = view.trace_filter(now), view.period_before(now)
    found = attention_data.attention(chosen, before)
    costs = "costs" if "costs" in navigation.BY_KEY else "system"
    return attention_words.most_urgent(
        [
            attention_words.firing(alerts_data.rules(), now),
            attention_words.untold(attention_data.untold(now)),
            attention_words.new_failures(found.failures),
            attention_words.changed(found.changes, worse=True),
            attention_words.noticed(attention_data.noticed(chosen)),
            attention_words.unpriced(found.unpriced, costs),
            attention_words.changed(found.changes, worse=False),
        ]
    )


def _draw(item: Item) -> None:
    page = item.page if item.page in navigation.BY_KEY else "traces"
    params = {**filters.remembered(), **item.params} if item.keeps_filters else item.params
    navigation.link(page, f"{_ICONS[item.level]} {item.text}", params)
