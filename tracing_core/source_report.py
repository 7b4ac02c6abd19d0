"""What the receivers found out about those who send: as it is kept, and put together from several processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from pydantic import TypeAdapter

from tracing_core.question_times import QuestionTime

CLAMPED, FUTURE, BEFORE_PARENT = "clamped", "future", "before_parent"
"""What can be wrong with the times of spans: bent into what can be stored; ended after it arrived; began before its parent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something odd: how often it was seen, the newest span that had it, and by how many milliseconds at worst."""

    count: int
    trace_id: str
    span_id: str
    worst_ms: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceReport:
    """What one source sent: a service, by one of its instrumentations.

    Args:
        source: its `service.name`; empty when it gives none.
        scope: the instrumentation's name and version.
        sdk: what exports it.
        requests, spans: how many came.
        looked_at: how many of these spans were looked at closely.
        conventions: how many of those used names of which convention.
        unmapped: attributes that no table knows, among those looked at.
        problems: by `CLAMPED`, `FUTURE` and `BEFORE_PARENT`.
    """

    source: str
    scope: str
    sdk: str = ""
    first_seen: datetime
    last_seen: datetime
    requests: int
    spans: int
    looked_at: int
    conventions: Mapping[str, int] = field(default_factory=dict)
    unmapped: Mapping[str, Finding] = field(default_factory=dict)
    problems: Mapping[str, Finding] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON can hold it, but for the moments."""
        return asdict(self)

    @classmethod
    def read_json(cls, document: bytes | str) -> Self:
        """What `document` gave, from JSON. Raises ValueError when it is something else."""
        return TypeAdapter(cls).validate_json(document)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A request, or spans of one, that was not taken.

    Args:
        at: when.
        signal: traces, logs or metrics.
        status: of the answer in HTTP; 200 when only some of its spans were refused.
        reason: in words.
        sender: what the sender calls its software.
        size: bytes of the body as it came.
    """

    at: datetime
    signal: str
    status: int
    reason: str
    sender: str = ""
    size: int = 0

    def document(self) -> dict[str, Any]:
        """As JSON can hold it, but for the moment."""
        return asdict(self)

    @classmethod
    def read_json(cls, document: bytes | str) -> Self:
        """What `document` gave, from JSON. Raises ValueError when it is something else."""
        return TypeAdapter(cls).validate_json(document)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessReport:
    """What waits in a process that receives, and what is wrong with it.

    Args:
        started_at: when it began.
        queue_bytes, queue_requests: that are not stored yet; `queue_limit` is the most bytes.
        writer_queued, writer_dropped: traces of the process itself.
        problem: why nothing can be stored.
        journal_problem: why it keeps no journal.
        slowest: of the questions that it asks the database, those that take longest.
    """

    started_at: datetime
    seen_at: datetime
    queue_bytes: int
    queue_requests: int
    queue_limit: int
    writer_queued: int
    writer_dropped: int
    problem: str | None = None
    journal_problem: str | None = None
    slowest: tuple[QuestionTime, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON can hold it, but for the moments."""
        return asdict(self)

    @classmethod
    def read_json(cls, document: bytes | str) -> Self:
        """What `document` gave, from JSON. Raises ValueError when it is something else."""
        return TypeAdapter(cls).validate_json(document)


def together(reports: Iterable[SourceReport]) -> tuple[SourceReport, ...]:
    """One report for each source and scope, the one heard of last first."""
    found: dict[tuple[str, str], SourceReport] = {}
    for report in reports:
        key = report.source, report.scope
        found[key] = _joined(found[key], report) if key in found else report
    return tuple(sorted(found.values(), key=lambda each: each.last_seen, reverse=True))


def _joined(one: SourceReport, other: SourceReport) -> SourceReport:
    older, newer = sorted((one, other), key=lambda each: each.last_seen)
    names = {*older.conventions, *newer.conventions}
    return replace(
        newer,
        first_seen=min(one.first_seen, other.first_seen),
        requests=one.requests + other.requests,
        spans=one.spans + other.spans,
        looked_at=one.looked_at + other.looked_at,
        conventions={name: older.conventions.get(name, 0) + newer.conventions.get(name, 0) for name in sorted(names)},
        unmapped=_findings(older.unmapped, newer.unmapped),
        problems=_findings(older.problems, newer.problems),
    )


def _findings(older: Mapping[str, Finding], newer: Mapping[str, Finding]) -> dict[str, Finding]:
    found = dict(older)
    for name, finding in newer.items():
        before = found.get(name)
        if before is not None:
            worst = max(before.worst_ms, finding.worst_ms)
            found[name] = replace(finding, count=before.count + finding.count, worst_ms=worst)
        else:
            found[name] = finding
    return found
