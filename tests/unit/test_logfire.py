"""What logfire says in words of its own (E1); what it says in those of OpenTelemetry is tested with the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.factories import make_span
from tracing_core.dialects import conventions_of, unmapped_keys
from tracing_core.model import SpanKind
from tracing_core.normal_form import facts_of


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ({"message": {"role": "assistant", "content": "Paris.", "tool_calls": None}, "usage": {}}, "Paris."),
        ({"combined_chunk_content": "Paris.", "chunk_count": 2}, "Paris."),
    ],
)
def test_requests_and_responses_of_logfire_are_read(response: dict[str, Any], answer: str) -> None:
    """As its older instrumentations write them down; and what it scrubbed, such as the session, counts as not said."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Capital of France?"}]
    span = make_span(
        kind=SpanKind.LLM,
        attributes={
            "request_data": json.dumps({"model": "m", "messages": messages, "stream": True}),
            "response_data": json.dumps(response),
            "gen_ai.usage.raw": '{"prompt_tokens": 24, "completion_tokens": 8, "prompt_tokens_details": {"cached_tokens": 16}}',
            "session.id": "[Scrubbed due to 'session']",
            "gen_ai.conversation.id": "c-1",
            "async": False,
            "duration": 0.7,
        },
    )
    facts = facts_of(span)
    assert (facts.query, facts.answer, facts.session_id) == ("Capital of France?", answer, "c-1")
    assert (facts.usage.input_tokens, facts.usage.output_tokens, facts.usage.cached_tokens) == (24, 8, 16)
    assert conventions_of(span) == ("gen_ai", "logfire")
    assert unmapped_keys(span) == ()
