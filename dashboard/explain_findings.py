"""The answer of Explain: both groups, the sentence, where the extra time goes, and what sets these apart, ranked."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import decisions_panels, explain_charts, layout, navigation, words
from dashboard.filter_view import as_view
from tracing_core.explain.result import Explanation, Finding, Group
from tracing_core.query.filters import TraceFilter

_MOST_EXAMPLES = 3
_SMALLEST_P = 0.001


def show(found: Explanation) -> None:
    """Draw all of it."""
    if found.carriers and found.extra_ms is not None:
        left, right = layout.wide_then_narrow()
        with left:
            _head(found)
        with right, decisions_panels.panel(
            f"Where the extra {words.duration(found.extra_ms)} went",
            "Mean time on the critical path, stage by stage: these against the others",
        ):  # fmt: skip
            _chart("carriers", explain_charts.carriers(found.carriers), "Stages that carry the extra time")
    else:
        _head(found)
    for number, cause in enumerate(found.causes, start=1):
        _cause(number, cause, [each for each in found.findings if each.of == cause.rank])
    _others(found)
    if found.causes:
        st.caption(
            f"Nothing else stands out. {words.count(found.looked_at)} facts were looked at, and p is corrected for all of them."
        )


def _head(found: Explanation) -> None:
    st.markdown(
        f"{_square(explain_charts.THESE)} **{words.label(found.described, 200)}** · {_group(found.these)}  \n"
        f"{_square(explain_charts.OTHERS)} **{'the rest' if found.reference.period is None else 'the other time'}** · "
        f"{_group(found.others)}"
    )
    if found.causes and found.cohort.kind == "trace":
        st.markdown("It has what sets traces like it apart.")
    if not found.causes:
        st.subheader(words.label(found.sentence, 500), anchor=False)
    for note in found.notes:
        st.caption(words.label(note, 500))
    _traces("All of these traces", found.picks)


def _square(colour: str) -> str:
    """In the colour that the charts give the group."""
    return f':color[■]{{foreground="{colour}"}}'


def _group(group: Group) -> str:
    count = f"{'' if group.exact else 'about '}{words.count(group.count)} trace{'' if group.count == 1 else 's'}"
    looked = "" if group.whole else f", {words.count(group.looked_at)} of them looked at"
    return words.unbroken(
        f"{count}{looked}, {'' if group.count == 1 else 'typically '}{words.duration(group.typical_ms)}"
    )


def _cause(number: int, cause: Finding, following: Sequence[Finding]) -> None:
    with st.container(border=True):
        left, right = layout.wide_then_narrow()
        with left:
            st.markdown(f"**{number} · {words.label(cause.sentence, 500)}**")
            _numbers(cause)
            _links(cause)
        with right:
            _chart(str(cause.rank), explain_charts.difference(cause.chart), cause.sentence)
        if following:
            follow = "follows" if len(following) == 1 else "follow"
            with st.expander(
                f"{len(following)} more that {follow} from it", icon=":material/subdirectory_arrow_right:"
            ):
                st.caption("What differs there is gone once the fact above is held fixed, or left out.")
                for each in following:
                    _small(each)


def _others(found: Explanation) -> None:
    """What follows from how the traces were chosen, and what was seen too seldom to be sure."""
    by_choice = [each for each in found.findings if each.role == "follows" and each.of is None]
    hints = [each for each in found.findings if each.role == "hint"]
    for title, rows in (
        ("What goes with it, because of how these traces were chosen", by_choice),
        ("Seen too seldom to rule out chance", hints),
    ):
        if rows:
            with st.expander(f"{title} ({len(rows)})", icon=":material/more_horiz:", expanded=not found.causes):
                for each in rows:
                    _small(each)


def _small(finding: Finding) -> None:
    left, right = layout.wide_then_narrow()
    with left:
        st.markdown(words.label(finding.sentence, 500))
        _numbers(finding)
        _links(finding)
    with right:
        _chart(str(finding.rank), explain_charts.difference(finding.chart), finding.sentence)


def _numbers(finding: Finding) -> None:
    said = [f"effect {finding.effect:+.2f} ({finding.low:+.2f} to {finding.high:+.2f})"]
    if finding.role != "hint":
        said.append(p_words(finding.p_value))
    if finding.these_hits is not None and finding.others_hits is not None:
        said.append(f"{words.count(finding.these_hits)} of these, {words.count(finding.others_hits)} of the others")
    if finding.median_these is not None:
        these, others = (
            explain_charts.amount(each, finding.unit) for each in (finding.median_these, finding.median_others)
        )
        said.append(f"median {these} against {others}")
    st.caption(words.unbroken(" · ".join(said)).replace("$", r"\$"))


def p_words(p: float) -> str:
    """A p-value as people write it."""
    return f"p < {_SMALLEST_P}" if p < _SMALLEST_P else f"p = {p:.3f}".rstrip("0").rstrip(".")


def _links(finding: Finding) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        hits = finding.these_hits
        many = "trace" if hits == 1 else "traces" if hits is None else f"{words.count(hits)} traces"
        _traces(f"Show the {many}", finding.chosen)
        for number, trace_id in enumerate(finding.examples[:_MOST_EXAMPLES], start=1):
            navigation.link("trace", f"Example {number}", {"id": trace_id}, icon=":material/account_tree:")


def _traces(text: str, chosen: TraceFilter | None) -> None:
    """A link to the list of some traces, where a list can show them."""
    view = None if chosen is None else as_view(chosen)
    if view is not None:
        navigation.link("traces", text, view.params(), icon=":material/list_alt:")


def _chart(name: str, figure: object, alt: str) -> None:
    st.plotly_chart(figure, key=f"explain.chart.{name}", config={"displayModeBar": False}, alt=alt)
