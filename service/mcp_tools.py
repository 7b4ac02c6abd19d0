"""The tools (B14): the query API, as an assistant may use it. Each only reads. Docstrings are what the assistant is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from service import mcp_answers as say
from service import mcp_counting as counting
from service import mcp_overviews as overviews
from service.mcp_explaining import SetsApart, Which, sets_apart
from service.mcp_filter import ANY, RunFilter
from service.mcp_reading import Links, alert, decision, evidence, gate, line, read, stage
from service.mcp_reasons import explain
from service.mcp_span import span_content
from service.mcp_text import MOST_ITEMS
from tracing_core.clock import SystemClock
from tracing_core.query.alerts import alerts
from tracing_core.query.cursor import Sort
from tracing_core.query.filters import TraceFilter
from tracing_core.query.outcomes import Outcome
from tracing_core.query.runs import GroupedBy, get_runs, group_runs, measure_runs, principle_patterns
from tracing_core.query.traces import list_traces
from tracing_core.storage.database import Database

Limit = Annotated[int, Field(ge=1, le=100, description="The most that are given")]
TraceId = Annotated[
    str, Field(description="Id of a run, such as trc_20260213_143022_a1b2c3d4e5f60718 or 32 hex digits")
]
SpanId = Annotated[str, Field(description="Id of a span of that run, as get_run and why_did_it_fail give it")]
Where = Annotated[RunFilter, Field(description="Which runs; without it all")]
Order = Annotated[Sort, Field(description="newest or slowest first")]
CursorText = Annotated[str | None, Field(description="next_cursor of the answer before this one, with the same order")]


class Tools:
    """What an assistant can ask.

    Args:
        database: gives where the runs are, when it is asked for; may raise `StorageError`.
        links: to the dashboard.
    """

    def __init__(self, database: Callable[[], Database], links: Links) -> None:
        self._database = database
        self._links = links

    def all(self) -> tuple[Callable[..., Any], ...]:
        """The tools, the most useful first."""
        return (
            self.why_did_it_fail, self.find_runs, self.get_run, self.get_span, self.compare_runs, self.summarize_runs,
            self.explain, self.principle_patterns, self.quality_gate_failures, self.flagged_for_review, self.decision_types,
            self.latency_by_operation,
        )  # fmt: skip

    def why_did_it_fail(self, trace_id: TraceId) -> say.Explanation:
        """Why one run failed, or why its answer is poor: reasons in order, and the proof for each. Its errors by span, what the
        quality gate missed with its feedback, the least confident decisions, the evidence that was dropped and why, and the
        slowest stage against the usual. Start here when somebody asks what went wrong.
        """
        db = self._database()
        return explain(db, read(db, trace_id), self._links)

    def find_runs(
        self, where: Where = ANY, order: Order = "newest", limit: Limit = 20, cursor: CursorText = None
    ) -> say.Runs:
        """Runs (traces) that fit, newest or slowest first, each in one line. For failed runs `where={"status": "failed"}`,
        for badly rated ones `{"max_rating": 2}`, for unsure choices `{"decision": "source_selection", "max_confidence": 0.5}`.
        """
        return self._runs(where.chosen(), order, limit, cursor)

    def get_run(self, trace_id: TraceId) -> say.WholeRun:
        """One run from end to end: stages with their times, every decision with its reason, confidence and alternatives, evidence
        that was kept and dropped, scores of the quality gate, rounds, cost, ratings. Long texts are shortened; get_span has more.
        """
        known = read(self._database(), trace_id)
        detail, whole = known.detail, known.whole
        return say.WholeRun(
            run=line(known.run, self._links),
            answer=detail.answer,
            answer_confidence=detail.confidence,
            alerts=[alert(each, self._links) for each in known.alerts[:MOST_ITEMS]],
            stages=[stage(span) for span in known.stages[:MOST_ITEMS]],
            span_count=detail.span_count,
            decisions=[decision(row) for row in known.decisions[:MOST_ITEMS]],
            evidence=evidence(known),
            gate=gate(known),
            iterations=[dict(each) for each in whole.iterations[:MOST_ITEMS]] if whole else [],
            ratings=list(known.ratings),
            tokens={name: getattr(detail, f"{name}_tokens") for name in ("input", "output", "cached", "reasoning")},
            parent_trace_id=detail.parent_trace_id,
            child_trace_ids=[str(each["trace_id"]) for each in whole.child_traces if each.get("trace_id")]
            if whole
            else [],
            contents_kept=whole is not None,
        )

    def get_span(self, trace_id: TraceId, span_id: SpanId) -> say.SpanContent:
        """What one span of a run holds: prompts, evidence, outputs, attributes, events, decisions. Long texts are shortened."""
        return span_content(self._database(), trace_id, span_id, self._links)

    def compare_runs(self, trace_id_a: TraceId, trace_id_b: TraceId) -> overviews.Comparison:
        """Two runs side by side: what the second has more in quality, time and cost, which gaps only one has, how long each stage
        took, and which decisions went differently. Compare a bad run with a good one of the same kind to see what changed.
        """
        return counting.compared(self._database(), trace_id_a, trace_id_b, self._links)

    def summarize_runs(
        self,
        where: Where = ANY,
        group_by: Annotated[GroupedBy | None, Field(description="Also the same numbers for each value of this")] = None,
        limit: Limit = 20,
    ) -> overviews.Summary:
        """How many runs there are, how they ended, how many the quality gate passed, and mean quality, duration and cost; for all
        of them and by group. group_by=project tells which projects there are.
        """
        db, chosen = self._database(), where.chosen()
        groups = group_runs(db, chosen, group_by) if group_by is not None else ()
        return overviews.Summary(
            numbers=overviews.RunNumbers.model_validate(measure_runs(db, chosen)),
            groups=[
                overviews.Group(value=each.value, numbers=overviews.RunNumbers.model_validate(each.measures))
                for each in groups[:limit]
            ],
            groups_in_all=len(groups),
        )

    def explain(
        self,
        which: Annotated[Which, Field(description="Which runs; where: those that `where` says; trace: one")] = "slow",
        where: Where = ANY,
        trace_id: Annotated[str | None, Field(description="For which=trace")] = None,
    ) -> SetsApart:
        """What sets slow, failed, badly rated or other runs apart from the rest of their time: stage times, decisions, models,
        prompt versions, sources, libraries, users, any attribute, alone or by twos; ranked, with corrected significance, causes
        apart from what follows from them. Of `where` only project, since and until count unless which=where. 7 days by default.
        """
        return sets_apart(self._database(), which, where.chosen(), trace_id, SystemClock().now(), self._links)

    def principle_patterns(
        self,
        where: Where = ANY,
        min_runs: Annotated[int, Field(ge=1, description="In how many runs it has to fail, to be given")] = 3,
    ) -> overviews.Patterns:
        """Which principles of the rubric complete runs fall short of, and how often. find_runs with gap_principle gives the runs."""
        found = principle_patterns(self._database(), where.chosen(), min_runs)
        return overviews.Patterns(patterns=[overviews.Pattern.model_validate(each) for each in found[:MOST_ITEMS]])

    def quality_gate_failures(self, where: Where = ANY, limit: Limit = 20, cursor: CursorText = None) -> say.Runs:
        """Complete runs that the quality gate refused, newest first, with the principles that they fell short of."""
        refused = where.model_copy(update={"quality_gate_passed": False, "status": "complete"})
        return self._runs(refused.chosen(), "newest", limit, cursor)

    def flagged_for_review(self, where: Where = ANY, limit: Limit = 20, cursor: CursorText = None) -> overviews.Flagged:
        """Runs that calibration flagged for review, newest first, and the newest calibration alerts: patterns such as a principle
        that fails again and again, or a domain that scores below the rest.
        """
        chosen = where.model_copy(update={"flagged_for_review": True}).chosen()
        page = self._runs(chosen, "newest", limit, cursor)
        noticed = alerts(self._database(), chosen, limit)
        return overviews.Flagged(
            runs=page.runs, next_cursor=page.next_cursor, alerts=[alert(each, self._links) for each in noticed]
        )

    def decision_types(
        self,
        where: Where = ANY,
        outcome: Annotated[
            Outcome | None,
            Field(description="By what it is told whether a run turned out well; without it the first that is known"),
        ] = None,
        limit: Limit = 20,
    ) -> overviews.DecisionKinds:
        """The decisions that runs take, by type: how often, how confident, which choices, and how the runs with them turned out;
        and the decisions that were most confidently wrong. Tells which decision leads to bad results, and where confidence misleads.
        """
        return counting.kinds(self._database(), where.chosen(), outcome, limit, self._links)

    def latency_by_operation(
        self,
        where: Where = ANY,
        operation: Annotated[
            str | None, Field(description="What it does, such as generation or retrieval, or its name; without it all")
        ] = None,
        limit: Limit = 20,
    ) -> overviews.Latencies:
        """How long operations (spans, by name) take: P50, P95 and P99 in milliseconds, and how many failed."""
        return counting.latencies(self._database(), where.chosen(), operation, limit)

    def _runs(self, chosen: TraceFilter, order: Sort, limit: int, cursor: str | None) -> say.Runs:
        db = self._database()
        page = list_traces(db, chosen, sort=order, after=cursor, limit=limit)
        rows = get_runs(db, [row.trace_id for row in page.rows])
        found = [line(rows[row.trace_id], self._links) for row in page.rows if row.trace_id in rows]
        return say.Runs(runs=found, next_cursor=page.next_cursor)
