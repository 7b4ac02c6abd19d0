"""The parts of the trace page: its head, question and answer, the tree beside the chosen span, and what lies beneath."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import streamlit as st

from dashboard import (
    data,
    filters,
    layout,
    navigation,
    results,
    run_data,
    run_links,
    run_quality,
    run_rounds,
    states,
    theme,
    words,
)
from dashboard.decision_cards import timeline
from dashboard.evidence import documents
from dashboard.explain_view import Asked
from dashboard.rating import own, rate_in_place
from dashboard.span_panel import span_panel
from dashboard.trace_list import SHORT_COLUMNS, trace_list
from dashboard.trace_tree import tree_of
from dashboard.trace_view import height_of, trace_view
from dashboard.view import View
from tracing_core.document_reader import version_notice
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.query.trace import DecisionRow, SpanRow, TraceDetail
from tracing_core.settings import settings

_MOST_EVIDENCE = 20


def head(trace: TraceDetail) -> None:
    """The sentence about the trace, the way to its neighbours, and its link."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _neighbours(trace.trace_id)
        st.caption(
            f"{trace.trace_id} · {words.label(trace.project)} · {words.exact(trace.started_at)}", width="content"
        )
        st.space("stretch")
        navigation.link(
            "explain", "Why was this one different?", _different(trace, filters.now()), icon=":material/troubleshoot:"
        )
        navigation.link("compare", "Compare", {"trace": trace.trace_id}, icon=":material/compare_arrows:")
        with st.popover("Share", icon=":material/link:"):
            st.caption("This address leads here, and to the chosen span")
            st.code(_address(trace.trace_id), language=None)
    st.markdown(sentence(trace))
    if trace.error:
        st.error(words.label(trace.error, 500), icon=":material/error:")
    if about := version_notice(trace.schema_version):
        st.info(about, icon=":material/history:")


def _different(trace: TraceDetail, now: datetime) -> dict[str, str]:
    """Where the trace is explained by those of its project, of the week around it."""
    half = timedelta(days=3.5)
    week = (
        View(range="7d")
        if trace.started_at > now - 2 * half
        else View(range="custom", start=trace.started_at - half, end=trace.started_at + half)
    )
    return replace(week, project=trace.project).params() | Asked(these="trace", trace_id=trace.trace_id).params()


def sentence(trace: TraceDetail) -> str:
    """What there is to know at a glance: status, flag, duration, tokens, cost, stars."""
    flag, status = QualityFlag(trace.quality_flag), TraceStatus(trace.status)
    tokens = (
        None
        if trace.input_tokens is trace.output_tokens is None
        else (trace.input_tokens or 0) + (trace.output_tokens or 0)
    )
    parts = [
        f":{theme.STATUS_BADGES[status]}-badge[{words.status(status)}]",
        f":{theme.FLAG_BADGES[flag]}-badge[{words.flag(flag)}]",
        f"**{words.duration(trace.duration_ms)}**",
        "tokens –" if tokens is None else f"{words.count(tokens)} tokens",
        _cost(trace),
        f"confidence {words.confidence(trace.confidence)}",
        words.stars(trace.rating) if trace.rating else "not rated",
        *run_quality.badge(trace),
    ]
    return " · ".join(parts)


def _cost(trace: TraceDetail) -> str:
    """The cost; where a price is missing, what is known of it and for which models it is not."""
    if not trace.unknown_models:
        return "cost –" if trace.cost_usd is None else _money(trace.cost_usd)
    known = max((part for part in (trace.cost_given_usd, trace.cost_computed_usd) if part is not None), default=None)
    missing = f"(no price for {words.label(', '.join(trace.unknown_models))})"
    return f"cost – {missing}" if known is None else f"cost at least {_money(known)} {missing}"


def _money(amount: Decimal) -> str:
    return words.money(amount).replace("$", r"\$")


def question_and_answer(trace: TraceDetail) -> None:
    """What was asked and answered, as text, with the rating beneath."""
    left, right = layout.narrow_then_wide()
    with left:
        st.caption("Question")
        st.text(trace.query or words.ABSENT)
        _about(trace)
    with right:
        st.caption("Answer")
        st.markdown(words.safe_markdown(trace.answer) if trace.answer else words.ABSENT)
        _rating(trace)


@st.fragment
def tree_and_span(trace_id: str, spans: tuple[SpanRow, ...], decisions: tuple[DecisionRow, ...]) -> None:
    """The tree with its waterfall, and beside it the span that is chosen in it."""
    with states.boundary():
        first = st.session_state.setdefault(f"trace.first.{trace_id}", st.query_params.get("span"))
        left, right = layout.wide_then_narrow()
        with left:
            tree = tree_of(spans, notes(spans))
            height = height_of(len(tree.rows))
            picked = trace_view(tree, trace_id=trace_id, initial=first or _telling(spans), height=height)
        chosen = picked or first
        span = next((each for each in spans if each.span_id == (chosen or _telling(spans))), spans[0])
        if chosen and st.query_params.get("span") != span.span_id:
            st.query_params["span"] = span.span_id
        with right:
            span_panel(trace_id, span, decisions, height)


def _telling(spans: tuple[SpanRow, ...]) -> str:
    """The span to begin with: one that failed, else one that decided something, else the first."""
    ranked = sorted(spans, key=lambda span: (span.status != "error" or span.parent_id is None, not span.decision_count))
    return ranked[0].span_id


def notes(spans: tuple[SpanRow, ...]) -> dict[str, str]:
    """Tokens and cost to write behind the spans that have them."""
    said = {}
    for span in spans:
        parts = [f"{words.count(span.total_tokens)} tokens"] if span.total_tokens is not None else []
        parts += [words.money(span.cost_usd)] if span.cost_usd is not None else []
        if parts:
            said[span.span_id] = " · ".join(parts)
    return said


def beneath(trace: TraceDetail, spans: tuple[SpanRow, ...], decisions: tuple[DecisionRow, ...]) -> None:
    """The story of a run, decisions in order, evidence and more; each is read when its tab is opened."""
    tabs = _tabs(trace, spans, decisions)
    for place, (_, draw) in zip(
        st.tabs([title for title, _ in tabs], key="trace.tabs", on_change="rerun"), tabs, strict=True
    ):
        if place.open:
            with place:
                draw()


def _tabs(
    trace: TraceDetail, spans: tuple[SpanRow, ...], decisions: tuple[DecisionRow, ...]
) -> list[tuple[str, Callable[[], None]]]:
    """Titles, and what draws what is beneath; those of runs alone come first for runs."""
    of_runs: list[tuple[str, Callable[[], None]]] = []
    if trace.iteration_count > 1:
        of_runs.append((f"Rounds {trace.iteration_count}", partial(_rounds, trace)))
    if run_quality.is_judged(trace):
        of_runs.append(("Quality", lambda: run_quality.quality(trace, run_data.story(trace.trace_id).rounds)))
    return [
        *of_runs,
        (f"Decisions {len(decisions)}", partial(_decisions, trace, decisions)),
        ("Evidence", partial(_evidence, trace.trace_id, spans)),
        ("Links", partial(run_links.links, trace)),
        ("Conversation", partial(_conversation, trace)),
        ("Raw", partial(_raw, trace.trace_id)),
    ]


def _rounds(trace: TraceDetail) -> None:
    rounds = run_data.story(trace.trace_id).rounds
    if rounds:
        run_rounds.tell(rounds)
    else:
        st.caption("What the rounds of this run said is not stored any more.")


def _decisions(trace: TraceDetail, decisions: tuple[DecisionRow, ...]) -> None:
    if decisions:
        timeline(decisions, trace.started_at)
    else:
        st.caption("No decision was recorded.")


def _neighbours(trace_id: str) -> None:
    earlier, later = results.neighbours(trace_id)
    for key, icon, target, tip in (
        ("previous", ":material/chevron_left:", earlier, "The trace above it in the list"),
        ("next", ":material/chevron_right:", later, "The trace below it in the list"),
    ):
        st.button(
            "",
            key=f"trace.{key}",
            icon=icon,
            help=tip if target else "Open a trace from the list to go from one to the next",
            disabled=target is None,
            on_click=partial(st.query_params.from_dict, {"id": target or ""}),
        )


def _address(trace_id: str) -> str:
    span = st.query_params.get("span")
    return f"{settings().public_url.rstrip('/')}/trace?id={trace_id}" + (f"&span={span}" if span else "")


def _about(trace: TraceDetail) -> None:
    pairs = {
        "Library": trace.library,
        "Intent": trace.intent,
        "Model": trace.model,
        "User": trace.user_id,
        "Environment": trace.environment,
        "Release": trace.release,
    }
    said = [f"{name.lower()} {words.label(value)}" for name, value in pairs.items() if value]
    said += [f"citations {words.count(trace.citations_count)}"] if trace.citations_count is not None else []
    said += ["slow: over the P95 of its operation"] if trace.is_slow else []
    if trace.sampling_probability < 1:
        said.append(f"sampled: stands for {words.count(round(1 / trace.sampling_probability))} traces")
    st.caption(" · ".join(said))


def _rating(trace: TraceDetail) -> None:
    mine = own(data.feedback_of(trace.trace_id), data.VIEWER)
    rate_in_place(
        f"trace.rating.{trace.trace_id}",
        mine.rating if mine else None,
        mine.comment if mine else None,
        partial(data.rate, trace.trace_id),
    )


def _evidence(trace_id: str, spans: tuple[SpanRow, ...]) -> None:
    found = False
    for span in [each for each in spans if each.kind in {"RETRIEVAL", "FUSION", "RERANK", "STAGE", "TOOL"}][
        :_MOST_EVIDENCE
    ]:
        payload = data.span_payload(trace_id, span.span_id)
        if payload and payload.evidence:
            found = True
            st.markdown(f"**{words.label(span.name)}**")
            documents(payload.evidence)
    if not found:
        st.caption("No evidence was recorded.")


def _conversation(trace: TraceDetail) -> None:
    if not trace.session_id:
        st.caption("This question is not part of a conversation.")
        return
    rows = data.session_traces(trace.session_id)
    st.caption(f"{words.count(len(rows))} turns of conversation {words.label(trace.session_id)}")
    trace_list(rows, key="trace.conversation", now=filters.now(), columns=SHORT_COLUMNS)


def _raw(trace_id: str) -> None:
    found = data.document(trace_id)
    document = None if found is None else found.document
    if found is None or document is None:
        st.warning("The contents of this trace are gone: neither its file nor the database holds them any more.")
        return
    for notice in found.notices:
        st.warning(words.label(notice, 500))
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    st.download_button("Download", text, f"{trace_id}.json", "application/json", on_click="ignore")
    st.json(document, expanded=1)
