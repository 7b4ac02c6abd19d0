"""Advice on cost as cards: what to do, the money that it would have saved with its interval, and the traces that show it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard import advice_data, navigation, words
from dashboard.view import View, parse
from tracing_core.advice.saving import Advice, AdviceKind, Saving
from tracing_core.query.advice import AdviceReport
from tracing_core.query.filters import TraceFilter

_NARROWEST = 330
_KINDS: Mapping[AdviceKind, tuple[str, str]] = {
    AdviceKind.CHEAPER_MODEL: ("Cheaper model", ":material/swap_horiz:"),
    AdviceKind.REPEATED_QUESTIONS: ("Repeated questions", ":material/cached:"),
    AdviceKind.CACHED_PREFIX: ("Repeated prompts", ":material/vertical_align_top:"),
    AdviceKind.TOKEN_BUDGET: ("Token budget", ":material/compress:"),
    AdviceKind.USELESS_ROUNDS: ("Retries", ":material/replay:"),
    AdviceKind.BATCHING: ("Batching", ":material/stacks:"),
}


def cards(chosen: TraceFilter, view: View) -> None:
    """Draw the advice on what the chosen traces cost, or why there is none.

    Args:
        chosen: which traces.
        view: what the page shows; links lead to traces of it.
    """
    report = advice_data.report(chosen)
    st.subheader("What could cost less", anchor=False)
    st.caption(_looked_at(report))
    if report.advice:
        with st.grid(2, min_column_width=_NARROWEST, gap="small"):
            for number, advice in enumerate(report.advice):
                _card(number, advice, report, view)
    else:
        st.markdown("**Nothing to advise**: no saving is proven by these traces.")
    if report.silent:
        with st.expander("What else was looked for" if report.advice else "What was looked for", expanded=False):
            for each in report.silent:
                st.caption(f"**{_KINDS[each.kind][0]}** · {words.label(each.why, 400)}")


def _looked_at(report: AdviceReport) -> str:
    seen = words.count(report.drawn.looked_at)
    which = (
        f"all {seen} traces"
        if report.drawn.whole
        else f"{seen} of about {words.count(report.drawn.stands_for)} traces, drawn at random"
    )
    spent = "" if report.spent_usd is None else f", which cost {words.money(report.spent_usd)}"
    return f"From {which}{spent}; prompts and documents of {words.count(report.read)} of them were read. Intervals are of 95 %."


def _card(number: int, advice: Advice, report: AdviceReport, view: View) -> None:
    kind, icon = _KINDS[advice.kind]
    with st.container(border=True, height="stretch", gap="small"):
        st.caption(f"{icon} {kind}")
        st.markdown(f"**{words.label(advice.title, 120)}**")
        _saved(advice, report)
        st.text(f"{advice.why}.")
        st.caption(words.label(advice.caveat, 400))
        _evidence(number, advice, view)


def _saved(advice: Advice, report: AdviceReport) -> None:
    if advice.saved is None:
        st.markdown(f"### {words.duration(advice.saved_ms)}", help="What each of these traces would have taken less")
        st.caption("of waiting a trace, and no money")
        return
    said = "What these traces would have cost less, had it been done already"
    st.markdown(f"### {_plain(words.money(advice.saved.usd))}", help=said)
    of_all = float(advice.saved.usd / report.spent_usd) if report.spent_usd else None
    part = "" if of_all is None else f" · {words.share(of_all)} of the cost"
    st.caption(f"{_between(advice.saved)}{part}")


def _between(saved: Saving) -> str:
    return f"{_plain(words.money(saved.low))} to {_plain(words.money(saved.high))}"


def _plain(money: str) -> str:
    return money.replace("$", r"\$")


def _evidence(number: int, advice: Advice, view: View) -> None:
    with st.popover(f"{words.count(advice.traces)} traces", icon=":material/search:", key=f"advice.{number}"):
        for shown in advice.evidence:
            money = "" if advice.saved is None else f"{_plain(words.money(shown.usd))} · "
            label = money + (words.label(shown.question, 70) or shown.trace_id)
            navigation.link("trace", label, {"id": shown.trace_id})
        if advice.params:
            params = parse({**view.params(), **advice.params}).params()
            navigation.link("traces", "All of them", params, icon=":material/list_alt:")
