"""What sets some traces apart from others: draws both groups, reads what is known of them, and asks `tracing_core.explain`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import false, true

from tracing_core.clock import Clock, SystemClock
from tracing_core.explain.answer import Material, answer
from tracing_core.explain.carriers import StageTimes
from tracing_core.explain.facts import CONTENTS, SPANS, Facts
from tracing_core.explain.ranks import Groups
from tracing_core.explain.result import Cohort, Explanation, Group, Reference
from tracing_core.query.explain_cohort import Meant, meant
from tracing_core.query.explain_rows import read_decisions, read_traces
from tracing_core.query.explain_sample import Drawn, Membership, draw
from tracing_core.query.explain_spans import read_contents, read_spans, readable
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database

SECONDS = 5.0
"""In about which an answer is there, however many traces there are."""
DAYS = 30
"""Looked at where the question names no start."""
_WITH_CONTENTS = 250
"""Of each group, whose contents are read."""
_CONTENTS_UNTIL = 0.5
"""Of the time; from then on contents are not read any more."""
_REST = Reference()
_NOTHING_THEN = (
    "In the other time there are no traces to hold these against; they are held against the others of their own time."
)


def explain(
    db: Database,
    cohort: Cohort,
    against: Reference = _REST,
    *,
    now: datetime,
    seconds: float = SECONDS,
    clock: Clock | None = None,
) -> Explanation:
    """What sets a cohort of traces apart.

    Args:
        db: where they are.
        cohort: which traces.
        against: what they are held against; where another time has nothing to hold them against, it is the rest of their
            own, and a note says so.
        now: the end of a range without one; one without a start begins 30 days before its end.
        seconds: about how long it may take.
        clock: that measures it.

    Raises:
        TraceNotFound: the cohort is one trace, which is not there.
        InvalidInput: it cannot be asked about.
        StorageError: the database did not answer.
    """
    clock = clock or SystemClock()
    begun = clock.monotonic_ns()

    def elapsed() -> float:
        return (clock.monotonic_ns() - begun) / 1e9

    cohort = replace(cohort, chosen=_bounded(cohort.chosen, now))
    if against.period is not None:
        against = Reference(period=_bounded(against.period, now))
    what = meant(db, cohort)
    ours, theirs = _groups(db, cohort, what, against)
    notes: tuple[str, ...] = ()
    if against.period is not None and ours.trace_ids and not theirs.trace_ids:
        cohort, against, notes = _in_its_frame(cohort), _REST, (_NOTHING_THEN,)
        what = meant(db, cohort)
        ours, theirs = _groups(db, cohort, what, against)
    material = _material(db, ours, theirs, lambda: elapsed() < seconds * _CONTENTS_UNTIL)
    found = answer(cohort, against, what.described, what.picks, material)
    return replace(found, notes=(*notes, *found.notes), seconds=elapsed())


def _bounded(of: TraceFilter, now: datetime) -> TraceFilter:
    end = of.end or now
    return replace(of, start=of.start or end - timedelta(days=DAYS), end=max(end, of.start or end))


def _in_its_frame(cohort: Cohort) -> Cohort:
    """All traces that filters let through, as those of their time and project that these filters pick: so there is a rest."""
    chosen, picks = cohort.chosen, cohort.picks
    whole = cohort.kind == "filter" and picks is not None and picks.set_fields() <= {"start", "end"}
    narrow = replace(chosen, start=None, end=None, project=None)
    if not whole or not narrow.set_fields():
        return cohort
    return replace(cohort, chosen=TraceFilter(start=chosen.start, end=chosen.end, project=chosen.project), picks=narrow)


def _groups(db: Database, cohort: Cohort, what: Meant, against: Reference) -> tuple[Drawn, Drawn]:
    member = what.member
    if cohort.kind == "trace":
        one = Membership(of=TraceFilter(trace_ids=(cohort.trace_id or "",)), these=true())
        ours, _ = draw(db, one, others=0)
        _, theirs = draw(db, member if against.period is None else replace(member, of=against.period), these=0)
        return ours, theirs
    if against.period is None:
        return draw(db, member)
    ours, _ = draw(db, member, others=0)
    others = Membership(of=against.period, these=false(), eligible=member.eligible)
    return ours, draw(db, others, these=0)[1]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Rows:
    """Both groups, one after the other."""

    ids: tuple[str, ...]
    started_at: tuple[datetime, ...]
    these: NDArray[np.bool_]

    def in_turn(self, of_each: int | None = None) -> list[int]:
        """Now one of these, now one of the others: what is read of some alone is read of both."""
        count = int(self.these.sum())
        places = {row: row if row < count else row - count for row in range(len(self.ids))}
        found = (row for row, place in places.items() if of_each is None or place < of_each)
        return sorted(found, key=lambda row: (places[row], row))


def _material(db: Database, ours: Drawn, theirs: Drawn, in_time: Callable[[], bool]) -> Material:
    count = len(ours.trace_ids)
    ids, started_at = (*ours.trace_ids, *theirs.trace_ids), (*ours.started_at, *theirs.started_at)
    these = np.arange(len(ids)) < count
    rows = _Rows(ids=ids, started_at=started_at, these=these)
    facts = Facts(len(ids))
    weights = np.concatenate([ours.weights, theirs.weights])
    stages = _read(db, facts, rows, in_time) if ids else StageTimes(known=these, times={}, whole=np.zeros(0))
    return Material(
        facts=facts,
        groups=Groups(these=these, weights=weights),
        stages=stages,
        ids=ids,
        these=_group(ours, facts, these),
        others=_group(theirs, facts, ~these),
        late=ours.late or theirs.late,
    )


def _read(db: Database, facts: Facts, rows: _Rows, in_time: Callable[[], bool]) -> StageTimes:
    with db.read() as connection:
        read_traces(connection, facts, rows.ids)
        read_decisions(connection, facts, rows.ids)
        some = readable(connection, rows.ids, rows.in_turn())
        stages = read_spans(connection, facts, rows.ids, rows.started_at, some)
        read_contents(connection, facts, rows.ids, rows.started_at, rows.in_turn(_WITH_CONTENTS), in_time)
    return stages


def _group(drawn: Drawn, facts: Facts, rows: NDArray[np.bool_]) -> Group:
    return Group(
        count=round(drawn.count),
        exact=drawn.exact,
        looked_at=len(drawn.trace_ids),
        with_spans=int(np.count_nonzero(facts.scopes[SPANS] & rows)),
        with_contents=int(np.count_nonzero(facts.scopes[CONTENTS] & rows)),
    )
