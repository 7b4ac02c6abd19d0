"""How the state of an alert rule goes on from one look at its number to the next. Pure: the same on live numbers and on past ones.

ok ──bad──> pending ──bad for long enough──> firing ──good──> ok (it recovered)
unknown: too little was there to say; a rule that fires goes on firing meanwhile, as nothing shows that it is over
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tracing_core.alerts.measure import ABOUT, AlertMeasure
from tracing_core.alerts.rule import Against, AlertRule, Direction

LONGEST_GAP = timedelta(minutes=5)
"""Between two looks. After a longer one nobody knows whether the number was bad all the time, and waiting begins anew."""


class Verdict(StrEnum):
    """What a look says. Between is beyond recovery and not bad: what fires goes on, what does not begins nothing."""

    BAD = "bad"
    BETWEEN = "between"
    GOOD = "good"
    UNKNOWN = "unknown"


class StateName(StrEnum):
    """How a rule is."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    UNKNOWN = "unknown"


class EventKind(StrEnum):
    """What people are told."""

    FIRED = "fired"
    STILL_FIRING = "still_firing"
    RECOVERED = "recovered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The number of one window: `value` is None of nothing, `count` what it was taken of; both also for last week's window."""

    value: float | None
    count: float
    last_week: float | None = None
    last_week_count: float = 0.0

    @property
    def ratio(self) -> float | None:
        """How many times last week's number it is; None when that is not known, or nothing."""
        return None if self.value is None or not self.last_week else self.value / self.last_week


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertState:
    """How a rule is.

    Args:
        name: in a word.
        since: when it came to be so.
        looked_at: when that was last found.
        verdict: of that look.
        sample: the number then.
        told: the destinations that were told that it fires; they are told of the recovery.
        told_at: when they were last told.
    """

    name: StateName
    since: datetime
    looked_at: datetime
    verdict: Verdict
    sample: Sample
    told: tuple[str, ...] = ()
    told_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """Something worth an event: `tell` are the destinations that hear of it, none in a silence."""

    kind: EventKind
    tell: tuple[str, ...]


def verdict_of(rule: AlertRule, sample: Sample) -> Verdict:
    """What the number of a window means for the rule."""
    if rule.measure is AlertMeasure.NO_DATA:
        return Verdict.GOOD if sample.count else Verdict.BAD
    least = rule.minimum_count if ABOUT[rule.measure].counted else 0
    number, enough = sample.value, sample.count >= least
    if rule.against is Against.LAST_WEEK:
        number, enough = sample.ratio, enough and sample.last_week_count >= least
    if number is None or not enough:
        return Verdict.UNKNOWN
    back = rule.threshold if rule.recovery_threshold is None else rule.recovery_threshold
    if rule.direction is Direction.ABOVE:
        bad, good = number > rule.threshold, number <= back
    else:
        bad, good = number < rule.threshold, number >= back
    return Verdict.BAD if bad else Verdict.GOOD if good else Verdict.BETWEEN


def step(
    rule: AlertRule, before: AlertState | None, at: datetime, sample: Sample
) -> tuple[AlertState, Happening | None]:
    """The state after a look, and what there is to tell of it.

    Args:
        rule: by which it is judged.
        before: the state until now; None when nobody has looked yet.
        at: when the look is; later than the last one.
        sample: the number.
    """
    seen = verdict_of(rule, sample)
    if before is None:
        before = AlertState(name=StateName.UNKNOWN, since=at, looked_at=at, verdict=seen, sample=sample)
    looked = replace(before, looked_at=at, verdict=seen, sample=sample)
    if before.name is StateName.FIRING:
        return _go_on(rule, looked, at)
    if seen is Verdict.BAD:
        return _wait(rule, looked, at, at - before.looked_at > LONGEST_GAP)
    return _moved(looked, StateName.UNKNOWN if seen is Verdict.UNKNOWN else StateName.OK, at), None


def _wait(rule: AlertRule, looked: AlertState, at: datetime, gap: bool) -> tuple[AlertState, Happening | None]:
    """Bad, and not firing yet."""
    waiting = replace(looked, since=at) if gap else looked
    waiting = _moved(waiting, StateName.PENDING, at)
    if at - waiting.since < timedelta(minutes=rule.for_minutes):
        return waiting, None
    return _told(rule, _moved(waiting, StateName.FIRING, at), at, EventKind.FIRED)


def _go_on(rule: AlertRule, looked: AlertState, at: datetime) -> tuple[AlertState, Happening | None]:
    """Firing until now."""
    if looked.verdict is Verdict.GOOD:
        over = replace(_moved(looked, StateName.OK, at), told=(), told_at=None)
        return over, Happening(kind=EventKind.RECOVERED, tell=looked.told)
    if looked.verdict is not Verdict.BAD or not rule.destinations or rule.is_silent(at):
        return looked, None
    again = rule.renotify_minutes
    due = looked.told_at is None or (again is not None and at - looked.told_at >= timedelta(minutes=again))
    return _told(rule, looked, at, EventKind.STILL_FIRING) if due else (looked, None)


def _told(rule: AlertRule, state: AlertState, at: datetime, kind: EventKind) -> tuple[AlertState, Happening]:
    tell = () if rule.is_silent(at) else rule.destinations
    if tell:
        state = replace(state, told=tuple(dict.fromkeys((*state.told, *tell))), told_at=at)
    return state, Happening(kind=kind, tell=tell)


def _moved(state: AlertState, name: StateName, at: datetime) -> AlertState:
    return state if state.name is name else replace(state, name=name, since=at)
