"""The story of a run that was written and judged several times (seed B, section 3.5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.factories import NOON, make_span, make_trace, milliseconds
from tracing_core.model import SpanData, SpanKind, TraceData
from tracing_core.rounds import Principle, rounds_of

SEED = (
    {
        "iteration": 1, "quality_gate_result": "FAIL", "overall_score": 1.6, "gaps": ["META-1", "META-12"],
        "synthesis_tokens": 48000, "synthesis_cost": 0.32,
    },
    {
        "iteration": 2, "quality_gate_result": "PASS", "overall_score": 2.4, "gaps": ["META-12"],
        "synthesis_tokens": 52000, "synthesis_cost": 0.35,
        "changes_from_previous": "Added specific market data for META-1, improved citations",
    },
)  # fmt: skip


def run(*stages: tuple[str, float, dict[str, Any]], iterations: tuple[dict[str, Any], ...] = ()) -> TraceData:
    """A run whose stages (name, seconds it took, outputs) follow one another."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    spans: list[SpanData] = [root]
    at = NOON
    for name, seconds, outputs in stages:
        spans.append(
            make_span(
                parent_id=root.span_id, name=name, kind=SpanKind.STAGE, started_at=at, outputs=outputs,
                duration_ns=milliseconds(seconds * 1000),
            )
        )  # fmt: skip
        at += timedelta(seconds=seconds)
    return make_trace(spans=tuple(spans), iterations=iterations, iteration_count=max(len(iterations), 1))


def gate(score: float, passed: bool, **scores: float) -> dict[str, Any]:
    listed = [{"id": name, "score": each, "feedback": f"{name} is {each:g}"} for name, each in scores.items()]
    return {"overall_score": score, "passed": passed, "threshold": 2.0, "principle_scores": listed}


def test_the_seeds_own_rounds_are_told() -> None:
    """What each scored, what it closed, what was changed, what it cost; no spans are needed for that."""
    first, second = rounds_of(run(iterations=SEED))
    assert (first.number, first.passed, first.score, first.gaps) == (1, False, 1.6, ("META-1", "META-12"))
    assert (first.closed, first.opened, first.changes) == ((), (), None)
    assert (second.passed, second.closed, second.opened) == (True, ("META-1",), ())
    assert second.changes == "Added specific market data for META-1, improved citations"
    assert (second.tokens, second.cost_usd, second.seconds, second.threshold) == (52000, 0.35, None, None)


def test_what_a_round_does_not_say_comes_from_its_stages() -> None:
    """Time from the stages between one gate and the next, threshold and feedback from the gate; what came before is not of it."""
    trace = run(
        ("intake", 9, {}), ("synthesis", 4, {"cost_usd": 0.1}), ("quality_gate", 1, gate(1.6, False, A=1, B=3)),
        ("collection", 2, {}), ("synthesis", 5, {"token_usage": {"input_tokens": 10, "output_tokens": 5}}),
        ("quality_gate", 1, gate(2.4, True, A=2, B=1)),
        iterations=({"passed": False, "changes": None}, {"passed": True}),
    )  # fmt: skip
    first, second = rounds_of(trace)
    assert (first.seconds, first.cost_usd, second.seconds, second.tokens) == (5, 0.1, 8, 15)
    assert (first.score, first.threshold, first.gaps) == (1.6, 2.0, ("A",))
    assert (second.closed, second.opened) == (("A",), ("B",))
    assert first.principles[0] == Principle(principle_id="A", name=None, score=1, feedback="A is 1")


def test_a_run_without_iterations_is_told_by_its_gates() -> None:
    """As traces of other recorders are, which know no rounds."""
    trace = run(
        ("synthesis", 4, {}), ("quality_gate", 1, gate(1.0, False, A=0)), ("quality_gate", 1, gate(2.5, True, A=3))
    )
    assert [(each.number, each.passed, each.score) for each in rounds_of(trace)] == [(1, False, 1.0), (2, True, 2.5)]


def test_fewer_gates_than_rounds_are_not_guessed_at() -> None:
    """Nobody knows which round the gate was of that is there; what the rounds say themselves is kept."""
    first, second = rounds_of(run(("quality_gate", 1, gate(2.4, True, A=1)), iterations=SEED))
    assert (first.seconds, first.principles, second.seconds) == (None, (), None)
    assert second.score == 2.4


def test_nothing_judged_is_no_round() -> None:
    """A plain trace has no story; what is no round is passed over."""
    assert rounds_of(make_trace()) == ()
    assert rounds_of(run(iterations=("odd",))) == ()  # type: ignore[arg-type]


def test_odd_rounds_break_nothing() -> None:
    """Values of other kinds are None, whatever they are."""
    odd = {
        "iteration": "x",
        "gaps": 5,
        "overall_score": "high",
        "changes_from_previous": ["a", "b"],
        "synthesis_cost": -1,
    }
    (only,) = rounds_of(run(iterations=(odd,)))
    assert (only.number, only.score, only.gaps, only.cost_usd, only.changes) == (1, None, (), None, "a; b")
