"""What the address of the page Compare says, and what it cannot say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.compare_view import PARAMS, Asked, named, of_two, parse, range_of, range_said, times, title, traces_of
from dashboard.view import View
from tests.factories import NOON
from tracing_core.cohort import Cohort

WORDS = st.none() | st.text(min_size=1, max_size=20)
TRACE, OTHER = "trc_20261121_120000_0000000000000001", "trc_20261121_120000_0000000000000002"


@given(WORDS, WORDS, WORDS)
def test_what_is_asked_comes_back_from_its_address(by: str | None, a: str | None, b: str | None) -> None:
    """Whatever the values are."""
    asked = Asked(by=by, a=a, b=b)
    assert parse(asked.params()) == asked
    assert set(asked.params()) <= set(PARAMS)
    assert asked.swapped().swapped() == asked


@given(st.dictionaries(st.sampled_from(PARAMS), st.text(max_size=400)))
def test_no_address_breaks_it(params: dict[str, str]) -> None:
    """Groups come of it, or none; never an error."""
    found = parse(params).cohorts()
    assert found is None or len(found) == 2


def test_two_traces_are_told_from_groups() -> None:
    """An empty id is two traces of which one is still to choose; what is no id is left out."""
    assert parse({"trace": TRACE, "with": OTHER}) == Asked(trace=TRACE, other=OTHER)
    assert parse({"trace": ""}).of_traces
    assert parse({"trace": "../../etc"}) == Asked(trace="", other="")
    assert not parse({"by": "model"}).of_traces


def test_all_others_are_a_group() -> None:
    """On either side; of both there is no comparison."""
    assert Asked(by="model", a="x", b="*").cohorts() == (
        Cohort(by="model", value="x"), Cohort(by="model", value="x", others=True),
    )  # fmt: skip
    assert Asked(by="model", a="*", b="x").cohorts() == (
        Cohort(by="model", value="x", others=True), Cohort(by="model", value="x"),
    )  # fmt: skip
    assert Asked(by="model", a="*", b="*").cohorts() is None
    assert named("model", "*", "gpt-4o") == "not gpt-4o"


@given(st.text(max_size=60))
def test_ranges_come_back_from_what_they_are_called(said: str) -> None:
    """To the second; what is none is none."""
    ends = NOON - timedelta(days=3), NOON - timedelta(hours=1)
    assert range_of(range_said(*ends)) == ends
    assert range_of(range_said(*reversed(ends))) is None
    assert range_of(None) is None
    assert range_of(f"never/{said}") is None


def test_times_are_named_once() -> None:
    """Of a day there are three; of a week, the period before and the week before are one."""
    day, week = times(View(range="24h"), NOON), times(View(range="7d"), NOON)
    assert list(day.values()) == ["this time", "the period before", "the same time a week before"]
    assert list(week.values()) == ["this time", "the period before"]
    assert next(iter(day)) == "2026-11-20T12:00:00Z/2026-11-21T12:00:00Z"
    assert all(Cohort(by="time", value=each) for each in day)


@pytest.mark.parametrize(
    ("cohort", "params"),
    [
        (Cohort(by="model", value="gpt-4o"), {"model": "gpt-4o"}),
        (Cohort(by="user_id", value="u"), {"user": "u"}),
        (Cohort(by="decision:source", value="bm25"), {"decision": "source", "what": "bm25"}),
        (
            Cohort(by="time", value="2026-11-20T12:00:00Z/2026-11-21T12:00:00Z"),
            {"range": "custom", "start": "2026-11-20T12:00:00Z", "end": "2026-11-21T12:00:00Z"},
        ),
        (Cohort(by="model", value="gpt-4o", others=True), None),
        (Cohort(by="attribute:tenant", value="acme"), None),
    ],
)
def test_a_group_leads_to_its_traces(cohort: Cohort, params: dict[str, str] | None) -> None:
    """Where the page Traces has a filter for it."""
    assert traces_of(View(), cohort) == params


def test_names_are_words() -> None:
    """As people read them."""
    assert [title(each) for each in ("user_id", "attribute:prompt.version", "attribute:tenant", "release")] == [
        "User", "Prompt version", "Attribute tenant", "Release",
    ]  # fmt: skip


def test_two_picked_rows_are_compared_the_earlier_first() -> None:
    """One, or three, are no comparison."""

    class Row:
        def __init__(self, trace_id: str, minutes: int) -> None:
            self.trace_id, self.started_at = trace_id, NOON + timedelta(minutes=minutes)

    rows = [Row("late", 9), Row("mid", 5), Row("early", 1)]
    assert of_two(rows, ("late", "early")) == Asked(trace="early", other="late")  # type: ignore[arg-type]
    assert of_two(rows, ("late",)) is None  # type: ignore[arg-type]
    assert of_two(rows, ("late", "mid", "early")) is None  # type: ignore[arg-type]
