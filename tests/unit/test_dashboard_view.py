"""What a URL says about a page, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.view import RANGES, View, choice_of, choice_words, parse, rounded
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.query.outcomes import OUTCOMES

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
        decision=draw(st.none() | TEXT),
        what=draw(st.none() | TEXT),
        stage=draw(st.none() | st.just("") | TEXT),
        alternative=draw(st.none() | TEXT),
        sure_from=draw(st.none() | st.integers(0, 50).map(lambda percent: percent / 100)),
        sure_to=draw(st.none() | st.integers(50, 100).map(lambda percent: percent / 100)),
        outcome=draw(st.none() | st.sampled_from(OUTCOMES)),
        intent=draw(st.none() | TEXT),
        domain=draw(st.none() | TEXT),
        gap=draw(st.none() | TEXT),
        gate=draw(st.none() | st.booleans()),
        review=draw(st.none() | st.booleans()),
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


JSON = st.recursive(
    st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(JSON)
def test_a_choice_survives_its_url(what: object) -> None:
    """Whatever was chosen, the filter for it finds that very value, a text that looks like a number included."""
    said = choice_words(what)
    if said is not None:
        assert parse({"what": said}).what == said
        assert choice_of(said) == what
        assert type(choice_of(said)) is type(what)


def test_a_choice_is_read_as_people_write_it() -> None:
    """A bare word is a text, JSON is what it says; what is nothing or too long is no filter."""
    assert choice_words("validating") == "validating"
    assert choice_words("5") == '"5"'
    assert choice_words(["exa", "reddit"]) == '["exa", "reddit"]'
    assert choice_of("NaN") == "NaN"
    assert choice_words(None) is None
    assert choice_words("x" * 600) is None


def test_what_decisions_are_like_is_one_filter() -> None:
    """Type, choice, stage, alternative and confidence ask for one and the same decision; nothing asked is no filter."""
    view = parse({"decision": "source", "what": '["a"]', "stage": "", "alternative": "b", "sure_from": "0.5"})
    asked = view.trace_filter(NOW).decision
    assert asked is not None
    assert (asked.decision, asked.what, asked.stage, asked.alternative) == ("source", ["a"], "", "b")
    assert (asked.min_confidence, asked.max_confidence) == (0.5, None)
    assert view.chips() == {
        "decision": "decision source",
        "what": 'chose ["a"]',
        "stage": "in the trace itself",
        "alternative": "not b",
        "sure_from": "confidence from 0.50",
    }
    assert View().trace_filter(NOW).decision is None
    assert parse({"sure_from": "0.9", "sure_to": "0.1"}) == View()
