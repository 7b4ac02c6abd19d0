"""What a process finds out about senders is in the database as soon as it is new, so that the doctor need not wait for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest

from tests.factories import make_span
from tests.service.serving import eventually
from tracing_core.clock import SystemClock
from tracing_core.delivery import Delivery
from tracing_core.diagnostics import Diagnostics
from tracing_core.diagnostics_keeping import DiagnosticsKeeper
from tracing_core.ids import IdSource
from tracing_core.ingest import Ingest
from tracing_core.query.diagnostics import ReceiverReport, receiver_report
from tracing_core.storage.database import Database


def _no_delivery() -> Delivery:
    raise AssertionError("nothing is stored here")


@pytest.fixture
def found_out(database: Database) -> Iterator[Diagnostics]:
    """Of a process that writes by itself once an hour."""
    ingest = Ingest(_no_delivery)
    keeper = DiagnosticsKeeper(database, ingest, None, SystemClock(), IdSource(), seconds=3600)
    keeper.start()
    yield ingest.diagnostics
    keeper.close()


@pytest.fixture
def report(database: Database) -> Callable[[], ReceiverReport]:
    now = SystemClock().now()
    return lambda: receiver_report(database, now - timedelta(hours=1), now + timedelta(hours=1))


def test_a_new_source_is_told_at_once(found_out: Diagnostics, report: Callable[[], ReceiverReport]) -> None:
    """Each of two that come one after the other."""
    for number, service in enumerate(("shop", "search"), start=1):
        found_out.saw({"a" * 32: [make_span(otel={"resource": {"service.name": service}})]})
        eventually(partial(lambda count: len(report().sources) == count, number))
    assert {each.source for each in report().sources} == {"shop", "search"}


def test_a_refusal_is_told_at_once(found_out: Diagnostics, report: Callable[[], ReceiverReport]) -> None:
    """So that who mends a sender sees why it was refused."""
    found_out.refused("traces", 400, "is no JSON", "curl/8")
    eventually(lambda: [each.reason for each in report().refusals] == ["is no JSON"])


def test_many_refusals_do_not_make_many_transactions(database: Database) -> None:
    """They are gathered for a moment; what the keeper wrote last has all of them."""
    ingest = Ingest(_no_delivery)
    keeper = DiagnosticsKeeper(database, ingest, None, SystemClock(), IdSource(), seconds=3600)
    keeper.start()
    for number in range(200):
        ingest.diagnostics.refused("traces", 400, f"reason {number}")
    keeper.close()
    now = SystemClock().now()
    said = receiver_report(database, now - timedelta(hours=1), now)
    assert {"reason 150", "reason 199"} <= {each.reason for each in said.refusals}
