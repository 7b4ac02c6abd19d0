"""What a run came to, for people: seed B's scorecards for the terminal, and a summary in Markdown for beside its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from tracing_core.model import SpanData, SpanKind, TraceData

Row = Mapping[str, Any]

NOTHING = "-"
"""Stands for what a run does not say."""
BEST_SCORE = 3.0
_COMPACT_TOP = "-- Trace Summary ------------------------------------------"
_COMPACT_END = "-----------------------------------------------------------"
_VERBOSE_TOP = "== Trace Detail ============================================="
_VERBOSE_END = "============================================================="
_SECTION = 59
_NAME, _SECONDS = 13, 7


@dataclass(frozen=True, kw_only=True, slots=True)
class StageLine:
    """A stage as it is listed: its seconds over all rounds, None where it was not timed, and how many decisions it made."""

    name: str
    seconds: float | None
    decisions: int
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """A run in short; None is what it does not say. Seconds and dollars."""

    trace_id: str
    project: str
    query: str | None
    intent: str | None
    domain: str | None
    status: str
    duration_seconds: float | None
    quality_score: float | None
    quality_gate_passed: bool | None
    principle_scores: Mapping[str, float]
    gaps: tuple[str, ...]
    strengths: tuple[str, ...]
    cost_usd: float | None
    evidence_collected: int | None
    evidence_passed: int | None
    evidence_sources: tuple[str, ...]
    iteration_count: int
    stages: tuple[StageLine, ...]
    report_path: str | None = None
    error: str | None = None


def summary_of(spans: Sequence[SpanData], row: Row) -> RunSummary:
    """A run in short.

    Args:
        spans: of the run, its root first; none where they are not stored any more.
        row: its row of `traces`.
    """
    cost = row["cost_usd"] if row["synthesis_cost_usd"] is None else row["synthesis_cost_usd"]
    copied = ("trace_id", "project", "query", "intent", "domain", "quality_gate_passed", "evidence_collected",
              "evidence_passed", "iteration_count", "error")  # fmt: skip
    return RunSummary(
        **{name: plain(row[name]) for name in copied},
        status=str(row["status"]),
        duration_seconds=None if row["duration_ms"] is None else row["duration_ms"] / 1000,
        quality_score=row["overall_quality_score"],
        principle_scores={plain(name): score for name, score in (row["principle_scores"] or {}).items()},
        gaps=tuple(map(plain, row["gap_principles"] or ())),
        strengths=tuple(map(plain, row["strength_principles"] or ())),
        cost_usd=None if cost is None else float(cost),
        evidence_sources=tuple(map(plain, row["evidence_sources"] or ())),
        report_path=plain(row["report_file_path"]),
        stages=stage_lines(spans),
    )


def has_stages(trace: TraceData) -> bool:
    """Whether a run has a stage that made a decision, as research runs do."""
    return any(span.decisions and span.kind is SpanKind.STAGE for span in trace.spans)


def stage_lines(spans: Sequence[SpanData]) -> tuple[StageLine, ...]:
    """The stages directly below the root in the order in which they were recorded; rounds of one are added up."""
    root = spans[0].span_id if spans else None
    inside = _below(spans)
    found: dict[str, StageLine] = {}
    for span in (each for each in spans[1:] if each.parent_id == root):
        before = found.get(span.name)
        seconds = None if span.duration_ns is None else span.duration_ns / 1e9
        if before is not None and before.seconds is not None:
            seconds = before.seconds + (seconds or 0)
        found[span.name] = StageLine(
            name=plain(span.name),
            seconds=seconds,
            decisions=inside.get(span.span_id, 0) + (before.decisions if before is not None else 0),
            error=plain(span.error) or (before.error if before is not None else None),
        )
    return tuple(found.values())


def _below(spans: Sequence[SpanData]) -> dict[str, int]:
    """How many decisions each span made, with those of the spans below it."""
    parents = {span.span_id: span.parent_id for span in spans}
    counts: dict[str, int] = {}
    for span in spans:
        seen: set[str] = set()
        at: str | None = span.span_id
        while span.decisions and at is not None and at not in seen:
            seen.add(at)
            counts[at] = counts.get(at, 0) + len(span.decisions)
            at = parents.get(at)
    return counts


def compact(run: RunSummary) -> Text:
    """Seed B's scorecard of five lines."""
    text = Text(f"{_COMPACT_TOP}\nQuality: ", no_wrap=True, overflow="ignore")
    text.append_text(_quality(run)).append(f"    Duration: {duration(run.duration_seconds)}\n")
    cost, evidence = f"Cost: {money(run.cost_usd)}", f"Evidence: {_evidence(run)}"
    text.append(f"{cost:<26} {evidence}\nGaps: ").append(_names(run.gaps), "red" if run.gaps else "")
    return text.append(f"\nTrace: {run.trace_id}\n{_COMPACT_END}")


def verbose(run: RunSummary) -> Text:
    """Seed B's breakdown: what was asked, the gate with each principle, each stage, evidence and cost."""
    text = Text(f"{_VERBOSE_TOP}\n", no_wrap=True, overflow="ignore")
    query = " ".join((run.query or NOTHING).split())
    text.append(f"Trace ID:  {run.trace_id}\nProject:   {run.project}\nQuery:     {query}\n")
    text.append(f"Intent:    {run.intent or NOTHING}    Domain: {run.domain or NOTHING}\nStatus:    ")
    text.append(run.status, "red" if run.status == "failed" else "")
    text.append(f"    Duration: {duration(run.duration_seconds)}\n")
    if run.error:
        text.append("Error:     ").append(f"{' '.join(run.error.split())}\n", "red")
    text.append(_heading("Quality Gate")).append("Score: ").append_text(_quality(run)).append("\nPrinciple Scores:")
    text.append("\n" if run.principle_scores else f" {NOTHING}\n")
    for principle, score in run.principle_scores.items():
        text.append(f"  {principle}: {_number(score)}")
        text.append(" <gap\n" if principle in run.gaps else "\n", "red")
    text.append(_heading("Stages"))
    width = max([_NAME, *(len(stage.name) + 1 for stage in run.stages)])
    for stage in run.stages:
        seconds = NOTHING if stage.seconds is None else f"{stage.seconds:.1f}s"
        text.append(f"  {stage.name:<{width}}{seconds:>{_SECONDS + 1}}  ({stage.decisions} decisions)")
        text.append(f"  {' '.join(stage.error.split())}\n" if stage.error else "\n", "red")
    if not run.stages:
        text.append(f"  {NOTHING}\n")
    text.append(_heading("Evidence and Cost"))
    text.append(f"Evidence: {_evidence(run)}    Sources: {_names(run.evidence_sources)}\n")
    text.append(
        f"Cost: {money(run.cost_usd)}    Rounds: {run.iteration_count}    Report: {run.report_path or NOTHING}\n"
    )
    return text.append(_VERBOSE_END)


def markdown(run: RunSummary, flags: Iterable[str] = ()) -> str:
    """The summary that lies beside the file of a trace.

    Args:
        run: the run.
        flags: what calibration saw in it.
    """
    lines = [f"# Run {run.trace_id}", "", f"> {_cell(run.query or NOTHING)}", "", "| | |", "|---|---|"]
    verdict = {True: "PASS", False: "FAIL", None: NOTHING}[run.quality_gate_passed]
    facts = {
        "Project": run.project, "Intent": run.intent, "Domain": run.domain, "Status": run.status,
        "Error": run.error, "Duration": duration(run.duration_seconds), "Quality": f"{_score(run)} {verdict}",
        "Gaps": _names(run.gaps), "Strengths": _names(run.strengths), "Cost": money(run.cost_usd),
        "Evidence": _evidence(run), "Sources": _names(run.evidence_sources), "Rounds": str(run.iteration_count),
        "Report": run.report_path,
    }  # fmt: skip
    lines += [f"| {name} | {_cell(value or NOTHING)} |" for name, value in facts.items()]
    if run.principle_scores:
        lines += ["", "## Principles", "", "| Principle | Score | |", "|---|---|---|"]
        lines += [
            f"| {_cell(name)} | {_number(score)} | {'gap' if name in run.gaps else ''} |"
            for name, score in run.principle_scores.items()
        ]
    lines += ["", "## Stages", "", "| Stage | Seconds | Decisions | Error |", "|---|---|---|---|"]
    for stage in run.stages:
        seconds = NOTHING if stage.seconds is None else f"{stage.seconds:.1f}"
        lines.append(f"| {_cell(stage.name)} | {seconds} | {stage.decisions} | {_cell(stage.error or '')} |")
    lines += ["", "## Calibration", "", *(f"- {_cell(flag)}" for flag in flags)]
    return "\n".join(lines if lines[-1] else [*lines, "No pattern was seen."]) + "\n"


def duration(seconds: float | None) -> str:
    """`1m 23s`, `45.8s` below a minute, `2h 5m` from an hour on."""
    if seconds is None:
        return NOTHING
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60}s"
    return f"{whole // 3600}h {whole % 3600 // 60}m"


def money(dollars: float | None) -> str:
    """`$0.32`; with more digits below a cent."""
    if dollars is None:
        return NOTHING
    return f"${dollars:.2f}" if dollars == 0 or abs(dollars) >= 0.01 else f"${dollars:.6f}"


def plain(value: Any) -> Any:
    """A text without what would move a terminal's cursor or colour it; anything else as it is."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(each if each.isprintable() else " " for each in value)


def _heading(title: str) -> str:
    return f"\n{f'-- {title} ':-<{_SECTION}}\n"


def _quality(run: RunSummary) -> Text:
    verdict, colour = {True: ("PASS", "bold green"), False: ("FAIL", "bold red"), None: (NOTHING, "")}[
        run.quality_gate_passed
    ]
    return Text(f"{_score(run)}  ").append(verdict, colour)


def _score(run: RunSummary) -> str:
    if run.quality_score is None:
        return NOTHING
    of = f"/{BEST_SCORE:.1f}" if run.quality_score <= BEST_SCORE else ""
    return f"{run.quality_score:.1f}{of}"


def _evidence(run: RunSummary) -> str:
    known = (NOTHING if each is None else str(each) for each in (run.evidence_collected, run.evidence_passed))
    return "->".join(known) if run.evidence_collected is not None or run.evidence_passed is not None else NOTHING


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or NOTHING


def _number(score: float) -> str:
    return f"{score:g}"


def _cell(value: str) -> str:
    """Text that neither ends a cell of a table nor becomes a tag."""
    return " ".join(value.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
