"""Which traces a question is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, func

from tracing_core.clock import require_utc
from tracing_core.errors import InvalidInput
from tracing_core.jsontext import storable
from tracing_core.query import metrics
from tracing_core.query.decision_filter import DecisionFilter, PrincipleFilter
from tracing_core.storage.tables import search_document, searched_text, traces

LONGEST_TEXT = 2000
MOST_IDS = 1000
_EXACT = ("project", "name", "quality_flag", "status", "user_id", "session_id", "intent", "domain", "report_type")
_PLAIN_WORDS = re.compile(r"[A-Za-z0-9_ ]+")
_WORD = re.compile(r"[A-Za-z0-9]+")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceFilter:
    """What traces have to be like; None asks for nothing, and a range without a start or end is open on that side.

    Args:
        start, end: bounds of when they began: `start` belongs to the range, `end` does not; aware.
        project: its name.
        name: that of the trace, as its root has it.
        library, model: a name, or "" for traces without any.
        quality_flag: a name of `QualityFlag`.
        flagged: whether it has any flag but NORMAL.
        status: a value of `TraceStatus`.
        user_id, session_id, intent, domain, report_type: that very value.
        min_duration_ms, max_duration_ms: bounds of the duration in milliseconds, both included.
        min_cost_usd: the least cost in US dollars, included; leaves out what has no price.
        max_rating: the highest rating, 1 to 5; leaves out what nobody rated.
        quality_gate_passed: whether the quality gate let the run pass; leaves out runs without one.
        flagged_for_review: whether calibration flagged the run.
        gap_principle: the id of a principle that the run fell short of.
        low_principle: a principle, and what it scored less than.
        evidence_source: where evidence of the run came from, such as `reddit`.
        decision: what one of the run's decisions is like.
        trace_ids: those called so, and no others; at most 1,000.
        text: words that question or answer contain; understands "quoted phrases", or, and -without.

    Raises:
        InvalidInput: a time has no zone, the range ends before it starts, or a text cannot be one in the database.
    """

    start: datetime | None = None
    end: datetime | None = None
    project: str | None = None
    name: str | None = None
    library: str | None = None
    quality_flag: str | None = None
    flagged: bool | None = None
    status: str | None = None
    model: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    intent: str | None = None
    min_duration_ms: float | None = None
    max_duration_ms: float | None = None
    min_cost_usd: float | None = None
    max_rating: int | None = None
    domain: str | None = None
    report_type: str | None = None
    quality_gate_passed: bool | None = None
    flagged_for_review: bool | None = None
    gap_principle: str | None = None
    low_principle: PrincipleFilter | None = None
    evidence_source: str | None = None
    decision: DecisionFilter | None = None
    trace_ids: tuple[str, ...] | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            if (moment := getattr(self, name)) is not None:
                object.__setattr__(self, name, require_utc(name, moment))
        if self.start is not None and self.end is not None and self.end < self.start:
            raise InvalidInput("end", "lies before start; give a later time")
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), str):
                _check_text(field.name, value)
        if self.trace_ids is not None and len(self.trace_ids) > MOST_IDS:
            raise InvalidInput("trace_ids", f"are {len(self.trace_ids)}; at most {MOST_IDS} are looked for")
        object.__setattr__(self, "text", (self.text or "").strip() or None)

    def set_fields(self) -> frozenset[str]:
        """The names of the fields that ask for something."""
        return frozenset(field.name for field in fields(self) if getattr(self, field.name) is not None)


def conditions(chosen: TraceFilter) -> list[ColumnElement[bool]]:
    """The filter as conditions on the table `traces`."""
    t = traces.c
    optional = [(t[name], getattr(chosen, name)) for name in ("library", "model")]
    exact = [(t[name], getattr(chosen, name)) for name in _EXACT]
    found = [column == value if value else column.is_(None) for column, value in optional if value is not None]
    found += [column == value for column, value in exact if value is not None]
    bounds = (
        (chosen.start, t.started_at.__ge__),
        (chosen.end, t.started_at.__lt__),
        (chosen.min_duration_ms, t.duration_ms.__ge__),
        (chosen.max_duration_ms, t.duration_ms.__le__),
        (chosen.min_cost_usd, t.cost_usd.__ge__),
        (chosen.max_rating, t.rating.__le__),
    )
    found.extend(compare(bound) for bound, compare in bounds if bound is not None)
    if chosen.flagged is not None:
        found.append(metrics.trace_flagged() if chosen.flagged else ~metrics.trace_flagged())
    found.extend(_of_runs(chosen))
    if chosen.trace_ids is not None:
        found.append(t.trace_id.in_([storable(trace_id) for trace_id in chosen.trace_ids]))
    if chosen.text is not None:
        found.append(has_words(chosen.text))
    return found


def _of_runs(chosen: TraceFilter) -> Iterator[ColumnElement[bool]]:
    t = traces.c
    if chosen.quality_gate_passed is not None:
        yield t.quality_gate_passed.is_not(None)  # of which its index is
        yield t.quality_gate_passed if chosen.quality_gate_passed else ~t.quality_gate_passed
    if chosen.flagged_for_review is not None:
        yield t.flagged_for_review if chosen.flagged_for_review else ~t.flagged_for_review
    if chosen.gap_principle is not None:
        yield t.gap_principles.contains([chosen.gap_principle])
    if chosen.evidence_source is not None:
        yield t.evidence_sources.contains([chosen.evidence_source])
    if chosen.low_principle is not None:
        yield chosen.low_principle.of_trace()
    if chosen.decision is not None:
        yield chosen.decision.of_trace()


def has_words(words: str, of: FromClause = traces) -> ColumnElement[bool]:
    """Whether question or answer have these words."""
    return search_document(of).bool_op("@@")(func.websearch_to_tsquery("simple", words))


def may_have_words(words: str, of: FromClause = traces) -> list[ColumnElement[bool]]:
    """What is so wherever `has_words` is, and looked at in an eighth of the time; nothing for words with operators."""
    if not _PLAIN_WORDS.fullmatch(words) or "or" in words.lower().split():
        return []
    said = searched_text(of)
    return [_may_have(said, word) for word in sorted(_WORD.findall(words), key=len, reverse=True)]


def _may_have(said: ColumnElement[str], word: str) -> ColumnElement[bool]:
    if word.isalpha():
        return said.bool_op("~*")(f"(^|[^a-z]){word}($|[^a-z])")
    return func.strpos(func.lower(said), func.lower(word)) > 0  # a digit may be the end of what was before it


def _check_text(name: str, value: str) -> None:
    if len(value) > LONGEST_TEXT:
        raise InvalidInput(name, f"has {len(value)} characters; at most {LONGEST_TEXT} are looked for")
    if _UNSTORABLE.search(value):
        raise InvalidInput(name, "holds a character that no text in the database can hold (NUL or half a character)")
