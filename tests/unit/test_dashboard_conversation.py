"""A turn of the chat while it fills, and the numbers that are said about it and about a period."""

from __future__ import annotations

from decimal import Decimal

from dashboard.api import Event
from dashboard.conversation import Turn, cited_first
from dashboard.kpis import numbers
from dashboard.turn_view import facts, total_tokens
from tracing_core.query.overview import Totals


def totals(**changes: object) -> Totals:
    fields: dict[str, object] = {
        "count": 100, "errors": 1, "flagged": 5, "cost_usd": Decimal("0.5"), "unpriced_count": 0, "input_tokens": 1,
        "output_tokens": 1, "mean_ms": 10.0, "p50_ms": 10.0, "p95_ms": 100.0, "p99_ms": 200.0, "rating_count": 2,
        "rating_mean": 4.0, "feedback_rate": 0.02,
    }  # fmt: skip
    return Totals(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_turn_fills_as_events_come() -> None:
    """Steps, sources, tokens and the end each find their place, and the first token is timed once."""
    turn = Turn(question="why?")
    turn.take(Event(kind="step", data={"name": "reranking", "duration_ms": 12.5}), 20)
    turn.take(Event(kind="sources", data=[{"index": 1, "title": "a"}, "junk"]), 25)
    turn.take(Event(kind="token", data="It "), 100)
    turn.take(Event(kind="token", data="is."), 120)
    turn.take(Event(kind="done", data={"trace_id": "trc_1", "citations": [{"index": 1}, 2, "junk"]}), 150)
    assert (turn.state, turn.answer, turn.first_token_ms, turn.total_ms) == ("done", "It is.", 100, 150)
    assert (turn.steps, turn.sources) == ([("reranking", 12.5)], [{"index": 1, "title": "a"}])
    assert (turn.trace_id, turn.cited) == ("trc_1", (1, 2))


def test_a_failed_turn_keeps_what_had_come() -> None:
    """An error in the middle is said under the part of the answer that was there."""
    turn = Turn(question="why?")
    turn.take(Event(kind="token", data="It "), 1)
    turn.take(Event(kind="error", data={"message": "the model went away", "trace_id": None}), 2)
    assert (turn.state, turn.answer, turn.error) == ("failed", "It ", "the model went away")


def test_cited_sources_come_first() -> None:
    """The sources that an answer rests on are read before those that it did without."""
    ordered = cited_first([{"index": 1}, {"index": 2}, {"index": 3}], (3,))
    assert [(number, cited) for number, _, cited in ordered] == [(3, True), (1, False), (2, False)]


def test_facts_say_what_is_not_known() -> None:
    """A number that nobody measured is a dash among the others."""
    turn = Turn(
        question="why?", total_ms=3210, first_token_ms=145, done={"tokens": {"total": 1550}, "cost_usd": 0.0003}
    )
    assert facts(turn) == r"3.21 s · first token 145 ms · – tokens/s · 1,550 tokens · \$0.0003 · confidence – · –"
    assert total_tokens(None) is None


def test_numbers_are_compared_with_the_period_before() -> None:
    """Each number has its relative change, and says whether more of it is good."""
    now = {number.label: number for number in numbers(totals(p95_ms=118.0), totals(), (), ())}
    assert round(now["P95 latency"].delta or 0, 2) == 0.18
    assert (now["P95 latency"].good, now["Rating"].good, now["Requests"].delta) == ("inverse", "normal", 0)


def test_nothing_before_is_no_change() -> None:
    """A first period is not a rise from zero."""
    assert all(number.delta is None for number in numbers(totals(), totals(count=0), (), ()))
    assert all(number.delta is None for number in numbers(totals(), None, (), ()))


def test_an_unknown_cost_is_a_dash() -> None:
    """Where no price is known there is no sum, and the reason is said."""
    now = {number.label: number for number in numbers(totals(cost_usd=None, unpriced_count=100), None, (), ())}
    assert now["Cost"].value == "–"
    assert "price is unknown" in str(now["Cost"].help)
