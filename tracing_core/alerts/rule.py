"""An alert rule: what it watches, when it fires and recovers, whom it tells. Pure; checked when it is made."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from math import isfinite
from typing import Any

from tracing_core.alerts.measure import ABOUT, About, AlertMeasure
from tracing_core.clock import require_utc
from tracing_core.errors import InvalidInput
from tracing_core.model import QualityFlag
from tracing_core.quiet_time import QuietTime, texts

LONGEST_WINDOW_MINUTES = 31 * 24 * 60
LONGEST_SEARCHED_MINUTES = 24 * 60
"""The longest window of a number that is looked for among the traces themselves each minute."""
LONGEST_WAIT_MINUTES = 7 * 24 * 60
LONGEST_NAME = 100
LONGEST_TEXT = 2000
WEEK = timedelta(days=7)
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class Direction(StrEnum):
    """On which side of the threshold a number is bad."""

    ABOVE = "above"
    BELOW = "below"


class Against(StrEnum):
    """What the threshold is compared with: the number itself, or how many times that of the same time last week it is."""

    THRESHOLD = "threshold"
    LAST_WEEK = "last_week"


class Severity(StrEnum):
    """How bad it is when the rule fires."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRule:
    """A number, and when it is worth telling somebody about it.

    Args:
        name: what it is called where people are told.
        measure: which number; `ABOUT` says what each needs.
        threshold: in the measure's unit; against last week how many times last week's number, 2 for twice. Of no data: 0.
        direction: on which side of it the number is bad.
        against: what is compared with it.
        project, library, model, trace_name: of which traces; None for all, "" as library or model for those without any.
        operation: instead of whole traces their spans of this name; ids and numbers in it are `*`, as on the Latency page.
        flag: for the share of flags which one; None for any.
        confidence: for shares below a confidence which, 0 to 1.
        window_minutes: over how long the number is taken.
        minimum_count: fewer traces (or spans, ratings, runs) in the window than this give no verdict.
        for_minutes: how long it has to be bad all the time before the rule fires; 0 for at once.
        recovery_threshold: how far back the number has to come; None for the threshold itself.
        renotify_minutes: after how long people are told again that it still fires; None for never.
        severity: how bad that is.
        destinations: names of those of TRACEWHY_ALERT_DESTINATIONS that are told.
        silenced_until: nobody is told before; aware.
        quiet_times: when nobody is told in each week.
        note: what to do about it, told with it.

    Raises:
        InvalidInput: a value does not fit; names the field and the fix.
    """

    name: str
    measure: AlertMeasure
    threshold: float = 0.0
    direction: Direction = Direction.ABOVE
    against: Against = Against.THRESHOLD
    project: str | None = None
    library: str | None = None
    model: str | None = None
    trace_name: str | None = None
    operation: str | None = None
    flag: QualityFlag | None = None
    confidence: float | None = None
    window_minutes: int = 15
    minimum_count: int = 1
    for_minutes: int = 0
    recovery_threshold: float | None = None
    renotify_minutes: int | None = None
    severity: Severity = Severity.WARNING
    destinations: tuple[str, ...] = ()
    silenced_until: datetime | None = None
    quiet_times: tuple[QuietTime, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        for name, kind in _KINDS.items():
            _put(self, name, _member(name, kind, getattr(self, name)))
        if self.flag is not None:
            _put(self, "flag", _member("flag", QualityFlag, self.flag))
        _check_texts(self)
        _check_numbers(self)
        _check_measure(self, ABOUT[self.measure])
        _check_window(self)
        _check_threshold(self)
        _put(self, "destinations", tuple(dict.fromkeys(texts("destinations", self.destinations))))
        _put(self, "quiet_times", tuple(self.quiet_times))
        if self.silenced_until is not None:
            _put(self, "silenced_until", require_utc("silenced_until", self.silenced_until))

    @property
    def window(self) -> timedelta:
        """Over how long the number is taken."""
        return timedelta(minutes=self.window_minutes)

    @property
    def rolled(self) -> bool:
        """Whether its number is added up when traces are written, so that a long window costs no more than a short one."""
        beside = sum(getattr(self, name) is not None for name in ("library", "model", "operation"))
        return ABOUT[self.measure].rolled and self.trace_name is None and beside <= 1

    def is_silent(self, moment: datetime) -> bool:
        """Whether nobody is told at `moment`."""
        until = self.silenced_until
        return (until is not None and moment < until) or any(each.covers(moment) for each in self.quiet_times)

    def document(self) -> dict[str, Any]:
        """The rule as JSON, for the database, files and other programs; `rule_document.rule_of` reads it."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        said["destinations"] = list(self.destinations)
        said["quiet_times"] = [
            {field.name: getattr(each, field.name) for field in fields(each)} | {"days": list(each.days)}
            for each in self.quiet_times
        ]
        said["silenced_until"] = None if self.silenced_until is None else self.silenced_until.isoformat()
        return {name: value.value if isinstance(value, StrEnum) else value for name, value in said.items()}


_KINDS: dict[str, type[StrEnum]] = {
    "measure": AlertMeasure, "direction": Direction, "against": Against, "severity": Severity,
}  # fmt: skip
_TEXTS = ("project", "library", "model", "trace_name", "operation")


def _put(rule: object, name: str, value: object) -> None:
    object.__setattr__(rule, name, value)


def _member(name: str, kind: type[StrEnum], given: object) -> StrEnum:
    try:
        if isinstance(given, str) and (found := kind(given)).value == given:
            return found
    except ValueError:
        pass
    raise InvalidInput(name, f"{given!r} is not known; choose one of {', '.join(each.value for each in kind)}")


def _check_texts(rule: AlertRule) -> None:
    if not str(rule.name).strip():
        raise InvalidInput("name", "is empty; say in a few words what the rule is for")
    for name, longest in (("name", LONGEST_NAME), ("note", LONGEST_TEXT), *((each, LONGEST_TEXT) for each in _TEXTS)):
        value = getattr(rule, name)
        if value is None and name in _TEXTS:
            continue
        if not isinstance(value, str) or _UNSTORABLE.search(value):
            raise InvalidInput(name, "is no text that the database can hold; give a plain one")
        if len(value) > longest:
            raise InvalidInput(name, f"has {len(value)} characters; at most {longest} fit")
    for name in ("project", "trace_name", "operation"):
        if getattr(rule, name) == "":
            raise InvalidInput(name, "is empty; leave it out for all of them")


def _check_numbers(rule: AlertRule) -> None:
    _whole("window_minutes", rule.window_minutes, 1, LONGEST_WINDOW_MINUTES)
    _whole("minimum_count", rule.minimum_count, 0, 1_000_000_000)
    _whole("for_minutes", rule.for_minutes, 0, LONGEST_WAIT_MINUTES)
    if rule.renotify_minutes is not None:
        _whole("renotify_minutes", rule.renotify_minutes, 1, LONGEST_WAIT_MINUTES)
    for name in ("threshold", "recovery_threshold", "confidence"):
        value = getattr(rule, name)
        if value is None and name != "threshold":
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
            raise InvalidInput(name, f"{value!r} is no number from 0 on; give one such as 0.5")
        _put(rule, name, float(value))


def _whole(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(name, f"{value!r} does not do; give a whole number from {least} to {most}")


def _check_measure(rule: AlertRule, about: About) -> None:
    """What the measure needs is there, and nothing that it cannot look at."""
    measure = rule.measure.value
    if rule.operation is not None and not about.by_operation:
        raise InvalidInput("operation", f"{measure} is of whole traces; leave the operation out")
    for name in ("project", "library", "model", "trace_name"):
        if getattr(rule, name) is not None and name not in about.filtered:
            raise InvalidInput(name, f"{measure} is not counted by it; leave it out")
    if rule.flag is not None and about.takes != "flag":
        raise InvalidInput("flag", f"{measure} knows no flags; leave it out, or choose {AlertMeasure.FLAGGED.value}")
    if (rule.confidence is not None) != (about.takes == "confidence"):
        raise InvalidInput(
            "confidence",
            f"{measure} needs one, below which a confidence is low, such as 0.6" if rule.confidence is None
            else f"{measure} does not go by one; leave it out",
        )  # fmt: skip
    if rule.confidence is not None and not 0 < rule.confidence <= 1:
        raise InvalidInput("confidence", "must be above 0 and at most 1, as no confidence is below 0")
    if rule.against is Against.LAST_WEEK and (not about.history or rule.measure is AlertMeasure.NO_DATA):
        raise InvalidInput("against", f"{measure} is not known of last week; compare it with a threshold")


def _check_window(rule: AlertRule) -> None:
    if not rule.rolled and rule.window_minutes > LONGEST_SEARCHED_MINUTES:
        raise InvalidInput(
            "window_minutes",
            "is too long for a number that is looked for among the traces themselves, as this one is with its filter; "
            f"give at most {LONGEST_SEARCHED_MINUTES}, or filter by one of library, model and operation alone",
        )


def _check_threshold(rule: AlertRule) -> None:
    if rule.measure is AlertMeasure.NO_DATA:
        if rule.threshold or rule.recovery_threshold is not None or rule.direction is not Direction.ABOVE:
            raise InvalidInput("threshold", "no_data fires when nothing came; leave threshold and direction out")
        return
    if rule.threshold == 0 and (rule.direction is Direction.BELOW or rule.against is Against.LAST_WEEK):
        raise InvalidInput("threshold", "is 0, which nothing is below; give a number above 0")
    back = rule.recovery_threshold
    if back is None:
        return
    if rule.direction is Direction.ABOVE and back > rule.threshold:
        raise InvalidInput("recovery_threshold", "is above the threshold; give one that is at most that")
    if rule.direction is Direction.BELOW and back < rule.threshold:
        raise InvalidInput("recovery_threshold", "is below the threshold; give one that is at least that")
