"""The rounds of a run as a story: how each scored, what it closed and opened, what was changed for it, what it took."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import streamlit as st

from dashboard import layout, quality_charts, words
from dashboard.decisions_panels import PLAIN
from tracing_core.query.outcomes import GOOD_SCORE
from tracing_core.rounds import Round


def tell(rounds: Sequence[Round]) -> None:
    """Draw them: a sentence, the score by round, then each round as a card."""
    st.markdown(sentence(rounds))
    left, right = layout.narrow_then_wide()
    with left, st.container(border=True):
        st.markdown("**Score by round**")
        asked = next((each.threshold for each in reversed(rounds) if each.threshold is not None), GOOD_SCORE)
        scores = [(each.number, each.score, each.passed) for each in rounds]
        st.plotly_chart(
            quality_charts.rounds(scores, asked), key="trace.rounds", config=PLAIN, alt="Quality score of each round"
        )
    with right:
        for each in rounds:
            _card(each)


def sentence(rounds: Sequence[Round]) -> str:
    """How it went, in a sentence."""
    first, last = rounds[0], rounds[-1]
    scores = ""
    if first.score is not None and last.score is not None:
        scores = f", from {first.score:.1f} to {last.score:.1f} of 3"
    ends = {True: "passed", False: "did not pass", None: "was not judged"}[last.passed]
    spent = [each.cost_usd for each in rounds if each.cost_usd is not None]
    cost = f", {_money(sum(spent))}" if spent else ""
    took = [each.seconds for each in rounds if each.seconds is not None]
    time = f", {words.duration(sum(took) * 1000)}" if took else ""
    return f"It {ends} in round **{last.number}**{scores}{time}{cost}."


def _card(each: Round) -> None:
    with st.container(border=True, gap=None):
        badge = {True: ":green-badge[passed]", False: ":red-badge[failed]", None: ":gray-badge[not judged]"}[
            each.passed
        ]
        score = "" if each.score is None else f" **{each.score:.1f}** of 3"
        facts = [words.duration(each.seconds * 1000)] if each.seconds is not None else []
        facts += [_money(each.cost_usd)] if each.cost_usd is not None else []
        facts += [f"{words.count(each.tokens)} tokens"] if each.tokens is not None else []
        st.markdown(f"Round {each.number} {badge}{score} :gray[{' · '.join(facts)}]")
        if each.changes:
            st.text(f"changed: {each.changes}")
        for said, names in (("closed", each.closed), ("opened", each.opened)):
            if names:
                st.caption(f"{said} {_listed(names)}")
        st.caption(f"falls short of {_listed(each.gaps)}" if each.gaps else "falls short of nothing")


def _listed(names: Sequence[str]) -> str:
    return words.label(", ".join(names), 200)


def _money(dollars: float) -> str:
    return words.money(Decimal(repr(dollars))).replace("$", r"\$")
