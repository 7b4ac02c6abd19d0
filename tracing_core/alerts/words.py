"""What people are told of an alert, in plain words. Pure."""

from __future__ import annotations

from tracing_core.alerts.measure import ABOUT, AlertMeasure, Unit
from tracing_core.alerts.rule import Against, AlertRule
from tracing_core.alerts.state import EventKind, Sample

_HOUR, _DAY = 60, 24 * 60


def amount(value: float | None, unit: Unit) -> str:
    """A number with its unit: `6.2 s`, `12 %`, `$0.40`; a dash where there is none."""
    if value is None:
        return "–"
    if unit == "ms":
        return (
            f"{value / 1000:,.3g} s"
            if 1000 <= value < 1e6
            else f"{value / 1000:,.0f} s"
            if value >= 1e6
            else f"{value:.3g} ms"
        )
    if unit == "share":
        return f"{value * 100:.3g} %"
    if unit == "dollars" or unit == "dollars an hour":
        return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.3g}"
    return f"{value:,.0f}" if unit == "traces" else f"{value:.2f}"


def minutes(number: int) -> str:
    """`15 minutes`, `1 hour`, `2 days`."""
    for width, word in ((_DAY, "day"), (_HOUR, "hour")):
        if number % width == 0:
            return _counted(number // width, word)
    return _counted(number, "minute")


def condition(rule: AlertRule) -> str:
    """When the rule is bad: `P95 latency above 5 s over 15 minutes`."""
    about = ABOUT[rule.measure]
    window = minutes(rule.window_minutes)
    if rule.measure is AlertMeasure.NO_DATA:
        return f"no {_things(rule)} for {window}"
    return f"{_number(rule)} {rule.direction.value} {_limit(rule, rule.threshold, about.unit)} over {window}"


def message(rule: AlertRule, kind: EventKind, sample: Sample) -> str:
    """One sentence about what happened."""
    if rule.measure is AlertMeasure.NO_DATA:
        window = minutes(rule.window_minutes)
        if kind is EventKind.RECOVERED:
            return f"{amount(sample.count, 'traces')} {_things(rule)} began within {window}{_of(rule)}"
        return f"No {_thing(rule)} began within {window}{_of(rule)}"
    about = ABOUT[rule.measure]
    began = f"{_number(rule)}{_of(rule)}: {amount(sample.value, about.unit)} over {minutes(rule.window_minutes)}"
    if rule.against is Against.LAST_WEEK and sample.ratio is not None:
        began += f", {sample.ratio:.3g} times the {amount(sample.last_week, about.unit)} of the same time last week"
    counted = f" ({amount(sample.count, 'traces')} counted)" if about.counted else ""
    return f"{began}, {_side(rule, kind)}{counted}"


def title(rule: AlertRule, kind: EventKind) -> str:
    """The line on top: `Fired (critical): Slow answers`."""
    words = {EventKind.FIRED: "Fired", EventKind.STILL_FIRING: "Still firing", EventKind.RECOVERED: "Recovered"}
    return f"{words[kind]} ({rule.severity.value}): {rule.name}"


def _side(rule: AlertRule, kind: EventKind) -> str:
    unit, back = ABOUT[rule.measure].unit, rule.recovery_threshold
    if kind is not EventKind.RECOVERED:
        return f"{rule.direction.value} {_limit(rule, rule.threshold, unit)}"
    limit = _limit(rule, rule.threshold if back is None else back, unit)
    return f"not {rule.direction.value} {limit} any more"


def _limit(rule: AlertRule, number: float, unit: Unit) -> str:
    return f"{number:.3g} times last week" if rule.against is Against.LAST_WEEK else amount(number, unit)


def _number(rule: AlertRule) -> str:
    name = ABOUT[rule.measure].title
    if rule.flag is not None:
        name += f" {rule.flag.value}"
    return name if rule.confidence is None else f"{name} (below {rule.confidence:.2g})"


def _of(rule: AlertRule) -> str:
    """Of which traces: ` of retrieval in project shop`."""
    named = (
        ("", rule.operation),
        ("traces named ", rule.trace_name),
        ("library ", "none" if rule.library == "" else rule.library),
        ("model ", "none" if rule.model == "" else rule.model),
        ("project ", rule.project),
    )
    said = [f"{what}{value}" for what, value in named if value]
    return f" of {', '.join(said)}" if said else ""


def _things(rule: AlertRule) -> str:
    return "traces" if rule.operation is None else "spans"


def _thing(rule: AlertRule) -> str:
    return "trace" if rule.operation is None else "span"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
