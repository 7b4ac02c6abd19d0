"""Groups of stored runs: what tells them apart, and their numbers."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text

from tests.factories import NOON, make_decision, make_span, make_trace, milliseconds
from tests.postgres.writing import rate, store
from tracing_core.cohort import Cohort
from tracing_core.errors import InvalidInput
from tracing_core.model import SpanKind, TraceData
from tracing_core.query import trace_sample
from tracing_core.query.cohorts import cohort_sample, dimensions, previous_of
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database

ALL = TraceFilter(start=NOON - timedelta(days=1), end=NOON + timedelta(days=1))


def make_run(
    *, prompt: str | None = None, source: str = "bm25", seconds: float = 1.0, **overrides: object
) -> TraceData:
    """A run whose root names a tenant, whose model call may say a prompt's version, and which chose a source."""
    at = overrides.get("started_at", NOON)
    root = make_span(
        name="request",
        kind=SpanKind.ROOT,
        started_at=at,
        duration_ns=milliseconds(seconds * 1000),
        attributes={"tenant": "acme"},
    )
    call = make_span(
        parent_id=root.span_id, name="llm_generation", kind=SpanKind.GENERATION, started_at=at,
        duration_ns=milliseconds(seconds * 800), decisions=(make_decision(what=source),),
        attributes={"model": "gpt-4o-mini"} | ({"gen_ai.prompt.version": prompt} if prompt else {}),
    )  # fmt: skip
    return make_trace(spans=(root, call), duration_ns=milliseconds(seconds * 1000), **overrides)


def test_what_tells_runs_apart_is_found(database: Database) -> None:
    """Columns, attributes, prompt versions and choices with two values; not what all runs have, nor ids."""
    store(
        database,
        *[make_run(prompt="v1", library="fastapi", user_id=f"user-{number}") for number in range(40)],
        *[
            make_run(prompt="v2", library="pandas", source="semantic", user_id=f"user-b{number}")
            for number in range(20)
        ],
    )
    found = {each.by: dict(each.values) for each in dimensions(database, ALL)}
    assert found == {
        "library": {"fastapi": 40, "pandas": 20},
        "attribute:prompt.version": {"v1": 40, "v2": 20},
        "decision:source_selection": {"bm25": 40, "semantic": 20},
    }


@pytest.mark.parametrize(
    ("cohort", "there"),
    [
        (Cohort(by="library", value="fastapi"), {"a", "b"}),
        (Cohort(by="library", value="fastapi", others=True), {"c", "d"}),
        (Cohort(by="attribute:prompt.version", value="v2"), {"b"}),
        (Cohort(by="attribute:prompt.version", value="v2", others=True), {"a", "c", "d"}),
        (Cohort(by="attribute:prompt.version", value="' OR 1=1"), set()),
        (Cohort(by="decision:source_selection", value="semantic"), {"c"}),
        (Cohort(by="decision:source_selection", value="semantic", others=True), {"a", "b", "d"}),
        (Cohort(by="release", value="2"), {"d"}),
        (Cohort(by="time", value="2026-11-21T12:30:00Z/2026-11-21T13:30:00Z"), {"d"}),
    ],
)
@pytest.mark.parametrize("cheap", [0.0, trace_sample.CHEAP], ids=["drawn from pages", "gone through"])
def test_a_group_has_its_runs_and_no_others(
    database: Database, cohort: Cohort, there: set[str], cheap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By column, attribute, choice and time; the others of a group are all that are not in it, unset ones included."""
    monkeypatch.setattr(trace_sample, "CHEAP", cheap)
    runs = {
        "a": make_run(prompt="v1"),
        "b": make_run(prompt="v2"),
        "c": make_run(library=None, source="semantic"),
        "d": make_run(library="pandas", release="2", started_at=NOON + timedelta(hours=1)),
    }
    store(database, *runs.values())
    names = {run.trace_id: name for name, run in runs.items()}
    found = cohort_sample(database, ALL, cohort)
    assert {names[each] for each in found.trace_ids} == there
    assert found.whole


def test_the_numbers_of_runs_are_those_that_were_stored(database: Database) -> None:
    """Time, tokens, cost, rating, verdicts and stages; what is not known is no number."""
    good, failed = make_trace(), make_trace(status="failed", error="gone", confidence=None, answer="")
    store(database, good, failed)
    with database.write() as connection:
        connection.execute(text("UPDATE traces SET sampling_probability = 0.25 WHERE status = 'failed'"))
    rate(database, good, 2)
    found = cohort_sample(database, ALL, Cohort(by="library", value="fastapi"))
    at = {trace_id: place for place, trace_id in enumerate(found.trace_ids)}
    first, second = at[good.trace_id], at[failed.trace_id]
    assert found.whole
    assert found.stands_for == 5
    assert found.numbers["duration_ms"][first] == 3210
    assert found.numbers["rating"][first] == 2
    assert np.isnan(found.numbers["rating"][second])
    assert (found.numbers["failed"][first], found.numbers["failed"][second]) == (0, 1)
    assert (found.numbers["flagged"][first], found.numbers["flagged"][second]) == (1, 1)
    assert found.numbers["input_tokens"][first] == 1200
    assert found.numbers["cost_usd"][first] == pytest.approx(0.00039)
    assert found.stages[first]["llm_generation"] == 3020
    assert found.labels["library"][first] == "fastapi"


@pytest.mark.parametrize("cheap", [0.0, trace_sample.CHEAP], ids=["drawn from pages", "gone through"])
def test_of_many_runs_some_of_all_times_are_looked_at(
    database: Database, cheap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded, from the whole range, and the ones taken stand for about as many as there are."""
    monkeypatch.setattr(trace_sample, "CHEAP", cheap)
    store(database, make_trace())
    with database.write() as connection:  # twelve thousand copies over a day
        connection.execute(
            text(
                "INSERT INTO traces (trace_id, project, name, source, status, started_at, duration_ms, quality_flag, "
                "span_count, decision_count, schema_version, library) SELECT 'many-' || n, project, name, source, status, "
                "started_at - interval '7 seconds' * n, duration_ms, quality_flag, span_count, decision_count, "
                "schema_version, 'many' FROM traces, generate_series(1, 12000) n"
            )
        )
    found = cohort_sample(database, ALL, Cohort(by="library", value="many"))
    assert not found.whole
    assert len(found) <= 4_000
    assert found.stands_for == pytest.approx(12_000, rel=0.05)
    places = sorted(int(each.removeprefix("many-")) for each in found.trace_ids)
    assert places[0] < 100
    assert places[-1] > 11_900
    assert max(np.diff(places)) < 120


def test_what_is_not_there_to_ask_by_is_refused(database: Database) -> None:
    """The error says what there is."""
    with pytest.raises(InvalidInput, match="attribute:NAME"):
        cohort_sample(database, ALL, Cohort(by="answer", value="x"))


def test_the_previous_run_is_of_the_same_kind(database: Database) -> None:
    """The latest before it of the same project and name; none before the first."""
    runs = [make_trace(started_at=NOON + timedelta(minutes=minute)) for minute in range(3)]
    other = make_trace(started_at=NOON + timedelta(minutes=1, seconds=30), project="other")
    store(database, *runs, other)
    assert previous_of(database, runs[2].trace_id) == runs[1].trace_id
    assert previous_of(database, runs[0].trace_id) is None
    assert previous_of(database, "nothing\x00") is None
