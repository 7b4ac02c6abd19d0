"""What a run came to, for people: seed B's two layouts ("Terminal Output"), and the summary in Markdown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.factories import NOON, make_decision, make_span, make_trace, milliseconds
from tests.postgres.writing import prepared
from tracing_core.model import SpanKind, TraceData
from tracing_core.summary import (
    RunSummary,
    StageLine,
    compact,
    duration,
    has_stages,
    markdown,
    money,
    stage_lines,
    summary_of,
    verbose,
)

COMPACT = """\
-- Trace Summary ------------------------------------------
Quality: 2.4/3.0  PASS    Duration: 1m 23s
Cost: $0.32                Evidence: 28->18
Gaps: META-12
Trace: trc_20260213_143022_a1b2c3d4
-----------------------------------------------------------"""
"""As seed B prints it, to the last space."""
VERBOSE = """\
== Trace Detail =============================================
Trace ID:  trc_20260213_143022_a1b2c3d4
Project:   cobot
Query:     What is the competitive landscape for collaborative robots?
Intent:    validating    Domain: robotics
Status:    complete    Duration: 4m 22s

-- Quality Gate -------------------------------------------
Score: 2.4/3.0  PASS
Principle Scores:
  META-1: 3
  META-12: 1 <gap

-- Stages -------------------------------------------------
  intake           5.2s  (2 decisions)
  rubric           0.3s  (2 decisions)
  collection      45.8s  (2 decisions)
  synthesis      180.5s  (1 decisions)
  quality_gate    30.2s  (1 decisions)

-- Evidence and Cost --------------------------------------
Evidence: 28->18    Sources: exa
Cost: $0.32    Rounds: 1    Report: report.md
============================================================="""
"""As seed B prints it; where it has dots, evidence and cost."""


def make_summary(**overrides: Any) -> RunSummary:
    """The run of seed B's examples."""
    seconds = {"intake": 5.2, "rubric": 0.3, "collection": 45.8, "synthesis": 180.5, "quality_gate": 30.2}
    counts = {"intake": 2, "rubric": 2, "collection": 2}
    fields: dict[str, Any] = {
        "trace_id": "trc_20260213_143022_a1b2c3d4", "project": "cobot", "intent": "validating", "domain": "robotics",
        "query": "What is the competitive landscape for collaborative robots?", "status": "complete",
        "duration_seconds": 262.2, "quality_score": 2.4, "quality_gate_passed": True, "cost_usd": 0.32,
        "principle_scores": {"META-1": 3, "META-12": 1}, "gaps": ("META-12",), "strengths": ("META-1",),
        "evidence_collected": 28, "evidence_passed": 18, "evidence_sources": ("exa",), "iteration_count": 1,
        "stages": tuple(StageLine(name=n, seconds=s, decisions=counts.get(n, 1)) for n, s in seconds.items()),
        "report_path": "report.md",
    }  # fmt: skip
    return RunSummary(**fields | overrides)


NOTHING_SAID = make_summary(
    query=None, intent=None, domain=None, duration_seconds=None, quality_score=None, quality_gate_passed=None,
    cost_usd=None, principle_scores={}, gaps=(), strengths=(), evidence_collected=None, evidence_passed=None,
    evidence_sources=(), stages=(), report_path=None,
)  # fmt: skip


def test_the_compact_scorecard_is_the_seeds() -> None:
    """Letter for letter ("Compact Scorecard")."""
    assert compact(make_summary(duration_seconds=83)).plain == COMPACT


def test_the_verbose_breakdown_is_the_seeds() -> None:
    """Letter for letter, with something where the seed has dots ("Verbose Breakdown")."""
    assert verbose(make_summary()).plain == VERBOSE


def test_what_a_run_does_not_say_is_a_dash() -> None:
    """No zero and no None stand for what is not known."""
    assert compact(NOTHING_SAID).plain.splitlines()[1:4] == [
        "Quality: -  -    Duration: -",
        "Cost: -                    Evidence: -",
        "Gaps: -",
    ]
    lines = verbose(NOTHING_SAID).plain.splitlines()
    assert "Query:     -" in lines
    assert "Intent:    -    Domain: -" in lines
    assert "Principle Scores: -" in lines
    assert "  -" in lines
    assert "None" not in verbose(NOTHING_SAID).plain + markdown(NOTHING_SAID)


def test_pass_is_green_and_what_is_wrong_red() -> None:
    """The words carry colours: the verdict, gaps, errors."""

    def colours(text: Any) -> dict[str, str]:
        return {text.plain[span.start : span.end].strip(): str(span.style) for span in text.spans if span.style}

    assert colours(compact(make_summary()))["PASS"] == "bold green"
    assert colours(compact(make_summary(quality_gate_passed=False)))["FAIL"] == "bold red"
    assert colours(verbose(make_summary(status="failed", error="no")))["failed"] == "red"
    assert colours(verbose(make_summary()))["<gap"] == "red"


def test_long_names_and_errors_have_room() -> None:
    """A stage with a long name moves the column, and says what went wrong in one line."""
    stages = (
        StageLine(name="a_stage_of_a_long_name", seconds=1, decisions=0, error="no\nluck"),
        StageLine(name="b", seconds=None, decisions=0),
    )
    lines = verbose(make_summary(stages=stages)).plain.splitlines()
    assert "  a_stage_of_a_long_name     1.0s  (0 decisions)  no luck" in lines
    assert "  b                             -  (0 decisions)" in lines


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "-"), (0, "0.0s"), (45.84, "45.8s"), (59.96, "1m 0s"), (83, "1m 23s"), (262.2, "4m 22s"), (7500, "2h 5m")],
)
def test_a_duration_reads_as_people_say_it(seconds: float | None, words: str) -> None:
    """Tenths below a minute, then minutes and seconds, then hours and minutes."""
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("dollars", "words"), [(None, "-"), (0, "$0.00"), (0.32, "$0.32"), (12, "$12.00"), (0.0021, "$0.002100")]
)
def test_money_is_never_rounded_to_nothing(dollars: float | None, words: str) -> None:
    """What costs less than a cent keeps its digits."""
    assert money(dollars) == words


def test_a_score_above_three_has_no_scale() -> None:
    """A gate with a scale of its own is not said to be out of three."""
    assert "Quality: 87.0  PASS" in compact(make_summary(quality_score=87.0)).plain


def run_of_two_rounds() -> TraceData:
    root = make_span(name="request", kind=SpanKind.ROOT)
    stages = [
        make_span(
            parent_id=root.span_id,
            name=name,
            kind=SpanKind.STAGE,
            started_at=NOON + timedelta(seconds=number),
            duration_ns=milliseconds(1500),
            decisions=(make_decision(),) if name == "synthesis" else (),
        )
        for number, name in enumerate(("collection", "synthesis", "synthesis"))
    ]
    inner = make_span(parent_id=stages[0].span_id, name="bm25", decisions=(make_decision(), make_decision()))
    return make_trace(spans=(root, *stages, inner))


def test_rounds_of_a_stage_are_one_line() -> None:
    """Seconds and decisions of all rounds are added up, and decisions inside a stage are the stage's."""
    found = stage_lines(run_of_two_rounds().spans)
    assert [(each.name, each.seconds, each.decisions) for each in found] == [
        ("collection", 1.5, 2),
        ("synthesis", 3.0, 2),
    ]


def test_research_runs_are_those_whose_stages_decide() -> None:
    """A chain of spans with decisions, as an assistant has it, is no research run."""
    assert has_stages(run_of_two_rounds())
    assert not has_stages(make_trace())


def test_a_summary_is_made_of_a_run_and_its_row() -> None:
    """What costs nothing by its synthesis costs what its calls did, and no text can steer a terminal."""
    trace = make_trace(query="\x1b[31mHow?\nNow", error="a\x07b")
    found = summary_of(trace.spans, prepared(trace).projection.trace)
    assert (found.query, found.error) == (" [31mHow? Now", "a b")
    assert found.cost_usd is not None
    assert found.cost_usd > 0
    assert [stage.name for stage in found.stages] == ["retrieval_semantic", "llm_generation"]


def test_the_summary_in_markdown() -> None:
    """A heading, facts, principles, stages and flags; what people wrote breaks no table."""
    text = markdown(make_summary(query="a | b\n<script>", error="x|y"), ["Quality regression detected"])
    lines = text.splitlines()
    assert lines[0] == "# Run trc_20260213_143022_a1b2c3d4"
    assert lines[2] == "> a \\| b &lt;script>"
    assert "| Quality | 2.4/3.0 PASS |" in lines
    assert "| Error | x\\|y |" in lines
    assert "| META-12 | 1 | gap |" in lines
    assert "| collection | 45.8 | 2 |  |" in lines
    assert lines[-1] == "- Quality regression detected"
    assert markdown(make_summary()).endswith("## Calibration\n\nNo pattern was seen.\n")
