"""Advice on what the chosen traces cost, each with the money it would have saved, from the traces themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, Select, cast, func, literal, select

from tracing_core.advice.batching import batches
from tracing_core.advice.cached_prefix import cached_prefixes
from tracing_core.advice.cheaper_model import Answered, cheaper_models
from tracing_core.advice.repeated import Asking, repeated_questions
from tracing_core.advice.runs import Run, run_of
from tracing_core.advice.saving import Advice, NoAdvice
from tracing_core.advice.token_budget import token_budgets
from tracing_core.advice.useless_rounds import Rewritten, useless_rounds
from tracing_core.cost import CostTracker
from tracing_core.model import QualityFlag
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.reading import reading
from tracing_core.query.trace_sample import Drawn, drawn
from tracing_core.query.whole_traces import read_traces
from tracing_core.question_clusters import kinds_of
from tracing_core.rounds import rounds_of
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import spans_in, stored_parts
from tracing_core.storage.tables import traces

MOST_ANSWERS, MOST_READ = 5_000, 800
"""Traces of which the answers are compared, and those of them that are read whole."""
MOST_ASKED, MOST_REPEATS, MOST_REWRITTEN = 50_000, 5_000, 300
"""Questions, the newest, among which repeats are looked for; repeats that are looked at; runs of several rounds."""
WARM = timedelta(minutes=5)
"""How long providers keep the beginning of a prompt at least."""
LEAST_SHARE = Decimal("0.005")
"""Of what was spent; advice that would have saved less is not worth reading."""
_AT_A_TIME = 100
_MOST_PROMPTS = 400
_ROW = (
    "trace_id",
    "started_at",
    "query",
    "answer",
    "model",
    "library",
    "intent",
    "quality_flag",
    "rating",
    "confidence",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdviceReport:
    """What there is to save.

    Args:
        advice: the one that saves most first.
        silent: why there is none of the other kinds.
        drawn: the traces that were looked at; `read` is how many of them were read whole.
        spent_usd: what these stand for, as far as it is known.
    """

    advice: tuple[Advice, ...]
    silent: tuple[NoAdvice, ...]
    drawn: Drawn
    read: int
    spent_usd: Decimal | None


def advice_report(db: Database, chosen: TraceFilter, prices: CostTracker) -> AdviceReport:
    """What the chosen traces would have cost less.

    Args:
        db: where they are.
        chosen: which.
        prices: those in force.

    Raises:
        StorageError: the database did not answer.
    """
    t = traces.c
    columns = [*(t[name] for name in _ROW), t.quality_gate_passed, t.cost_usd]
    with reading(db, chosen) as connection:
        rows, sample = drawn(connection, chosen, MOST_ANSWERS, columns)
        runs = _runs(connection, rows, prices)
        found = [
            cheaper_models(_answers(rows), runs, prices),
            cached_prefixes(runs, prices, _warm(connection, chosen)),
            token_budgets(runs),
            batches(runs),
            _alone(_repeated(connection, chosen)),
            _alone(useless_rounds(_rewritten(connection, chosen))),
        ]
    spent = _spent(rows)
    given, small = _worth([each for some, _ in found for each in some], spent)
    return AdviceReport(
        advice=tuple(sorted(given, key=_size)),
        silent=(*small, *(none for _, none in found if none is not None)),
        drawn=sample,
        read=len(runs),
        spent_usd=spent,
    )


def _worth(given: Sequence[Advice], spent: Decimal | None) -> tuple[list[Advice], list[NoAdvice]]:
    """Those that are worth the while, and for each of the others that it is not."""
    least = (spent or Decimal(0)) * LEAST_SHARE
    small = [each for each in given if each.saved is not None and each.saved.usd < least]
    why = f"would save less than {LEAST_SHARE:.1%} of what was spent"
    return [each for each in given if each not in small], [
        NoAdvice(kind=each.kind, why=f"{each.title}: {why}") for each in small
    ]


def _size(each: Advice) -> tuple[Decimal, float]:
    return (-each.saved.usd if each.saved else Decimal(0)), -(each.saved_ms or 0.0)


def _alone(each: Advice | NoAdvice) -> tuple[tuple[Advice, ...], NoAdvice | None]:
    return ((each,), None) if isinstance(each, Advice) else ((), each)


def _spent(rows: Sequence[Mapping[str, Any]]) -> Decimal | None:
    known = [row["cost_usd"] * Decimal(str(row["weight"])) for row in rows if row["cost_usd"] is not None]
    return sum(known, Decimal(0)) if known else None


def _answers(rows: Sequence[Mapping[str, Any]]) -> list[Answered]:
    """Each with its kind of question: the library, the intent, and what it is about."""
    about = kinds_of([row["query"] or "" for row in rows])
    return [
        Answered(
            trace_id=row["trace_id"],
            model=row["model"] or "",
            kind=f"{row['library'] or ''}|{row['intent'] or ''}|{kind}",
            weight=row["weight"],
            flagged=row["quality_flag"] != QualityFlag.NORMAL,
            rating=row["rating"],
            confidence=row["confidence"],
            gate_passed=row["quality_gate_passed"],
        )
        for row, kind in zip(rows, about, strict=True)
    ]


def _runs(connection: Connection, rows: Sequence[Mapping[str, Any]], prices: CostTracker) -> tuple[Run, ...]:
    """Some of the rows read whole, weighed to stand for all of them."""
    some = rows[:MOST_READ]
    factor = len(rows) / len(some) if some else 1.0
    runs: list[Run] = []
    for start in range(0, len(some), _AT_A_TIME):
        part = some[start : start + _AT_A_TIME]
        contents = stored_parts(connection, [(row["trace_id"], row["started_at"]) for row in part])
        runs += [
            run_of({**row, "weight": row["weight"] * factor}, spans_in(contents[row["trace_id"]]), prices)
            for row in part
            if row["trace_id"] in contents
        ]
    return tuple(runs)


def _asked(chosen: TraceFilter, *columns: ColumnElement[Any]) -> Select[Any]:
    """The newest questions that were answered."""
    t = traces.c
    newest = select(*columns).where(t.query.is_not(None), t.answer.is_not(None), *conditions(chosen))
    return newest.order_by(t.started_at.desc()).limit(MOST_ASKED)


def _newest(chosen: TraceFilter) -> Any:
    t = traces.c
    asked = func.lower(func.regexp_replace(func.btrim(t.query), r"\s+", " ", "g"))
    alike = func.md5(func.concat_ws("\n", t.project, func.coalesce(t.library, ""), asked))
    columns = (
        t.trace_id, t.started_at, t.model, t.cost_usd, alike.label("alike"), func.left(t.query, 200).label("question"),
        func.md5(t.answer).label("answer"), cast(metrics.weight(), Double).label("weight"),
    )  # fmt: skip
    return _asked(chosen, *columns).cte("newest").prefix_with("MATERIALIZED")


def _repeated(connection: Connection, chosen: TraceFilter) -> Advice | NoAdvice:
    newest = _newest(chosen)
    asked = connection.scalar(select(func.count()).select_from(_asked(chosen, literal(1)).subquery())) or 0
    often = select(newest.c.alike).group_by(newest.c.alike).having(func.count() > 1).subquery()
    rows = connection.execute(
        select(newest)
        .join(often, often.c.alike == newest.c.alike)
        .order_by(newest.c.started_at.desc())
        .limit(MOST_REPEATS)
    ).mappings()
    found = [dict(row) for row in rows]
    prompts = _prompts(connection, found)
    return repeated_questions([_asking(row, prompts) for row in found], asked)


def _asking(row: Mapping[str, Any], prompts: Mapping[str, str]) -> Asking:
    return Asking(
        trace_id=row["trace_id"],
        alike=row["alike"],
        question=" ".join(row["question"].split()),
        answer=row["answer"],
        prompt=prompts.get(row["trace_id"], ""),
        started_at=row["started_at"],
        cost_usd=None if row["cost_usd"] is None else float(row["cost_usd"]),
        weight=row["weight"],
    )


def _prompts(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """All that models were told in some of these traces."""
    some, free = rows[:_MOST_PROMPTS], CostTracker()
    found: dict[str, str] = {}
    for start in range(0, len(some), _AT_A_TIME):
        part = some[start : start + _AT_A_TIME]
        contents = stored_parts(connection, [(row["trace_id"], row["started_at"]) for row in part])
        for row in part:
            if row["trace_id"] in contents:
                run = run_of({**row, "query": row["question"]}, spans_in(contents[row["trace_id"]]), free)
                found[row["trace_id"]] = "\n\n".join(
                    f"{call.model}\n{call.prompt}" for call in run.calls if call.prompt
                )
    return found


def _warm(connection: Connection, chosen: TraceFilter) -> dict[str, float]:
    """By model: of the newest traces, the share that began soon enough after another one."""
    t = traces.c
    newest = select(t.model, t.started_at).where(t.model.is_not(None), *conditions(chosen))
    some = newest.order_by(t.started_at.desc()).limit(MOST_ASKED).subquery()
    before = func.lag(some.c.started_at).over(partition_by=some.c.model, order_by=some.c.started_at)
    gaps = select(some.c.model, (some.c.started_at - before).label("gap")).subquery()
    soon = func.count().filter(gaps.c.gap <= WARM)
    statement: Select[Any] = select(gaps.c.model, soon.label("soon"), func.count().label("n")).group_by(gaps.c.model)
    return {row.model: row.soon / row.n for row in connection.execute(statement)}


def _rewritten(connection: Connection, chosen: TraceFilter) -> list[Rewritten]:
    t = traces.c
    rows, _ = drawn(connection, chosen, MOST_REWRITTEN, [t.trace_id, t.query], t.iteration_count > 1)
    by_id = {row["trace_id"]: row for row in rows}
    found: list[Rewritten] = []
    ids = list(by_id)
    for start in range(0, len(ids), _AT_A_TIME):
        for trace in read_traces(connection, ids[start : start + _AT_A_TIME]):
            rounds, row = rounds_of(trace), by_id[trace.trace_id]
            if len(rounds) > 1:
                question = " ".join((row["query"] or "").split())[:200]
                found.append(Rewritten(trace_id=trace.trace_id, question=question, weight=row["weight"], rounds=rounds))
    return found
