"""A finished turn of the chat: the answer, its sources, where the time went, its cost, its rating, its trace."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

import streamlit as st

from dashboard import api, charts, conversation, data, navigation, words
from dashboard.conversation import Turn, cited_first
from dashboard.rating import rate_in_place

USER, ASSISTANT = ":material/person:", ":material/account_tree:"
_PLAIN = {"displayModeBar": False}


def draw(turn: Turn, number: int, url: str) -> None:
    """Draw a turn.

    Args:
        number: its place in the conversation, for the keys of its controls.
        url: of the service, which takes the rating.
    """
    with st.chat_message("user", avatar=USER):
        st.text(turn.question)
    with st.chat_message("assistant", avatar=ASSISTANT):
        if turn.answer:
            st.markdown(words.safe_markdown(turn.answer))
        if turn.state == "asking":
            st.caption("Stopped.")
        if turn.error:
            st.warning(turn.error, icon=":material/cloud_off:")
        if turn.sources:
            _sources(turn)
        if turn.state == "done":
            _timing(turn, number)
            st.caption(facts(turn))
        if turn.trace_id:
            _foot(turn, turn.trace_id, number, url)


def ask(url: str, question: api.Question) -> None:
    """Ask a question, and draw it and its answer as that comes in."""
    with st.chat_message("user", avatar=USER):
        st.text(question.text)
    with st.chat_message("assistant", avatar=ASSISTANT):
        conversation.ask(url, question)


def _sources(turn: Turn) -> None:
    ordered = cited_first(turn.sources, turn.cited)
    cited = sum(1 for _, _, is_cited in ordered if is_cited)
    with st.expander(f"Sources {len(ordered)}" + (f", {cited} cited" if cited else ""), type="compact"):
        for number, source, is_cited in ordered:
            title = words.label(str(source.get("title") or source.get("id") or "untitled"))
            score = source.get("score")
            said = f" :gray[{score:.3g}]" if isinstance(score, int | float) else ""
            library = f" :gray[{words.label(str(source['library']))}]" if source.get("library") else ""
            with st.expander(f"{number} · {title}{library}{said}{' :green-badge[cited]' if is_cited else ''}"):
                st.text(str(source.get("text") or words.ABSENT))


def _timing(turn: Turn, number: int) -> None:
    steps = turn.steps or _steps(turn.done.get("steps"))
    if steps:
        st.plotly_chart(charts.steps(steps), key=f"chat.steps.{number}", config=_PLAIN, alt="Time of each step")
        st.caption(" · ".join(f"{words.label(name)} {words.duration(ms)}" for name, ms in steps))


def _foot(turn: Turn, trace_id: str, number: int, url: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if turn.state == "done":
            rate_in_place(f"chat.rating.{number}", turn.rating, turn.comment, partial(_rate, turn, url), "thumbs")
        navigation.link("trace", "Open trace", {"id": trace_id}, icon=":material/account_tree:")


def facts(turn: Turn) -> str:
    """The numbers of an answer in one line."""
    done = turn.done
    first = done.get("time_to_first_token_ms") or turn.first_token_ms
    parts = [
        words.duration(done.get("total_ms") or turn.total_ms),
        f"first token {words.duration(first)}",
        f"{_speed(done.get('tokens_per_second'))} tokens/s",
        f"{words.count(total_tokens(done.get('tokens')))} tokens",
        words.money(_dollars(done.get("cost_usd"))).replace("$", r"\$"),
        f"confidence {words.confidence(done.get('confidence'))}",
        words.label(str(done.get("model") or words.ABSENT)),
    ]
    return " · ".join(parts)


def total_tokens(tokens: Any) -> int | None:
    """The tokens of an answer, whether the service gives their sum or each kind."""
    if isinstance(tokens, dict):
        total = tokens.get("total_tokens", tokens.get("total"))
        return total if isinstance(total, int) else None
    return tokens if isinstance(tokens, int) else None


def _rate(turn: Turn, url: str, rating: int, comment: str | None) -> None:
    api.rate(url, turn.trace_id or "", rating, comment, data.VIEWER)
    data.forget_ratings()
    turn.rating, turn.comment = rating, comment


def _steps(given: Any) -> list[tuple[str, float]]:
    """The steps at the end of an answer: a list of them, or milliseconds by name."""
    if isinstance(given, dict):
        return [(str(name), float(ms)) for name, ms in given.items()]
    steps = given if isinstance(given, list) else []
    return [(str(step.get("name")), float(step.get("duration_ms") or 0)) for step in steps if isinstance(step, dict)]


def _speed(value: Any) -> str:
    return f"{value:.0f}" if isinstance(value, int | float) else words.ABSENT


def _dollars(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
