"""What decision models answer becomes decisions (E1): each answer with its confidence and what it was chosen over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.otlp_messages import received_span
from tests.unit.test_otlp_decisions import event
from tracing_core.model import Decision, SpanKind
from tracing_core.normal_form import facts_of

QUESTIONS = {
    "route": {"type": "choice", "criteria": {"mail": None, "wiki": None, "code": None}, "instructions": "Where to?"},
    "cites": {"type": "noul"},
    "depth": {"type": "score", "criteria": ["shallow", "deep"]},
}
ANSWERS = {
    "route": {"type": "choice", "choice": "wiki", "confidence": 0.7, "probabilities": {"mail": 0.1, "wiki": 0.7, "code": 0.2}},
    "cites": {"type": "noul", "noul": 0.25},
    "depth": {"type": "score", "score": 0.8, "confidence": 0.6, "probabilities": {"0": 0.2, "1": 0.8}, "legend": {"0": "s"}},
}  # fmt: skip
PYDANTIC_AI = {
    "gen_ai.operation.name": "decide",
    "gen_ai.response.model": "jev-1",
    "pydantic_ai.decision.questions": json.dumps(QUESTIONS),
    "pydantic_ai.decision.answers": json.dumps(ANSWERS),
    "pydantic_ai.decision.thresholds": '{"boolean": 0.5}',
    "pydantic_ai.decision.confidence": '{"cites": 0.5}',
    "pydantic_ai.decision.usage.input_tokens": 40,
}


def test_pydantic_ai() -> None:
    """A choice, a yes or no and a score, with the confidence that was acted on; the attributes stay as they came."""
    span = received_span(PYDANTIC_AI)
    assert span.kind is SpanKind.CLASSIFICATION
    assert span.attributes == PYDANTIC_AI
    assert facts_of(span).usage.input_tokens == 40
    assert span.decisions == (
        Decision(
            decision="route", what="wiki", confidence=0.7, alternatives_considered=("code (0.20)", "mail (0.10)"),
            inputs={"question": "Where to?"},
        ),
        Decision(decision="cites", what="no", confidence=0.5, alternatives_considered=("yes (0.25)",)),
        Decision(
            decision="depth", what=0.8, confidence=0.6, alternatives_considered=("1 (0.80)", "0 (0.20)"),
            inputs={"legend": {"0": "s"}},
        ),
    )  # fmt: skip


def test_openinference() -> None:
    """A DECISION span's request and response, as they went over the wire, hold questions and answers."""
    said = {
        "openinference.span.kind": "DECISION",
        "decision.model_name": "jev-1",
        "input.value": json.dumps({"state": "...", "questions": {"cites": {"type": "noul", "question": "Is a source cited?"}}}),
        "output.value": json.dumps({"answers": {"cites": {"answer": True, "probability": 0.93}}, "usage": {}}),
    }  # fmt: skip
    span = received_span(said)
    (decision,) = span.decisions
    assert (decision.decision, decision.what, decision.confidence) == ("cites", True, 0.93)
    assert decision.inputs == {"question": "Is a source cited?"}
    assert span.attributes == said


def test_plain_answers() -> None:
    """Strands writes an answer without saying how sure it is; one that is uncertain is no choice."""
    span = received_span(
        {
            "gen_ai.operation.name": "decision",
            "gen_ai.decision.answers": '{"tone": "kind", "open": {"uncertain": true}}',
        }
    )
    assert span.decisions == (Decision(decision="tone", what="kind"),)


def test_a_question_without_content_has_its_numbers() -> None:
    """Options that were not answered are what was not chosen; without a choice there is no decision."""
    answers = {
        "route": {"type": "choice", "choice": "wiki", "confidence": 0.7},
        "other": {"type": "choice", "confidence": 0.9},
    }
    span = received_span(PYDANTIC_AI | {"pydantic_ai.decision.answers": json.dumps(answers)})
    (decision,) = span.decisions
    assert decision.alternatives_considered == ("mail", "code")


def test_a_decision_that_is_told_as_one_is_not_told_twice() -> None:
    """A span that comes back from an export has its decisions as events; they are not read from the answers again."""
    span = received_span(PYDANTIC_AI, events=[event({"decision.type": "route", "decision.what": "wiki"})])
    assert [decision.decision for decision in span.decisions] == ["route"]


@pytest.mark.parametrize(
    "answers",
    [
        "",
        "{",
        "[]",
        "7",
        '{"a": null}',
        '{"a": []}',
        '{"a": {"noul": "x"}}',
        '{"a": {"noul": 7}}',
        '{"a": {"choice": null}}',
        7,
    ],
)
def test_what_is_no_answer_is_no_decision(answers: Any) -> None:
    """Whatever is sent, the span is kept as it is."""
    span = received_span(PYDANTIC_AI | {"pydantic_ai.decision.answers": answers})
    assert all(decision.what is not None for decision in span.decisions)
    assert span.attributes["pydantic_ai.decision.answers"] == answers
