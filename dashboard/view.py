"""What a page shows, as its URL says it: the time range and the filters. Pure: text in, values out, and back.

Whatever a URL holds that cannot be understood is left out, so that no link can break a page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeVar

from dashboard import words
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.query.decision_filter import DecisionFilter
from tracing_core.query.filters import TraceFilter
from tracing_core.query.outcomes import OUTCOMES, Outcome

RANGES: Mapping[str, timedelta] = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
RANGE_WORDS: Mapping[str, str] = {
    "15m": "15 min", "1h": "1 h", "24h": "24 h", "7d": "7 days", "30d": "30 days", "custom": "Custom",
}  # fmt: skip
DEFAULT_RANGE = "24h"
SORTS = ("newest", "slowest")
_LONGEST_TEXT = 500
_UNUSABLE = re.compile(r"[\x00\ud800-\udfff]")
_STEP_SECONDS = 10
_YES_NO = {"yes": True, "no": False}
Member = TypeVar("Member", QualityFlag, TraceStatus)


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The time range and filters of a page. None is no filter; `start` and `end` count only for the custom range.

    `library` and `model` may be empty: that is the traces without any; so may `stage`, that of decisions of the trace itself.
    `decision`, `what` (a text, or the JSON of any other value), `stage`, `alternative`, `sure_from` and `sure_to` (0 to 1) say
    what one of a trace's decisions is like. `outcome` is by what it is told whether a trace turned out well. `gap` is a principle
    that a run fell short of, `gate` whether its quality gate passed it, `review` whether calibration flagged it. `flagged` is any
    flag but NORMAL; `min_cost` counts US dollars.
    """

    range: str = DEFAULT_RANGE
    start: datetime | None = None
    end: datetime | None = None
    project: str | None = None
    library: str | None = None
    flag: QualityFlag | None = None
    flagged: bool | None = None
    status: TraceStatus | None = None
    model: str | None = None
    session: str | None = None
    user: str | None = None
    text: str | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    min_cost: float | None = None
    max_rating: int | None = None
    decision: str | None = None
    what: str | None = None
    stage: str | None = None
    alternative: str | None = None
    sure_from: float | None = None
    sure_to: float | None = None
    outcome: Outcome | None = None
    intent: str | None = None
    domain: str | None = None
    gap: str | None = None
    gate: bool | None = None
    review: bool | None = None
    sort: Literal["newest", "slowest"] = "newest"

    def params(self) -> dict[str, str]:
        """The view as URL parameters; what is at its default is left out."""
        plain = View()
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: _said(value) for name, value in named.items() if value is not None and value != getattr(plain, name)
        }

    def chips(self) -> dict[str, str]:
        """The active filters by name, in words: what there is to take away. Time range, order and outcome are not filters."""
        said = {
            "project": self.project,
            "library": "no library" if self.library == "" else self.library,
            "flag": self.flag and words.flag(self.flag),
            "flagged": self.flagged is not None and ("any flag" if self.flagged else "no flag"),
            "status": self.status and words.status(self.status),
            "model": "no model" if self.model == "" else self.model,
            "session": self.session,
            "user": self.user,
            "text": self.text and f"“{self.text}”",
            "min_ms": self.min_ms is not None and f"at least {words.duration(self.min_ms)}",
            "max_ms": self.max_ms is not None and f"at most {words.duration(self.max_ms)}",
            "min_cost": self.min_cost is not None and f"at least {words.money(Decimal(repr(self.min_cost)))}",
            "max_rating": self.max_rating is not None and f"rated {self.max_rating} or less",
            "decision": self.decision and f"decision {self.decision}",
            "what": self.what and f"chose {self.what}",
            "stage": self.stage is not None and f"in {self.stage or 'the trace itself'}",
            "alternative": self.alternative and f"not {self.alternative}",
            "sure_from": self.sure_from is not None and f"confidence from {words.confidence(self.sure_from)}",
            "sure_to": self.sure_to is not None and f"confidence to {words.confidence(self.sure_to)}",
            "intent": self.intent and f"intent {self.intent}",
            "domain": self.domain and f"domain {self.domain}",
            "gap": self.gap and f"falls short of {self.gap}",
            "gate": self.gate is not None and f"gate {'passed' if self.gate else 'failed'}",
            "review": self.review is not None and ("flagged for review" if self.review else "not flagged"),
        }
        return {name: str(value) for name, value in said.items() if value}

    def without(self, name: str) -> View:
        """The view with one filter taken away."""
        return replace(self, **{name: getattr(View(), name)})

    def cleared(self) -> View:
        """The view with its time range and order, and no filters."""
        return View(range=self.range, start=self.start, end=self.end, outcome=self.outcome, sort=self.sort)

    def only(self, names: tuple[str, ...]) -> View:
        """The view with the time range and these filters alone: what a page goes by."""
        return replace(self.cleared(), **{name: getattr(self, name) for name in names})

    def bounds(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """The time range at `now`; one that reaches to the present has no end, so that new traces are in it."""
        if self.range == "custom":
            return self.start, self.end
        return now - RANGES[self.range], None

    def trace_filter(self, now: datetime) -> TraceFilter:
        """The view as the queries want it."""
        start, end = self.bounds(now)
        return TraceFilter(
            start=start, end=end, project=self.project, library=self.library, quality_flag=self.flag, status=self.status,
            model=self.model, user_id=self.user, session_id=self.session, min_duration_ms=self.min_ms,
            max_duration_ms=self.max_ms, max_rating=self.max_rating, text=self.text, decision=self.decision_filter(),
            intent=self.intent, domain=self.domain, gap_principle=self.gap, quality_gate_passed=self.gate,
            flagged_for_review=self.review, flagged=self.flagged, min_cost_usd=self.min_cost,
        )  # fmt: skip

    def decision_filter(self) -> DecisionFilter | None:
        """What one of a trace's decisions has to be like; None for nothing."""
        asked = DecisionFilter(
            decision=self.decision, what=None if self.what is None else choice_of(self.what), stage=self.stage,
            alternative=self.alternative, min_confidence=self.sure_from, max_confidence=self.sure_to,
        )  # fmt: skip
        return None if asked == DecisionFilter() else asked

    def period_before(self, now: datetime) -> TraceFilter | None:
        """The same filter over the period of the same length before; None when the range has no beginning."""
        start, end = self.bounds(now)
        if start is None:
            return None
        return replace(self.trace_filter(now), start=start - ((end or now) - start), end=start)


def parse(params: Mapping[str, str]) -> View:
    """The view that URL parameters describe."""
    start, end = moment_of(params.get("start")), moment_of(params.get("end"))
    chosen = params.get("range", DEFAULT_RANGE)
    if chosen not in RANGES and not (chosen == "custom" and start and (end is None or start < end)):
        chosen = DEFAULT_RANGE
    sure_from, sure_to = _share(params.get("sure_from")), _share(params.get("sure_to"))
    if sure_from is not None and sure_to is not None and sure_from > sure_to:
        sure_from = sure_to = None
    return View(
        range=chosen,
        start=start if chosen == "custom" else None,
        end=end if chosen == "custom" else None,
        project=_text(params.get("project")),
        library=_text_or_none(params.get("library")),
        flag=_member(QualityFlag, params.get("flag")),
        flagged=_YES_NO.get(params.get("flagged", "")),
        status=_member(TraceStatus, params.get("status")),
        model=_text_or_none(params.get("model")),
        session=_text(params.get("session")),
        user=_text(params.get("user")),
        text=_text(params.get("text")),
        min_ms=number_of(params.get("min_ms")),
        max_ms=number_of(params.get("max_ms")),
        min_cost=number_of(params.get("min_cost")),
        max_rating=_rating(params.get("max_rating")),
        decision=_text(params.get("decision")),
        what=_text(params.get("what")),
        stage=_text_or_none(params.get("stage")),
        alternative=_text(params.get("alternative")),
        sure_from=sure_from,
        sure_to=sure_to,
        intent=_text(params.get("intent")),
        domain=_text(params.get("domain")),
        gap=_text(params.get("gap")),
        gate=_YES_NO.get(params.get("gate", "")),
        review=_YES_NO.get(params.get("review", "")),
        outcome=next((each for each in OUTCOMES if each == params.get("outcome")), None),
        sort="slowest" if params.get("sort") == "slowest" else "newest",
    )


def choice_of(said: str) -> Any:
    """What `choice_words` says: a text, or another value by its JSON."""
    try:
        return json.loads(said, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return said


def choice_words(what: Any) -> str | None:
    """Something chosen as a filter; None for what is too long to be one, or is nothing."""
    said = what if isinstance(what, str) and choice_of(what) == what else json.dumps(what, ensure_ascii=False)
    return said if what is not None and _text(said) == said else None


def _no_number(name: str) -> None:
    """Python reads NaN as JSON, which it is not."""
    raise ValueError(name)


def rounded(now: datetime) -> datetime:
    """`now` rounded down to ten seconds, so that what is read within them is read once."""
    return now.replace(second=now.second - now.second % _STEP_SECONDS, microsecond=0)


def _said(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _text(value: str | None) -> str | None:
    cleaned = _UNUSABLE.sub("", value or "").strip()[:_LONGEST_TEXT]
    return cleaned or None


def _text_or_none(value: str | None) -> str | None:
    """As `_text`, but what is there and empty stays so."""
    return "" if value == "" else _text(value)


def moment_of(value: str | None) -> datetime | None:
    """A moment in a URL; None for what is none, has no zone or is older than computers."""
    try:
        moment = datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo and moment.year >= 1970 else None


def number_of(value: str | None) -> float | None:
    """A number in a URL, from 0 on; None for what is none."""
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < 1e12 else None


def _share(value: str | None) -> float | None:
    number = number_of(value)
    return round(number, 4) if number is not None and number <= 1 else None


def _rating(value: str | None) -> int | None:
    return int(value) if value in {"1", "2", "3", "4", "5"} else None


def _member(kind: type[Member], value: str | None) -> Member | None:
    return kind(value) if value in {member.value for member in kind} else None
