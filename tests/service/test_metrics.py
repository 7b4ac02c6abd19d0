"""`GET /metrics`, read as Prometheus reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import tracing_core as tracing
from service.metrics import ServiceMetrics
from tests.factories import NOON, make_trace
from tests.service.receiving import JSON, request, span
from tests.service.serving import Scripted, serving
from tracing_core.alerts.watch import AlertWatch
from tracing_core.clock import SystemClock
from tracing_core.ids import IdSource
from tracing_core.query.diagnostics import receiver_report
from tracing_core.spool import Spool

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def scripted(store: tracing.Store) -> Iterator[httpx.Client]:
    """A client of a service that need not answer questions."""
    with serving(store, Scripted()) as client:
        yield client


def samples(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """Values by the name of the sample and the values of its labels."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_what_is_received_is_counted(scripted: httpx.Client) -> None:
    """Requests by answer, bytes, spans taken and refused, and the batch they made."""
    body = request(span(1, 1), span(1, 2), span(2, 3, traceId="00"))
    sent = scripted.post("/v1/traces", json=body)
    assert sent.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert scripted.post("/v1/traces", content=b"{", headers=JSON).status_code == 400
    found = samples(scripted)
    assert found["tracewhy_ingest_requests_total", "traces", "200"] == 1
    assert found["tracewhy_ingest_requests_total", "traces", "400"] == 1
    assert found["tracewhy_ingest_bytes_total", "traces"] == len(sent.request.content) + 1
    spans = [found["tracewhy_ingest_spans_total", outcome] for outcome in ("received", "taken", "refused")]
    assert spans == [3, 2, 1]
    assert found["tracewhy_ingest_commit_seconds_count",] == 1
    assert found["tracewhy_ingest_batch_spans_sum",] == 2
    assert found["tracewhy_ingest_batch_requests_bucket", "1"] == 1
    assert found["tracewhy_ingest_queue_bytes",] == 0


def test_what_is_kept_is_counted(scripted: httpx.Client, store: tracing.Store) -> None:
    """The ledger by outcome, the traces and the sizes come from the database; what waits from the disk."""
    scripted.post("/v1/traces", json=request(span(1), span(2)))
    Spool(store.settings.data_dir / "spool", SystemClock(), IdSource()).bury(make_trace(started_at=NOON), "too odd")
    found = samples(scripted)
    assert found["tracewhy_database_up",] == 1
    assert [found["tracewhy_ledger_traces", outcome, "otlp"] for outcome in ("received", "stored")] == [2, 2]
    assert found["tracewhy_ledger_spans", "stored", "otlp"] == 2
    assert found["tracewhy_traces_stored",] == 2
    assert found["tracewhy_database_bytes",] > found["tracewhy_table_bytes", "traces"] > 0
    assert found["tracewhy_spool_dead_traces",] == 1
    assert found["tracewhy_spool_bytes",] > 100


def test_only_what_never_falls_is_a_counter(scripted: httpx.Client) -> None:
    """Prometheus takes a counter that falls for one that began anew. A replay takes from what is dead-lettered."""
    scripted.get("/api/v1/admin/traces/")
    families = text_string_to_metric_families(scripted.get("/metrics").text)
    types = {family.name: family.type for family in families}
    assert (types["tracewhy_ledger_traces"], types["tracewhy_ledger_spans"]) == ("gauge", "gauge")
    assert types["tracewhy_query_failures"] == "counter"


def test_the_database_is_not_asked_at_every_scrape(scripted: httpx.Client) -> None:
    """What it said is good for some seconds."""
    assert samples(scripted)["tracewhy_traces_stored",] == 0
    scripted.post("/v1/traces", json=request(span(1)))
    assert samples(scripted)["tracewhy_traces_stored",] == 0


def test_without_the_database_the_rest_is_there(data_dir: Path) -> None:
    """A scrape never fails; what only the database knows is left out."""
    store = tracing.init(DATABASE_URL="postgresql://nobody@127.0.0.1:9/none", TRACEWHY_DATA_DIR=data_dir)
    with serving(store, Scripted()) as client:
        found = samples(client)
    store.close()
    assert found["tracewhy_database_up",] == 0
    assert found["tracewhy_ingest_queue_limit_bytes",] == store.settings.ingest_bytes
    assert not [name for name in found if name[0].startswith("tracewhy_ledger")]


def test_readme_has_every_metric(store: tracing.Store) -> None:
    """Each metric has a row in the README with its own words, and the README names no other."""
    families = list(
        text_string_to_metric_families(
            ServiceMetrics(store, SystemClock(), AlertWatch(store.database, store.settings, SystemClock()))
            .text()
            .decode()
        )
    )
    readme = README.read_text()
    for family in families:
        row = re.search(rf"^\| `{_shown(family.name, family.type)}[`{{].*$", readme, re.MULTILINE)
        assert row is not None, f"README.md lacks {family.name}"
        assert family.documentation in row.group(), f"README.md says something else of {family.name}"
    named = set(re.findall(r"^\| `(tracewhy_\w+)", readme, re.MULTILINE))
    assert named == {_shown(family.name, family.type) for family in families}


def test_findings_are_kept_for_other_processes(store: tracing.Store) -> None:
    """What the receivers found out is in the database when the service has stopped."""
    now = SystemClock().now()
    with serving(store, Scripted()) as client:
        client.post("/v1/traces", json=request(span(1)))
        client.post("/v1/traces", content=b"{", headers={**JSON, "user-agent": "curl/8"})
    report = receiver_report(store.database, now, now)
    assert [(each.source, each.spans) for each in report.sources] == [("", 1)]
    assert [(each.status, each.sender) for each in report.refusals] == [(400, "curl/8")]
    assert report.processes[0].queue_limit == store.settings.ingest_bytes


def _shown(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name
