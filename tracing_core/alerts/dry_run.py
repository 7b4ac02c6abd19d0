"""What a rule would have done in the past: the same machine over the numbers of then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tracing_core.alerts.evaluation import window_end
from tracing_core.alerts.measure import ABOUT
from tracing_core.alerts.rule import AlertRule
from tracing_core.alerts.state import AlertState, EventKind, StateName, step
from tracing_core.clock import require_utc
from tracing_core.errors import InvalidInput
from tracing_core.query.alert_history import samples_over_time
from tracing_core.rollups import bucket_start
from tracing_core.storage.database import Database

LONGEST = timedelta(days=31)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class DryPoint:
    """One look: when, the number (None of too little), and the state after it. Against last week `ratio` is what is compared."""

    at: datetime
    value: float | None
    ratio: float | None
    state: StateName


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """A time in which the rule would have fired.

    Args:
        fired_at: when people would have been told.
        recovered_at: when it would have been over; None when it was not by the end.
        value: the number when it fired.
        silent: whether nobody would have been told.
    """

    fired_at: datetime
    recovered_at: datetime | None
    value: float | None
    silent: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DryRun:
    """What a rule would have done from `start` to `end`.

    Args:
        episodes: the times in which it would have fired, in order.
        messages: how many would have been sent, to one destination.
        points: every look.
    """

    start: datetime
    end: datetime
    episodes: tuple[Episode, ...]
    messages: int
    points: tuple[DryPoint, ...]

    @property
    def said(self) -> str:
        """In a few words: `would have fired 3 times`."""
        times = len(self.episodes)
        if not times:
            known = any(point.state is not StateName.UNKNOWN for point in self.points)
            return "would not have fired" if known else "would never have had enough traces to say anything"
        return f"would have fired {'once' if times == 1 else f'{times} times'}"


def dry_run(db: Database, rule: AlertRule, start: datetime, end: datetime, delay: timedelta) -> DryRun:
    """What the rule would have done, had it been there: one look a minute from `start` to `end`, both included.

    Traces that came late are in their windows here, which they may not have been then.

    Args:
        db: where the traces are.
        rule: which need not be kept anywhere.
        start, end: of which time; aware, at most `LONGEST` apart.
        delay: how long before a look its window ended.

    Raises:
        InvalidInput: the rule is about a number without a history, or the time does not do.
        StorageError: the database did not answer.
    """
    first, last = (bucket_start(require_utc(name, each), "minute") for name, each in (("start", start), ("end", end)))
    if not ABOUT[rule.measure].history:
        raise InvalidInput("measure", f"{rule.measure.value} is only known of now; it cannot be tried on the past")
    if not timedelta(0) <= last - first <= LONGEST:
        raise InvalidInput("end", f"must be after start, by at most {LONGEST.days} days")
    rule = replace(rule, destinations=rule.destinations or ("somebody",))
    state: AlertState | None = None
    points: list[DryPoint] = []
    episodes: list[Episode] = []
    messages, at = 0, first
    for _, sample in samples_over_time(db, rule, window_end(first, delay), window_end(last, delay)):
        state, happening = step(rule, state, at, sample)
        points.append(DryPoint(at=at, value=sample.value, ratio=sample.ratio, state=state.name))
        if happening is not None:
            messages += bool(happening.tell)
            if happening.kind is EventKind.FIRED:
                silent = rule.is_silent(at)
                episodes.append(Episode(fired_at=at, recovered_at=None, value=sample.value, silent=silent))
            elif happening.kind is EventKind.RECOVERED:
                began = episodes.pop()
                episodes.append(
                    Episode(fired_at=began.fired_at, recovered_at=at, value=began.value, silent=began.silent)
                )
        at += _MINUTE
    return DryRun(start=first, end=last, episodes=tuple(episodes), messages=messages, points=tuple(points))
