"""What the page Explain is asked, as its URL says it: which traces, and against which. Pure: text in, values out, and back.

Whatever a URL holds that cannot be understood is left out, so that no link can break the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, get_args

from dashboard.view import View, moment_of, number_of, parse
from tracing_core.explain.result import Cohort, Reference
from tracing_core.ids import is_trace_id
from tracing_core.query.filters import TraceFilter
from tracing_core.saved_view import SavedView

These = Literal[
    "slow", "failed", "flagged", "low_rated", "expensive", "box", "all", "saved", "filter", "picked", "trace"
]
THESE: Mapping[These, str] = {
    "slow": "Slow", "failed": "Failed", "flagged": "Flagged", "low_rated": "Low-rated", "expensive": "Expensive",
    "box": "Box", "all": "All", "saved": "Saved", "filter": "Filters", "picked": "Picked", "trace": "One trace",
}  # fmt: skip
Against = Literal["rest", "before", "time"]
AGAINST: Mapping[Against, str] = {"rest": "the rest", "before": "the period before", "time": "another time"}
PARAMS = ("these", "against", "box", "saved", "id", "ids", "ref_start", "ref_end")
"""Of the URL, beside those of the filters."""
MOST_PICKED = 100
_FRAME = ("project",)
_LONGEST_ID = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A box on the heat map: when traces began (`end` is not in it), and how long they took, in milliseconds."""

    start: datetime
    end: datetime
    low_ms: float
    high_ms: float

    def within(self) -> TraceFilter:
        """What is in it."""
        return TraceFilter(start=self.start, end=self.end, min_duration_ms=self.low_ms, max_duration_ms=self.high_ms)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Which traces are to be explained, and what they are held against.

    Args:
        these: how they are told; `filter` are those that the filters of the page let through, `all` everything of its time.
        against: the rest of the same time, the period before, or another time, from `ref_start` to `ref_end`.
        box: for `box`. saved: the id of a saved view. trace_id: for `trace`. ids: for `picked`.
    """

    these: These = "slow"
    against: Against = "rest"
    box: Box | None = None
    saved: str | None = None
    trace_id: str | None = None
    ids: tuple[str, ...] = ()
    ref_start: datetime | None = None
    ref_end: datetime | None = None

    def params(self) -> dict[str, str]:
        """It as URL parameters; what is at its default is left out."""
        said = {
            "these": None if self.these == "slow" else self.these,
            "against": None if self.against == "rest" else self.against,
            "box": None if self.box is None else _box_said(self.box),
            "saved": self.saved,
            "id": self.trace_id,
            "ids": ",".join(self.ids) or None,
            "ref_start": None if self.ref_start is None else _moment_said(self.ref_start),
            "ref_end": None if self.ref_end is None else _moment_said(self.ref_end),
        }
        return {name: value for name, value in said.items() if value is not None}


def asked(params: Mapping[str, str]) -> Asked:
    """What the parameters of a URL ask."""
    start, end = moment_of(params.get("ref_start")), moment_of(params.get("ref_end"))
    found = Asked(
        these=next((each for each in get_args(These) if each == params.get("these")), "slow"),
        against=next((each for each in get_args(Against) if each == params.get("against")), "rest"),
        box=_box(params.get("box", "")),
        saved=params.get("saved", "")[:_LONGEST_ID] or None,
        trace_id=next((each for each in _ids(params.get("id", ""))), None),
        ids=_ids(params.get("ids", "")),
        ref_start=start if start and end and start < end else None,
        ref_end=end if start and end and start < end else None,
    )
    if found.these == "all" and found.against == "rest":
        return replace(found, against="before")  # there is no rest of all
    return replace(found, against="rest") if found.against == "time" and found.ref_start is None else found


def both(view: View, question: Asked) -> View:
    """What holds for either group: the filters of the page, unless these are what tells the groups apart."""
    return view.only(_FRAME) if question.these == "filter" else view


def missing(view: View, question: Asked, saved: SavedView | None) -> str | None:
    """What is still to be chosen before there are any traces to explain; None for nothing."""
    if question.these == "box" and question.box is None:
        return "Draw a box on the heat map: the traces in it will be explained."
    if question.these == "saved" and saved is None:
        return "Choose a saved view. One is saved from the filters of a page."
    if question.these == "filter" and not view.without("project").chips():
        return "Choose a filter: the traces that it lets through will be explained."
    if question.these == "trace" and question.trace_id is None:
        return "Choose a trace: its page leads here."
    if question.these == "picked" and not question.ids:
        return "Pick some traces on the page Traces: it leads here."
    return None


def cohort(view: View, question: Asked, now: datetime, saved: SavedView | None) -> Cohort:
    """The traces to explain.

    Raises:
        InvalidInput: something is `missing`.
    """
    chosen = both(view, question).trace_filter(now)
    match question.these:
        case "box":
            return Cohort(kind="box", chosen=chosen, picks=question.box.within() if question.box else None)
        case "all":
            return Cohort(kind="filter", chosen=chosen, picks=TraceFilter(start=chosen.start, end=chosen.end))
        case "filter":
            return Cohort(kind="filter", chosen=chosen, picks=_picks(view, now))
        case "saved":
            return Cohort(kind="filter", chosen=chosen, picks=_picks(parse(saved.params if saved else {}), now))
        case "picked":
            return Cohort(kind="filter", chosen=chosen, picks=TraceFilter(trace_ids=question.ids))
        case "trace":
            return Cohort(kind="trace", chosen=chosen, trace_id=question.trace_id)
        case kind:
            return Cohort(kind=kind, chosen=chosen)


def reference(view: View, question: Asked, now: datetime) -> Reference:
    """What they are held against."""
    common = both(view, question)
    if question.against == "before":
        return Reference(period=common.period_before(now))
    if question.against == "time":
        return Reference(period=replace(common.trace_filter(now), start=question.ref_start, end=question.ref_end))
    return Reference()


def _picks(view: View, now: datetime) -> TraceFilter:
    """The filters of a view without its time range; where it has none, that range."""
    asked_for = view.trace_filter(now)
    picks = replace(asked_for, start=None, end=None)
    return picks if picks.set_fields() else asked_for


def _ids(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in text.split(",") if is_trace_id(each)))[:MOST_PICKED]


def _box(text: str) -> Box | None:
    parts = text.split("~")
    if len(parts) != 4:
        return None
    start, end = map(moment_of, parts[:2])
    low, high = map(number_of, parts[2:])
    if start is None or end is None or low is None or high is None or start >= end or low >= high:
        return None
    return Box(start=start, end=end, low_ms=low, high_ms=high)


def _box_said(box: Box) -> str:
    return f"{_moment_said(box.start)}~{_moment_said(box.end)}~{box.low_ms:.6g}~{box.high_ms:.6g}"


def _moment_said(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
