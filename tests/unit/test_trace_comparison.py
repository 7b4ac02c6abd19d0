"""Two runs side by side: nothing is lost, what is the same is beside each other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tracing_core.model import SpanKind, SpanStatus
from tracing_core.query.trace import DecisionRow, SpanPayload, SpanRow
from tracing_core.trace_comparison import aligned, decided, decision_pair, documents, prompts, text_pair


def span(span_id: str, name: str, parent: str | None = "root", ms: float | None = 10.0) -> SpanRow:
    return SpanRow(
        span_id=span_id, parent_id=parent, position=0, name=name, kind=SpanKind.UNKNOWN, started_at=NOON, duration_ms=ms,
        status=SpanStatus.OK, error=None, decision_count=0, total_tokens=None, cost_usd=None, model=None, offset_ms=0.0,
    )  # fmt: skip


def run(*names: str, tag: str = "") -> list[SpanRow]:
    """A root with children of these names."""
    return [span("root", "request", None), *(span(f"{tag}{at}", name) for at, name in enumerate(names))]


def decision(**changes: Any) -> DecisionRow:
    fields: dict[str, Any] = {
        "position": 0, "span_id": "s", "stage": "search", "decision": "source", "what": "bm25", "why": "short", "confidence": 0.9,
        "alternatives_considered": ("semantic",), "inputs": {}, "decided_at": NOON, "model": None,
    }  # fmt: skip
    return DecisionRow(**(fields | changes))


def payload(**changes: Any) -> SpanPayload:
    fields: dict[str, Any] = {"attributes": {}, "events": (), "evidence": {}, "prompts": {}, "outputs": {}, "otel": {}}
    return SpanPayload(**(fields | changes))


NAMES = st.lists(st.sampled_from("abc"), max_size=12)


@given(NAMES, NAMES)
def test_each_span_is_there_once_and_beside_its_like(a: list[str], b: list[str]) -> None:
    """In the order of its run where names allow it; as many are matched as a longest common subsequence has at least."""
    pairs = aligned(run(*a, tag="a"), run(*b, tag="b"))
    assert sorted(pair.a.span_id for pair in pairs if pair.a) == sorted(["root", *(f"a{at}" for at in range(len(a)))])
    assert sorted(pair.b.span_id for pair in pairs if pair.b) == sorted(["root", *(f"b{at}" for at in range(len(b)))])
    assert all(pair.a.name == pair.b.name for pair in pairs if pair.a and pair.b)
    assert pairs[0].depth == 0
    if a == b:
        assert all(pair.a and pair.b and pair.a.span_id[1:] == pair.b.span_id[1:] for pair in pairs[1:])


def test_a_stage_that_one_run_left_out_does_not_shift_the_others() -> None:
    """Search and answer are beside search and answer; the reranking stands alone."""
    pairs = aligned(run("search", "rerank", "answer", tag="a"), run("search", "answer", tag="b"))
    assert [(pair.name, pair.a is not None, pair.b is not None) for pair in pairs[1:]] == [
        ("search", True, True), ("rerank", True, False), ("answer", True, True),
    ]  # fmt: skip
    assert pairs[2].difference_ms is None


def test_children_go_with_their_parents() -> None:
    """What is below a span is matched below its like, and a run whose root has another name has its root beside it."""
    a = [span("root", "ask", None), span("1", "search"), span("2", "embed", "1", 5.0)]
    b = [span("root", "chat", None), span("3", "search"), span("4", "embed", "3", 8.0)]
    pairs = aligned(a, b)
    assert [pair.depth for pair in pairs] == [0, 1, 2]
    assert pairs[2].difference_ms == 3.0


def test_thousands_of_spans_below_one_are_put_side_by_side_at_once() -> None:
    """By their turns, where holding each name against each would take minutes."""
    pairs = aligned(run(*["tool"] * 4000, tag="a"), run(*["tool"] * 4001, tag="b"))
    assert sum(pair.a is None for pair in pairs) == 1


def test_what_was_decided_differently_is_named() -> None:
    """Choice, confidence, alternatives and why; a second decision of one kind is held against the second."""
    a = [decision(), decision(what="top 5")]
    b = [decision(what="semantic", confidence=0.4), decision(what="top 5"), decision(decision="gate")]
    found = decided(a, b)
    assert [pair.changed for pair in found] == [("choice", "confidence"), (), ("only B",)]


def test_documents_say_what_became_of_them() -> None:
    """By title, id or text; a document that was found and then dropped is dropped."""
    kept = payload(evidence={"kept": [{"title": "FastAPI"}, {"id": "d2"}]})
    dropped = payload(evidence={"filtered_out": [{"title": "FastAPI", "reason": "old"}, "plain text"]})
    found = {pair.name: (pair.a, pair.b) for pair in documents({"1": kept, "2": dropped}, {"1": kept})}
    assert found == {"FastAPI": ("dropped", "kept"), "d2": ("kept", "kept"), "plain text": ("dropped", None)}
    whys = {pair.name: (pair.a_why, pair.b_why) for pair in documents({"1": kept, "2": dropped}, {"1": kept})}
    assert whys == {"FastAPI": ("old", ""), "d2": ("", ""), "plain text": ("", "")}
    assert documents({"1": payload(evidence={"kept": "nonsense"})}, {}) == ()


def test_texts_differ_where_a_word_changed() -> None:
    """A long line is taken apart by sentence; texts that are equal have no difference; markup stays text."""
    long = "You answer questions about Python libraries with what the documents say. Be short and to the point. Cite what you use."
    found = text_pair("system", long, long.replace("short", "thorough"))
    assert "-Be short and to the point." in found.difference.splitlines()
    assert "+Be thorough and to the point." in found.difference.splitlines()
    assert text_pair("same", long, long).difference == ""
    assert "+<b>bold</b>" in text_pair("markup", "", "<b>bold</b>").difference


def test_prompts_are_compared_span_by_span() -> None:
    """Of spans that are beside each other; of one that only one run has, the other is empty."""
    pairs = aligned(run("answer", "check", tag="a"), run("answer", tag="b"))
    a = {"a0": payload(prompts={"system_prompt": "one"}), "a1": payload(prompts={"user_message": "is it?"})}
    found = prompts(pairs, a, {"b0": payload(prompts={"system_prompt": "two"})})
    assert [(each.name, each.a, each.b) for each in found] == [
        ("answer: system_prompt", "one", "two"), ("check: user_message", "is it?", ""),
    ]  # fmt: skip


def test_two_decisions_are_read_line_by_line() -> None:
    """What differs one below the other, the rest once; of one alone, all of it; of two that are the same, nothing."""
    a, b = decision(inputs={"k": 5}), decision(what={"k": 3}, inputs={"k": 5}, why="")
    (pair,) = decided([a], [b])
    assert decision_pair(pair).difference.splitlines() == [
        "-chose bm25", '+chose {"k": 3}', " confidence 0.90", " instead of semantic", "-because short", " k = 5",
    ]  # fmt: skip
    assert decision_pair(decided([a], [])[0]).difference.splitlines()[0] == "-chose bm25"
    assert decision_pair(decided([a], [a])[0]).difference == ""
