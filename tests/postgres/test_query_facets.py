"""The values that filters offer are those that there are."""

from __future__ import annotations

from datetime import date

import pytest

from tests.factories import NOON, make_trace
from tests.postgres.writing import store
from tracing_core.errors import InvalidInput
from tracing_core.query import facets
from tracing_core.query.facets import FacetValue
from tracing_core.query.filters import TraceFilter
from tracing_core.query.ledger import LedgerLine, ledger
from tracing_core.storage.database import Database


def test_projects_are_found_without_reading_all(database: Database) -> None:
    """Each once, in order; none in an empty database."""
    assert facets.projects(database) == ()
    store(database, *(make_trace(project=name) for name in ("b", "a", "b", "c", "a")))
    assert facets.projects(database) == ("a", "b", "c")


@pytest.mark.parametrize("name", ["library", "model", "intent"])
@pytest.mark.parametrize(
    "chosen", [TraceFilter(), TraceFilter(start=NOON), TraceFilter(status="complete"), TraceFilter(text="post")]
)
def test_values_are_counted_the_most_frequent_first(database: Database, name: str, chosen: TraceFilter) -> None:
    """From rollups or rows alike; a trace without a value offers none."""
    assert facets.values(database, name, chosen) == ()
    store(database, *(make_trace(library=lib, intent=lib) for lib in ("pandas", "fastapi", "pandas", None)))
    expected = (FacetValue(value="gpt-4o-mini", count=4),)
    if name != "model":
        expected = (FacetValue(value="pandas", count=2), FacetValue(value="fastapi", count=1))
    assert facets.values(database, name, chosen) == expected
    assert facets.values(database, name, chosen, limit=1) == expected[:1]


def test_a_facet_leaves_its_own_filter_aside(database: Database) -> None:
    """Who has chosen one library still sees the others to choose."""
    store(database, make_trace(library="pandas"), make_trace(library="fastapi"))
    assert len(facets.values(database, "library", TraceFilter(library="pandas"))) == 2
    assert facets.values(database, "intent", TraceFilter(library="pandas")) == (FacetValue(value="how_to", count=1),)


def test_other_columns_are_no_facets(database: Database) -> None:
    """The name of a facet is not the name of just any column."""
    with pytest.raises(InvalidInput, match="facet"):
        facets.values(database, "answer", TraceFilter())


def test_the_ledger_is_added_up_over_days(database: Database) -> None:
    """From the day that is asked for."""
    assert ledger(database, date(2026, 1, 1)) == ()
    store(database, make_trace(), make_trace())
    assert LedgerLine(source="native", outcome="stored", reason="", count=2, spans=6) in ledger(
        database, date(2026, 1, 1)
    )
    assert ledger(database, date(2100, 1, 1)) == ()
