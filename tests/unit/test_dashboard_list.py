"""The rows of the table of traces."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dashboard.trace_list import marks, row_data, stage_parts

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass
class Row:
    trace_id: str = "trc_1"
    name: str = "request"
    status: str = "complete"
    query: str | None = "How do I <b>?"
    answer_start: str | None = None
    started_at: datetime = NOW - timedelta(minutes=2)
    duration_ms: float | None = 100.0
    stage_ms: dict[str, float] = field(default_factory=dict)
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None
    unknown_models: tuple[str, ...] = ()
    quality_flag: str = "NORMAL"
    rating: int | None = None
    error: str | None = None


def test_a_row_says_what_is_absent() -> None:
    """What nobody measured is a dash in the list."""
    row = row_data(Row(), now=NOW, longest_ms=100)
    assert [row[name] for name in ("tokens", "cost", "rating")] == ["–", "–", "–"]
    assert row["time"] == "2 min ago"
    assert row["href"] == "trace?id=trc_1"


def test_a_row_names_the_model_without_a_price() -> None:
    """A cost that is not known says why."""
    row = row_data(Row(unknown_models=("acme-1",), input_tokens=5), now=NOW, longest_ms=100)
    assert row["cost_title"] == "no price known for acme-1"
    assert row["tokens"] == "5"


def test_a_flagged_row_shows_its_flag() -> None:
    """Anything but a normal answer stands out; a bad rating is marked as one."""
    row = row_data(Row(quality_flag="USER_NEGATIVE", rating=1, status="failed", error="boom"), now=NOW, longest_ms=100)
    assert (row["flag"], row["flagged"], row["bad_rating"]) == ("User negative", True, True)
    assert row["status"] == "Failed: boom"


def test_the_latency_bar_shows_stages_and_the_rest() -> None:
    """The parts of a bar add up to the trace's share of the longest one."""
    parts = stage_parts({"retrieval_semantic": 20.0, "llm_generation": 60.0}, 100.0, 200.0)
    assert [(name, share) for name, _, share, _ in parts] == [
        ("retrieval_semantic", 0.1), ("llm_generation", 0.3), ("everything else", 0.1),
    ]  # fmt: skip


def test_parallel_stages_do_not_make_the_bar_longer_than_the_trace() -> None:
    """Stages that ran side by side share the bar; what they took is still said in full."""
    parts = stage_parts({"a": 100.0, "b": 100.0}, 100.0, 100.0)
    assert sum(share for _, _, share, _ in parts) == 1.0
    assert parts[0][3] == "100 ms"


def test_only_words_that_were_looked_for_are_marked() -> None:
    """Operators of the search are not words in the text."""
    assert marks('"path parameter" or -flask fastapi x') == ["path", "parameter", "fastapi"]
    assert marks(None) == []
