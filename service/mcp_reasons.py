"""Why did this run go wrong? Everything that is recorded about it and speaks for an answer, the most telling first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from service import mcp_answers as say
from service.mcp_reading import Known, Links, alert, decision, evidence, gate, line
from service.mcp_text import MOST_ITEMS
from tracing_core.model import QualityFlag, SpanStatus, TraceStatus
from tracing_core.query.confidence import MIDDLE
from tracing_core.query.feedback import LOW_RATING
from tracing_core.query.filters import TraceFilter
from tracing_core.query.operations import operation_latency
from tracing_core.query.trace import SpanRow
from tracing_core.storage.database import Database

USUAL = timedelta(days=7)
"""Up to the run, in which it is looked up how long its slowest stage usually takes."""
_MOST_UNSURE, _MOST_ERRORS = 5, 20
_SLOW = 2.0
"""Times the usual duration from which on a stage was slow."""
_MANY_DROPPED = 0.5
_FLAGS = {
    QualityFlag.EMPTY: "The answer is empty, or nearly so.",
    QualityFlag.LOW_CONFIDENCE: "The program was not confident of its answer.",
}


def explain(db: Database, known: Known, links: Links) -> say.Explanation:
    """Why a run went wrong.

    Raises:
        StorageError: the database did not answer.
    """
    found = say.Explanation(
        run=line(known.run, links),
        went_wrong=False,
        reasons=[],
        errors=_errors(known, links),
        stages_not_ended=[span.name for span in known.stages if span.duration_ms is None][:MOST_ITEMS],
        gate=gate(known),
        unsure_decisions=_unsure(known),
        evidence=evidence(known),
        slowest_stage=_slowest(db, known),
        ratings=list(known.ratings),
        alerts=[alert(each, links) for each in known.alerts[:MOST_ITEMS]],
    )
    wrong, besides = list(_wrong(found)), list(_besides(found))
    reasons = [*wrong, *besides] or ["Nothing that is recorded says that this run went wrong."]
    return found.model_copy(update={"went_wrong": bool(wrong), "reasons": reasons})


def _wrong(found: say.Explanation) -> Iterator[str]:
    """What makes it a run that went wrong. Our own words and numbers only: names and texts of the trace are in the fields."""
    run, gate = found.run, found.gate
    origins = sum(each.is_origin for each in found.errors)
    if run.status == TraceStatus.FAILED:
        proof = f"{_many(origins, 'error')} began in it (errors, is_origin)" if origins else "run.error says of what"
        yield f"The run failed: {proof}."
    elif run.status == TraceStatus.INCOMPLETE:
        yield "The run did not come to its end: it was stopped, or its program ended first."
    elif origins:
        yield f"The run completed, though {_many(origins, 'error')} began in it (errors, is_origin)."
    if gate is not None and gate.passed is False:
        gaps = sum(each.gap for each in gate.principles)
        least = "" if gate.threshold is None else f" where {gate.threshold:g} is the least"
        scored = "" if gate.score is None else f"it scored {gate.score:g} of 3{least}, and "
        yield f"The quality gate refused it: {scored or 'it '}fell short of {_many(gaps, 'principle')} (gate)."
    if run.rating is not None and run.rating <= LOW_RATING:
        yield f"A person rated it {run.rating} of 5 (ratings)."
    if said := _FLAGS.get(QualityFlag(run.quality_flag)):
        yield said


def _besides(found: say.Explanation) -> Iterator[str]:
    """What may have led to it."""
    run = found.run
    if found.stages_not_ended:
        yield f"{_many(len(found.stages_not_ended), 'stage')} did not come to an end (stages_not_ended)."
    yield from _of_evidence(found.evidence)
    unsure = [each.confidence for each in found.unsure_decisions if each.confidence is not None]
    if (below := sum(each < MIDDLE for each in unsure)) > 0:
        more = " or more" if below == _MOST_UNSURE else ""
        yield f"{_many(below, 'decision', more)} had a confidence below {MIDDLE:g}, the least {unsure[0]:g} (unsure_decisions)."
    if run.iteration_count > 1:
        yield f"It took {run.iteration_count} rounds; the quality gate refused {run.quality_gate_failures} of them."
    if (times := _times_the_usual(found.slowest_stage)) >= _SLOW:
        yield f"Its slowest stage took {times:.1f} times the usual (slowest_stage)."
    if run.flagged_for_review:
        yield "Calibration flagged it for review (alerts)."


def _of_evidence(evidence: say.Evidence) -> Iterator[str]:
    if evidence.collected == 0:
        yield "No evidence was found."
    elif evidence.collected and evidence.passed == 0:
        yield f"None of the {evidence.collected} pieces of evidence that were found was kept (evidence.dropped_by_reason)."
    elif evidence.collected and (evidence.filtered or 0) >= _MANY_DROPPED * evidence.collected:
        of = f"{evidence.filtered} of {evidence.collected}"
        yield f"{of} pieces of evidence were dropped (evidence.dropped_by_reason)."


def _times_the_usual(slow: say.Slowest | None) -> float:
    """How many times the usual the slowest stage took; 0 where there is nothing to compare it with."""
    if slow is None or not slow.usual_p50_ms or slow.compared_with <= 1:
        return 0
    return slow.duration_ms / slow.usual_p50_ms


def _errors(known: Known, links: Links) -> list[say.SpanError]:
    """The spans that failed, those where an error began first."""
    failed = [span for span in known.spans if span.status is SpanStatus.ERROR or span.error is not None]
    above = {span.parent_id for span in failed}
    by_id = {span.span_id: span for span in known.spans}
    told = [
        say.SpanError.model_validate(
            {name: getattr(span, name) for name in ("span_id", "name", "kind", "error", "offset_ms", "duration_ms")}
            | {"url": links.trace(known.run.trace_id, span.span_id), "is_origin": span.span_id not in above}
            | {"within": _within(span, by_id)}
        )
        for span in failed
    ]
    return sorted(told, key=lambda each: not each.is_origin)[:_MOST_ERRORS]


def _within(span: SpanRow, by_id: Mapping[str, SpanRow]) -> list[str]:
    """The names of the spans around one, the outermost first."""
    names: list[str] = []
    seen = {span.span_id}
    above = by_id.get(span.parent_id or "")
    while above is not None and above.span_id not in seen:
        seen.add(above.span_id)
        names.insert(0, above.name)
        above = by_id.get(above.parent_id or "")
    return names[:MOST_ITEMS]


def _unsure(known: Known) -> list[say.Decision]:
    sure = [(each.confidence, each) for each in known.decisions if each.confidence is not None]
    least = sorted(sure, key=lambda pair: (pair[0], pair[1].position))[:_MOST_UNSURE]
    return [decision(row) for _, row in least]


def _slowest(db: Database, known: Known) -> say.Slowest | None:
    timed = [(span.duration_ms, span) for span in known.stages if span.duration_ms is not None]
    if not timed:
        return None
    duration_ms, span = max(timed, key=lambda pair: pair[0])
    run = known.run
    week = TraceFilter(project=run.project, start=run.started_at - USUAL, end=run.started_at + timedelta(minutes=1))
    usual = next(
        (each for each in operation_latency(db, week, span.name).operations if each.operation == span.name), None
    )
    whole_ms = (run.duration_seconds or 0) * 1000
    return say.Slowest(
        span_id=span.span_id,
        name=span.name,
        duration_ms=duration_ms,
        share_of_run=min(duration_ms / whole_ms, 1.0) if whole_ms else None,
        usual_p50_ms=usual.latency.p50_ms if usual else None,
        usual_p95_ms=usual.latency.p95_ms if usual else None,
        compared_with=usual.count if usual else 0,
    )


def _many(count: int, thing: str, more: str = "") -> str:
    return f"{count}{more} {thing}" + ("" if count == 1 and not more else "s")
