"""Alert rules and events in words, and where they lead. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from tracing_core.alerts.event import AlertEvent
from tracing_core.alerts.links import traces_link
from tracing_core.alerts.measure import ABOUT, AlertMeasure, Unit
from tracing_core.alerts.rule import Against, AlertRule
from tracing_core.alerts.state import EventKind, StateName
from tracing_core.alerts.words import amount
from tracing_core.errors import InvalidInput
from tracing_core.query.alert_rules import EventRow, RuleRow
from tracing_core.quiet_time import QuietTime

STATES = ("Firing", "Pending", "Unknown", "OK", "Not looked at", "Off", "Cannot be read")
"""Of rules, the ones to look at first."""
STATE_COLOURS = ("red", "orange", "gray", "green", "gray", "gray", "red")
_STATE_WORDS = {
    StateName.FIRING: "Firing", StateName.PENDING: "Pending", StateName.UNKNOWN: "Unknown", StateName.OK: "OK",
}  # fmt: skip
KINDS = {EventKind.FIRED: "Fired", EventKind.STILL_FIRING: "Still firing", EventKind.RECOVERED: "Recovered"}
KIND_COLOURS = {EventKind.FIRED: "red", EventKind.STILL_FIRING: "orange", EventKind.RECOVERED: "green"}
DELIVERY_COLOURS = {
    "delivered": "green", "waiting": "gray", "sending": "gray", "failed": "red", "unknown": "orange",
}  # fmt: skip
STRIP_DAYS = 7
STRIP_PARTS = 14
"""Of the history of a rule: twelve hours each; more would be too thin to see."""
FIELDS = {
    "name": "Name", "measure": "Number", "threshold": "Threshold", "direction": "Direction", "against": "Compared with",
    "project": "Project", "library": "Library", "model": "Model", "trace_name": "Traces named", "operation": "Operation",
    "flag": "Quality flag", "confidence": "Confidence", "window_minutes": "Window", "minimum_count": "Minimum count",
    "for_minutes": "For", "recovery_threshold": "Recovers at", "renotify_minutes": "Tell again", "severity": "Severity",
    "destinations": "Tell", "silenced_until": "Silenced until", "quiet_times": "Quiet times", "note": "Note",
    "start": "Time", "end": "Time", "destination": "Destination",
}  # fmt: skip
"""The fields of a rule as the form calls them."""
_EXPLAINED = {
    AlertMeasure.ERROR_RATE: "failed", AlertMeasure.FLAGGED: "flagged", AlertMeasure.RATING: "low_rated",
    AlertMeasure.COST: "expensive", AlertMeasure.COST_PER_HOUR: "expensive", AlertMeasure.P50: "slow",
    AlertMeasure.P95: "slow", AlertMeasure.P99: "slow", AlertMeasure.MEAN: "slow",
}  # fmt: skip
_QUIET = re.compile(r"(?P<days>[a-z, ]+?)\s+(?P<start>\S+?)\s*(?:-|–|to)\s*(?P<end>\S+)(?:\s+(?P<zone>\S+))?", re.I)


def state(row: RuleRow) -> str:
    """How a rule is, in a word."""
    if row.rule is None:
        return "Cannot be read"
    if not row.enabled:
        return "Off"
    return "Not looked at" if row.state is None else _STATE_WORDS[row.state.name]


def worst_first(rows: Iterable[RuleRow]) -> list[RuleRow]:
    """Those to look at first."""
    return sorted(rows, key=lambda row: (STATES.index(state(row)), row.name.lower()))


def is_silent(row: RuleRow, now: datetime) -> bool:
    """Whether nobody is told of a rule that is on."""
    return row.enabled and row.rule is not None and row.rule.is_silent(now)


def limit(rule: AlertRule) -> str:
    """The threshold with its side: `above 5 s`; a dash where there is none."""
    if rule.measure is AlertMeasure.NO_DATA:
        return "none comes"
    if rule.against is Against.LAST_WEEK:
        return f"{rule.direction.value} {rule.threshold:g} × last week"
    return f"{rule.direction.value} {amount(rule.threshold, ABOUT[rule.measure].unit)}"


def value(row: RuleRow) -> str:
    """The number of the last look, as the rule compares it."""
    if row.rule is None or row.state is None:
        return "–"
    sample = row.state.sample
    if row.rule.measure is AlertMeasure.NO_DATA:
        return amount(sample.count, "traces")
    if row.rule.against is Against.LAST_WEEK:
        return "–" if sample.ratio is None else f"{sample.ratio:.3g} × last week"
    return amount(sample.value, ABOUT[row.rule.measure].unit)


def factor(unit: Unit) -> float:
    """By how much a number is larger where people type it: shares are percents."""
    return 100.0 if unit == "share" else 1.0


def unit_words(rule_against: Against, unit: Unit) -> str:
    """What a threshold is typed in."""
    if rule_against is Against.LAST_WEEK:
        return "times last week"
    return {"share": "%", "dollars": "$", "dollars an hour": "$ an hour", "rating": "stars"}.get(unit, unit)


def fired_times(rows: Sequence[EventRow], now: datetime) -> dict[str, list[tuple[datetime, datetime]]]:
    """When each rule fired, by its id: from when to when; what began before the first event known began no later than it.

    Args:
        rows: events, the newest first.
        now: the end of what still fires.
    """
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    over: dict[str, datetime] = {}
    for each in rows:
        event = each.event
        if event.kind is EventKind.RECOVERED:
            over[event.rule_id] = event.happened_at
        elif event.kind is EventKind.FIRED:
            found.setdefault(event.rule_id, []).append((event.happened_at, over.pop(event.rule_id, now)))
    for rule_id, end in over.items():
        found.setdefault(rule_id, []).append((min(rows[-1].event.happened_at, end), end))
    return found


def strip(times: Iterable[tuple[datetime, datetime]], now: datetime) -> list[float]:
    """The last days in equal parts: 1 where it fired."""
    width = timedelta(days=STRIP_DAYS) / STRIP_PARTS
    first = now - timedelta(days=STRIP_DAYS)
    known = list(times)
    parts = [(first + width * number, first + width * (number + 1)) for number in range(STRIP_PARTS)]
    return [float(any(start < high and end >= low for start, end in known)) for low, high in parts]


def traces_params(event: AlertEvent) -> dict[str, str]:
    """What the URL of the page Traces says of the traces behind an event."""
    return dict(parse_qsl(urlsplit(traces_link("", event)).query, keep_blank_values=True))


def explain_params(event: AlertEvent) -> dict[str, str]:
    """What the URL of the page Explain asks about an event: these traces, against those of the time before."""
    of = {name: found for name in ("project", "library", "model") if (found := getattr(event.rule, name)) is not None}
    these = _EXPLAINED.get(event.rule.measure, "all")
    times = {"start": event.window_start.isoformat(), "end": event.window_end.isoformat()}
    return {"these": these, "against": "before", "range": "custom", **times, **of}


def problem(error: InvalidInput) -> str:
    """What is wrong with what was typed, the field called as on the page."""
    return f"**{FIELDS.get(error.field, error.field)}** {error.problem}"


def quiet_times(text: str) -> tuple[QuietTime, ...]:
    """The quiet times that somebody typed, one a line: `sat, sun 22:00-06:00 Europe/Berlin`.

    Raises:
        InvalidInput: a line is something else.
    """
    return tuple(_quiet_time(line.strip()) for line in text.splitlines() if line.strip())


def _quiet_time(line: str) -> QuietTime:
    found = _QUIET.fullmatch(line)
    if found is None:
        raise InvalidInput("quiet_times", f"has a line {line[:40]!r}; write it as: sat, sun 22:00-06:00 Europe/Berlin")
    days = tuple(day.lower() for day in re.split(r"[,\s]+", found["days"]) if day)
    return QuietTime(days=days, start=found["start"], end=found["end"], zone=found["zone"] or "UTC")


def quiet_words(times: Iterable[QuietTime]) -> str:
    """What `quiet_times` reads."""
    return "\n".join(f"{', '.join(each.days)} {each.start}-{each.end} {each.zone}" for each in times)


def silences(now: datetime) -> Mapping[str, datetime | None]:
    """For how long a rule can be silenced, by the words on the button."""
    hours = {"1 hour": 1, "8 hours": 8, "1 day": 24, "1 week": 168}
    return {name: now + timedelta(hours=number) for name, number in hours.items()}
