"""A run while it goes on: what `TraceContext.start` returns (seed B, section 5), with the steps of seed C."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from tracing_core.document import to_document
from tracing_core.errors import InvalidInput
from tracing_core.freeze import freeze
from tracing_core.jsontext import dump, mapping_of, text_of
from tracing_core.model import SpanKind, TraceStatus
from tracing_core.recording import Span, current
from tracing_core.report_links import link_of, write_link
from tracing_core.research_columns import passed
from tracing_core.runtime import Runtime
from tracing_core.sink import Receipt

if TYPE_CHECKING:
    from tracing_core.journal import Journal


logger = logging.getLogger(__name__)


class Trace:
    """One run: its facts, its tree of spans, and the ways to record into it.

    Every method may be called from any task or thread; none raises. Facts such as `intent`, `library`, `answer`,
    `confidence` and `citations_count` are plain attributes to assign. Made by `TraceContext.start`.
    """

    enabled = True

    def __init__(self, runtime: Runtime, name: str, trace_id: str | None, project: str, source: str) -> None:
        self.tick = runtime.clock.monotonic_ns
        self.draw_bits = runtime.ids.draw
        self.started_at: datetime = runtime.clock.now()
        self.trace_id = trace_id or runtime.ids.trace_id(self.started_at)
        self.name = name
        self.project_name = project
        self.source = source
        self.project_id: str | None = None
        self.query: str | None = None
        self.answer: str | None = None
        self.intent: str | None = None
        self.domain: str | None = None
        self.report_type: str | None = None
        self.research_type: str | None = None
        self.library: str | None = None
        self.session_id: str | None = None
        self.user_id: str | None = None
        self.tags: Iterable[str] = ()
        self.confidence: float | None = None
        self.citations_count: int | None = None
        self.parent_trace_id: str | None = None
        self.parent_span_id: str | None = None
        self.status = TraceStatus.IN_PROGRESS
        self.error: str | None = None
        self.iterations: list[Mapping[str, Any]] = []
        self.quality_gate_failures = 0
        self.outputs: dict[str, Any] = {}
        self.linked: dict[str, Any] = {}
        self.child_traces: list[Mapping[str, Any]] = []
        self.as_child: dict[str, Any] | None = None
        self.stages: dict[str, Span] = {}
        self.spans: list[Span] = []
        self.receipt: Receipt | None = None
        self.scorecard: Literal["compact", "verbose"] | None = None
        self.trace_state: str | None = None
        self.journal: Journal | None = None
        self.journaled: tuple[Any, ...] = ()
        self.look_again_at = 0
        self.root = self._open(None, name, SpanKind.ROOT, {})

    def _open(self, parent: Span | None, name: str, kind: str, details: dict[str, Any]) -> Span:
        span = Span(self, parent, name, kind, details)
        self.spans.append(span)
        return span

    # --- spans (seed A) and steps (seed C) ---

    def span(self, name: str, kind: str = SpanKind.UNKNOWN, **attributes: Any) -> Span:
        """Open a span below the current one (or the root), to be used with `with`.

        Args:
            name: the operation, a word from a small set; what varies belongs into the attributes.
            kind: a `SpanKind` or its name.
            attributes: anything that JSON can hold; what it cannot is kept as text.
        """
        parent = current.get()
        if parent is None or parent.trace is not self:
            parent = self.root
        span = Span(self, parent, name, kind, attributes)
        self.spans.append(span)
        if parent is self.root:
            self.stages[span.name] = span
        if self.journal is not None:
            self.journal.opened(span)
        return span

    def start_step(self, name: str, kind: str = SpanKind.UNKNOWN) -> Span:
        """Time a step: `with trace.start_step("reranking") as step: step.details = {...}` (seed C)."""
        return self.span(name, kind)

    # --- stages (seed B) ---

    def start_stage(self, stage_name: str) -> None:
        """Mark the start of a phase; spans opened before its end lie below it."""
        stage = self._open(self.root, stage_name, SpanKind.STAGE, {})
        self.stages[stage.name] = stage
        stage.enter()
        self._note(stage)

    def end_stage(self, stage_name: str, outputs: Mapping[str, Any] | None = None, error: str | None = None) -> None:
        """Mark the end of a phase, with what came out of it or what went wrong."""
        stage = self._stage(stage_name)
        if outputs:
            stage.outputs = outputs
        if stage.start_tick is not None:
            stage.end(error)
        else:
            stage.error = error
            self._note(stage)

    def _note(self, stage: Span) -> None:
        if self.journal is not None:
            self.journal.note(stage)

    def _note_late(self, stage: Span) -> None:
        """Have the journal know of what is recorded for a stage that will not end, or has ended."""
        if stage.start_tick is None or stage.end_tick is not None:
            self._note(stage)

    def _stage(self, given: object) -> Span:
        """The stage of that name; made now, without a time, when it was never started."""
        name = given if isinstance(given, str) else text_of(given)
        stage = self.stages.get(name)
        if stage is None:
            stage = self.stages[name] = self._open(self.root, name, SpanKind.STAGE, {})
            stage.start_tick = None
        return stage

    def record(self, stage_name: str, decision_type: str, data: Mapping[str, Any]) -> None:
        """Record a decision within a stage (seed B).

        Args:
            stage_name: which stage; made on first use.
            decision_type: what kind of decision.
            data: what, why, confidence (1.0 when left out, as the seed has it), alternatives_considered, inputs.
        """
        data = mapping_of(data)
        stage = self._stage(stage_name)
        stage.decide(
            decision_type,
            what=data.get("what"),
            why=data.get("why", ""),
            confidence=data.get("confidence", 1.0),
            alternatives_considered=data.get("alternatives_considered", ()),
            inputs=data.get("inputs"),
        )
        self._note_late(stage)

    def record_evidence(self, stage_name: str, evidence_data: Mapping[str, Any]) -> None:
        """Record what a stage collected, kept and filtered out."""
        stage = self._stage(stage_name)
        stage.record_evidence(evidence_data)
        self._note_late(stage)

    def record_prompts(self, stage_name: str, prompts: Mapping[str, str]) -> None:
        """Record the prompts of a stage (system_prompt, user_message)."""
        stage = self._stage(stage_name)
        stage.record_prompts(prompts)
        self._note_late(stage)

    def record_iteration(self, iteration_data: Mapping[str, Any]) -> None:
        """Record one round of a retry loop; a round with `passed` false counts as a failure of the quality gate."""
        iteration = mapping_of(iteration_data)
        self.iterations.append(iteration)
        if not iteration.get("passed", passed(iteration) is not False):
            self.quality_gate_failures += 1
        self.journaled = ()

    def set_outputs(self, outputs: Mapping[str, Any]) -> None:
        """Set what the run produced: report_path, evidence_paths and whatever else. A report that was linked stays so."""
        self.outputs = self.linked | mapping_of(outputs)

    def link_report(self, path: str | Path) -> None:
        """Link a report in Markdown and this run to each other (seed B, section 3.3).

        `outputs.report_path` says where the report is, and the front matter of the report which run it is of, when it was
        written, and what the quality gate says of it so far. A report that cannot be written is logged, and linked one way.

        Args:
            path: of the report, which is written already; the file is put anew, whole or not at all.
        """
        self.linked = {"report_path": text_of(path)}
        self.outputs = mapping_of(self.outputs) | self.linked
        if self.as_child is not None and self.as_child.get("path") is None:
            self.as_child["path"] = text_of(path)
        try:
            link = link_of(freeze(self), self.started_at + timedelta(microseconds=self._ticked() / 1000))
            write_link(Path(path), link)
        except (OSError, InvalidInput, TypeError, ValueError) as error:
            logger.error("the report %s does not name its trace %s: %s", text_of(path), self.trace_id, error)

    def _ticked(self) -> int:
        """Nanoseconds since the start."""
        return self.tick() - (self.root.start_tick or 0)

    # --- the end ---

    def mark_complete(self) -> None:
        """The run succeeded."""
        self._end(TraceStatus.COMPLETE)

    def mark_failed(self, error: str) -> None:
        """The run failed; `error` says how."""
        self.error = error
        self.outputs = mapping_of(self.outputs) | {"error": error}
        self._end(TraceStatus.FAILED)

    def mark_incomplete(self) -> None:
        """The run stopped before its end; what there is counts."""
        self._end(TraceStatus.INCOMPLETE)

    def _end(self, status: TraceStatus) -> None:
        self.status = status
        self.root.end_tick = self.tick()
        if self.journal is not None:
            self.journal.mark(self)

    @property
    def duration_seconds(self) -> float | None:
        """How long the run took, once it is marked."""
        root = self.root
        if root.end_tick is None or root.start_tick is None:
            return None
        return (root.end_tick - root.start_tick) / 1e9

    @property
    def iteration_count(self) -> int:
        """Rounds recorded; a run without a retry loop has one."""
        return len(self.iterations) or 1

    def to_dict(self) -> dict[str, Any]:
        """The run so far as the document of its file (seed B, section 3.1), of plain JSON values."""
        document: dict[str, Any] = orjson.loads(dump(to_document(freeze(self))))
        return document
