"""The endpoints for those who run the application (seed A, phase 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

import tracing_core as tracing
from tests.factories import make_trace
from tests.postgres.writing import store as write
from tests.service.serving import Scripted, serving
from tracing_core.clock import SystemClock
from tracing_core.model import TraceData

LIST = "/api/v1/admin/traces/"
LATENCY = "/api/v1/admin/traces/metrics/latency"
TOKEN = "a-long-secret"


@pytest.fixture
def scripted(store: tracing.Store) -> Iterator[httpx.Client]:
    """A client of a service that need not answer questions."""
    with serving(store, Scripted()) as client:
        yield client


@pytest.fixture
def stored(store: tracing.Store) -> list[TraceData]:
    """Three traces of the last days: an ordinary one, a short answer in another project, and one that failed."""
    now = SystemClock().now()
    traces = [
        make_trace(started_at=now - timedelta(hours=3), user_id="ann"),
        make_trace(started_at=now - timedelta(days=2), user_id="ben", answer="No.", project="shop", duration_ns=10**9),
        make_trace(
            started_at=now - timedelta(days=20), user_id="ann", status="failed", error="gone", query="What is a list?"
        ),
    ]
    write(store.database, *traces)
    return traces


def listed(client: httpx.Client, **params: Any) -> list[str]:
    """The ids that the list gives."""
    response = client.get(LIST, params=params)
    assert response.status_code == 200, response.text
    return [row["trace_id"] for row in response.json()["traces"]]


def test_traces_are_found_by_the_names_of_the_seed(scripted: httpx.Client, stored: list[TraceData]) -> None:
    """Each parameter lets through what it says, and the list has the newest first."""
    new, short, failed = (trace.trace_id for trace in stored)
    assert listed(scripted) == [new, short, failed]
    assert listed(scripted, user_id="ann") == [new, failed]
    assert listed(scripted, quality_flag="EMPTY") == [short]
    assert listed(scripted, status="failed") == [failed]
    assert listed(scripted, project="shop") == [short]
    assert listed(scripted, model="gpt-4o-mini") == [new, short, failed]
    assert listed(scripted, text="list") == [failed]
    assert listed(scripted, max_latency_ms=1500) == [short]
    assert listed(scripted, min_latency_ms=1500, user_id="ann") == [new, failed]
    assert listed(scripted, user_id="nobody") == []


def test_dates_are_days_or_moments(scripted: httpx.Client, stored: list[TraceData]) -> None:
    """A day counts from its first moment to its last, in UTC; a moment with a zone to the second."""
    new, short, failed = stored
    day = f"{short.started_at:%Y-%m-%d}"
    assert short.trace_id in listed(scripted, start_date=day, end_date=day)
    assert failed.trace_id not in listed(scripted, start_date=day)
    moment = (short.started_at + timedelta(seconds=1)).isoformat()
    assert listed(scripted, start_date=moment) == [new.trace_id]
    assert scripted.get(f"{LIST}?start_date={moment}").json()["traces"][0]["trace_id"] == new.trace_id


def test_pages_follow_one_another(scripted: httpx.Client, stored: list[TraceData]) -> None:
    """The cursor of a page leads to those after it; the last page has none."""
    first = scripted.get(LIST, params={"limit": 2}).json()
    second = scripted.get(LIST, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    ids = [row["trace_id"] for page in (first, second) for row in page["traces"]]
    assert ids == [trace.trace_id for trace in stored]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"start_date": "yesterday"}, "start_date"),
        ({"end_date": "2026-11-21T12:00"}, "end_date"),
        ({"start_date": "2026-11-21", "end_date": "2026-11-01"}, "end_date"),
        ({"quality_flag": "BAD"}, "quality_flag"),
        ({"status": "broken"}, "status"),
        ({"limit": 0}, "limit"),
        ({"min_latency_ms": -1}, "min_latency_ms"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"user_id": "a\x00b"}, "user_id"),
        ({"min_latency_ms": 5, "max_latency_ms": 4}, "max_latency_ms"),
        ({"quality": "EMPTY"}, "quality"),
    ],
)
def test_a_wrong_parameter_is_named(scripted: httpx.Client, params: dict[str, Any], field: str) -> None:
    """What cannot be used is a 400 that says which parameter and why."""
    response = scripted.get(LIST, params=params)
    assert response.status_code == 400
    assert response.json()["error"]["field"] == field
    assert response.json()["error"]["message"]


def test_a_parameter_that_is_not_there_is_named(scripted: httpx.Client, stored: list[TraceData]) -> None:
    """A filter under a wrong name would let everything through; the answer lists the right ones, at each endpoint."""
    for path, wanted in ((LIST, "quality_flag"), (LATENCY, "operation_type"), (LIST + stored[0].trace_id, "content")):
        error = scripted.get(path, params={"lookback": 3}).json()["error"]
        assert error["field"] == "lookback"
        assert error["message"].startswith("is no parameter here; there are ")
        assert wanted in error["message"]


def test_a_trace_has_all_its_spans(scripted: httpx.Client, stored: list[TraceData]) -> None:
    """The row, every span and every decision; what spans hold only when it is asked for."""
    path = LIST + stored[0].trace_id
    plain, full = scripted.get(path).json(), scripted.get(path, params={"content": "true"}).json()
    assert plain["trace"]["user_id"] == "ann"
    assert [span["name"] for span in plain["spans"]] == ["request", "retrieval_semantic", "llm_generation"]
    assert [decision["decision"] for decision in plain["decisions"]] == ["source_selection"]
    assert not any("content" in span for span in plain["spans"])
    assert full["spans"][2]["content"]["attributes"]["completion_tokens"] == 350


def test_the_cost_of_a_trace_is_taken_apart(scripted: httpx.Client, stored: list[TraceData]) -> None:
    """When asked for: each class of tokens with its price, the book that the price is of, and what they add up to."""
    path = f"/api/v1/admin/traces/{stored[0].trace_id}"
    assert "cost" not in scripted.get(path).json()
    cost = scripted.get(path, params={"cost": "true"}).json()["cost"]
    (call,) = cost["now"]["calls"]
    assert call["counts"] == {"input": 1200, "output": 350}
    amounts = [Decimal(str(line["amount"])) for line in call["lines"]]
    assert sum(amounts, Decimal(0)) == Decimal(str(cost["computed_usd"])) == Decimal("0.00039")
    assert cost["agrees"] is True
    assert cost["price_version"] == cost["now"]["price_version"]


def test_a_trace_that_is_not_there(scripted: httpx.Client) -> None:
    """An id of no trace is 404, and what is no id is 400."""
    assert scripted.get(LIST + "0" * 32).status_code == 404
    assert scripted.get(LIST + "nonsense").json()["error"]["field"] == "trace_id"


def test_latency_by_operation(scripted: httpx.Client, stored: list[TraceData]) -> None:
    """Percentiles of the operations that do this, within the days looked back; a model call generates, whatever its name."""
    found = scripted.get(LATENCY, params={"operation_type": "generation", "lookback_days": 7}).json()
    (operation,) = found["operations"]
    assert (operation["operation"], operation["kind"], operation["count"]) == ("llm_generation", "GENERATION", 2)
    assert operation["p95_ms"] == pytest.approx(3020, rel=0.01)
    assert (found["count"], found["p99_ms"]) == (2, operation["p99_ms"])
    everything = scripted.get(LATENCY, params={"lookback_days": 30}).json()
    assert [each["operation"] for each in everything["operations"]] == ["llm_generation", "retrieval_semantic"]
    assert everything["count"] == 6
    by_name = scripted.get(LATENCY, params={"operation_type": "retrieval_semantic"}).json()
    assert [each["count"] for each in by_name["operations"]] == [2]
    nothing = scripted.get(LATENCY, params={"operation_type": "TOOL"}).json()
    assert (nothing["count"], nothing["p50_ms"], nothing["operations"]) == (0, None, [])
    assert scripted.get(LATENCY, params={"lookback_days": 0}).json()["error"]["field"] == "lookback_days"


def test_with_a_token_only_its_holder_may(store: tracing.Store, stored: list[TraceData]) -> None:
    """Without it 401 with a challenge, with a wrong one 403; it guards all three, and nothing else."""
    guarded = replace(store, settings=store.settings.model_copy(update={"admin_token": TOKEN}))
    with serving(guarded, Scripted()) as client:
        for path in (LIST, LIST + stored[0].trace_id, LATENCY):
            refused = client.get(path)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="Tracewhy"')
            assert client.get(path, headers={"authorization": f"Basic {TOKEN}"}).status_code == 401
            assert client.get(path, headers={"authorization": "Bearer wrong"}).status_code == 403
            assert client.get(path, headers=[(b"authorization", "Bearer ümlaut".encode())]).status_code == 403
            assert client.get(path, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.get("/healthz").status_code == 200
