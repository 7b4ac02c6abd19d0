"""What the pages read: the only module that caches. Each function asks one question of `tracing_core.query`.

The filter is frozen and is the key; what was read is kept for a few seconds, which is what many people looking at the
same page, and one person clicking about in it, need.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import streamlit as st

from tracing_core import dead_letters
from tracing_core.clock import SystemClock
from tracing_core.cost import CostTracker
from tracing_core.dead_letters import DeadReason
from tracing_core.errors import StorageError
from tracing_core.feedback import ANONYMOUS
from tracing_core.files import files_of
from tracing_core.files_size import FilesSize, files_size
from tracing_core.ids import IdSource
from tracing_core.model import Feedback, QualityFlag
from tracing_core.query import cost_audit as cost_query
from tracing_core.query import diagnostics as diagnostics_query
from tracing_core.query import document as document_query
from tracing_core.query import facets as facets_query
from tracing_core.query import feedback as feedback_query
from tracing_core.query import ledger as ledger_query
from tracing_core.query import overview as overview_query
from tracing_core.query import system as system_query
from tracing_core.query import trace as trace_query
from tracing_core.query import traces as traces_query
from tracing_core.query.cost_audit import StoredCost
from tracing_core.query.diagnostics import ReceiverReport
from tracing_core.query.document import FoundDocument
from tracing_core.query.facets import Facet, FacetValue
from tracing_core.query.feedback import RatedTrace
from tracing_core.query.filters import TraceFilter
from tracing_core.query.ledger import LedgerLine
from tracing_core.query.overview import FlagPoint, LatencyPoint, LibraryCount, OperationLatency, Totals
from tracing_core.query.system import Orphans, SlowQuery, Storage
from tracing_core.query.trace import DecisionRow, SpanPayload, SpanRow, TraceDetail
from tracing_core.query.traces import TraceCount, TracePage, TraceRow
from tracing_core.settings import settings
from tracing_core.spool import Spool
from tracing_core.storage.database import Database
from tracing_core.storage.migrate import upgrade
from tracing_core.store import Store, open_store

VIEWER = ANONYMOUS
"""Whose ratings those given on the pages are, as long as nobody signs in."""


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """The store, opened once for the process, with its tables made where there are none yet.

    Raises:
        DatabaseUnavailable: there is no database to open; the next call tries again.
        SettingsError: a setting has a value that cannot be used.
    """
    opened = open_store(settings())
    try:
        upgrade(opened.database)
    except StorageError:
        opened.database.close()
        raise
    return opened


def _database() -> Database:
    return store().database


@st.cache_data(ttl=10, max_entries=100, show_spinner=False)
def ledger(since: date) -> tuple[LedgerLine, ...]:
    """What became of the traces received since then."""
    return ledger_query.ledger(_database(), since)


@st.cache_data(ttl=10, show_spinner=False)
def waiting() -> int:
    """Traces that wait on disk for the database, from any process that shares the data directory."""
    return store().writer.stats().waiting


@st.cache_data(ttl=30, show_spinner=False)
def dead_reasons() -> tuple[DeadReason, ...]:
    """Why the database refused traces."""
    return dead_letters.dead_reasons(Spool(settings().data_dir / "spool", SystemClock(), IdSource()))


@st.cache_data(ttl=5, max_entries=20, show_spinner=False)
def receivers(since: datetime) -> ReceiverReport:
    """What is known of those who sent something since then, and what waits in the processes that receive."""
    return diagnostics_query.receiver_report(_database(), since, SystemClock().now())


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def orphans(since: datetime) -> tuple[Orphans, ...]:
    """Spans without their parents, in the newest traces since then."""
    return system_query.orphans(_database(), since, SystemClock().now())


@st.cache_data(ttl=60, show_spinner=False)
def storage() -> Storage:
    """How large the database is, by table and day."""
    return system_query.storage(_database())


@st.cache_data(ttl=60, show_spinner=False)
def slow_queries() -> tuple[SlowQuery, ...] | None:
    """The slowest statements, where PostgreSQL keeps them."""
    return system_query.slow_queries(_database())


@st.cache_data(ttl=300, show_spinner=False)
def trace_files() -> FilesSize:
    """How much room the files of traces take."""
    return files_size(files_of(settings()).place)


@st.cache_data(ttl=10, max_entries=100, show_spinner=False)
def totals(chosen: TraceFilter) -> Totals:
    """The numbers on top of the overview."""
    return overview_query.totals(_database(), chosen)


@st.cache_data(ttl=10, max_entries=100, show_spinner=False)
def latency_over_time(chosen: TraceFilter) -> tuple[LatencyPoint, ...]:
    """P50, P95 and P99 by bucket of time."""
    return overview_query.latency_over_time(_database(), chosen)


@st.cache_data(ttl=10, max_entries=100, show_spinner=False)
def flags_over_time(chosen: TraceFilter) -> tuple[FlagPoint, ...]:
    """Quality flags by bucket of time."""
    return overview_query.flags_over_time(_database(), chosen)


@st.cache_data(ttl=10, max_entries=100, show_spinner=False)
def breakdown(chosen: TraceFilter) -> tuple[OperationLatency, ...]:
    """Latency by operation."""
    return overview_query.breakdown(_database(), chosen)


@st.cache_data(ttl=10, max_entries=100, show_spinner=False)
def flag_counts(chosen: TraceFilter) -> dict[QualityFlag, int]:
    """How many answers have which flag."""
    return overview_query.flag_counts(_database(), chosen)


@st.cache_data(ttl=10, max_entries=100, show_spinner=False)
def libraries(chosen: TraceFilter) -> tuple[LibraryCount, ...]:
    """Questions by library."""
    return overview_query.libraries(_database(), chosen)


@st.cache_data(ttl=2, max_entries=100, show_spinner=False)
def traces(chosen: TraceFilter, sort: Literal["newest", "slowest"], after: str | None, limit: int) -> TracePage:
    """A page of traces."""
    return traces_query.list_traces(_database(), chosen, sort=sort, after=after, limit=limit)


@st.cache_data(ttl=10, max_entries=100, show_spinner=False)
def trace_count(chosen: TraceFilter) -> TraceCount:
    """How many traces there are, counted up to a bound."""
    return traces_query.count_traces(_database(), chosen)


@st.cache_data(ttl=5, max_entries=100, show_spinner=False)
def trace(trace_id: str) -> TraceDetail | None:
    """One trace."""
    return trace_query.get_trace(_database(), trace_id)


@st.cache_data(ttl=5, max_entries=20, show_spinner=False)
def spans(trace_id: str) -> tuple[SpanRow, ...]:
    """The spans of a trace without what they hold."""
    return trace_query.spans(_database(), trace_id)


@st.cache_data(ttl=60, max_entries=100, show_spinner=False)
def span_payload(trace_id: str, span_id: str) -> SpanPayload | None:
    """What one span holds."""
    return trace_query.span_payload(_database(), trace_id, span_id)


@st.cache_resource(ttl=60, max_entries=20, show_spinner=False)
def cost_audit(trace_id: str) -> StoredCost | None:
    """The cost of a trace, taken apart; it is never changed, so it need not be copied for each reader."""
    return cost_query.cost_audit(_database(), trace_id, CostTracker(settings().prices))


@st.cache_data(ttl=60, max_entries=50, show_spinner=False)
def decisions(trace_id: str) -> tuple[DecisionRow, ...]:
    """The decisions of a trace, in order."""
    return trace_query.decisions(_database(), trace_id)


@st.cache_data(ttl=5, max_entries=50, show_spinner=False)
def session_traces(session_id: str) -> tuple[TraceRow, ...]:
    """The turns of a conversation."""
    return trace_query.session_traces(_database(), session_id)


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def document(trace_id: str) -> FoundDocument | None:
    """The document of a trace, and what is wrong with it; None when there is no such trace."""
    return document_query.find_document(_database(), trace_id, files_of(settings()))


@st.cache_data(ttl=60, max_entries=2, show_spinner=False)
def projects() -> tuple[str, ...]:
    """The projects that have traces."""
    return facets_query.projects(_database())


@st.cache_data(ttl=30, max_entries=100, show_spinner=False)
def facet(name: Facet, chosen: TraceFilter) -> tuple[FacetValue, ...]:
    """The values of a column, the frequent ones first."""
    return facets_query.values(_database(), name, chosen)


@st.cache_data(ttl=5, max_entries=50, show_spinner=False)
def rating_distribution(chosen: TraceFilter) -> dict[int, int]:
    """How often each rating was given."""
    return feedback_query.rating_distribution(_database(), chosen)


@st.cache_data(ttl=5, max_entries=50, show_spinner=False)
def recent_feedback(chosen: TraceFilter, limit: int) -> tuple[RatedTrace, ...]:
    """The newest ratings with their comments."""
    return feedback_query.recent_feedback(_database(), chosen, limit=limit)


@st.cache_data(ttl=5, max_entries=50, show_spinner=False)
def feedback_of(trace_id: str) -> tuple[Feedback, ...]:
    """What people thought of one answer."""
    return feedback_query.for_trace(_database(), trace_id)


def rate(trace_id: str, rating: int, comment: str | None) -> None:
    """Rate an answer, or change one's rating.

    Raises:
        InvalidInput: the rating, comment or id does not fit.
        TraceNotFound: there is no such trace.
    """
    store().feedback.submit_feedback(interaction_id=trace_id, user_id=VIEWER, rating=rating, comment=comment).result()
    forget_ratings()


def forget_ratings() -> None:
    """Read again whatever a rating changes."""
    changed = (
        trace, traces, session_traces, totals, flags_over_time, flag_counts, rating_distribution, recent_feedback, feedback_of,
    )  # fmt: skip
    for read in changed:
        read.clear()
