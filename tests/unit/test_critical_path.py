"""The critical path and self times of a trace."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tracing_core.critical_path import TimedSpan, critical_ms, critical_path, self_times


def span(span_id: str, parent_id: str | None, start: float, end: float) -> TimedSpan:
    return TimedSpan(span_id=span_id, parent_id=parent_id, start_ms=start, duration_ms=end - start)


@st.composite
def trees(draw: st.DrawFn) -> list[TimedSpan]:
    """Any spans: parents may be missing, be their own child, form a ring, or end before their children."""
    size = draw(st.integers(1, 12))
    moment = st.integers(0, 200).map(lambda quarter: quarter / 4)
    return [
        TimedSpan(
            span_id=str(at),
            parent_id=draw(st.none() | st.integers(0, size).map(str)),
            start_ms=draw(moment),
            duration_ms=draw(st.none() | moment),
        )
        for at in range(size)
    ]


def test_steps_in_a_row_are_all_on_the_path() -> None:
    """Of steps that follow one another, each was waited for, and between them the parent was."""
    spans = [span("root", None, 0, 100), span("a", "root", 10, 40), span("b", "root", 40, 90)]
    path = [(each.span_id, each.start_ms, each.end_ms) for each in critical_path(spans)]
    assert path == [("root", 0, 10), ("a", 10, 40), ("b", 40, 90), ("root", 90, 100)]


def test_the_quicker_of_two_parallel_steps_is_beside_the_path() -> None:
    """What finished while something slower ran held nobody up."""
    spans = [span("root", None, 0, 50), span("slow", "root", 0, 50), span("quick", "root", 0, 20)]
    assert critical_ms(critical_path(spans)) == {"slow": 50}


def test_a_step_still_running_when_the_next_one_started_is_beside_the_path() -> None:
    """The last step did not wait for one that ended after it had started."""
    spans = [span("root", None, 0, 100), span("early", "root", 20, 90), span("last", "root", 50, 100)]
    assert critical_ms(critical_path(spans)) == {"root": 50, "last": 50}


def test_a_hair_of_overlap_is_clock_noise() -> None:
    """Steps in a row whose clocks disagree by less than a millisecond are still steps in a row."""
    spans = [span("root", None, 0, 100), span("a", "root", 0, 50.4), span("b", "root", 50, 100)]
    assert critical_ms(critical_path(spans)) == {"a": 50, "b": 50}


def test_the_path_goes_down_to_the_leaves() -> None:
    """Inside a step on the path its own children are on it."""
    spans = [span("root", None, 0, 100), span("step", "root", 20, 80), span("leaf", "step", 30, 70)]
    assert critical_ms(critical_path(spans)) == {"root": 40, "step": 20, "leaf": 40}


def test_a_chain_of_ten_thousand_is_walked() -> None:
    """The depth of a trace is not limited by Python's stack."""
    spans = [span("0", None, 0, 1)] + [span(str(at), str(at - 1), 0, 1) for at in range(1, 10_000)]
    assert critical_ms(critical_path(spans)) == {"9999": 1}


def test_self_time_leaves_out_what_children_cover_once() -> None:
    """Overlapping children are not subtracted twice, and what sticks out of the parent not at all."""
    spans = [
        span("root", None, 0, 100),
        span("a", "root", 10, 50),
        span("b", "root", 30, 60),
        span("c", "root", 90, 140),
    ]
    assert self_times(spans)["root"] == 40


@given(trees())
def test_the_path_covers_the_longest_root_without_gap_or_overlap(spans: list[TimedSpan]) -> None:
    """The stretches of the path follow one another from the root's start to its end, whatever arrived."""
    path = critical_path(spans)
    for one, next_one in pairwise(path):
        assert one.end_ms == next_one.start_ms
    assert all(each.end_ms > each.start_ms for each in path)
    if path:
        known = {each.span_id for each in spans}
        roots = [each for each in spans if each.parent_id not in known or each.parent_id == each.span_id]
        assert math.isclose(path[-1].end_ms - path[0].start_ms, max(each.duration_ms or 0 for each in roots))


@given(trees(), st.randoms())
def test_the_order_of_arrival_does_not_matter(spans: list[TimedSpan], random: object) -> None:
    """The same spans in another order have the same path and the same self times."""
    shuffled = list(spans)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert critical_path(shuffled) == critical_path(spans)
    assert self_times(shuffled) == self_times(spans)


@given(trees())
def test_self_time_is_part_of_the_span(spans: list[TimedSpan]) -> None:
    """A self time is never negative and never longer than its span."""
    times = self_times(spans)
    assert all(0 <= times[each.span_id] <= (each.duration_ms or 0) for each in spans)
