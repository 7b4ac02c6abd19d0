"""What the page Compare is asked, as its URL says it: two groups of runs, or two traces. Pure: text in, values out, and back.

Whatever a URL holds that cannot be understood is left out, so that no link can break the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboard.view import View, choice_words
from tracing_core.clock import require_utc
from tracing_core.cohort import OTHERS, Cohort
from tracing_core.errors import InvalidInput
from tracing_core.ids import is_trace_id
from tracing_core.query.traces import TraceRow

PARAMS = ("by", "a", "b", "trace", "with")
"""Of the URL, beside those of the filters."""
DEFAULT_BY = "model"
_LONGEST = 300
_TITLES: Mapping[str, str] = {
    "user_id": "User", "name": "Operation", "attribute:prompt.version": "Prompt version", "time": "Time",
}  # fmt: skip
_VIEWED = {
    "model": "model",
    "library": "library",
    "project": "project",
    "intent": "intent",
    "domain": "domain",
    "user_id": "user",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is compared: groups told apart by `by` with the values `a` and `b`, or the traces `trace` and `other`.

    Values are None where nobody chose one yet; `*` is all that do not have the other value.
    """

    by: str | None = None
    a: str | None = None
    b: str | None = None
    trace: str | None = None
    other: str | None = None

    @property
    def of_traces(self) -> bool:
        """Whether two traces are compared."""
        return self.trace is not None or self.other is not None

    def params(self) -> dict[str, str]:
        """It as URL parameters."""
        said = {"by": self.by, "a": self.a, "b": self.b, "trace": self.trace, "with": self.other}
        return {name: value for name, value in said.items() if value is not None}

    def swapped(self) -> Asked:
        """The same the other way round."""
        return replace(self, a=self.b, b=self.a, trace=self.other, other=self.trace)

    def cohorts(self) -> tuple[Cohort, Cohort] | None:
        """The two groups; None as long as they are not two, or cannot be understood."""
        if self.by is None or not self.a or not self.b or self.a == self.b:
            return None
        try:
            if self.a == OTHERS:
                return Cohort(by=self.by, value=self.b, others=True), Cohort(by=self.by, value=self.b)
            return Cohort(by=self.by, value=self.a), Cohort(
                by=self.by, value=self.a if self.b == OTHERS else self.b, others=self.b == OTHERS
            )
        except InvalidInput:
            return None


def of_two(rows: Sequence[TraceRow], picked: Sequence[str]) -> Asked | None:
    """Two of these rows compared, the earlier one as A; None where not just two are picked."""
    chosen = sorted((row for row in rows if row.trace_id in picked), key=lambda row: row.started_at)
    return Asked(trace=chosen[0].trace_id, other=chosen[1].trace_id) if len(chosen) == 2 else None


def parse(params: Mapping[str, str]) -> Asked:
    """What URL parameters ask for."""
    trace, other = (said if is_trace_id(said) else None for said in (params.get("trace", ""), params.get("with", "")))
    by, a, b = (params.get(name, "")[:_LONGEST] or None for name in ("by", "a", "b"))
    if "trace" in params or "with" in params:
        return Asked(trace=trace or "", other=other or "")
    return Asked(by=by, a=a, b=b)


def title(by: str) -> str:
    """What groups are told apart by, in words."""
    kind, _, name = by.partition(":")
    if by in _TITLES:
        return _TITLES[by]
    return f"{kind.capitalize()} {name}" if name else kind.replace("_", " ").capitalize()


def times(view: View, now: datetime) -> dict[str, str]:
    """Ranges that time may be compared by, with their names: that of the page, the one before it, and a week before it."""
    start, end = view.bounds(now)
    if start is None:
        return {}
    last = end or now
    ranges = {
        "this time": (start, last),
        "the period before": (start - (last - start), start),
        "the same time a week before": (start - timedelta(days=7), last - timedelta(days=7)),
    }
    found: dict[str, str] = {}
    for name, ends in ranges.items():
        found.setdefault(range_said(*ends), name)  # of a week, both are one
    return found


def named(by: str, value: str, other: str | None = None) -> str:
    """A group as it is called: its value, or what it is not."""
    if value == OTHERS:
        return f"not {other}" if other else "all others"
    if by == "time":
        first, _, last = value.partition("/")
        return f"{first[:16].replace('T', ' ')} to {last[:16].replace('T', ' ')}"
    return value


def traces_of(view: View, cohort: Cohort) -> dict[str, str] | None:
    """URL parameters of the traces of a group; None where no filter of the page Traces can tell them."""
    kind, _, name = cohort.by.partition(":")
    changed: dict[str, Any]
    if cohort.others:
        return None
    if kind == "time":
        start, end = cohort.range_of(None, None)
        changed = {"range": "custom", "start": start, "end": end}
    elif kind == "decision" and choice_words(cohort.value):
        changed = {"decision": name, "what": choice_words(cohort.value)}
    elif kind in _VIEWED:
        changed = {_VIEWED[kind]: cohort.value}
    else:
        return None
    return replace(view, **changed).params()


def range_said(start: datetime, end: datetime) -> str:
    """Two moments as the value of a group that is told by its time."""
    return "/".join(require_utc("range", each).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for each in (start, end))


def range_of(value: str | None) -> tuple[datetime, datetime] | None:
    """The two moments; None where the value cannot be understood."""
    try:
        start, end = Cohort(by="time", value=value or "").range_of(None, None)
    except InvalidInput:
        return None
    return (start, end) if start and end else None
