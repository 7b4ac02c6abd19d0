"""A run, read for an assistant: its row, its spans, its decisions and what they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service import mcp_answers as say
from service.mcp_text import MOST_ITEMS, NAME_CHARS, shortened
from tracing_core.errors import InvalidInput
from tracing_core.ids import check_trace_id
from tracing_core.model import SpanData, TraceData
from tracing_core.query.alerts import AlertRow, alerts_about
from tracing_core.query.feedback import for_trace
from tracing_core.query.runs import RunRow, get_run
from tracing_core.query.trace import DecisionRow, SpanRow, TraceDetail, decisions, get_trace, spans
from tracing_core.query.whole_traces import whole_trace
from tracing_core.readings import number, parsed
from tracing_core.research_columns import GAP_BELOW
from tracing_core.retrieved import evidence_of
from tracing_core.storage.database import Database

Said = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """Addresses of the dashboard's pages.

    Args:
        base: the dashboard's own.
    """

    base: str

    def trace(self, trace_id: str, span_id: str | None = None) -> str:
        """The page of a trace, at one of its spans."""
        return f"{self.base.rstrip('/')}/trace?id={trace_id}" + (f"&span={span_id}" if span_id else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """All that is stored of a run. `whole` is None when its contents are gone."""

    run: RunRow
    detail: TraceDetail
    spans: tuple[SpanRow, ...]
    decisions: tuple[DecisionRow, ...]
    ratings: tuple[say.Rating, ...]
    alerts: tuple[AlertRow, ...]
    whole: TraceData | None

    @property
    def stages(self) -> tuple[SpanRow, ...]:
        """The spans directly below the root, as they began."""
        roots = {span.span_id for span in self.spans if span.parent_id is None}
        return tuple(span for span in self.spans if span.parent_id in roots)


def read(db: Database, trace_id: str) -> Known:
    """All of one run.

    Raises:
        InvalidInput: there is none with this id.
        StorageError: the database did not answer.
    """
    run, detail = need_run(db, trace_id), get_trace(db, trace_id)
    if detail is None:
        raise _missing("trace_id")
    return Known(
        run=run,
        detail=detail,
        spans=spans(db, trace_id),
        decisions=decisions(db, trace_id),
        ratings=tuple(say.Rating.model_validate(each) for each in for_trace(db, trace_id)),
        alerts=alerts_about(db, run),
        whole=whole_trace(db, trace_id),
    )


def need_run(db: Database, trace_id: str, field: str = "trace_id") -> RunRow:
    """The row of one run.

    Raises:
        InvalidInput: there is none with this id.
        StorageError: the database did not answer.
    """
    try:
        run = get_run(db, check_trace_id(trace_id))
    except InvalidInput as error:
        raise InvalidInput(field, error.problem) from error
    if run is None:
        raise _missing(field)
    return run


def _missing(field: str) -> InvalidInput:
    return InvalidInput(field, "is the id of no stored run; find_runs gives the ids of those there are")


def line(run: RunRow, links: Links) -> say.Run:
    """A run in one line."""
    names = [name for name in say.Run.model_fields if name != "url"]
    return say.Run.model_validate({name: getattr(run, name) for name in names} | {"url": links.trace(run.trace_id)})


def alert(row: AlertRow, links: Links) -> say.Alert:
    """A pattern as it is told."""
    names = [name for name in say.Alert.model_fields if name != "url"]
    return say.Alert.model_validate({name: getattr(row, name) for name in names} | {"url": links.trace(row.trace_id)})


def decision(row: DecisionRow) -> say.Decision:
    """A decision as it is told."""
    return say.Decision.model_validate(row)


def stage(row: SpanRow) -> say.Stage:
    """A stage as it is told."""
    return say.Stage.model_validate(row)


def evidence(known: Known) -> say.Evidence:
    """What the run found and what became of it. Where several steps speak of the same source, the most counts."""
    held = [evidence_of(span) for span in known.whole.spans] if known.whole is not None else []
    by_source: Counter[str] = Counter()
    for each in held:
        counts = each.get("by_source")
        for source, count in counts.items() if isinstance(counts, Mapping) else ():
            if (amount := number(count)) is not None:
                name = shortened(str(source), NAME_CHARS)
                by_source[name] = max(by_source[name], round(amount))
    dropped = [_dropped(item) for each in held for item in _listed(each.get("filtered_out"))]
    detail = known.detail
    return say.Evidence(
        collected=detail.evidence_collected,
        passed=detail.evidence_passed,
        filtered=detail.evidence_filtered,
        used=detail.evidence_used,
        by_source=dict(by_source.most_common(MOST_ITEMS)),
        dropped_count=len(dropped),
        dropped_by_reason=dict(Counter(each.reason or "no reason given" for each in dropped).most_common(MOST_ITEMS)),
        dropped=dropped[:MOST_ITEMS],
    )


def _dropped(item: Any) -> say.Dropped:
    said: Said = item if isinstance(item, Mapping) else {"item": item}
    told = next((said[name] for name in ("title", "url", "id", "item", "text") if said.get(name)), None)
    return say.Dropped.model_validate(
        {
            "item": told,
            "source": _word(said.get("source")),
            "reason": _word(said.get("reason")),
            "scores": said.get("scores"),
        }
    )


def gate(known: Known) -> say.Gate | None:
    """The quality gate as it was the last time, the lowest scores first; None for a run without one."""
    detail, said = known.detail, _gate_said(known.whole)
    gaps = set(detail.gap_principles or ())
    told = _by_id([*_listed(said.get("principle_scores")), *_listed(said.get("strengths")), *_listed(said.get("gaps"))])
    scores = dict(detail.principle_scores or {})
    if detail.quality_gate_passed is None and detail.overall_quality_score is None and not scores and not gaps:
        return None
    principles = [
        say.Principle.model_validate(
            {
                "id": each,
                "name": _word(told.get(each, {}).get("name")),
                "score": scores.get(each),
                "gap": each in gaps or scores.get(each, GAP_BELOW) < GAP_BELOW,
                "feedback": _word(told.get(each, {}).get("feedback")),
            }
        )
        for each in {*scores, *gaps}
    ]
    ordered = sorted(principles, key=lambda each: (not each.gap, each.score is None, each.score or 0, each.id))
    return say.Gate(
        passed=detail.quality_gate_passed,
        score=detail.overall_quality_score,
        threshold=number(said.get("threshold")),
        principles=ordered[:MOST_ITEMS],
    )


def _gate_said(whole: TraceData | None) -> Said:
    if whole is None:
        return {}
    gates = sorted((span for span in whole.spans if span.name == "quality_gate"), key=_started)
    said = [dict(each) for each in whole.iterations[-1:]] + [{**span.attributes, **span.outputs} for span in gates]
    return {name: value for each in said for name, value in each.items()}


def _started(span: SpanData) -> Any:
    return span.started_at


def _by_id(entries: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """What is said of each principle; what comes later adds to it."""
    told: dict[str, dict[str, Any]] = {}
    for each in entries:
        if isinstance(each, Mapping) and each.get("id") is not None:
            told.setdefault(str(each["id"]), {}).update({name: value for name, value in each.items() if value})
    return told


def _listed(value: Any) -> Sequence[Any]:
    found = parsed(value)
    return found if isinstance(found, list | tuple) else ()


def _word(value: Any) -> str | None:
    return None if value is None else str(value)
