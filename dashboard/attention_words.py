"""What needs attention, in sentences, each with where it leads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from dashboard import words
from tracing_core.alerts.measure import ABOUT, AlertMeasure
from tracing_core.alerts.rule import AlertRule, Severity
from tracing_core.alerts.state import AlertState, StateName
from tracing_core.alerts.words import amount
from tracing_core.attention import Change, Part, What
from tracing_core.query.alert_rules import RuleRow
from tracing_core.query.alerts import AlertRow
from tracing_core.query.attention import NewFailure, Unpriced

MOST = 7
Level = Literal["wrong", "warning", "note", "good"]
_EXPLAINED = {What.P95: "slow", What.ERRORS: "failed", What.FLAGGED: "flagged", What.COST: "expensive"}
_MOST_OF = {"failure": 2, "change": 4}
_LONGEST_NAME = 60
_LONGEST_MESSAGE = 110


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A sentence in Markdown, how bad that is, and where it leads: a page and what its URL says beside the filters shown."""

    level: Level
    text: str
    page: str
    params: dict[str, str] = field(default_factory=dict)
    keeps_filters: bool = True


def most_urgent(parts: Sequence[Iterable[Item]]) -> list[Item]:
    """The first ones of all parts, in their order, as many as can be read at a glance."""
    return [item for part in parts for item in part][:MOST]


def firing(rows: Sequence[RuleRow], now: datetime) -> list[Item]:
    """The rules that fire, the most severe first."""
    order = {severity: number for number, severity in enumerate((Severity.CRITICAL, Severity.WARNING, Severity.INFO))}
    found = [
        (row, row.rule, row.state) for row in rows if row.enabled and row.rule is not None and row.state is not None
    ]
    fire = [(row, rule, state) for row, rule, state in found if state.name is StateName.FIRING]
    return [
        Item(
            level="warning" if rule.severity is Severity.INFO else "wrong",
            text=f"Alert **{_name(row.name)}** fires, {_since(state, now)}{_now(rule, state)}",
            page="alerts",
            params={"rule": row.rule_id},
            keeps_filters=False,
        )
        for row, rule, state in sorted(fire, key=lambda each: (order[each[1].severity], each[2].since))
    ]


def _since(state: AlertState, now: datetime) -> str:
    said = words.ago(state.since, now)
    return f"for {said.removesuffix(' ago')} now" if said.endswith(" ago") else said


def _now(rule: AlertRule, state: AlertState) -> str:
    """The number at present, where there is one; a link has one line, so that the condition is on its page."""
    if state.sample.value is None or rule.measure is AlertMeasure.NO_DATA:
        return ""
    about = ABOUT[rule.measure]
    return f": {about.title} is {words.label(amount(state.sample.value, about.unit))}"


def untold(count: int) -> list[Item]:
    """Messages of alerts that did not arrive."""
    if not count:
        return []
    said = "One message of an alert has" if count == 1 else f"{words.count(count)} messages of alerts have"
    return [Item(level="wrong", text=f"{said} **not been delivered**", page="alerts", keeps_filters=False)]


def new_failures(found: Sequence[NewFailure]) -> list[Item]:
    """Failures that the period before did not have."""
    return [
        Item(
            level="wrong",
            text=f"New failure{f' in **{_name(each.operation)}**' if each.operation else ''}: "
            f"{words.label(each.kind, _LONGEST_NAME)}, {_traces(each.traces)}",
            page="trace",
            params={"id": each.example},
            keeps_filters=False,
        )
        for each in found[: _MOST_OF["failure"]]
    ]


def changed(found: Sequence[Change], *, worse: bool) -> list[Item]:
    """What is not what it was; each leads to the explanation."""
    chosen = [each for each in found if each.worse is worse][: _MOST_OF["change"]]
    return [
        Item(
            level="warning" if worse else "good",
            text=_change(each),
            page="explain",
            params={"these": _EXPLAINED[each.what], "against": "before", **_filter_of(each)},
        )
        for each in chosen
    ]


def noticed(rows: Sequence[AlertRow]) -> list[Item]:
    """What calibration noticed: the newest, and how many more."""
    if not rows:
        return []
    more = f" (and {words.count(len(rows) - 1)} more)" if len(rows) > 1 else ""
    newest = rows[0]
    text = f"Calibration: {words.label(newest.message, _LONGEST_MESSAGE)}{more}"
    if len(rows) == 1:
        return [Item(level="note", text=text, page="trace", params={"id": newest.trace_id}, keeps_filters=False)]
    return [Item(level="note", text=text, page="quality")]


def unpriced(found: Sequence[Unpriced], costs: str) -> list[Item]:
    """Models whose price nobody knows; `costs` is the page that tells of costs."""
    if not found:
        return []
    first, traces = found[0], sum(each.traces for each in found)
    others = f" and {words.count(len(found) - 1)} more" if len(found) > 1 else ""
    has = "has" if traces == 1 else "have"
    text = f"The price of **{_name(first.model)}**{others} is not known: {_traces(traces)} {has} no full cost"
    return [Item(level="note", text=text, page=costs)]


def _traces(count: int) -> str:
    return "1 trace" if count == 1 else f"{words.count(count)} traces"


def _change(change: Change) -> str:
    part, name = change.subject
    whose = "" if part is Part.TRACE else f" of {_KINDS[part]}**{_name(name) or f'no {part.value}'}**"
    now, before = (_amount(change.what, each) for each in (change.now, change.before))
    verb = "up from" if change.worse else "down from"
    return f"{_NAMES[change.what]}{whose}: **{now}**, {verb} {before}{_times(change)}"


def _times(change: Change) -> str:
    return f" (×{change.ratio:.1f})" if change.before and change.ratio >= 1.95 else ""


_NAMES = {What.P95: "P95", What.ERRORS: "Errors", What.FLAGGED: "Flagged answers", What.COST: "Cost of a trace"}
_KINDS = {Part.OPERATION: "", Part.LIBRARY: "library ", Part.MODEL: "model "}


def _amount(what: What, value: float) -> str:
    if what is What.P95:
        return words.duration(value)
    return words.label(words.money(Decimal(str(value)))) if what is What.COST else words.share(value)


def _filter_of(change: Change) -> dict[str, str]:
    part, name = change.subject
    return {part.value: name} if part in (Part.LIBRARY, Part.MODEL) else {}


def _name(name: str) -> str:
    return words.label(name, _LONGEST_NAME)
