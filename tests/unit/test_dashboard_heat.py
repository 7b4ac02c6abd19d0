"""The heat map: every cell drawn in its place, and a drawn box that covers whole cells."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboard.explain_view import Box
from dashboard.heat_map import drawn, heat_map
from tests.factories import NOON
from tracing_core.histogram import bin_end
from tracing_core.query.heat import BINS_OF_ROW, Heat, HeatCell

HOUR = timedelta(hours=1)
BUCKETS = tuple(NOON + n * HOUR for n in range(5))


def edge(row: int) -> float:
    return bin_end(row * BINS_OF_ROW)


def cell(bucket: int, row: int, count: float) -> HeatCell:
    return HeatCell(bucket=BUCKETS[bucket], low_ms=edge(row), high_ms=edge(row + 1), count=count)


HEAT = Heat(cells=(cell(0, 20, 3), cell(1, 20, 1), cell(1, 25, 4), cell(4, 26, 16)), buckets=BUCKETS, width=HOUR)


def at(moment: datetime) -> str:
    """As Plotly says it: without a zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def selection(start: datetime, end: datetime, low: float, high: float) -> dict[str, Any]:
    return {"points": [], "box": [{"x": [at(start), at(end)], "y": [math.log10(low), math.log10(high)]}]}


def test_each_cell_is_in_its_place() -> None:
    """The grid has a row for each step between the shortest and the longest, and a column for each bucket."""
    grid = heat_map(HEAT).to_dict()["data"][0]
    assert len(grid["x"]) == 6
    assert len(grid["y"]) == len(grid["z"]) + 1 == 8
    assert [[math.floor(value**2 + 0.5) if value else 0 for value in row] for row in (grid["z"][0], grid["z"][6])] == [
        [3, 1, 0, 0, 0],
        [0, 0, 0, 0, 16],
    ]
    assert grid["z"][5][1] == 2
    assert grid["customdata"][0][1].startswith("1 trace ·")


def test_a_chosen_box_is_drawn() -> None:
    """In red, at its times and durations; no box, no frame."""
    box = Box(start=BUCKETS[1], end=BUCKETS[3], low_ms=100, high_ms=1000)
    (shape,) = heat_map(HEAT, box).to_dict()["layout"]["shapes"]
    assert (shape["x0"], shape["x1"], shape["y0"], shape["y1"]) == (BUCKETS[1], BUCKETS[3], 2, 3)
    assert "shapes" not in heat_map(HEAT).to_dict()["layout"]


def test_a_drawn_box_takes_the_cells_that_it_touches() -> None:
    """From the middle of one cell to the middle of another it is both of them."""
    half = HOUR / 2
    box = drawn(HEAT, selection(BUCKETS[1] + half, BUCKETS[4] + half, edge(25) * 1.1, edge(26) * 1.1))
    assert box is not None
    assert (box.start, box.end) == (BUCKETS[1], BUCKETS[4] + HOUR)
    assert (box.low_ms, box.high_ms) == (edge(25), edge(27))


def test_no_box_is_none() -> None:
    """Neither an emptied selection nor a grid without cells has one."""
    assert drawn(HEAT, {"points": [], "box": []}) is None
    nothing = Heat(cells=(), buckets=BUCKETS, width=HOUR)
    assert drawn(nothing, selection(BUCKETS[0], BUCKETS[1], 1, 2)) is None


@given(st.tuples(st.floats(-3, 9), st.floats(-3, 9)), st.tuples(st.floats(0.001, 1e8), st.floats(0.001, 1e8)))
def test_any_drawn_box_is_within_the_grid(hours: tuple[float, float], durations: tuple[float, float]) -> None:
    """Wherever it begins and ends, it has a cell's width and height at least, and no more than all."""
    start, end = (NOON + each * HOUR for each in hours)
    box = drawn(HEAT, selection(start, end, *durations))
    assert box is not None
    assert BUCKETS[0] <= box.start <= box.end - HOUR <= BUCKETS[4]
    assert edge(20) <= box.low_ms < box.high_ms <= edge(27) * (1 + 1e-9)
