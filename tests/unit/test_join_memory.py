"""What is remembered of large traces: bounded, taken once, and nothing a forked child could wait for."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest

from tests.factories import NOON, make_span
from tests.surroundings import PATIENCE_SECONDS
from tracing_core.storage.join_memory import JoinMemory, Remembered


def remembered(spans: int = 1, **facts: Any) -> Remembered:
    """A trace of so many spans, of 10 bytes."""
    fields: dict[str, Any] = {
        "created_at": NOON,
        "version": "1",
        "spans": {span.span_id: span for span in (make_span() for _ in range(spans))},
        "facts": {},
        "span_rows": {},
        "decisions": (),
        "last_part": 0,
        "parts_started_at": NOON,
        "size": 10,
        "in_file": 0,
    }
    return Remembered(**(fields | facts))


def test_a_trace_is_taken_once() -> None:
    """Two threads do not work with the same one; who is done keeps what it has become."""
    memory = JoinMemory(fewest_spans=0)
    memory.keep("a", remembered())
    after = remembered(version="2")
    assert memory.take("a") is not None
    assert memory.take("a") is None
    memory.keep("a", after)
    assert memory.take("a") is after


def test_what_was_joined_longest_ago_is_forgotten() -> None:
    """As soon as all of them hold too much; small traces, and one that is too large, are not remembered."""
    memory = JoinMemory(most_bytes=25, fewest_spans=2)
    for name in ("a", "b", "a", "c"):
        memory.keep(name, remembered(spans=2))
    memory.keep("small", remembered(spans=1))
    memory.keep("large", remembered(spans=2, size=26))
    assert [memory.take(name) is not None for name in ("a", "b", "c", "small", "large")] == [
        True,
        False,
        True,
        False,
        False,
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # that threads and forks do not go together is the point
def test_a_forked_child_waits_for_nobody() -> None:
    """Also when a thread of the parent held the lock at that moment."""
    memory = JoinMemory(fewest_spans=0)
    memory.keep("a", remembered())
    with memory._lock:
        child = multiprocessing.get_context("fork").Process(target=lambda: memory.keep("b", remembered()))
        child.start()
    child.join(PATIENCE_SECONDS)
    assert child.exitcode == 0
