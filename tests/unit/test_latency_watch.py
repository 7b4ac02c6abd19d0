"""Which traces are slow is judged by those of the last half hour."""

from __future__ import annotations

import random
import threading
import timeit
from datetime import UTC, datetime

from tests.factories import make_span, make_trace, milliseconds
from tests.surroundings import make_preparation
from tracing_core.clock import ManualClock
from tracing_core.latency_watch import LatencyWatch
from tracing_core.model import TraceStatus

ENOUGH = 50


def a_watch(**options: int) -> tuple[LatencyWatch, ManualClock]:
    clock = ManualClock(datetime(2026, 11, 21, tzinfo=UTC))
    return LatencyWatch(clock.monotonic_ns, **options), clock


def fill(watch: LatencyWatch, duration_ms: float, count: int = ENOUGH, name: str = "ask") -> list[bool]:
    return [watch.is_slow("shop", name, duration_ms) for _ in range(count)]


def test_nothing_is_judged_before_enough_was_seen() -> None:
    """Fifty traces; the next one is judged."""
    watch, _ = a_watch()
    assert not any([*fill(watch, 100, ENOUGH - 1), watch.is_slow("shop", "ask", 9_000)])
    assert watch.is_slow("shop", "ask", 9_000)
    assert not watch.is_slow("shop", "ask", 100)


def test_what_always_takes_the_same_is_never_slow() -> None:
    """Slow is longer than the P95, not as long."""
    watch, _ = a_watch()
    assert not any(fill(watch, 100, 500))


def test_about_one_in_twenty_is_slow() -> None:
    """Of durations that do not change in kind."""
    watch, _ = a_watch()
    draw = random.Random(7)
    found = [watch.is_slow("shop", "ask", draw.lognormvariate(5, 1)) for _ in range(10_000)]
    assert 400 < sum(found) < 600


def test_each_operation_is_measured_by_its_own() -> None:
    """A project and a name; numbers in the name do not count."""
    watch, _ = a_watch()
    fill(watch, 100)
    fill(watch, 10_000, name="report")
    assert watch.is_slow("shop", "ask", 5_000)
    assert not watch.is_slow("shop", "report", 5_000)
    assert not watch.is_slow("other", "ask", 5_000)
    for number in range(1000, 1100):
        watch.is_slow("shop", f"GET /orders/{number}", 10)
    assert watch.is_slow("shop", "GET /orders/77777", 5_000)


def test_the_window_follows_change() -> None:
    """What was slow half an hour ago is ordinary when everything takes as long now."""
    watch, clock = a_watch()
    fill(watch, 100, 1000)
    clock.advance(31 * 60)
    assert not watch.is_slow("shop", "ask", 2_000), "too little is known of now"
    fill(watch, 2_000)
    assert not watch.is_slow("shop", "ask", 2_000)
    assert watch.is_slow("shop", "ask", 4_000)


def test_the_window_slides_by_steps() -> None:
    """Traces of twenty minutes ago still count."""
    watch, clock = a_watch()
    fill(watch, 100, 1000)
    clock.advance(20 * 60)
    assert watch.is_slow("shop", "ask", 2_000)


def test_the_operations_are_bounded() -> None:
    """Those in use longest ago are forgotten first."""
    watch, clock = a_watch(most_operations=10)
    fill(watch, 100)
    clock.advance(200)
    for number in range(9):
        watch.is_slow("shop", chr(ord("a") + number), 10)
    assert watch.is_slow("shop", "ask", 5_000)
    for number in range(9):
        watch.is_slow("shop", chr(ord("A") + number), 10)
    assert len(watch) == 10
    assert watch.is_slow("shop", "ask", 5_000)


def test_threads_lose_no_trace() -> None:
    """Four threads at once count as one after the other."""
    watch, _ = a_watch()
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        fill(watch, 100, 2_000)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(watch._operations["shop", "ask"]._current.values()) == 8_000


def test_judging_costs_little() -> None:
    """A few microseconds a trace, whatever machine this is; see the decision for what was measured."""
    watch, _ = a_watch()
    draw = random.Random(7)
    durations = iter([draw.lognormvariate(5, 1) for _ in range(50_000)])
    seconds = min(timeit.repeat(lambda: watch.is_slow("shop", "ask", next(durations)), number=10_000, repeat=5))
    assert seconds / 10_000 < 20e-6


def test_a_slow_trace_says_so_and_pieces_are_not_judged() -> None:
    """By its root, when this has ended; in whatever mode."""
    watch, _ = a_watch()
    fill(watch, 100, name="request")
    assert not watch.is_slow("default", "request", 100)
    preparation = make_preparation(watch=watch)
    for _ in range(ENOUGH):
        ordinary = preparation.prepare(make_trace(duration_ns=milliseconds(100)))
        assert ordinary is not None
        assert not ordinary.projection.trace["is_slow"]
    slow = preparation.prepare(make_trace(duration_ns=milliseconds(9_000)))
    stopped = preparation.prepare(make_trace(duration_ns=milliseconds(9_000), status=TraceStatus.INCOMPLETE))
    piece = preparation.prepare(preparation.assemble("a" * 32, [make_span(name="request", parent_id="b" * 16)]))
    assert [p.projection.trace["is_slow"] for p in (slow, stopped, piece) if p is not None] == [True, False, False]
