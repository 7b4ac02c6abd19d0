"""What recording needs in tests: a sink in memory, a clock that stands still, and ids that repeat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.factories import NOON
from tests.surroundings import repeatable_ids
from tracing_core.clock import ManualClock
from tracing_core.runtime import Runtime, configure
from tracing_core.sink import MemorySink

settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("unhurried")  # a busy machine is no failure of what is tested


@pytest.fixture
def clock() -> ManualClock:
    """A clock that shows noon until it is moved."""
    return ManualClock(NOON)


@pytest.fixture
def sink(clock: ManualClock) -> Iterator[MemorySink]:
    """Where the traces of this test end up; recording is set up for as long as the test runs."""
    memory = MemorySink()
    restore = configure(Runtime(clock=clock, ids=repeatable_ids(), sink=memory))
    yield memory
    restore()
