"""The whole run: intake, rubric, collection, then writing and judging until the gate passes or nothing is left to change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assistant.language.choice import Models
from examples.research.collection import EvidenceCollector
from examples.research.corpus import Corpus
from examples.research.gate import FAIL, PASS, QualityGate
from examples.research.intake import IntentClassifier
from examples.research.model import Brief, Collected, Draft, Report, Request, Rubric, Verdict
from examples.research.planning import first_plan, revised
from examples.research.policy import POLICY, Policy
from examples.research.publishing import EVIDENCE, REPORT, Publisher
from examples.research.rubric import RubricLoader
from examples.research.synthesis import ReportWriter
from tracing_core.context import AnyTrace, TraceContext
from tracing_core.cost import CostTracker
from tracing_core.errors import InvalidInput
from tracing_core.interface import TracingComponent, register
from tracing_core.model import SpanKind
from tracing_core.research import traced_research

_RETRY, _ACCEPT, _GIVE_UP = "retry", "accept", "give up"


class Research(TracingComponent):
    """Writes reports. One at a time, from whichever thread.

    Args:
        corpus: what there is to search.
        models: chooses who writes.
        publisher: keeps what is written.
        prices: what writing costs.
        policy: the rules in force.
    """

    def __init__(
        self, corpus: Corpus, models: Models, publisher: Publisher, prices: CostTracker, policy: Policy = POLICY
    ) -> None:
        self._policy = policy
        self._publisher = publisher
        self.intake = IntentClassifier(corpus)
        self.rubric = RubricLoader()
        self.collector = EvidenceCollector(corpus, policy)
        self.writer = ReportWriter(models, prices)
        self.gate = QualityGate(corpus, policy)
        for component in self.components:
            register(component)

    @property
    def components(self) -> tuple[TracingComponent, ...]:
        """Everything that decides something."""
        return (self, self.intake, self.rubric, self.collector, self.writer, self.gate)

    @property
    def component_name(self) -> str:
        return "research_orchestrator"

    def get_trace_schema(self) -> dict[str, Any]:
        steps = {"what": [_ACCEPT, _RETRY, _GIVE_UP], "why": True}
        return {
            "description": "decides what comes after the gate",
            "stages": [QualityGate.STAGE],
            "decisions": {"next_step": steps},
        }

    def run(self, request: Request) -> Report:
        """Research one question, as a trace of its own.

        Raises:
            InvalidInput: the question is empty, or there is no such model.
            AssistantError: the language model does not answer.
            OSError: the report cannot be written.
        """
        if not request.question.strip():
            raise InvalidInput("question", "is empty; ask something")
        with traced_research(
            name="research",
            project_name=request.project,
            query=request.question,
            research_type="documentation",
            user_id=request.user_id,
            session_id=request.session_id,
        ) as trace:
            return self._run(request, trace)

    def _run(self, request: Request, trace: AnyTrace) -> Report:
        brief = self.intake.classify(request.question, trace)
        rubric = self.rubric.load(brief, trace)
        collected = self.collector.collect(brief, trace)
        draft, verdict, rounds = self._write_until_it_passes(request, brief, rubric, collected, trace)
        cited = [source for source in draft.sources if f"[{source.index}]" in draft.text]
        self.collector.note_use(collected, len(cited), trace)
        trace.answer, trace.citations_count = draft.answer, len(cited)
        trace.confidence = round(verdict.overall / 3, 3)
        report_path, evidence_path = self._publish(request, brief, collected, draft, trace)
        trace.set_outputs({"report_path": report_path, "evidence_paths": [evidence_path], "knowledge_paths": []})
        return Report(
            trace_id=trace.trace_id if trace.enabled else None,
            brief=brief,
            draft=draft,
            verdict=verdict,
            rounds=rounds,
            path=report_path,
            evidence_path=evidence_path,
        )

    def _write_until_it_passes(
        self, request: Request, brief: Brief, rubric: Rubric, collected: Collected, trace: AnyTrace
    ) -> tuple[Draft, Verdict, int]:
        plan, changes, number = first_plan(rubric), list[str](), 1
        while True:
            draft = self.writer.write(brief, rubric, collected, plan, trace, request.model)
            verdict = self.gate.judge(brief, rubric, draft, number, trace)
            trace.record_iteration(_iteration(number, draft, verdict, changes))
            plan, changes = revised(plan, verdict.gaps)
            step = self._next_step(verdict, number, changes)
            trace.record(QualityGate.STAGE, "next_step", step)
            if step["what"] != _RETRY:
                return draft, verdict, number
            number += 1

    def _next_step(self, verdict: Verdict, number: int, changes: list[str]) -> dict[str, Any]:
        left = self._policy.rounds - number
        if verdict.passed:
            what, why = (
                _ACCEPT,
                f"{verdict.overall:.1f} reaches {self._policy.passing}, and nothing critical is ignored",
            )
        elif left and changes:
            what, why = _RETRY, "; ".join(changes)
        else:
            what = _GIVE_UP
            why = "nothing is known that would close the gaps" if left else f"{number} rounds are the most there are"
        return {
            "what": what,
            "why": why,
            "confidence": None if what != _RETRY else round(min(0.95, verdict.overall / self._policy.passing), 3),
            "alternatives_considered": [step for step in (_ACCEPT, _RETRY, _GIVE_UP) if step != what],
            "inputs": {"overall": round(verdict.overall, 3), "round": number, "rounds_left": left},
        }

    def _publish(
        self, request: Request, brief: Brief, collected: Collected, draft: Draft, trace: AnyTrace
    ) -> tuple[str, str]:
        """Write the files; where the evidence is wanted for itself, each output is a trace of its own below this one."""
        project = trace.project_name or request.project
        report_path = self._publisher.report_path(project, brief, trace.trace_id)
        evidence_path = self._publisher.evidence_path(project, brief, trace.trace_id)
        with _output(REPORT, report_path, request, trace):
            self._publisher.write_report(report_path, draft)
        trace.link_report(report_path)
        with _output(EVIDENCE, evidence_path, request, trace):
            self._publisher.write_evidence(evidence_path, brief, collected)
        return str(report_path), str(evidence_path)


@contextmanager
def _output(output_type: str, path: Path, request: Request, trace: AnyTrace) -> Iterator[None]:
    """The writing of one output, as a step of the run or as a trace of its own below it."""
    if not request.evidence_pack:
        with trace.span(f"publish_{output_type}", SpanKind.TOOL):
            yield
        return
    child = TraceContext.start_child(trace, output_type, path=path, name=output_type)
    try:
        with child.span("publishing", SpanKind.TOOL):
            yield
        child.mark_complete()
    finally:
        TraceContext.finish(child)


def _iteration(number: int, draft: Draft, verdict: Verdict, changes: Sequence[str]) -> dict[str, Any]:
    """One round in the words of seed B."""
    told = {"changes_from_previous": "; ".join(changes)} if changes else {}
    return {
        "iteration": number,
        "quality_gate_result": PASS if verdict.passed else FAIL,
        "passed": verdict.passed,
        "overall_score": round(verdict.overall, 3),
        "gaps": [score.principle.id for score in verdict.gaps],
        "synthesis_tokens": draft.usage.total_tokens,
        "synthesis_cost": draft.cost_usd,
    } | told
