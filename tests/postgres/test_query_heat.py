"""The heat map: each trace in the cell of its time and duration, from the rollups as from the rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.factories import NOON, make_trace, milliseconds
from tests.postgres.writing import store
from tracing_core.errors import InvalidInput
from tracing_core.query.filters import TraceFilter
from tracing_core.query.heat import Heat, heat
from tracing_core.query.traces import count_traces
from tracing_core.storage.database import Database

HOUR = timedelta(hours=1)
AROUND = TraceFilter(start=NOON, end=NOON + 6 * HOUR)


@pytest.fixture(scope="module")
def filled(shared_database: Database) -> Database:
    """Thirty traces over six hours, from a tenth of a millisecond to two minutes; some were not timed."""
    store(
        shared_database,
        *[
            make_trace(
                started_at=NOON + timedelta(minutes=11 * n),
                duration_ns=None if n % 10 == 9 else milliseconds(0.1 * 1.6**n),
            )
            for n in range(30)
        ],
    )
    return shared_database


def test_nothing_is_a_grid_without_cells(database: Database) -> None:
    """Every hour of the range is there; no cell is."""
    found = heat(database, AROUND)
    assert found.cells == ()
    assert found.buckets == tuple(NOON + n * HOUR for n in range(6))
    assert heat(database, TraceFilter()) == Heat(cells=(), buckets=(), width=timedelta(days=1))


def test_each_timed_trace_is_in_the_cell_of_its_time_and_duration(filled: Database) -> None:
    """A cell holds as many as a list of its hour and durations shows."""
    found = heat(filled, AROUND)
    assert found.width == HOUR
    assert sum(cell.count for cell in found.cells) == 27
    for cell in found.cells:
        assert cell.high_ms / cell.low_ms == pytest.approx(1.323, abs=0.001)
        inside = replace(
            AROUND,
            start=cell.bucket,
            end=cell.bucket + found.width,
            min_duration_ms=cell.low_ms,
            max_duration_ms=cell.high_ms,
        )
        assert count_traces(filled, inside).count == cell.count


def test_rows_give_what_rollups_give(filled: Database) -> None:
    """A filter that the rollups do not know is answered from the rows, by the same grid."""
    rolled, read = heat(filled, AROUND), heat(filled, replace(AROUND, status="complete"))
    assert read == rolled
    assert heat(filled, AROUND, "day").cells != rolled.cells


def test_there_is_no_other_granularity(filled: Database) -> None:
    """A width that nobody keeps is refused by name."""
    with pytest.raises(InvalidInput, match="granularity"):
        heat(filled, AROUND, "week")
