"""How the state of an alert rule goes on, on numbers that chance draws."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import NOON
from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.rule import Against, AlertRule, Direction
from tracing_core.alerts.state import (
    LONGEST_GAP,
    AlertState,
    EventKind,
    Happening,
    Sample,
    StateName,
    Verdict,
    step,
    verdict_of,
)

MINUTE = timedelta(minutes=1)


def slow(**overrides: Any) -> AlertRule:
    """P95 above 100 ms, over at 80 ms, of at least 10; one destination."""
    fields: dict[str, Any] = {
        "name": "Slow", "measure": AlertMeasure.P95, "threshold": 100.0, "recovery_threshold": 80.0,
        "minimum_count": 10, "destinations": ("ops",),
    }  # fmt: skip
    return AlertRule(**(fields | overrides))


SEEN = {
    Verdict.BAD: (150.0, 10.0),
    Verdict.BETWEEN: (90.0, 10.0),
    Verdict.GOOD: (50.0, 10.0),
    Verdict.UNKNOWN: (150.0, 9.0),
}
Looks = list[tuple[datetime, Verdict, AlertState, Happening | None]]


def look(rule: AlertRule, verdicts: list[Verdict], gaps: list[int] | None = None) -> Looks:
    """The looks with these verdicts, a minute (or so many minutes) apart."""
    state, at, looks = None, NOON, []
    for number, verdict in enumerate(verdicts):
        value, count = SEEN[verdict]
        state, happening = step(rule, state, at, Sample(value=value, count=count))
        looks.append((at, verdict, state, happening))
        at += MINUTE * (gaps[number] if gaps else 1)
    return looks


def kinds(looks: Looks) -> list[EventKind]:
    """What happened, in order."""
    return [happening.kind for _, _, _, happening in looks if happening is not None]


_verdicts = st.lists(st.sampled_from(Verdict), min_size=1, max_size=60)
_rules = st.builds(
    slow,
    for_minutes=st.integers(0, 4),
    renotify_minutes=st.none() | st.integers(1, 5),
    destinations=st.sampled_from([(), ("ops",), ("ops", "mail")]),
    silenced_until=st.none() | st.integers(0, 40).map(lambda number: NOON + number * MINUTE),
)


@given(_rules, _verdicts)
@settings(max_examples=50, deadline=None)
def test_firing_and_recovery_take_turns(rule: AlertRule, verdicts: list[Verdict]) -> None:
    """A rule fires before it recovers and recovers before it fires again; between the two it may say that it still fires."""
    firing = False
    for kind in kinds(look(rule, verdicts)):
        assert (kind is EventKind.FIRED) != firing
        firing = kind is not EventKind.RECOVERED


@given(_rules, st.lists(st.tuples(st.sampled_from(Verdict), st.sampled_from([1, 1, 1, 5, 6])), min_size=1, max_size=60))
@settings(max_examples=50, deadline=None)
def test_it_fires_when_it_was_bad_all_the_time_and_then_at_once(
    rule: AlertRule, seen: list[tuple[Verdict, int]]
) -> None:
    """Exactly at the first look that ends a stretch of bad looks, none too far from the next, of the length asked for."""
    looks = look(rule, [verdict for verdict, _ in seen], [gap for _, gap in seen])
    bad_since, before, firing = None, None, False
    for at, verdict, state, happening in looks:
        if verdict is not Verdict.BAD:
            bad_since = None
        elif bad_since is None or (before is not None and at - before > LONGEST_GAP and not firing):
            bad_since = at
        if not firing:
            due = bad_since is not None and at - bad_since >= MINUTE * rule.for_minutes
            assert (happening is not None and happening.kind is EventKind.FIRED) == due
            firing = due
        elif verdict is Verdict.GOOD:
            assert happening is not None
            assert happening.kind is EventKind.RECOVERED
            firing = False
        assert (state.name is StateName.FIRING) == firing
        before = at


@given(_rules, _verdicts)
@settings(max_examples=50, deadline=None)
def test_whom_a_firing_was_told_hears_of_its_end_and_nobody_else(rule: AlertRule, verdicts: list[Verdict]) -> None:
    """In a silence nobody hears of a firing; of a recovery exactly those who heard of the firing."""
    told: set[str] = set()
    for at, _, _, happening in look(rule, verdicts):
        if happening is None:
            continue
        if happening.kind is EventKind.RECOVERED:
            assert set(happening.tell) == told
            told = set()
        else:
            assert set(happening.tell) == (set() if rule.is_silent(at) else set(rule.destinations))
            told |= set(happening.tell)


@given(_rules, _verdicts)
@settings(max_examples=50, deadline=None)
def test_people_are_told_again_no_sooner_than_they_asked(rule: AlertRule, verdicts: list[Verdict]) -> None:
    """Between two messages about one firing lies what the rule says; without that there is one message."""
    last = None
    for at, _, _, happening in look(rule, verdicts):
        if happening is None or not happening.tell:
            continue
        if happening.kind is not EventKind.RECOVERED:
            if last is not None:
                assert rule.renotify_minutes is not None
                assert at - last >= MINUTE * rule.renotify_minutes
            last = at
        else:
            last = None


def test_a_number_between_the_thresholds_changes_nothing() -> None:
    """Hysteresis: it neither begins a firing nor ends one."""
    between, bad, good = Verdict.BETWEEN, Verdict.BAD, Verdict.GOOD
    assert kinds(look(slow(), [between, bad, between, between, good, between])) == [
        EventKind.FIRED,
        EventKind.RECOVERED,
    ]


def test_too_few_traces_end_no_firing() -> None:
    """That nobody asks any more does not show that it is well again."""
    looks = look(slow(), [Verdict.BAD, Verdict.UNKNOWN, Verdict.UNKNOWN])
    assert kinds(looks) == [EventKind.FIRED]
    assert looks[-1][2].name is StateName.FIRING
    assert looks[-1][2].verdict is Verdict.UNKNOWN


def test_what_fired_in_a_silence_is_told_when_it_is_over() -> None:
    """People hear that it still fires as soon as they may, once."""
    rule = slow(silenced_until=NOON + 3 * MINUTE)
    looks = look(rule, [Verdict.BAD] * 6)
    assert [(happening.kind, happening.tell) for *_, happening in looks if happening] == [
        (EventKind.FIRED, ()),
        (EventKind.STILL_FIRING, ("ops",)),
    ]


def test_a_change_against_last_week_needs_enough_in_both() -> None:
    """Three times last week's number is bad when twice is allowed; of too few, or of nothing last week, nothing is said."""
    rule = slow(against=Against.LAST_WEEK, threshold=2.0, recovery_threshold=None)

    def verdict(value: float, last_week: float | None, last_week_count: float) -> Verdict:
        return verdict_of(rule, Sample(value=value, count=10, last_week=last_week, last_week_count=last_week_count))

    assert verdict(300, 100, 10) is Verdict.BAD
    assert verdict(150, 100, 10) is Verdict.GOOD
    assert verdict(300, 100, 9) is Verdict.UNKNOWN
    assert verdict(300, None, 10) is Verdict.UNKNOWN
    assert verdict(300, 0, 10) is Verdict.UNKNOWN


def test_no_data_fires_of_nothing_and_never_lacks_any() -> None:
    """Nothing at all is what it looks for; one trace is enough to recover."""
    rule = AlertRule(name="Silence", measure=AlertMeasure.NO_DATA, minimum_count=5)
    assert verdict_of(rule, Sample(value=0, count=0)) is Verdict.BAD
    assert verdict_of(rule, Sample(value=1, count=1)) is Verdict.GOOD


def test_a_number_that_is_too_low_is_bad_below() -> None:
    """A rule below looks the other way round, with its recovery above."""
    rule = slow(direction=Direction.BELOW, threshold=3.0, recovery_threshold=3.5, measure=AlertMeasure.RATING)
    found = [verdict_of(rule, Sample(value=value, count=10)) for value in (2.9, 3.0, 3.4, 3.5)]
    assert found == [Verdict.BAD, Verdict.BETWEEN, Verdict.BETWEEN, Verdict.GOOD]
