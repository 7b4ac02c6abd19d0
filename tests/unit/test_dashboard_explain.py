"""What the URL of Explain asks, and the way from a filter to a list of traces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.explain_view import AGAINST, THESE, Asked, Box, asked, cohort, missing, reference
from dashboard.filter_view import as_view
from dashboard.view import View, parse
from tests.factories import NOON
from tracing_core.query.decision_filter import DecisionFilter
from tracing_core.query.filters import TraceFilter
from tracing_core.saved_view import SavedView

HOUR = timedelta(hours=1)
BOX = Box(start=NOON, end=NOON + HOUR, low_ms=2512.5, high_ms=10000.0)
TRACE_ID = "trc_20261121_120000_0000000000000001"
SAVED = SavedView(
    view_id="view_1",
    name="Slow pandas",
    params={"library": "pandas", "range": "7d", "min_ms": "500"},
    created_at=NOON,
    created_by="you",
)
moments = st.integers(0, 2_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
durations = st.floats(0.001, 1e6).map(lambda ms: float(f"{ms:.6g}"))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    start, end = sorted((draw(moments), draw(moments)))
    low, high = sorted((draw(durations), draw(durations)))
    return Box(start=start, end=end + HOUR, low_ms=low, high_ms=high + 1000)


@given(boxes())
def test_a_box_comes_back_out_of_its_url(box: Box) -> None:
    """Times to the second, durations to six digits."""
    found = asked(Asked(these="box", box=box).params()).box
    assert found is not None
    assert (found.start, found.end) == (box.start, box.end)
    assert (found.low_ms, found.high_ms) == pytest.approx((box.low_ms, box.high_ms), rel=1e-5)


def test_the_rest_comes_back_out_of_its_url() -> None:
    """Each kind, each reference, ids and times."""
    for these in THESE:
        for against in AGAINST:
            if (these, against) == ("all", "rest"):
                continue
            question = Asked(
                these=these, against=against, saved="view_1", trace_id=TRACE_ID, ids=(TRACE_ID, "a" * 32),
                ref_start=NOON, ref_end=NOON + HOUR,
            )  # fmt: skip
            assert asked(question.params()) == question
    assert Asked().params() == {}


@pytest.mark.parametrize(
    "params",
    [
        {"these": "nice", "against": "me"},
        {"box": "1~2~3"},
        {"box": "2026-11-21T12:00:00Z~2026-11-21T11:00:00Z~1~2"},
        {"box": "2026-11-21T12:00:00Z~2026-11-21T13:00:00Z~nan~2"},
        {"ids": "x,y", "id": "../../etc"},
        {"against": "time", "ref_start": "2026-11-21T12:00:00Z"},
    ],
)
def test_what_cannot_be_understood_is_left_out(params: dict[str, str]) -> None:
    """A broken link asks the plain question."""
    assert asked(params) == Asked()


def test_there_is_no_rest_of_all() -> None:
    """All traces of a time are held against the period before."""
    assert asked({"these": "all"}).against == "before"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (Asked(these="box"), "Draw a box"),
        (Asked(these="saved", saved="view_9"), "Choose a saved view"),
        (Asked(these="filter"), "Choose a filter"),
        (Asked(these="trace"), "Choose a trace"),
        (Asked(these="picked"), "Pick some traces"),
        (Asked(), None),
        (Asked(these="box", box=BOX), None),
    ],
)
def test_what_is_still_to_be_chosen_is_said(question: Asked, said: str | None) -> None:
    """As the next step; nothing where there is something to explain."""
    found = missing(View(project="shop"), question, None)
    assert (found is None) if said is None else said in (found or "")


def test_filters_hold_for_both_groups_unless_they_tell_them_apart() -> None:
    """Slow answers of a library are held against its other ones; answers of a library against those of others."""
    view = View(range="7d", project="shop", library="pandas")
    slow = cohort(view, Asked(), NOON, None)
    assert (slow.kind, slow.chosen) == ("slow", TraceFilter(start=NOON - 168 * HOUR, project="shop", library="pandas"))
    told = cohort(view, Asked(these="filter"), NOON, None)
    assert (told.kind, told.chosen) == ("filter", TraceFilter(start=NOON - 168 * HOUR, project="shop"))
    assert told.picks == TraceFilter(project="shop", library="pandas")


def test_each_cohort_has_what_it_needs() -> None:
    """A box its bounds, a saved view its filters without its time, a trace its id, all their time."""
    view = View(range="24h")
    chosen = TraceFilter(start=NOON - 24 * HOUR)
    boxed = cohort(view, Asked(these="box", box=BOX), NOON, None)
    assert boxed.picks == TraceFilter(start=NOON, end=NOON + HOUR, min_duration_ms=2512.5, max_duration_ms=10000.0)
    saved = cohort(view, Asked(these="saved", saved="view_1"), NOON, SAVED)
    assert (saved.picks, saved.chosen) == (TraceFilter(library="pandas", min_duration_ms=500), chosen)
    assert cohort(view, Asked(these="trace", trace_id=TRACE_ID), NOON, None).trace_id == TRACE_ID
    assert cohort(view, Asked(these="all", against="before"), NOON, None).picks == chosen
    assert cohort(view, Asked(these="picked", ids=(TRACE_ID,)), NOON, None).picks == TraceFilter(trace_ids=(TRACE_ID,))


def test_references_are_the_rest_or_another_time() -> None:
    """With the filters that hold for both."""
    view = View(range="24h", project="shop")
    day = 24 * HOUR
    assert reference(view, Asked(), NOON).period is None
    before = reference(view, Asked(against="before"), NOON).period
    assert before == TraceFilter(start=NOON - 2 * day, end=NOON - day, project="shop")
    other = reference(view, Asked(against="time", ref_start=NOON - HOUR, ref_end=NOON), NOON).period
    assert other == TraceFilter(start=NOON - HOUR, end=NOON, project="shop")


@pytest.mark.parametrize(
    "chosen",
    [
        TraceFilter(project="shop", library="", quality_flag="EMPTY", status="failed", max_rating=2, intent="debug"),
        TraceFilter(decision=DecisionFilter(decision="index_copy", what="disk", min_confidence=0.25)),
        TraceFilter(decision=DecisionFilter(decision="a", what={"b": 1}, alternative="c", stage="")),
        TraceFilter(flagged=True, min_cost_usd=0.0012345),
        TraceFilter(flagged=False, min_duration_ms=4217.2),
        TraceFilter(start=NOON, end=NOON + HOUR, text="a b", quality_gate_passed=False, gap_principle="P1"),
    ],
)
def test_a_filter_is_the_same_as_a_view(chosen: TraceFilter) -> None:
    """What a list is opened with asks for the same as the answer that it is opened from."""
    view = as_view(chosen)
    assert view is not None
    again = parse(view.params()).trace_filter(NOON)
    assert (again if chosen.start else TraceFilter(**_without_range(again))) == chosen


@pytest.mark.parametrize(
    "chosen",
    [
        TraceFilter(evidence_source="reddit"), TraceFilter(trace_ids=("a",)), TraceFilter(text="x" * 600),
        TraceFilter(decision=DecisionFilter(decision="a", model="m")), TraceFilter(decision=DecisionFilter(what="x" * 600)),
    ],
)  # fmt: skip
def test_what_no_list_can_show_has_no_view(chosen: TraceFilter) -> None:
    """Rather no link than one to other traces."""
    assert as_view(chosen) is None


@given(st.floats(0.0001, 1e8), st.floats(0.0001, 1e8))
def test_rounding_loses_no_trace(low: float, high: float) -> None:
    """The bounds of a list are never within those of the answer, and next to them."""
    view = as_view(TraceFilter(min_duration_ms=low, max_duration_ms=high))
    assert view is not None
    again = parse(view.params())
    assert again.min_ms is not None
    assert again.max_ms is not None
    assert low * 0.9998 <= again.min_ms <= low * (1 + 1e-12)
    assert high * (1 - 1e-12) <= again.max_ms <= high * 1.0002


def _without_range(chosen: TraceFilter) -> dict[str, Any]:
    return {name: getattr(chosen, name) for name in chosen.set_fields() - {"start", "end"}}
