"""The charts of Explain: both groups, the value it is about first, and numbers with their units."""

from __future__ import annotations

import pytest

from dashboard.explain_charts import MOST_VALUES, OTHERS, THESE, amount, carriers, difference
from dashboard.explain_findings import p_words
from tracing_core.explain.result import Bars, Carrier, Histograms


def test_the_value_in_question_is_on_top() -> None:
    """However rare it is; then the most frequent ones, and no more than fit."""
    chart = Bars(
        values=("a", "b", "c", "d", "e", "rare"),
        these=(0.5, 0.2, 0.1, 0.05, 0.05, 0.1),
        others=(0.4, 0.3, 0.1, 0.1, 0.1, 0.0),
        found="rare",
    )
    others, these = difference(chart).to_dict()["data"]
    assert list(these["y"]) == ["c", "b", "a", "rare"]
    assert len(these["y"]) == MOST_VALUES
    assert (list(these["x"]), list(others["x"])) == ([0.1, 0.2, 0.5, 0.1], [0.1, 0.3, 0.4, 0.0])
    assert (these["marker"]["color"], others["marker"]["color"]) == (THESE, OTHERS)
    assert list(others["text"]) == ["10 %", "30 %", "40 %", "0 %"]


def test_bins_are_labelled_at_their_edges() -> None:
    """A bin of a duration says from when to when, and both groups have every bin."""
    chart = Histograms(edges=(1, 10, 100, 1000), these=(0, 0.5, 0.5), others=(0.9, 0.1, 0), unit="ms", log=True)
    others, these = difference(chart).to_dict()["data"]
    assert [said[1] for said in these["customdata"]] == ["1.0 ms to 10 ms", "10 ms to 100 ms", "100 ms to 1.00 s"]
    assert list(others["y"]) == [0.9, 0.1, 0]


def test_stages_say_what_they_have_of_the_extra_time() -> None:
    """The first on top, and one that was quicker has less, beside its bar."""
    rows = (
        Carrier(stage="vector_search", these_ms=8300, others_ms=12, share=1.03),
        Carrier(stage="llm_generation", these_ms=900, others_ms=1200, share=-0.03),
    )
    layout = carriers(rows).to_dict()["layout"]
    assert [each["text"] for each in layout["annotations"]] == ["−300 ms · -3%", "+8.29 s · 103%"]
    assert layout["annotations"][0]["x"] == 0


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (145, "ms", "145 ms"), (0.62, "", "0.62"), (1200, "tokens", "1,200 tokens"), (0.00031, "$", "$0.00031"),
        (None, "ms", "–"),
    ],
)  # fmt: skip
def test_numbers_carry_their_units(value: float | None, unit: str, said: str) -> None:
    """As they do on the other pages."""
    assert amount(value, unit) == said


def test_p_is_written_as_people_write_it() -> None:
    """No row of zeros."""
    assert [p_words(p) for p in (1e-30, 0.0123, 0.05, 1.0)] == ["p < 0.001", "p = 0.012", "p = 0.05", "p = 1"]
