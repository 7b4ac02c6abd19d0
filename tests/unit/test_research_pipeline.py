"""The research pipeline from a question to its report: what each stage records, and what a retry changes (spec B 3.1, 3.3-3.5)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import ModelUnavailable
from assistant.language.choice import Choice
from examples.research.model import Principle, Request, Score
from examples.research.pipeline import Research
from examples.research.planning import EXAMPLE, NAMES, first_plan, revised
from examples.research.policy import POLICY
from examples.research.questions import SUBJECTS, questions
from examples.research.rubric import RubricLoader
from examples.research.snippets import has_code, snippets, without_code
from tests.researching import PROJECT, Quoting, corpus, requests, research
from tracing_core.component_schema import schema_of
from tracing_core.document import to_document
from tracing_core.errors import InvalidInput
from tracing_core.freeze import freeze
from tracing_core.interface import assert_follows_schema, registered
from tracing_core.model import SpanKind, TraceData, TraceStatus
from tracing_core.noop import NO_TRACE
from tracing_core.report_links import read_link
from tracing_core.runtime import Runtime, configure
from tracing_core.sink import MemorySink

STAGES = ["intake", "rubric", "collection", "synthesis", "quality_gate"]
ASKED = Request(question="How do I share a dependency between FastAPI routes?", project=PROJECT, user_id="ann")
HOPELESS = Request(question="What is the capital of France?", project=PROJECT)


@pytest.fixture
def sink() -> Iterator[MemorySink]:
    memory = MemorySink()
    restore = configure(Runtime(sink=memory))
    yield memory
    restore()


@pytest.fixture
def pipeline(tmp_path: Path) -> Research:
    return research(tmp_path)


def ran(pipeline: Research, sink: MemorySink, request: Request = ASKED) -> TraceData:
    pipeline.run(request)
    return freeze(sink.traces[-1])


def document(pipeline: Research, sink: MemorySink, request: Request = ASKED) -> dict[str, Any]:
    return to_document(ran(pipeline, sink, request))


def test_a_run_has_the_stages_of_the_seed(pipeline: Research, sink: MemorySink) -> None:
    """Intake, rubric, collection, synthesis and quality gate, in this order, and what the run is about."""
    trace = ran(pipeline, sink)
    assert [span.name for span in trace.spans if span.kind is SpanKind.STAGE][:5] == STAGES
    assert (trace.intent, trace.domain, trace.report_type) == ("executing", "web", "how_to")
    assert (trace.status, trace.user_id, trace.project) == (TraceStatus.COMPLETE, "ann", PROJECT)


def test_every_decision_says_why_and_every_bet_how_sure(pipeline: Research, sink: MemorySink) -> None:
    """Each decision has a reason; what is chosen between alternatives that may fail says how sure it is, rules do not."""
    decisions = [decision for span in ran(pipeline, sink).spans for decision in span.decisions]
    assert all(decision.why for decision in decisions)
    bets = {"classified_intent", "classified_domain", "chose_report_type", "source_selection", "quality_assessment"}
    said = {decision.decision for decision in decisions if decision.confidence is not None}
    assert bets <= said <= bets | {"supplement_selection", "next_step"}
    assert all(decision.alternatives_considered for decision in decisions if decision.decision in bets)


def test_components_emit_what_their_schemas_declare(pipeline: Research, sink: MemorySink) -> None:
    """What is recorded is what the components declare, no more and, over many runs, no less (spec B 4)."""
    for request in (*requests(12), HOPELESS):
        pipeline.run(request)
    assert_follows_schema(sink, *pipeline.components)
    schemas = [schema_of(component) for component in pipeline.components]
    spans = [span for trace in map(freeze, sink.traces) for span in trace.spans if span.name in STAGES]
    declared = {each.decision for schema in schemas for each in schema.decisions}
    assert {decision.decision for span in spans for decision in span.decisions} == declared
    outputs = {each.output for schema in schemas for each in schema.outputs or ()}
    assert {name for span in spans for name in span.outputs} == outputs
    assert set(schemas) <= set(registered())


def test_evidence_says_what_was_kept_and_why_the_rest_was_not(pipeline: Research, sink: MemorySink) -> None:
    """Counts by source add up, and each document has its scores; what was filtered out has its reason."""
    evidence = document(pipeline, sink)["stages"]["collection"]["evidence"]
    found = [*evidence["kept"], *evidence["filtered_out"]]
    assert evidence["collected_count"] == len(found) == sum(evidence["by_source"].values())
    assert all(set(each["scores"]) == {"relevance", "specificity", "credibility", "composite"} for each in found)
    assert all(each["reason"] for each in evidence["filtered_out"])
    assert len(evidence["kept"]) <= POLICY.kept


def test_synthesis_says_who_wrote_from_what(pipeline: Research, sink: MemorySink) -> None:
    """Prompts, model, tokens and cost are recorded; that nobody but quotes wrote is said there and in the report."""
    report = pipeline.run(ASKED)
    stage = to_document(freeze(sink.traces[-1]))["stages"]["synthesis"]
    assert "Shows Code" not in stage["prompts"]["system_prompt"]
    assert "Show code that calls what is named." in stage["prompts"]["system_prompt"]
    assert "Question: How do I share" in stage["prompts"]["user_message"]
    assert (stage["outputs"]["model"], stage["outputs"]["extractive"], stage["outputs"]["cost_usd"]) == (
        "extractive",
        True,
        0,
    )
    assert "no language model is in use" in report.draft.text


def test_the_report_leads_to_its_trace_and_back(pipeline: Research, sink: MemorySink) -> None:
    """The front matter names the trace, the trace names the file (spec B 3.3)."""
    report = pipeline.run(ASKED)
    trace = freeze(sink.traces[-1])
    link = read_link(Path(report.path))
    assert link is not None
    assert (link.trace_id, link.quality_gate) == (trace.trace_id, report.verdict.passed)
    assert report.trace_id == trace.trace_id
    assert link.quality_score == pytest.approx(report.verdict.overall, abs=0.001)
    assert (trace.outputs["report_path"], trace.outputs["evidence_paths"]) == (report.path, [report.evidence_path])
    assert Path(report.evidence_path).is_file()


def test_outputs_wanted_for_themselves_are_child_traces(pipeline: Research, sink: MemorySink) -> None:
    """With an evidence pack the report and the pack have traces of their own, which know their parent (spec B 3.4)."""
    parent = ran(pipeline, sink, replace(ASKED, evidence_pack=True))
    children = [freeze(trace) for trace in sink.traces[:-1]]
    assert [child["output_type"] for child in parent.child_traces] == ["report", "evidence_pack"]
    assert [child["trace_id"] for child in parent.child_traces] == [child.trace_id for child in children]
    assert {child.parent_trace_id for child in children} == {parent.trace_id}
    assert all(Path(child["path"]).is_file() for child in parent.child_traces)


def test_a_failed_gate_is_tried_again_and_says_what_changed(pipeline: Research, sink: MemorySink) -> None:
    """Each round is an iteration with seed B's fields; the second names what it did otherwise (spec B 3.5)."""
    trace = ran(pipeline, sink, HOPELESS)
    first, second = trace.iterations
    assert {"iteration", "quality_gate_result", "overall_score", "gaps", "synthesis_tokens", "synthesis_cost"} <= set(
        first
    )
    assert (first["iteration"], first["quality_gate_result"], second["quality_gate_result"]) == (1, "FAIL", "FAIL")
    assert "changes_from_previous" not in first
    assert "META-1" in second["changes_from_previous"]
    assert (trace.iteration_count, trace.quality_gate_failures) == (2, 2)
    steps = [d.what for span in trace.spans for d in span.decisions if d.decision == "next_step"]
    assert steps == ["retry", "give up"]


def test_a_second_round_can_pass(tmp_path: Path, sink: MemorySink) -> None:
    """Of many questions some pass only after a retry, with a higher score than before."""
    pipeline = research(tmp_path)
    for request in requests(30):
        pipeline.run(request)
    twice = [trace.iterations for trace in map(freeze, sink.traces) if trace.iteration_count == 2]
    saved = [(first, second) for first, second in twice if second["passed"]]
    assert saved
    assert all(second["overall_score"] > first["overall_score"] for first, second in saved)


def test_a_silent_model_fails_the_run_and_its_stage(pipeline: Research, sink: MemorySink, tmp_path: Path) -> None:
    """When nobody writes, the run fails, its stage says why, and the caller hears it."""

    class Silent(Quoting):
        def choose(self, wanted: str | None) -> Choice:
            raise ModelUnavailable("The language model was silent.")

    pipeline.writer._models = Silent(corpus().embedder)
    with pytest.raises(ModelUnavailable):
        pipeline.run(ASKED)
    trace = freeze(sink.traces[-1])
    assert trace.status is TraceStatus.FAILED
    assert [span.error for span in trace.spans if span.name == "synthesis"] == ["The language model was silent."]


def test_an_empty_question_is_refused(pipeline: Research, sink: MemorySink) -> None:
    """Nothing is researched, and nothing recorded, when nothing was asked."""
    with pytest.raises(InvalidInput, match="question"):
        pipeline.run(replace(ASKED, question="  "))
    assert not sink.traces


def test_it_runs_the_same_without_tracing(pipeline: Research, sink: MemorySink) -> None:
    """A project that is not traced gets the same report, without a trace."""
    traced = pipeline.run(ASKED)
    restore = configure(Runtime(sink=sink, tracing=False))
    untraced = pipeline.run(replace(ASKED, evidence_pack=True))
    restore()
    assert (untraced.draft.text, untraced.trace_id, len(sink.traces)) == (traced.draft.text, None, 1)


def test_intent_puts_principles_aside() -> None:
    """What only careful readers need is in force for them alone."""
    loader = RubricLoader()
    brief = replace(_brief(), intent="validating")
    assert loader.load(brief, NO_TRACE).has("META-9")
    careless = loader.load(replace(brief, intent="executing"), NO_TRACE)
    assert not careless.has("META-9")
    assert [principle.id for principle in careless.inactive] == ["META-9"]


def test_a_plan_changes_by_its_gaps_alone() -> None:
    """A gap adds its section or more evidence once; without a gap that anything is known against nothing changes."""
    plan = first_plan(RubricLoader().load(_brief(), NO_TRACE))
    assert plan.sections == {EXAMPLE}
    changed, changes = revised(plan, [_gap("HT-2"), _gap("META-5")])
    assert (changed.sections, changed.documents) == ({EXAMPLE, NAMES}, plan.documents + 3)
    assert len(changes) == 2
    assert revised(plan, [_gap("META-7")]) == (plan, [])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('Do this:\n\n```python\napp.get("/items")\n```\n\nand that', 'app.get("/items")'),
        ("Like so.\n\n>>> merge(a, b)\n3\n\nThe end", ">>> merge(a, b)\n3"),
        ("E.g.::\n\n    session.add(user)\n    session.commit()\n\nThen more", "session.add(user)\nsession.commit()"),
    ],
)
def test_code_is_found_and_taken_out(text: str, code: str) -> None:
    """Fenced blocks, doctests and announced blocks are code; the prose around them stays when they go."""
    assert [block.strip() for block in snippets(text)] == [code]
    rest = without_code(text)
    assert not has_code(rest)
    assert "(" not in rest
    assert rest.split()[-1] == text.rsplit(maxsplit=1)[-1]


def test_the_same_seed_asks_the_same() -> None:
    """Questions come from their seed alone; there are several about each domain."""
    same, again, other = (list(islice(questions(random.Random(seed)), 20)) for seed in (1, 1, 2))
    assert same == again != other
    assert all(len(subjects) >= 4 for subjects in SUBJECTS.values())


def _brief() -> Any:
    return research(Path()).intake.classify(ASKED.question, NO_TRACE)


def _gap(principle_id: str) -> Score:
    return Score(principle=Principle(id=principle_id, name="", asks=""), score=0, feedback="")
