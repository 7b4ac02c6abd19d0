"""What the trace page reads of a research run besides its row: its rounds, its family, and why it is flagged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import data
from dashboard.data import store
from tracing_core.calibration_records import Document, pull, save
from tracing_core.clock import SystemClock
from tracing_core.document_reader import from_document
from tracing_core.errors import InvalidInput
from tracing_core.ids import IdSource
from tracing_core.model import CalibrationRecord
from tracing_core.query import alerts as alerts_query
from tracing_core.query import calibration_records as records_query
from tracing_core.query import lineage as lineage_query
from tracing_core.query import runs as runs_query
from tracing_core.query.alerts import AlertRow
from tracing_core.query.traces import TraceRow
from tracing_core.review import review as write_review
from tracing_core.rounds import Round, rounds_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """What the document of a run says and its row does not.

    Args:
        rounds: in order.
        children: what the run says of its children: trace_id, output_type, path.
        outputs: of the run, such as report_path.
    """

    rounds: tuple[Round, ...] = ()
    children: tuple[Mapping[str, Any], ...] = ()
    outputs: Mapping[str, Any]


@st.cache_data(ttl=60, max_entries=50, show_spinner=False)
def story(trace_id: str) -> Story:
    """The story of a run; an empty one where its contents are gone or cannot be understood."""
    found = data.document(trace_id)
    try:
        trace = from_document(found.document) if found and found.document else None
    except InvalidInput:  # the raw document is a tab further, with what is wrong with it
        trace = None
    if trace is None:
        return Story(outputs={})
    children: tuple[Any, ...] = trace.child_traces
    named = tuple(each for each in children if isinstance(each, Mapping))
    return Story(rounds=rounds_of(trace), children=named, outputs=trace.outputs)


@st.cache_data(ttl=5, max_entries=50, show_spinner=False)
def children(trace_id: str, named: tuple[str, ...]) -> tuple[TraceRow, ...]:
    """The stored traces below one."""
    return lineage_query.children(store().database, trace_id, named)


@st.cache_data(ttl=5, max_entries=50, show_spinner=False)
def alerts(trace_id: str) -> tuple[AlertRow, ...]:
    """Why a run is flagged."""
    run = runs_query.get_run(store().database, trace_id)
    return () if run is None else alerts_query.alerts_about(store().database, run)


def review(trace_id: str, notes: str | None, *, flagged: bool) -> None:
    """Write down what came of looking at a run.

    Raises:
        InvalidInput: the notes are too long.
        TraceNotFound: there is no such trace any more.
        StorageError: the database did not take it.
    """
    write_review(store().database, trace_id=trace_id, notes=notes, flagged=flagged)
    data.trace.clear()
    data.traces.clear()
    data.trace_count.clear()


@st.cache_data(ttl=5, max_entries=50, show_spinner=False)
def records(trace_id: str) -> tuple[CalibrationRecord, ...]:
    """What people confirmed of a run, the newest first."""
    return records_query.records_of(store().database, trace_id)


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def pulled(trace_id: str) -> Document:
    """The calibration record of a run as the run fills it in; it does not change while somebody edits it.

    Raises:
        TraceNotFound: there is no such trace any more.
    """
    return pull(store().database, trace_id)


def confirm(prefilled: Mapping[str, Any], changes: Mapping[str, Any], *, notes: str, confirmed_by: str) -> None:
    """Keep a record that a person confirmed.

    Raises:
        InvalidInput: a value cannot be used; names its field.
        StorageError: it was not kept.
    """
    clock, ids = SystemClock(), IdSource()
    save(store().database, dict(prefilled), changes, notes=notes, confirmed_by=confirmed_by, clock=clock, ids=ids)
    records.clear()
