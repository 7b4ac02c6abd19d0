"""Two traces side by side: what each came to, their spans, decisions, texts and evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard import compare_charts, compare_data, data, navigation, states, words
from dashboard.clickable import chart
from dashboard.compare_view import Asked
from dashboard.decision_cards import plain
from dashboard.fitting_table import fitting_table
from dashboard.trace_page import sentence
from tracing_core import trace_comparison
from tracing_core.query.trace import DecisionRow, TraceDetail
from tracing_core.trace_comparison import DecisionPair, DocumentPair, Kept, TextPair

_MOST_SHOWN = 20_000


def show(asked: Asked) -> None:
    """Draw both, or ask for the one that is missing."""
    _choose(asked)
    a, b = (data.trace(each) if each else None for each in (asked.trace, asked.other))
    if a is None or b is None:
        missing = [name for name, found in (("A", a), ("B", b)) if found is None]
        said = (
            f"There is no trace {' and no trace '.join(missing)}."
            if asked.trace and asked.other
            else "Choose two traces."
        )
        states.empty(said, hint="Paste their ids, or open a trace and compare it from there.")
        return
    _heads(a, b)
    pairs = trace_comparison.aligned(data.spans(a.trace_id), data.spans(b.trace_id))
    payloads = compare_data.payloads(a.trace_id), compare_data.payloads(b.trace_id)
    decisions = trace_comparison.decided(data.decisions(a.trace_id), data.decisions(b.trace_id))
    found = trace_comparison.documents(*payloads)
    changed = [pair for pair in decisions if pair.changed]
    other = [pair for pair in found if pair.a != pair.b]
    tabs: list[tuple[str, Callable[[], None]]] = [
        ("Time", lambda: _spans(asked, pairs)),
        (f"Decisions {len(changed)} of {len(decisions)} differ", lambda: _decisions(a.trace_id, b.trace_id, decisions)),
        ("Answer", lambda: _texts([
            trace_comparison.text_pair("Question", a.query or "", b.query or ""),
            trace_comparison.text_pair("Answer", a.answer or "", b.answer or ""),
        ])),
        ("Prompts", lambda: _texts(trace_comparison.prompts(pairs, *payloads))),
        (f"Evidence {len(other)} of {len(found)} differ", lambda: _documents(found)),
    ]  # fmt: skip
    for place, (_, draw) in zip(
        st.tabs([title for title, _ in tabs], key="compare.tabs", on_change="rerun"), tabs, strict=True
    ):
        if place.open:
            with place:
                draw()


def _choose(asked: Asked) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for key, name, value in (("trace", "A", asked.trace), ("with", "B", asked.other)):
            st.session_state[f"compare.{key}"] = value or ""
            st.text_input(
                name, key=f"compare.{key}", placeholder="The id of a trace", on_change=_set, args=(key,), width=380
            )
        st.button(
            "Swap",
            key="compare.swap",
            icon=":material/swap_horiz:",
            on_click=_go,
            args=(asked.swapped(),),
            width="content",
        )
        if asked.trace and not asked.other and (previous := compare_data.previous_of(asked.trace)):
            before = Asked(trace=previous, other=asked.trace)
            st.button(
                "With the previous of its kind", key="compare.previous", on_click=_go, args=(before,), width="content"
            )


def _heads(a: TraceDetail, b: TraceDetail) -> None:
    with st.grid(2, min_column_width=380, gap="small"):
        for name, trace in (("A", a), ("B", b)):
            with st.container(border=True, height="stretch"):
                st.caption(f"{name} · {words.label(trace.project)} · {words.exact(trace.started_at)}")
                st.markdown(sentence(trace))
                st.text((trace.query or trace.name)[:500])
                navigation.link("trace", "Open", {"id": trace.trace_id})
    st.markdown(f"**{_verdict(a, b)}**")


def _verdict(a: TraceDetail, b: TraceDetail) -> str:
    """What B has more or less, in one sentence; of two runs nothing can be said of chance, and that is said."""
    parts = []
    if a.duration_ms is not None and b.duration_ms is not None:
        more = b.duration_ms - a.duration_ms
        parts.append(
            f":{'red' if more > 0 else 'green'}[{words.duration(abs(more))} {'slower' if more > 0 else 'quicker'}]"
        )
    if a.cost_usd is not None and b.cost_usd is not None and a.cost_usd != b.cost_usd:
        more_usd = b.cost_usd - a.cost_usd
        money = words.money(abs(more_usd)).replace("$", "\\$")
        parts.append(f":{'red' if more_usd > 0 else 'green'}[{money} {'dearer' if more_usd > 0 else 'cheaper'}]")
    if a.confidence is not None and b.confidence is not None and a.confidence != b.confidence:
        parts.append(
            f"{abs(b.confidence - a.confidence):.2f} {'more' if b.confidence > a.confidence else 'less'} sure of itself"
        )
    said = f"B is {', '.join(parts)}" if parts else "B is no different in time, cost and confidence"
    return f"{said}. Two runs say nothing of chance: compare groups for that."


def _spans(asked: Asked, pairs: Sequence[trace_comparison.SpanPair]) -> None:
    picked = chart(compare_charts.spans(pairs), "compare.spans", "How long each span took in A and B")
    if picked and picked[0][1]:
        run, span = picked[0][:2]
        navigation.open_page("trace", {"id": (asked.trace if run == "a" else asked.other) or "", "span": span})
    if len(pairs) > compare_charts.MOST_SPANS:
        st.caption(f"The first {compare_charts.MOST_SPANS} of {words.count(len(pairs))} spans.")


def _decisions(a: str, b: str, found: Sequence[DecisionPair]) -> None:
    if not found:
        st.caption("Neither of them recorded a decision.")
        return
    pairs = sorted(found, key=lambda each: ("choice" not in each.changed, not each.changed))
    rows = [
        {
            "Stage": pair.stage or "the trace itself",
            "Decision": pair.decision,
            "A": _choice(pair.a),
            "B": _choice(pair.b),
            "Differs": ", ".join(pair.changed) or "no",
            "Instead of, A": _instead(pair.a),
            "Instead of, B": _instead(pair.b),
        }
        for pair in pairs
    ]
    at = fitting_table(
        rows,
        "compare.decisions",
        alt="Decisions of both traces",
        lesser=("Instead of, A", "Instead of, B"),
        click="picks",
    )
    if at is None:
        st.caption("Those that went another way come first. Click one to see it line by line.")
        return
    _texts([trace_comparison.decision_pair(pairs[at])])
    with st.container(horizontal=True, gap="small"):
        for name, trace_id, row in (("A", a, pairs[at].a), ("B", b, pairs[at].b)):
            if row is not None:
                navigation.link("trace", f"Open it in {name}", {"id": trace_id, "span": row.span_id})


def _choice(row: DecisionRow | None) -> str:
    if row is None:
        return words.ABSENT
    sure = "" if row.confidence is None else f" ({row.confidence:.2f})"
    return f"{plain(row.what)[:200]}{sure}"


def _instead(row: DecisionRow | None) -> str:
    return (
        words.ABSENT
        if row is None
        else ", ".join(plain(each) for each in row.alternatives_considered)[:200] or words.ABSENT
    )


def _texts(pairs: Sequence[TextPair]) -> None:
    if not pairs:
        st.caption("Neither of them recorded a prompt.")
    for pair in pairs:
        st.caption(words.label(pair.name, 100))
        if pair.difference:
            st.code(pair.difference[:_MOST_SHOWN], language="diff", wrap_lines=True)
        else:
            st.text("The same in both." if pair.a else "Neither says.")


def _documents(pairs: Sequence[DocumentPair]) -> None:
    if not pairs:
        st.caption("Neither of them recorded evidence.")
        return
    st.caption(" · ".join(_became(name, [each for each in became if each]) for name, became in (
        ("A", [pair.a for pair in pairs]), ("B", [pair.b for pair in pairs])
    )))  # fmt: skip
    shown = sorted(pairs, key=lambda each: (each.a == each.b, "kept" not in (each.a, each.b)))
    rows = [
        {"Document": pair.name, "A": _outcome(pair.a, pair.a_why), "B": _outcome(pair.b, pair.b_why)} for pair in shown
    ]
    fitting_table(rows, "compare.evidence", alt="Evidence of both traces")


def _became(name: str, found: Sequence[Kept]) -> str:
    return f"{name} found {words.count(len(found))} and kept {words.count(found.count('kept'))}"


def _outcome(became: Kept | None, why: str) -> str:
    return f"{became or words.ABSENT}{f': {why}' if why else ''}"


def _set(key: str) -> None:
    st.query_params[key] = st.session_state[f"compare.{key}"].strip()


def _go(asked: Asked) -> None:
    st.query_params.from_dict(asked.params())
