"""Charts: what the figures contain."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from dashboard import charts, theme
from tracing_core.model import QualityFlag

START = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass
class Point:
    bucket: datetime = START
    count: int = 4
    errors: int = 0
    p50_ms: float | None = 100.0
    p95_ms: float | None = 900.0
    p99_ms: float | None = None
    counts: dict[QualityFlag, int] = field(default_factory=dict)


@dataclass
class Row:
    operation: str = "llm_generation"
    library: str | None = None
    count: int = 3
    errors: int = 0
    mean_ms: float | None = 20.0
    p95_ms: float | None = 50.0


def test_latency_has_a_line_a_percentile() -> None:
    """P50, P95 and P99 are three lines over the same buckets, and a gap stays a gap."""
    figure = charts.latency_over_time([Point(), Point(bucket=START + timedelta(hours=1))]).to_dict()
    assert [line["name"] for line in figure["data"]] == ["P99", "P95", "P50"]
    assert list(figure["data"][0]["y"]) == [None, None]
    assert figure["data"][1]["customdata"][0][1] == "900 ms"


def test_flags_are_stacked_with_the_worst_at_the_bottom() -> None:
    """Each flag has its own colour, and red is the one for what is wrong."""
    figure = charts.flags_over_time([Point(counts={QualityFlag.EMPTY: 2})]).to_dict()
    assert [bar["name"] for bar in figure["data"]] == ["User negative", "Empty", "Low confidence", "Normal"]
    assert [list(bar["y"]) for bar in figure["data"]] == [[0], [2], [0], [0]]
    assert figure["data"][0]["marker"]["color"] == theme.WRONG
    assert figure["layout"]["barmode"] == "stack"


@pytest.mark.parametrize(("most", "step"), [(0, 1), (2, 1), (8, 1), (9, None)])
def test_few_of_something_are_counted_by_one(most: int, step: int | None) -> None:
    """Between whole numbers there is no tick, which would say one of them twice."""
    assert charts.counts_axis(most)["dtick"] == step


def test_stages_put_the_slowest_on_top_in_their_own_colour() -> None:
    """The bar that matters most is the first one read, in the colour the operation has everywhere."""
    figure = charts.stages([Row(), Row(operation="reranking", mean_ms=5.0)]).to_dict()
    assert list(figure["data"][0]["y"]) == ["reranking", "llm_generation"]
    assert figure["data"][0]["marker"]["color"][1] == theme.operation_colour("llm_generation")


def test_names_without_number_do_not_flood_a_chart() -> None:
    """Ten thousand operations give a chart of the dozen that took most time."""
    rows = [Row(operation=f"step {number}") for number in range(10_000)]
    figure = charts.stages(rows).to_dict()
    assert len(figure["data"][0]["y"]) == charts.MOST_BARS
    assert figure["layout"]["height"] < 600


def test_libraries_lead_to_their_traces() -> None:
    """A bar knows which library it stands for; questions without one are their own bar."""
    figure = charts.libraries([Row(library="fastapi", count=9), Row()]).to_dict()
    assert [custom[0] for custom in figure["data"][0]["customdata"]] == ["", "fastapi"]
    assert list(figure["data"][0]["y"]) == ["no library", "fastapi"]


def test_every_rating_has_a_bar() -> None:
    """A rating that nobody gave is an empty bar, not a missing one; 1 and 2 are red."""
    figure = charts.ratings({5: 3}).to_dict()
    assert list(figure["data"][0]["x"]) == [0, 0, 0, 0, 3]
    assert figure["data"][0]["marker"]["color"][:2] == [theme.WRONG, theme.WRONG]


def test_steps_are_one_bar_in_their_order() -> None:
    """The stages of an answer follow one another in one thin bar."""
    figure = charts.steps([("retrieval_semantic", 145.0), ("llm_generation", 3000.0)]).to_dict()
    assert [bar["name"] for bar in figure["data"]] == ["retrieval_semantic 145 ms", "llm_generation 3.00 s"]


@pytest.mark.parametrize("highest", [0.003, 1, 7, 99, 100, 101, 4_321, 61_000, 10_000_000])
def test_axes_have_few_round_places(highest: float) -> None:
    """An axis of durations has two to seven labelled places and reaches the highest value."""
    axis = charts.latency_over_time([Point(p99_ms=highest, p95_ms=None, p50_ms=None)]).to_dict()["layout"]["yaxis"]
    assert 2 <= len(axis["tickvals"]) <= 7
    assert axis["tickvals"][-1] >= highest
    assert axis["ticktext"][0] == "0"


def test_charts_of_nothing_can_be_drawn() -> None:
    """No data gives an empty chart, never an error."""
    for chart in (charts.latency_over_time, charts.flags_over_time, charts.stages, charts.libraries, charts.steps):
        assert chart([]).to_dict()["layout"]


def test_operations_never_look_like_flags() -> None:
    """The two palettes have no colour in common, and no operation is red."""
    names = ["request", "classification", "retrieval_semantic", "retrieval_bm25", "fusion_rrf", "reranking", "anything"]
    operations = {theme.operation_colour(name) for name in names} | {theme.operation_colour("x", kind="TOOL")}
    assert operations.isdisjoint({*theme.FLAG_COLOURS.values(), *theme.STATUS_COLOURS.values()})


def test_an_unknown_operation_keeps_its_colour() -> None:
    """A name that nobody foresaw has the same colour each time it is drawn."""
    assert theme.operation_colour("my_step") == theme.operation_colour("my_step")
