"""What a run says of the version of its prompt, in whatever convention."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_span, make_trace
from tests.surroundings import make_preparation
from tracing_core.prompt_version import PROMPT_VERSION, prompt_version


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"langfuse.observation.prompt.name": "answer", "langfuse.observation.prompt.version": 7}, "answer 7"),
        ({"gen_ai.prompt.name": "answer", "gen_ai.prompt.version": "v2"}, "answer v2"),
        ({"llm.prompt_template.version": "2026-11"}, "2026-11"),
        ({"traceloop.prompt.key": "greeting", "traceloop.prompt.version": 3}, "greeting 3"),
        ({"prompt_version": "v7"}, "v7"),
        ({"prompt.version": "v7", "prompt.name": ""}, "v7"),
        ({"prompt.name": "answer"}, None),
        ({"prompt.version": ""}, None),
        ({"prompt.version": ["a", "b"]}, None),
    ],
)
def test_each_convention_says_it_in_its_own_words(attributes: dict[str, Any], said: str | None) -> None:
    """Name and version, or the version alone; a name without one is no version."""
    assert prompt_version([make_span(attributes=attributes)]) == said


def test_the_last_span_that_says_one_counts() -> None:
    """That of the answer, and not that of what was asked before it."""
    spans = [make_span(attributes={"prompt.version": each} if each else {}) for each in ("v1", "v2", None)]
    assert prompt_version(spans) == "v2"
    assert prompt_version([make_span()]) is None


def test_traces_can_be_picked_by_it() -> None:
    """What a model call below the root says is among the attributes of the trace."""
    root = make_span(name="request")
    call = make_span(parent_id=root.span_id, attributes={"gen_ai.prompt.version": "v2"})
    prepared = make_preparation().prepare(make_trace(spans=(root, call)))
    assert prepared is not None
    assert prepared.projection.trace["attributes"] == {PROMPT_VERSION: "v2"}
