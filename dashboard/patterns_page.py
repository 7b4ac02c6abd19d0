"""The page of patterns: its parts, and what is asked, by topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from dashboard import (
    clickable,
    decisions_panels,
    filters,
    navigation,
    patterns_charts,
    patterns_data,
    patterns_failures,
    patterns_users,
    states,
    words,
)
from dashboard.fitting_table import fitting_table
from dashboard.trace_list import trace_list
from dashboard.view import View
from tracing_core.patterns import Cluster, GapQuestion
from tracing_core.query.patterns import QuestionPatterns
from tracing_core.question_clusters import FEWEST_QUESTIONS

_PART, _TOPIC = "part", "topic"
_PICKED, _CHART = "patterns.picked", "patterns.topics"
_LISTED, _MOST_GAPS = 20, 200
_NUMBERS = ("Questions", "Against before", "Flagged", "No good evidence", "Confidence", "Rating", "P95", "Cost")


def show(view: View) -> None:
    """Draw the part that the URL names."""
    _parts()[_part()][1](view)


def _parts() -> Mapping[str, tuple[str, Callable[[View], None]]]:
    return {
        "questions": ("Questions", questions),
        "evidence": ("No good evidence", gaps),
        "failures": ("Failures", patterns_failures.show),
        "users": ("Users", patterns_users.show),
    }


def _part() -> str:
    parts = _parts()
    said = st.query_params.get(_PART, "questions")
    st.session_state["patterns.part"] = said if said in parts else "questions"
    chosen = st.segmented_control(
        "Part", list(parts), format_func=lambda name: parts[name][0], key="patterns.part", required=True,
        on_change=_turn, label_visibility="collapsed",
    )  # fmt: skip
    return chosen or "questions"


def _turn() -> None:
    st.query_params[_PART] = st.session_state["patterns.part"]
    st.query_params.pop(_TOPIC, None)


# --- what is asked ---


def questions(view: View) -> None:
    """Topics in numbers, as bars, as a table; the topic that was picked with its traces."""
    found = _read(view)
    if not found.drawn.looked_at:
        states.empty("No questions in this time.", hint="Choose a longer time range, or ask some.", chat=True)
        return
    _numbers(found)
    st.caption(_looked_at(found))
    clusters = found.found.clusters
    if not clusters:
        st.caption(f"Fewer than {FEWEST_QUESTIONS} different questions: too few to tell topics apart.")
        return
    was_here = _CHART in st.session_state  # gone once another page was shown, and so is what was picked on it
    with decisions_panels.panel("Topics", "Each bar leads to its questions; a mark is the period before"):
        picked = clickable.chart(patterns_charts.topics(clusters), _CHART, "Questions by topic")
    at = fitting_table(
        [_row(each) for each in clusters], "patterns.table", alt="Topics in numbers", wide="Topic", below="For example",
        numbers=_NUMBERS, lesser=("Against before", "Confidence", "Rating", "P95", "Cost"), click="picks",
    )  # fmt: skip
    _pick(clusters[at].name if at is not None else picked[0][0] if picked else None, was_here=was_here)
    if said := st.query_params.get(_TOPIC):
        _topic(view, nearest(clusters, said), found.found.gaps)


def _read(view: View) -> QuestionPatterns:
    now = filters.present()
    return patterns_data.questions(view.trace_filter(now), view.period_before(now))


def _numbers(found: QuestionPatterns) -> None:
    clusters, says = found.found.clusters, found.found.says_of_evidence
    without = sum(each.without_evidence is not None for each in clusters)
    bad = sum(gap.times for gap in found.found.gaps)
    worst = max((each for each in clusters if each.words), key=lambda each: each.flagged, default=None)
    with st.grid(4, min_column_width=160, gap="small"):
        st.metric("Questions", words.count(found.drawn.stands_for), border=True)
        st.metric("Topics", words.count(len(clusters)) if clusters else words.ABSENT, border=True)
        st.metric(
            "No good evidence",
            words.share(min(bad / (says * found.drawn.factor), 1.0) if says else None),
            border=True,
            help=f"Of {_counted(says, 'question')} whose traces say what was found; in {_counted(without, 'topic')}",
        )
        st.metric(
            "Most flagged topic",
            words.ABSENT if worst is None else words.share(worst.flagged),
            None if worst is None else worst.name,
            delta_color="off",
            delta_arrow="off",
            border=True,
        )


def _looked_at(found: QuestionPatterns) -> str:
    seen = words.count(found.drawn.looked_at)
    which = "All of them were looked at" if found.drawn.whole else f"From {seen} of them, drawn at random"
    scores = f", the scores of what was found for {words.count(found.scored)}" if found.scored else ""
    apart = found.found.silhouette
    said = (
        ""
        if apart is None
        else f" Topics are put together by meaning and named by their telling words (silhouette {apart:.2f})."
    )
    return f"{which}{scores}.{said}"


def _counted(number: float, noun: str) -> str:
    return f"{words.count(round(number))} {noun}{'' if round(number) == 1 else 's'}"


def _row(each: Cluster) -> dict[str, str]:
    return {
        "Topic": each.name,
        "Questions": words.count(round(each.count)),
        "Against before": _change(each),
        "Flagged": words.share(each.flagged) + (" ▲" if each.stands_out else ""),
        "No good evidence": words.share(each.without_evidence),
        "Confidence": words.confidence(each.confidence),
        "Rating": words.ABSENT if each.rating is None else f"{each.rating:.1f} ({each.rated})",
        "P95": words.duration(each.p95_ms),
        "Cost": words.money(each.cost_usd),
        "For example": each.examples[0][1],
    }


def _change(each: Cluster) -> str:
    if each.before is None:
        return words.ABSENT
    if each.before == 0:
        return "new"
    return f"{(each.count / each.before - 1) * 100:+.0f} %"


def _pick(name: str | None, *, was_here: bool) -> None:
    """Keep what was picked in the URL, and forget it when it is let go; whoever comes back finds it again."""
    if name is not None:
        st.query_params[_TOPIC] = name
        st.session_state[_PICKED] = True
    elif st.session_state.pop(_PICKED, False) and was_here:
        st.query_params.pop(_TOPIC, None)


def nearest(clusters: Sequence[Cluster], name: str) -> Cluster | None:
    """The topic of that name, or else the one that shares most of its words; None when none does."""
    told = set(name.split(" · "))

    def alike(each: Cluster) -> float:
        return 2.0 if each.name == name else len(told & set(each.words)) / len(told | set(each.words))

    best = max(clusters, key=alike, default=None)
    return best if best is not None and alike(best) > 0 else None


def _topic(view: View, topic: Cluster | None, found: Sequence[GapQuestion]) -> None:
    if topic is None:
        st.caption("The topic of this address is not among those of this time.")
        return
    st.subheader(words.label(topic.name), anchor=False)
    marked = " More of them are flagged than of the others, by more than chance explains." if topic.stands_out else ""
    st.caption(f"{_counted(topic.seen, 'question')} of this topic looked at; the newest are below.{marked}")
    own = [gap for gap in found if gap.topic == topic.name]
    if own:
        with st.expander(f"{len(own)} of its questions got no good evidence"):
            for gap in own[:_LISTED]:
                navigation.link("trace", f"{words.label(gap.text, 90)} · {gap.gaps[0]}", {"id": gap.trace_id})
    trace_list(patterns_data.rows(topic.trace_ids[:_LISTED]), key="patterns.traces", now=filters.now())
    if topic.words:
        params = {**view.params(), "text": " or ".join(f'"{word}"' if " " in word else word for word in topic.words)}
        navigation.link("traces", "Search all traces for its words", params, icon=":material/search:")


# --- what got no good evidence ---


def gaps(view: View) -> None:
    """Questions that got no good evidence: what the corpus lacks."""
    found = _read(view)
    told = found.found.gaps
    if not found.found.says_of_evidence:
        states.empty(
            "No question of this time says what evidence was found for it.", hint="Choose a longer time range."
        )
        return
    if not told:
        states.empty("Every question of this time that says so got good evidence.")
        return
    times = sum(each.times for each in told)
    st.caption(
        f"{_counted(len(told), 'different question')}, asked {_counted(times, 'time')}, of "
        f"{words.count(found.found.says_of_evidence)} that say what was found. {_looked_at(found)}"
    )
    reasons: dict[str, float] = {}
    for each in told:
        reasons[each.gaps[0]] = reasons.get(each.gaps[0], 0.0) + each.times
    with st.grid(max(len(reasons), 3), min_column_width=200, gap="small"):
        for reason, count in sorted(reasons.items(), key=lambda pair: -pair[1]):
            st.metric(reason.capitalize(), words.count(round(count)), border=True)
    rows = [_gap_row(each) for each in told[:_MOST_GAPS]]
    at = fitting_table(
        rows, "patterns.gaps", alt="Questions without good evidence", wide="Question", below="Why", numbers=("Times", "Rating"),
        lesser=("Rating", "Library", "Topic"), click="opens",
    )  # fmt: skip
    if len(told) > _MOST_GAPS:
        st.caption(f"The first {_MOST_GAPS} of {words.count(len(told))}")
    if at is not None:
        navigation.open_page("trace", {"id": told[at].trace_id})


def _gap_row(each: GapQuestion) -> dict[str, str]:
    return {
        "Question": each.text,
        "Times": words.count(round(each.times)),
        "Why": ", ".join(each.gaps),
        "Rating": words.ABSENT if each.rating is None else f"{each.rating:.0f}",
        "Last asked": words.ago(each.last_at, filters.now()),
        "Library": each.library or words.ABSENT,
        "Topic": each.topic or words.ABSENT,
    }
