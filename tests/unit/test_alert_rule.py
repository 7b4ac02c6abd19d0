"""Alert rules: what can be one, and what is said of what cannot (seed D, Next Steps: Alerting System)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracing_core.alerts.measure import ABOUT, AlertMeasure
from tracing_core.alerts.rule import Against, AlertRule, Direction, Severity
from tracing_core.alerts.rule_document import rule_of
from tracing_core.alerts.templates import TEMPLATES
from tracing_core.alerts.words import amount, condition, minutes
from tracing_core.errors import InvalidInput
from tracing_core.model import QualityFlag
from tracing_core.quiet_time import QuietTime

NIGHT = QuietTime(days=("fri", "sat"), start="22:00", end="06:00", zone="Europe/Berlin")


def test_seed_d_next_steps_its_four_alerts_are_there_as_suggestions() -> None:
    """Low confidence, cost spike, low rating and latency objective can be taken as they are."""
    assert {name: rule.measure for name, rule in TEMPLATES.items()} == {
        "low_confidence": AlertMeasure.LOW_CONFIDENCE,
        "cost_spike": AlertMeasure.COST_PER_HOUR,
        "low_rating": AlertMeasure.RATING,
        "latency_objective": AlertMeasure.P95,
    }
    assert condition(TEMPLATES["cost_spike"]) == "Cost per hour above 2 times last week over 6 hours"
    assert condition(TEMPLATES["latency_objective"]) == "P95 latency above 5 s over 15 minutes"


def test_every_measure_can_be_watched_and_read_back() -> None:
    """A rule on each number that the product defines comes out of its document as it went in."""
    for measure, about in ABOUT.items():
        takes: dict[str, Any] = {"confidence": 0.6} if about.takes == "confidence" else {}
        threshold = 0.0 if measure is AlertMeasure.NO_DATA else 0.5
        rule = AlertRule(name=about.title, measure=measure, threshold=threshold, **takes)
        assert rule_of(rule.document()) == rule
        assert condition(rule)


_rules = st.builds(
    AlertRule,
    name=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=50).filter(
        lambda name: bool(name.strip())
    ),
    measure=st.sampled_from([AlertMeasure.P95, AlertMeasure.ERROR_RATE, AlertMeasure.REQUESTS, AlertMeasure.MEAN]),
    threshold=st.floats(0.001, 1e9),
    direction=st.sampled_from(Direction),
    against=st.sampled_from(Against),
    project=st.none() | st.sampled_from(["shop", "a b"]),
    library=st.none() | st.sampled_from(["", "pandas"]),
    window_minutes=st.integers(1, 1440),
    minimum_count=st.integers(0, 1000),
    for_minutes=st.integers(0, 100),
    renotify_minutes=st.none() | st.integers(1, 100),
    severity=st.sampled_from(Severity),
    destinations=st.lists(st.sampled_from(["ops", "mail"]), max_size=3).map(tuple),
    silenced_until=st.none() | st.datetimes(timezones=st.just(UTC)),
    quiet_times=st.lists(st.just(NIGHT), max_size=2).map(tuple),
    note=st.sampled_from(["", "look at the logs"]),
)


@given(_rules)
@settings(max_examples=50, deadline=None)
def test_a_rule_is_what_its_document_says(rule: AlertRule) -> None:
    """Whatever a rule says, its document says too."""
    assert rule_of(rule.document()) == rule


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": "  "}),
        ("name", {"name": "x" * 101}),
        ("name", {"name": "a\x00b"}),
        ("measure", {"measure": "p98_ms"}),
        ("measure", {"measure": ["p95_ms"]}),
        ("threshold", {"threshold": float("nan")}),
        ("threshold", {"threshold": -1}),
        ("threshold", {"threshold": True}),
        ("threshold", {"threshold": 0, "direction": "below"}),
        ("threshold", {"measure": "no_data", "threshold": 3}),
        ("direction", {"direction": "sideways"}),
        ("against", {"against": "yesterday"}),
        ("against", {"measure": "queue_full", "against": "last_week", "threshold": 2}),
        ("project", {"project": ""}),
        ("project", {"measure": "dropped", "project": "shop"}),
        ("operation", {"measure": "mean_rating", "operation": "retrieval"}),
        ("flag", {"flag": "EMPTY"}),
        ("flag", {"measure": "flag_share", "flag": "odd"}),
        ("confidence", {"confidence": 0.5}),
        ("confidence", {"measure": "low_confidence_share"}),
        ("confidence", {"measure": "low_confidence_share", "confidence": 1.5}),
        ("window_minutes", {"window_minutes": 0}),
        ("window_minutes", {"window_minutes": 15.0}),
        ("window_minutes", {"window_minutes": 2000, "library": "pandas", "model": "gpt"}),
        ("window_minutes", {"measure": "mean_confidence", "window_minutes": 2000}),
        ("minimum_count", {"minimum_count": -1}),
        ("for_minutes", {"for_minutes": "5"}),
        ("renotify_minutes", {"renotify_minutes": 0}),
        ("recovery_threshold", {"recovery_threshold": 6000}),
        ("recovery_threshold", {"recovery_threshold": 4000, "direction": "below"}),
        ("severity", {"severity": "bad"}),
        ("destinations", {"destinations": [1]}),
        ("destinations", {"destinations": "ops"}),
        ("silenced_until", {"silenced_until": "soon"}),
        ("silenced_until", {"silenced_until": "2026-11-21T12:00:00"}),
        ("quiet_times", {"quiet_times": [{"days": [], "start": "22:00", "end": "06:00"}]}),
        ("quiet_times", {"quiet_times": [{"days": ["sat"], "start": "25:00", "end": "06:00"}]}),
        ("quiet_times", {"quiet_times": [{"days": ["sat"], "start": "22:00", "end": "06:00", "zone": "../etc"}]}),
        ("quiet_times", {"quiet_times": [{"days": ["sat"]}]}),
        ("note", {"note": "x" * 2001}),
        ("colour", {"colour": "red"}),
    ],
)
def test_what_cannot_be_a_rule_is_refused_by_its_field(field: str, changes: dict[str, Any]) -> None:
    """The error names the field that is wrong, and says how to mend it."""
    with pytest.raises(InvalidInput) as refused:
        rule_of({"name": "Slow", "measure": "p95_ms", "threshold": 5000} | changes)
    assert refused.value.field == field
    assert len(refused.value.problem) > 10


@pytest.mark.parametrize("document", [None, [], "rule", {}, {"name": "Slow"}, {"measure": "p95_ms"}])
def test_what_is_no_rule_at_all_is_refused(document: object) -> None:
    """No junk in the place of a document comes through as anything but our own error."""
    with pytest.raises(InvalidInput):
        rule_of(document)


def test_nobody_is_told_at_night_where_the_people_are() -> None:
    """A quiet time of Friday and Saturday from 22:00 lasts until Sunday at 06:00, on Berlin's clocks."""
    saturday_noon = datetime(2026, 11, 21, 11, tzinfo=UTC)
    assert not NIGHT.covers(saturday_noon)
    assert NIGHT.covers(saturday_noon + timedelta(hours=10))
    assert NIGHT.covers(saturday_noon + timedelta(hours=17, minutes=59))
    assert not NIGHT.covers(saturday_noon + timedelta(hours=18))
    assert not NIGHT.covers(saturday_noon + timedelta(days=1, hours=11))


def test_a_rule_is_silent_until_then_and_in_its_quiet_times() -> None:
    """Both kinds of silence count, and neither has an end that belongs to it."""
    until = datetime(2026, 11, 23, tzinfo=UTC)
    rule = AlertRule(name="x", measure=AlertMeasure.COST, threshold=1, silenced_until=until, quiet_times=(NIGHT,))
    assert rule.is_silent(until - timedelta(seconds=1))
    assert not rule.is_silent(until)
    assert rule.is_silent(datetime(2026, 11, 28, 23, tzinfo=UTC))


def test_numbers_and_times_are_said_as_people_say_them() -> None:
    """Each unit has its own words, and nothing has a dash."""
    assert [amount(each, "ms") for each in (0.5, 45, 6200, 2e6)] == ["0.5 ms", "45 ms", "6.2 s", "2,000 s"]
    assert [amount(each, "share") for each in (0.125, None)] == ["12.5 %", "–"]
    assert [amount(each, "dollars") for each in (0.004, 12.5, 0)] == ["$0.004", "$12.50", "$0.00"]
    assert [minutes(each) for each in (1, 15, 60, 90, 2880)] == [
        "1 minute", "15 minutes", "1 hour", "90 minutes", "2 days",
    ]  # fmt: skip
    flagged = AlertRule(name="x", measure=AlertMeasure.FLAGGED, threshold=0.1, flag=QualityFlag.EMPTY)
    assert condition(flagged) == "Flag share EMPTY above 10 % over 15 minutes"
    assert condition(AlertRule(name="x", measure=AlertMeasure.NO_DATA)) == "no traces for 15 minutes"
