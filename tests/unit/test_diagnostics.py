"""What the receivers find out about their sources."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.factories import NOON, make_span
from tracing_core.clock import ManualClock
from tracing_core.diagnostics import LOOKED_AT, MOST_KEYS, MOST_REFUSALS, MOST_SOURCES, OTHER_SOURCES, Diagnostics
from tracing_core.jsontext import dump
from tracing_core.model import SpanData
from tracing_core.source_report import (
    BEFORE_PARENT,
    CLAMPED,
    FUTURE,
    Finding,
    ProcessReport,
    Refusal,
    SourceReport,
    together,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NOON_NS = int(NOON.timestamp()) * 10**9
MS = 10**6


def received(service: str = "shop", scope: str = "openinference", start_ms: float = 0, **fields: Any) -> SpanData:
    """A span of a service, as the receivers read it; it begins `start_ms` milliseconds after noon and takes 10."""
    start = NOON_NS + int(start_ms * MS)
    otel = {
        "start_ns": start,
        "end_ns": start + 10 * MS,
        "resource": {
            "service.name": service,
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.language": "python",
        },
        "scope": {"name": scope, "version": "1.2"},
    }
    return make_span(otel=otel | fields.pop("otel", {}), **fields)


@pytest.fixture
def diagnostics() -> Diagnostics:
    """At ten seconds past noon."""
    return Diagnostics(ManualClock(NOON + timedelta(seconds=10)))


def test_a_source_is_a_service_and_its_instrumentation(diagnostics: Diagnostics) -> None:
    """Spans are counted under the service's name and the scope; requests once for each source in them."""
    one, other = received("shop"), received("shop", "langfuse-sdk")
    diagnostics.saw({TRACE: (one, one, other)})
    diagnostics.saw({TRACE: (one,)})
    found = {(each.source, each.scope): (each.requests, each.spans) for each in diagnostics.sources()}
    assert found == {("shop", "openinference 1.2"): (2, 3), ("shop", "langfuse-sdk 1.2"): (1, 1)}
    assert {each.sdk for each in diagnostics.sources()} == {"opentelemetry python"}


def test_conventions_and_unknown_names_are_told(diagnostics: Diagnostics) -> None:
    """A source's conventions are those of its names, and a name that no table knows has an example span."""
    span = received(
        attributes={"llm.model_name": "m", "gen_ai.system": "openai", "shop.basket": 3, "shop.item.7.id": 1}
    )
    diagnostics.saw({TRACE: (span,)})
    (source,) = diagnostics.sources()
    assert source.conventions == {"gen_ai": 1, "openinference": 1}
    assert source.unmapped["shop.basket"] == Finding(count=1, trace_id=TRACE, span_id=span.span_id)
    assert set(source.unmapped) == {"shop.basket", "shop.item.N.id"}


def test_times_that_cannot_be_are_told(diagnostics: Diagnostics) -> None:
    """Bent times, an end ahead of the arrival, and a child long before its parent, by how much at worst."""
    parent = received(start_ms=1000)
    early = received(start_ms=300, parent_id=parent.span_id)
    future = received(start_ms=15_000)
    bent = received(otel={"clamped": {"start_ns": 1}})
    diagnostics.saw({TRACE: (early, parent, future, bent)})
    (source,) = diagnostics.sources()
    assert source.problems[BEFORE_PARENT] == Finding(count=1, trace_id=TRACE, span_id=early.span_id, worst_ms=700)
    assert source.problems[FUTURE] == Finding(count=1, trace_id=TRACE, span_id=future.span_id, worst_ms=5010)
    assert source.problems[CLAMPED] == Finding(count=1, trace_id=TRACE, span_id=bent.span_id)


def test_clocks_that_nearly_agree_are_no_finding(diagnostics: Diagnostics) -> None:
    """A little ahead of the parent, or of the arrival, is what clocks do."""
    parent = received(start_ms=11_000)
    diagnostics.saw({TRACE: (received(start_ms=10_960, parent_id=parent.span_id), parent)})
    (source,) = diagnostics.sources()
    assert not source.problems


def test_few_spans_of_a_request_are_looked_at_and_all_are_counted(diagnostics: Diagnostics) -> None:
    """A large request costs no more close looks than a small one, and in the end each place had its turn."""
    spans = tuple(received(attributes={f"odd{number}.x": 1}) for number in range(40))
    for _ in range(40):
        diagnostics.saw({TRACE: spans})
    (source,) = diagnostics.sources()
    assert source.spans == 1600
    assert source.looked_at == 40 * LOOKED_AT
    assert len(source.unmapped) == 40


def test_nothing_grows_without_bound(diagnostics: Diagnostics) -> None:
    """Sources, names and refusals have a most each; what is beyond is counted together."""
    for number in range(MOST_SOURCES + 10):
        diagnostics.saw({TRACE: (received(f"service {number}", attributes={f"odd{number}.x": 1}),)})
        diagnostics.refused("traces", 400, "x" * 10_000)
    for number in range(MOST_KEYS * 2):
        diagnostics.saw({TRACE: (received("service 0", attributes={f"other{number}.x": 1}),)})
    sources = {each.source: each for each in diagnostics.sources()}
    assert len(sources) == MOST_SOURCES + 1
    assert sources[OTHER_SOURCES].spans == 10
    assert len(sources["service 0"].unmapped) == MOST_KEYS
    assert len(diagnostics.refusals()) == MOST_REFUSALS
    assert len(diagnostics.refusals()[0].reason) <= 500


def test_pieces_from_log_records_are_not_judged(diagnostics: Diagnostics) -> None:
    """What a log record says of a span has no times or names of its own."""
    diagnostics.saw({TRACE: (make_span(otel={"fragment": True}, attributes={"odd.x": 1}),)})
    (source,) = diagnostics.sources()
    assert (source.source, source.spans, source.looked_at, dict(source.unmapped)) == ("", 1, 0, {})


def test_an_odd_resource_is_no_error(diagnostics: Diagnostics) -> None:
    """A service may call itself anything, and nothing is lost for it."""
    odd = received(otel={"resource": {"service.name": ["a", {"b": "\ud800\x00"}]}, "scope": {"name": 7}})
    diagnostics.saw({TRACE: (odd,)})
    diagnostics.saw({})
    assert [each.scope for each in diagnostics.sources()] == ["7"]
    assert diagnostics.changes == (2, 0)


def test_reports_come_back_from_json(diagnostics: Diagnostics) -> None:
    """What is written for other processes reads as it was."""
    diagnostics.saw(
        {TRACE: (received(otel={"clamped": {"start_ns": 1}}, attributes={"odd.x": 1, "llm.model_name": 1}),)}
    )
    diagnostics.refused("logs", 400, "is not JSON", "curl", 12)
    (source,), (refusal,) = diagnostics.sources(), diagnostics.refusals()
    process = ProcessReport(
        started_at=NOON, seen_at=NOON, queue_bytes=1, queue_requests=2, queue_limit=3, writer_queued=4, writer_dropped=5
    )
    assert SourceReport.read_json(dump(source.document())) == source
    assert Refusal.read_json(dump(refusal.document())) == refusal
    assert ProcessReport.read_json(dump(process.document())) == process


def test_reports_of_processes_add_up(diagnostics: Diagnostics) -> None:
    """Counts of the same source are sums, the example is the newest, and the worst is the worst of all."""
    later = Diagnostics(ManualClock(NOON + timedelta(seconds=11)))
    first, second = (
        received(start_ms=20_000, attributes={"odd.x": 1}),
        received(start_ms=16_000, attributes={"llm.a": 1}),
    )
    diagnostics.saw({TRACE: (first,)})
    later.saw({TRACE: (second, received("other"))})
    shop, other = sorted(together([*later.sources(), *diagnostics.sources()]), key=lambda each: -each.spans)
    assert (shop.source, shop.spans, shop.requests, other.source) == ("shop", 2, 2, "other")
    assert shop.first_seen == NOON + timedelta(seconds=10)
    assert shop.last_seen == NOON + timedelta(seconds=11)
    assert shop.conventions == {"openinference": 1}
    assert shop.problems[FUTURE] == Finding(count=2, trace_id=TRACE, span_id=second.span_id, worst_ms=10_010)
