"""Questions about stored runs, without SQL (seed B, section 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, TypedDict, TypeVar, Unpack

from tracing_core.answer import Answer
from tracing_core.archive import archive
from tracing_core.clock import require_utc
from tracing_core.ids import safe_project
from tracing_core.model import TraceStatus
from tracing_core.query import runs
from tracing_core.query.decision_filter import DecisionFilter, PrincipleFilter
from tracing_core.query.document import find_document
from tracing_core.query.filters import TraceFilter
from tracing_core.query.runs import RunRow
from tracing_core.storage.database import Database

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceResult:
    """A run as a query gives it, in plain values. `started_at` is ISO 8601 in UTC, the quality score 0 to 3."""

    trace_id: str
    project_name: str | None
    query: str | None
    intent: str | None
    domain: str | None
    report_type: str | None
    status: str
    quality_gate_passed: bool | None
    overall_quality_score: float | None
    gap_principles: list[str] | None
    strength_principles: list[str] | None
    duration_seconds: float | None
    started_at: str
    trace_file_path: str | None


class During(TypedDict, total=False):
    """Of which runs: those begun at `since` or later, and before `until` (aware)."""

    since: datetime | None
    until: datetime | None


class Within(During, total=False):
    """Of which runs: those of a project, besides."""

    project: str | None


class TraceQuery:
    """Questions about stored runs: `await TraceQuery.summary()`, or `TraceQuery.summary().result()` where nothing awaits.

    They go to the database of `tracing_core.init()` in this process, else to the one that the settings name. Lists are
    newest first, and have at most `limit` runs (1 to 1,000). Most can be kept to a project and a time by `Within`.

    Raises:
        InvalidInput: an argument cannot be used; the error names it and says what can.
        StorageError: the database did not answer; raised when the answer is asked for.
    """

    @staticmethod
    def summary(**within: Unpack[Within]) -> Answer[dict[str, Any]]:
        """All runs in numbers: total_runs, complete, failed, incomplete, qg_passed, qg_failed, and of those that completed
        avg_quality, avg_duration (seconds) and avg_cost (dollars), None where no run says.
        """
        chosen = _chosen(**within)
        return _ask(lambda db: asdict(runs.measure_runs(db, chosen)))

    @staticmethod
    def by_intent(intent: str, limit: int = 50, **within: Unpack[Within]) -> Answer[list[TraceResult]]:
        """Complete runs with an intent, such as `validating`."""
        return _list(_chosen(**within, intent=intent, status=TraceStatus.COMPLETE), limit)

    @staticmethod
    def by_domain(domain: str, limit: int = 50, **within: Unpack[Within]) -> Answer[list[TraceResult]]:
        """Complete runs in a domain, such as `edtech`."""
        return _list(_chosen(**within, domain=domain, status=TraceStatus.COMPLETE), limit)

    @staticmethod
    def by_project(project_name: str, limit: int = 50, **during: Unpack[During]) -> Answer[list[TraceResult]]:
        """Runs of a project, however they ended."""
        return _list(_chosen(**during, project=project_name), limit)

    @staticmethod
    def low_scoring_principle(
        principle_id: str, threshold: float = 2, limit: int = 50, **within: Unpack[Within]
    ) -> Answer[list[TraceResult]]:
        """Complete runs in which a principle scored less than `threshold`."""
        low = PrincipleFilter(principle_id=principle_id, below=threshold)
        return _list(_chosen(**within, low_principle=low, status=TraceStatus.COMPLETE), limit)

    @staticmethod
    def by_gap_principle(principle_id: str, limit: int = 50, **within: Unpack[Within]) -> Answer[list[TraceResult]]:
        """Complete runs whose quality gate calls a principle a gap."""
        return _list(_chosen(**within, gap_principle=principle_id, status=TraceStatus.COMPLETE), limit)

    @staticmethod
    def quality_gate_failures(limit: int = 50, **within: Unpack[Within]) -> Answer[list[TraceResult]]:
        """Complete runs that the quality gate did not let pass."""
        return _list(_chosen(**within, quality_gate_passed=False, status=TraceStatus.COMPLETE), limit)

    @staticmethod
    def flagged_for_review(limit: int = 20, **within: Unpack[Within]) -> Answer[list[TraceResult]]:
        """Runs that calibration flagged."""
        return _list(_chosen(**within, flagged_for_review=True), limit)

    @staticmethod
    def by_decision(
        decision: str | None = None,
        what: Any = None,
        *,
        min_confidence: float | None = None,
        max_confidence: float | None = None,
        alternative: str | None = None,
        stage: str | None = None,
        limit: int = 50,
        **within: Unpack[Within],
    ) -> Answer[list[TraceResult]]:
        """Runs with a decision that is all of this, however they ended.

        Args:
            decision: its type, such as `source_selection`.
            what: what was chosen, or one of several things that were.
            min_confidence, max_confidence: bounds of its confidence, 0 to 1, both included.
            alternative: what was on the table and not chosen, by its name alone.
            stage: in which it was made.
        """
        like = DecisionFilter(
            decision=decision,
            what=what,
            min_confidence=min_confidence,
            max_confidence=max_confidence,
            alternative=alternative,
            stage=stage,
        )
        return _list(_chosen(**within, decision=like), limit)

    @staticmethod
    def by_evidence_source(source: str, limit: int = 50, **within: Unpack[Within]) -> Answer[list[TraceResult]]:
        """Runs with evidence from a source, such as `reddit`, however they ended."""
        return _list(_chosen(**within, evidence_source=source), limit)

    @staticmethod
    def principle_patterns(min_runs: int = 3, **within: Unpack[Within]) -> Answer[list[dict[str, Any]]]:
        """Which principles complete runs fall short of: principle_id, fail_count, avg_score, total_runs, most failures first.

        Args:
            min_runs: in how many runs a principle has to fail, to be in it.
        """
        chosen = _chosen(**within)
        return _ask(lambda db: [asdict(each) for each in runs.principle_patterns(db, chosen, min_runs)])

    @staticmethod
    def compare(trace_id_a: str, trace_id_b: str) -> Answer[dict[str, Any]]:
        """Two runs side by side: trace_a, trace_b, and in diff what the second has more than the first.

        Where one of them is not there, the answer has `error` alone.
        """
        return _ask(lambda db: _comparison(runs.compare_runs(db, trace_id_a, trace_id_b)))

    @staticmethod
    def full_trace(trace_id: str) -> Answer[dict[str, Any] | None]:
        """All of a trace, as its file has it: every decision, prompt and piece of evidence.

        Without a file it is what the database holds. None when there is no such trace, when its contents are gone, or when
        its file is damaged (which the log says).
        """
        return Answer(lambda: _document(trace_id))


def _chosen(
    *, project: str | None = None, since: datetime | None = None, until: datetime | None = None, **others: Any
) -> TraceFilter:
    return TraceFilter(
        project=None if project is None else safe_project(project),
        start=None if since is None else require_utc("since", since),
        end=None if until is None else require_utc("until", until),
        **others,
    )


def _ask(question: Callable[[Database], T]) -> Answer[T]:
    return Answer(lambda: question(archive().database))


def _list(chosen: TraceFilter, limit: int) -> Answer[list[TraceResult]]:
    return _ask(lambda db: [_result(row) for row in runs.list_runs(db, chosen, limit)])


_MADE = ("project_name", "status", "gap_principles", "strength_principles", "started_at")
_TAKEN = tuple(field.name for field in fields(TraceResult) if field.name not in _MADE)


def _result(row: RunRow) -> TraceResult:
    return TraceResult(
        **{name: getattr(row, name) for name in _TAKEN},
        project_name=row.project,
        status=str(row.status),
        gap_principles=_plain(row.gap_principles),
        strength_principles=_plain(row.strength_principles),
        started_at=row.started_at.isoformat(),
    )


def _comparison(found: runs.RunComparison | None) -> dict[str, Any]:
    if found is None:
        return {"error": "One or both trace IDs not found"}
    deltas = ("quality_delta", "duration_delta", "cost_delta")
    gaps = ("gaps_a_only", "gaps_b_only", "gaps_both")
    return {
        "trace_a": _in_short(found.a),
        "trace_b": _in_short(found.b),
        "diff": {name: getattr(found, name) for name in deltas} | {name: list(getattr(found, name)) for name in gaps},
    }


def _in_short(row: RunRow) -> dict[str, Any]:
    return {
        "trace_id": row.trace_id,
        "project_name": row.project,
        "intent": row.intent,
        "domain": row.domain,
        "quality_score": row.overall_quality_score,
        "quality_gate_passed": row.quality_gate_passed,
        "gap_principles": _plain(row.gap_principles),
        "strength_principles": _plain(row.strength_principles),
        "duration_seconds": row.duration_seconds,
        "cost_usd": row.cost_usd,
    }


def _plain(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


def _document(trace_id: str) -> dict[str, Any] | None:
    where = archive()
    found = find_document(where.database, trace_id, where.files)
    return None if found is None or found.damage is not None else found.document
