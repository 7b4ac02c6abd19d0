"""The questions that pages ask of the database, each by the function that the pages call, and each page's questions together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.query import facets, feedback, ledger, overview, trace, traces
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database

PAGE_SIZE = 50
Thing = TypeVar("Thing")
_DAYS_LOOKED_AT = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Something that is asked.

    Args:
        name: as the table of results has it.
        ask: asks it; the number, counted up, chooses among traces alike where one is asked for.
        target_ms: what the median is held against, in milliseconds.
        steady: held against twice its time at the smallest size, too.
    """

    name: str
    ask: Callable[[int], object]
    target_ms: float | None = None
    steady: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """Things that are in the database, for questions to ask for: ids, people, words."""

    trace_ids: tuple[str, ...]
    generations: tuple[str, ...]
    users: tuple[str, ...]
    sessions: tuple[str, ...]
    model: str
    rare_words: tuple[str, ...]


def examples(db: Database, now: datetime) -> Examples:
    """Traces of different days, and what is in them.

    Raises:
        ValueError: there are no traces.
        StorageError: the database did not answer.
    """
    days = (TraceFilter(end=now - timedelta(days=day)) for day in range(_DAYS_LOOKED_AT))
    rows = [row for chosen in days for row in traces.list_traces(db, chosen, limit=3).rows]
    if not rows:
        raise ValueError("the database has no traces; fill it with `python3 dev.py bench load`")
    once = tuple({row.trace_id: row for row in rows}.values())
    return Examples(
        trace_ids=tuple(row.trace_id for row in once),
        generations=tuple(_generation(db, row.trace_id) for row in once),
        users=tuple({row.user_id for row in once if row.user_id}),
        sessions=tuple({row.session_id for row in once if row.session_id}),
        model=next((row.model for row in once if row.model), ""),
        rare_words=tuple(_number_in(row.query or "") for row in once),
    )


def _generation(db: Database, trace_id: str) -> str:
    return trace.spans(db, trace_id)[-1].span_id


def _number_in(text: str) -> str:
    found = re.findall(r"\b\d{4,}\b", text)
    return found[0] if found else "nowhere"


def questions(db: Database, now: datetime, known: Examples) -> Iterator[Question]:
    """All of them.

    Args:
        db: where they are asked.
        now: the moment that ranges of time end at.
        known: what to ask for.
    """
    yield from _lists(db, now, known)
    yield from _one_trace(db, known)
    yield from _numbers(db, now)
    yield from _pages(db, now, known)


def _lists(db: Database, now: datetime, known: Examples) -> Iterator[Question]:
    week = TraceFilter(start=now - timedelta(days=7), end=now)
    everything = TraceFilter()

    def listed(name: str, chosen: TraceFilter, target_ms: float | None = 20, *, steady: bool = False) -> Question:
        return Question(
            name=name, ask=lambda _: traces.list_traces(db, chosen, limit=PAGE_SIZE), target_ms=target_ms, steady=steady
        )

    yield listed("list 50 newest", everything, 10, steady=True)
    yield listed("list 50 newest of 7 days", week, 10, steady=True)
    yield Question(name="list 50 slowest", ask=lambda _: traces.list_traces(db, everything, sort="slowest"))
    yield listed("filter: low confidence", replace(everything, quality_flag=QualityFlag.LOW_CONFIDENCE))
    yield listed("filter: failed", replace(everything, status=TraceStatus.FAILED))
    yield listed("filter: a model", replace(everything, model=known.model))
    yield listed("filter: an attribute (intent)", replace(everything, intent="compare"))
    yield listed("filter: longer than 3 s, 7 days", replace(week, min_duration_ms=3000.0))
    of_user = _in_turn(known.users, lambda user: traces.list_traces(db, TraceFilter(user_id=user)))
    of_session = _in_turn(known.sessions, lambda session: traces.list_traces(db, TraceFilter(session_id=session)))
    yield Question(name="filter: a user", ask=of_user, target_ms=20)
    yield Question(name="filter: a session", ask=of_session, target_ms=20)
    yield listed("search: a common word", replace(everything, text="the"), None)
    yield listed("search: two words, one less common", replace(everything, text="the vary"), None)
    yield Question(
        name="search: a rare word",
        ask=_in_turn(known.rare_words, lambda word: traces.list_traces(db, TraceFilter(text=word))),
    )
    yield listed("search: a word that is nowhere", replace(everything, text="qwertyuiopasdf"), None)
    yield Question(name="count, 7 days", ask=lambda _: traces.count_traces(db, week))


def _one_trace(db: Database, known: Examples) -> Iterator[Question]:
    yield Question(
        name="open a trace: row, skeleton, decisions",
        ask=_in_turn(known.trace_ids, lambda trace_id: _opened(db, trace_id)),
        target_ms=5,
    )
    pairs = tuple(zip(known.trace_ids, known.generations, strict=True))
    yield Question(
        name="content of one span", ask=_in_turn(pairs, lambda pair: trace.span_payload(db, *pair)), target_ms=5
    )


def _numbers(db: Database, now: datetime) -> Iterator[Question]:
    for days in (1, 7, 30):
        chosen = TraceFilter(start=now - timedelta(days=days), end=now)
        target, steady = (20.0, True) if days == 7 else (None, False)
        yield Question(
            name=f"P50/P95/P99 over time, {days} days",
            ask=partial(_latency, db, chosen),
            target_ms=target,
            steady=steady,
        )
        yield Question(
            name=f"totals, {days} days",
            ask=partial(_totals, db, chosen),
            target_ms=target,
            steady=steady,
        )
    week = TraceFilter(start=now - timedelta(days=7), end=now)
    yield Question(
        name="P95 by operation, 7 days", ask=lambda _: overview.breakdown(db, week), target_ms=20, steady=True
    )
    failed = replace(week, status=TraceStatus.FAILED)
    yield Question(name="P50/P95/P99 over time of the failed, 7 days", ask=partial(_latency, db, failed))


def _latency(db: Database, chosen: TraceFilter, _: int) -> object:
    return overview.latency_over_time(db, chosen)


def _totals(db: Database, chosen: TraceFilter, _: int) -> object:
    return overview.totals(db, chosen)


def _pages(db: Database, now: datetime, known: Examples) -> Iterator[Question]:
    week = TraceFilter(start=now - timedelta(days=7), end=now)
    yield Question(name="page Overview, 7 days: all it asks", ask=lambda _: _overview_page(db, week))
    yield Question(name="page Traces, 7 days: all it asks", ask=lambda _: _traces_page(db, week))
    yield Question(name="page Feedback, 7 days: all it asks", ask=lambda _: _feedback_page(db, week))
    pairs = tuple(zip(known.trace_ids, known.generations, strict=True))
    yield Question(name="page Trace: all it asks", ask=_in_turn(pairs, lambda pair: _trace_page(db, *pair)))


def _filter_bar(db: Database, chosen: TraceFilter) -> None:
    facets.projects(db)
    for name in ("library", "model"):
        facets.values(db, name, chosen)


def _overview_page(db: Database, chosen: TraceFilter) -> None:
    assert chosen.start is not None
    assert chosen.end is not None
    _filter_bar(db, chosen)
    overview.totals(db, chosen)
    ledger.ledger(db, chosen.start.date())
    overview.totals(db, replace(chosen, start=chosen.start - (chosen.end - chosen.start), end=chosen.start))
    overview.latency_over_time(db, chosen)
    overview.flags_over_time(db, chosen)
    overview.breakdown(db, chosen)
    overview.libraries(db, chosen)
    traces.list_traces(db, chosen, limit=10)


def _traces_page(db: Database, chosen: TraceFilter) -> None:
    _filter_bar(db, chosen)
    traces.list_traces(db, chosen, limit=PAGE_SIZE)
    traces.count_traces(db, chosen)


def _feedback_page(db: Database, chosen: TraceFilter) -> None:
    _filter_bar(db, chosen)
    overview.totals(db, chosen)
    feedback.rating_distribution(db, chosen)
    feedback.recent_feedback(db, chosen, limit=100)
    traces.list_traces(db, replace(chosen, max_rating=feedback.LOW_RATING), limit=20)


def _trace_page(db: Database, trace_id: str, span_id: str) -> None:
    found = _opened(db, trace_id)
    trace.span_payload(db, trace_id, span_id)
    feedback.for_trace(db, trace_id)
    if found is not None and found.session_id is not None:
        trace.session_traces(db, found.session_id)


def _opened(db: Database, trace_id: str) -> trace.TraceDetail | None:
    found = trace.get_trace(db, trace_id)
    trace.spans(db, trace_id)
    trace.decisions(db, trace_id)
    return found


def _in_turn(things: Sequence[Thing], ask: Callable[[Thing], object]) -> Callable[[int], object]:
    return lambda number: ask(things[number % len(things)])
