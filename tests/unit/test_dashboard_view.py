"""What a URL says about a page, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.view import RANGES, View, parse, rounded
from tracing_core.model import QualityFlag, TraceStatus

NOW = datetime(2026, 11, 21, 12, 0, 37, 123, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=20)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - made aware
    lambda moment: moment.replace(microsecond=0)
)


@st.composite
def views(draw: st.DrawFn) -> View:
    chosen = draw(st.sampled_from([*RANGES, "custom"]))
    start = draw(MOMENTS) if chosen == "custom" else None
    end = start + draw(st.timedeltas(timedelta(seconds=1), timedelta(days=90))) if start else None
    return View(
        range=chosen,
        start=start,
        end=end and end.replace(microsecond=0) + timedelta(seconds=1),
        project=draw(st.none() | TEXT),
        library=draw(st.none() | st.just("") | TEXT),
        flag=draw(st.none() | st.sampled_from(QualityFlag)),
        status=draw(st.none() | st.sampled_from(TraceStatus)),
        text=draw(st.none() | TEXT),
        min_ms=draw(st.none() | st.integers(0, 100_000).map(float)),
        max_rating=draw(st.none() | st.integers(1, 5)),
        sort=draw(st.sampled_from(["newest", "slowest"])),
    )


@given(views())
def test_a_view_survives_its_url(view: View) -> None:
    """Whoever opens a link sees what the one who sent it saw."""
    assert parse(view.params()) == view


@given(st.dictionaries(st.sampled_from([*View().__dataclass_fields__, "else"]), st.text(max_size=30)))
def test_no_url_breaks_a_page(params: dict[str, str]) -> None:
    """Whatever stands in a URL, the page gets a filter that the queries accept."""
    view = parse(params)
    view.trace_filter(NOW)
    assert parse(view.params()) == view


def test_the_default_has_no_parameters() -> None:
    """A page that shows what it shows anyway has a bare address."""
    assert View().params() == {}


def test_a_range_reaches_to_the_present() -> None:
    """The last hour has no end, so that a trace of this second is in it, and the period before ends where it starts."""
    view = View(range="1h")
    assert view.bounds(NOW) == (NOW - timedelta(hours=1), None)
    before = view.period_before(NOW)
    assert before is not None
    assert (before.start, before.end) == (NOW - timedelta(hours=2), NOW - timedelta(hours=1))


def test_chips_name_what_can_be_taken_away() -> None:
    """Each filter is a chip in words; taking it away leaves the others; clearing keeps the time range."""
    view = View(range="7d", flag=QualityFlag.EMPTY, library="", min_ms=1500.0, sort="slowest")
    assert view.chips() == {"library": "no library", "flag": "Empty", "min_ms": "at least 1.50 s"}
    assert view.without("flag").chips().keys() == {"library", "min_ms"}
    assert view.cleared() == View(range="7d", sort="slowest")


def test_a_page_goes_only_by_its_own_filters() -> None:
    """A filter that a page cannot apply is not shown as if it were."""
    assert View(project="a", flag=QualityFlag.EMPTY).only(("project",)) == View(project="a")


@pytest.mark.parametrize("start", ["yesterday", "2026-11-21T10:00:00", "0001-01-01T00:00:00+00:00", ""])
def test_a_custom_range_without_a_usable_start_is_the_default(start: str) -> None:
    """A moment that cannot be read, or has no time zone, is not guessed."""
    assert parse({"range": "custom", "start": start}) == View()


def test_rounding_makes_one_read_of_ten_seconds() -> None:
    """All that is asked within ten seconds has the same key."""
    assert rounded(NOW) == rounded(NOW + timedelta(seconds=2)) == datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)
