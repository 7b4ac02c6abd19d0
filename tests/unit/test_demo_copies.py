"""The slow copy of the demo's index: recorded by the way that real slowness is, where the rule says and nowhere else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from assistant.corpus.chunks import Document
from assistant.demo.clock import JumpingClock
from assistant.demo.copies import DECISION, DISK, MEMORY, in_copies, yesterday
from assistant.demo.questions import Course, visits
from assistant.embedding import Embedder
from assistant.search.index import SearchIndex, build_index
from tests.surroundings import by_name, finished, repeatable_ids
from tracing_core import TraceContext
from tracing_core.freeze import freeze
from tracing_core.model import Decision, TraceData
from tracing_core.runtime import Runtime, configure
from tracing_core.sink import MemorySink

NOW = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)
REMAKING = yesterday(NOW)
DOCUMENTS = tuple(
    Document(id=name, library=name, title=name, signature=name, text=f"What {name} is for.")
    for name in ("pandas", "plotly")
)


@pytest.fixture(scope="module")
def index() -> SearchIndex:
    return build_index(DOCUMENTS, Embedder(), lambda stage, done, total: None)


class StillClock(JumpingClock):
    """Time goes on by jumps alone."""

    def monotonic_ns(self) -> int:
        """What was jumped."""
        return self._jumped_ns


@pytest.fixture
def clock() -> Iterator[JumpingClock]:
    """What recording goes by, too."""
    jumping = StillClock(REMAKING.start - timedelta(days=1))
    restore = configure(Runtime(clock=jumping, ids=repeatable_ids(), sink=MemorySink()))
    yield jumping
    restore()


def searched(index: SearchIndex, library: str) -> TraceData:
    """What is recorded of a search in one library."""
    trace = finished(TraceContext.start())
    assert index.semantic(np.ones(index.vectors.shape[1], dtype=np.float32), [library], 2)
    TraceContext.finish(trace)
    return freeze(trace)


def chosen(trace: TraceData) -> Decision:
    (decision,) = by_name(trace)["vector_search"].decisions
    assert decision.decision == DECISION
    return decision


def test_yesterday_is_from_nine_until_midnight() -> None:
    """In UTC, whatever the hour is now."""
    assert REMAKING.start == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert REMAKING.end == datetime(2026, 11, 21, tzinfo=UTC)
    assert not REMAKING.at(REMAKING.end)
    assert REMAKING.at(REMAKING.start)


def test_the_slow_copy_is_chosen_and_waited_for(index: SearchIndex, clock: JumpingClock) -> None:
    """In those hours a search in pandas goes to the disk, and the span that says why takes the seconds."""
    copied = in_copies(clock, random.Random(1), REMAKING)(index)
    clock.jump_to(REMAKING.start)
    for _ in range(20):
        trace = searched(copied, "pandas")
        assert chosen(trace).what == DISK
        assert "are newer there" in chosen(trace).why
        assert (by_name(trace)["vector_search"].duration_ns or 0) > 2e9


@pytest.mark.parametrize(
    ("library", "when"), [("pandas", REMAKING.start - timedelta(hours=2)), ("plotly", REMAKING.start)]
)
def test_nothing_else_is_slow(index: SearchIndex, clock: JumpingClock, library: str, when: datetime) -> None:
    """Neither another library nor another day: the copy in memory answers."""
    copied = in_copies(clock, random.Random(1), REMAKING)(index)
    clock.jump_to(when)
    traces = [searched(copied, library) for _ in range(60)]
    assert {chosen(trace).what for trace in traces} == {MEMORY}
    assert max(by_name(trace)["vector_search"].duration_ns or 0 for trace in traces) < 1e9


def test_a_course_asks_about_its_library_in_its_hours() -> None:
    """An eighth of a common day's questions are its own; the history has as many as were asked for, in order."""
    course = Course(library="pandas", start=REMAKING.start, end=REMAKING.end)
    documents = [document for document in DOCUMENTS if document.library != "pandas"]
    asked = visits(random.Random(3), documents, count=560, days=14, until=NOW, course=course)
    of_course = [visit for visit in asked if visit.library == "pandas" and REMAKING.at(visit.at)]
    assert len(asked) == 560
    assert [visit.at for visit in asked] == sorted(visit.at for visit in asked)
    assert len(of_course) >= 5
    assert asked == visits(random.Random(3), documents, count=560, days=14, until=NOW, course=course)
