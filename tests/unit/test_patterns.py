"""Topics in numbers, gaps in the corpus, failures that are alike, and segments of users."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON, make_span
from tests.unit.test_question_clusters import QUESTIONS, TOPICS
from tracing_core.evidence_gaps import Gap, best_scores, gap_of, low_scores, says_of_evidence
from tracing_core.failure_patterns import Failure, failure_patterns, normalised
from tracing_core.patterns import Question, patterns
from tracing_core.user_segments import Focus, Mood, UserFacts, Volume, segments, users_of


def make_question(number: int, **overrides: Any) -> Question:
    fields: dict[str, Any] = {
        "trace_id": f"trc_{number:04}", "text": QUESTIONS[number % len(QUESTIONS)], "started_at": NOON + timedelta(minutes=number),
        "weight": 1.0, "flagged": False, "confidence": 0.8, "rating": None, "duration_ms": 100.0, "cost_usd": 0.01,
        "library": None, "says_of_evidence": True, "gap": None,
    }  # fmt: skip
    return Question(**(fields | overrides))


def asked(**of_first_topic: Any) -> list[Question]:
    return [make_question(n, **(of_first_topic if TOPICS[n] == 0 else {})) for n in range(len(QUESTIONS))]


# --- topics ---


def test_each_topic_has_its_own_numbers() -> None:
    """Counts go by what a question stands for; each question is in one topic alone."""
    found = patterns(asked(weight=3.0, confidence=0.2, duration_ms=900.0))
    assert sum(each.seen for each in found.clusters) == len(QUESTIONS)
    assert sum(each.count for each in found.clusters) == 15 * 3 + 30
    of_first = [each for each in found.clusters if each.confidence == pytest.approx(0.2)]
    assert sum(each.count for each in of_first) == 45
    assert all(each.p95_ms == pytest.approx(900, rel=0.01) for each in of_first)
    assert sum(each.cost_usd or 0 for each in of_first) == Decimal("0.45")
    assert "pandas" in " ".join(each.name for each in of_first)


def test_a_topic_with_more_flags_stands_out_and_chance_does_not() -> None:
    """All of one topic flagged and none of the others is no chance; every fifth of all is."""
    worse = patterns([make_question(n, flagged=TOPICS[n % 45] == 0) for n in range(90)])
    assert {each.stands_out for each in worse.clusters if each.flagged == 1} == {True}
    assert not any(each.stands_out for each in worse.clusters if each.flagged == 0)
    same = patterns([make_question(n, flagged=n % 5 == 0) for n in range(90)])
    assert not any(each.stands_out for each in same.clusters)


def test_the_trend_is_that_of_the_topic() -> None:
    """The questions of the period before are counted where they belong."""
    before = [make_question(n) for n in range(len(QUESTIONS)) if TOPICS[n] == 0]
    found = patterns(asked(), before)
    counts = {each.name: each.before for each in found.clusters}
    assert sum(count or 0 for count in counts.values()) == len(before)
    assert all(count == 0 for name, count in counts.items() if "pandas" not in name and "merge" not in name)
    assert {each.before for each in patterns(asked()).clusters} == {None}


def test_questions_without_good_evidence_are_listed_once() -> None:
    """The same words are one question, the most frequent first; the share of its topic counts them all."""
    found = patterns(
        [*asked(), *(make_question(100 + n, text="How do I brew tea?", gap=Gap.NOTHING_FOUND) for n in range(3))]
    )
    (gap,) = found.gaps
    assert (gap.text, gap.times, gap.gaps, gap.trace_id) == (
        "How do I brew tea?",
        3.0,
        (Gap.NOTHING_FOUND,),
        "trc_0102",
    )
    assert found.says_of_evidence == len(QUESTIONS) + 3
    (topic,) = [each for each in found.clusters if each.name == gap.topic]
    assert topic.without_evidence == pytest.approx(3 / topic.seen)


# --- evidence ---

_NOTHING = dict.fromkeys(
    ("evidence_retrieved", "evidence_collected", "evidence_passed", "evidence_used", "citations_count")
)


def test_the_surest_sign_is_the_reason() -> None:
    """Nothing found comes before nothing kept, used or cited; what says nothing is no gap."""
    assert gap_of({**_NOTHING, "evidence_retrieved": 0, "citations_count": 0}) is Gap.NOTHING_FOUND
    assert gap_of({**_NOTHING, "evidence_passed": 0}) is Gap.NOTHING_KEPT
    assert gap_of({**_NOTHING, "evidence_used": 0}) is Gap.NOTHING_USED
    assert gap_of({**_NOTHING, "citations_count": 0}, low_score=True) is Gap.LOW_SCORE
    assert gap_of({**_NOTHING, "citations_count": 0}) is Gap.NO_CITATION
    assert gap_of(_NOTHING) is None
    assert not says_of_evidence(_NOTHING)


def test_only_scores_out_of_line_are_low() -> None:
    """One score far below fifty others is unusual; among fifty that are spread evenly none is."""
    step = ("reranking", "score")
    even = {f"t{n}": {step: 0.5 + n / 100} for n in range(50)}
    assert not low_scores(even)
    assert low_scores({**even, "odd": {step: -0.9}}) == {"odd"}
    assert not low_scores({"a": {step: 0.9}, "b": {step: 0.0}})


def test_the_best_score_is_read_from_what_was_kept() -> None:
    """The score that ranks counts, and the best document's."""
    kept = [
        {"id": "a", "scores": {"reranked": 0.4, "bm25": 9.0}},
        {"id": "b", "scores": {"reranked": 0.7}},
        {"id": "c"},
    ]
    assert best_scores([make_span(name="reranking", evidence={"kept": kept})]) == {("reranking", "reranked"): 0.7}


# --- failures ---


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("ValueError: bad thing 12 of 'abc'", "ValueError", "bad thing <n> of <…>"),
        ("openai.RateLimitError: Error code: 429", "RateLimitError", "Error code: <n>"),
        ("the model gpt-4o-mini was silent for 30 s.", "", "the model <name> was silent for <n> s."),
        ("Connection to https://x.y/z?a=1 refused", "", "Connection to <url> refused"),
        ("KeyError: 'x'", "KeyError", "<…>"),
        ("Timeout after 30.5 s connecting to 10.0.0.1:5432", "", "Timeout after <n> s connecting to <n>"),
        ("no row 3fa85f64-5717-4562-b3fc-2c963f66afa6 in /var/lib/x/y", "", "no row <id> in <path>"),
    ],
)
def test_what_varies_is_taken_out_of_a_message(said: str, kind: str, message: str) -> None:
    """Type and message are the same for the same error."""
    assert normalised(said) == (kind, message)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_never_tell_errors_apart(one: int, other: int) -> None:
    """Two messages that differ in a number alone are one pattern."""
    assert normalised(f"TimeoutError: no answer in {one} ms") == normalised(f"TimeoutError: no answer in {other} ms")


def test_failures_are_counted_by_stage_and_error() -> None:
    """First and last seen, how many got over it, and whether it is new."""

    def failure(number: int, stage: str = "llm_generation", recovered: bool = False, weight: float = 1.0) -> Failure:
        return Failure(
            trace_id=f"trc_{number}", stage=stage, error=f"TimeoutError: no answer in {number} ms",
            failed_at=NOON + timedelta(minutes=number), recovered=recovered, weight=weight,
        )  # fmt: skip

    found = failure_patterns(
        [failure(1), failure(5, recovered=True, weight=3.0), failure(3, stage="search")], [failure(0)]
    )
    first, second = found
    assert (first.stage, first.error_type, first.count, first.recovered) == (
        "llm_generation",
        "TimeoutError",
        4.0,
        0.75,
    )
    assert (first.first_seen, first.last_seen) == (NOON + timedelta(minutes=1), NOON + timedelta(minutes=5))
    assert (first.before, first.is_new, second.before, second.is_new) == (1.0, False, 0.0, True)
    assert first.trace_ids == ("trc_5", "trc_1")


# --- users ---


def facts(user: str, questions: float, **overrides: Any) -> UserFacts:
    fields: dict[str, Any] = {
        "user_id": user, "questions": questions, "seen": int(questions), "rated": 0, "rating": None, "flagged": 0.0,
        "cost_usd": None, "libraries": {}, "last_at": NOON,
    }  # fmt: skip
    return UserFacts(**(fields | overrides))


def test_users_have_a_volume_a_mood_and_a_focus() -> None:
    """Who asks half of all is heavy; a mean rating is a mood, none is silence."""
    users = users_of(
        [
            facts("a", 60, rating=4.5, libraries={"pandas": 50.0, "fastapi": 10.0}), facts("b", 30, rating=2.0),
            facts("c", 20, rating=3.0, libraries={"pandas": 10.0, "fastapi": 10.0}), facts("d", 1),
        ]
    )  # fmt: skip
    assert [each.volume for each in users] == [Volume.HEAVY, Volume.REGULAR, Volume.REGULAR, Volume.OCCASIONAL]
    assert [each.mood for each in users] == [Mood.CONTENT, Mood.UNHAPPY, Mood.MIXED, Mood.SILENT]
    assert [each.focus for each in users] == [Focus.ONE, Focus.UNKNOWN, Focus.SEVERAL, Focus.UNKNOWN]
    assert users[0].favourite == "pandas"


def test_segments_hold_every_user_once() -> None:
    """Shares of questions add up to all of them."""
    users = users_of(
        [facts(f"u{n}", n + 1, rating=float(1 + n % 5), flagged=1.0, cost_usd=Decimal(1)) for n in range(20)]
    )
    found = segments(users)
    assert sum(len(each.users) for each in found) == 20
    assert sum(each.share_of_questions for each in found) == pytest.approx(1)
    assert sum(each.cost_usd or 0 for each in found) == 20
    assert all(each.flagged_between[0] <= each.flagged <= each.flagged_between[1] for each in found)
