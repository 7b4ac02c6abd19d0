"""Ratings that come before their traces: each counts once, in the transaction that stores the trace (D2, D6)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.factories import NOON, make_span, make_trace
from tests.postgres.tables import rows
from tests.postgres.writing import opening, store
from tests.surroundings import PATIENCE_SECONDS, make_preparation, repeatable_ids
from tracing_core.clock import ManualClock
from tracing_core.context import TraceContext
from tracing_core.errors import Overloaded, TraceNotFound
from tracing_core.feedback import FeedbackService
from tracing_core.ids import IdSource, otel_trace_id
from tracing_core.ledger import Ledger
from tracing_core.model import Feedback, TraceData, TraceStatus, WaitingFeedback
from tracing_core.quality import QualityRules
from tracing_core.rebuild import Rebuild
from tracing_core.sampling import keep_share
from tracing_core.storage import waiting_feedback as waiting
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import waiting_feedback
from tracing_core.storage.side_tables import ledger, trace_metrics
from tracing_core.storage.tables import feedback, traces
from tracing_core.storage.write import TraceTable
from tracing_core.store import Store, init
from tracing_core.trace import Trace

IN_TIME = "trc_20261121_110000_00000000000000a1"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def service(database: Database, clock: ManualClock) -> FeedbackService:
    return FeedbackService(database, QualityRules(), clock, repeatable_ids(), lambda: None)


def rate(service: FeedbackService, trace_id: str, rating: int, user_id: str = "ann") -> Feedback:
    return service.submit_feedback(trace_id, rating, user_id=user_id).result()


def judged(database: Database, trace_id: str) -> tuple[str, int | None, float]:
    with database.read() as connection:
        columns = (traces.c.quality_flag, traces.c.rating, traces.c.sampling_probability)
        row = connection.execute(select(*columns).where(traces.c.trace_id == trace_id)).one()
        return row.quality_flag, row.rating, row.sampling_probability


def counted(database: Database) -> set[tuple[float, ...]]:
    """What all rollups of traces say: traces, those flagged USER_NEGATIVE and NORMAL, ratings, and their sum."""
    names = ("count", "flag_user_negative", "flag_normal", "rating_count", "rating_sum")
    found = [row for row in rows(database, trace_metrics) if row["dimension"] == "trace"]
    return {tuple(row[name] for name in names) for row in found}


def table_of(database: Database, share: float) -> TraceTable:
    return TraceTable(database, make_preparation(sampler=keep_share(share)))


def write(table: TraceTable, *some: TraceData) -> dict[str, str]:
    preparation = table._preparation
    ready = [preparation.ready(preparation.assemble(each.trace_id, each.spans)) for each in some]
    return {trace_id: fate.outcome for trace_id, fate in table.write(ready, Ledger()).items()}


def test_a_rating_waits_for_its_trace_and_counts_with_it(database: Database, service: FeedbackService) -> None:
    """It is no rating yet of anything; when the trace is stored, row, flag and rollups have it, and nothing waits any more."""
    given = rate(service, IN_TIME, 1)
    assert isinstance(given, WaitingFeedback)
    assert rows(database, feedback) == []
    assert service.get_feedback(given.feedback_id).result() == given
    store(database, make_trace(trace_id=IN_TIME), make_trace())
    assert judged(database, IN_TIME) == ("USER_NEGATIVE", 1, 1)
    assert counted(database) == {(2, 1, 1, 1, 1)}
    (kept,) = service.get_interaction_feedback(IN_TIME).result()
    assert type(kept) is Feedback
    assert (kept.feedback_id, kept.created_at) == (given.feedback_id, given.created_at)
    assert rows(database, waiting_feedback) == []


def test_it_counts_once_however_often_the_trace_comes(database: Database, service: FeedbackService) -> None:
    """A trace that is stored again, or whose piece is, changes nothing."""
    rate(service, IN_TIME, 5)
    for _ in range(3):
        store(database, make_trace(trace_id=IN_TIME))
    assert counted(database) == {(1, 0, 1, 1, 5)}


def test_one_user_has_one_waiting_rating(database: Database, service: FeedbackService, clock: ManualClock) -> None:
    """Resubmitting changes it; each other user has one besides, and the lowest flags the trace."""
    first = rate(service, IN_TIME, 1)
    clock.advance(5)
    second = rate(service, IN_TIME, 4)
    rate(service, IN_TIME, 2, user_id="ben")
    assert (second.feedback_id, second.created_at, second.updated_at) == (first.feedback_id, NOON, clock.now())
    store(database, make_trace(trace_id=IN_TIME))
    assert judged(database, IN_TIME)[:2] == ("USER_NEGATIVE", 2)
    assert counted(database) == {(1, 1, 0, 2, 6)}


def test_pieces_bring_it_in_any_order(database: Database, service: FeedbackService) -> None:
    """The first piece of a trace makes it count, and later ones keep it."""
    trace_id, root = "ab" * 16, make_span(name="ask")
    rate(service, trace_id, 1)
    table = table_of(database, 1.0)
    child = make_span(parent_id=root.span_id)
    for span in (child, root):
        write(table, make_trace(trace_id=trace_id, spans=(span,), source="otlp"))
    assert judged(database, trace_id)[:2] == ("USER_NEGATIVE", 1)
    assert counted(database) == {(1, 1, 0, 1, 1)}


@pytest.mark.parametrize("rating", [1, 5])
def test_a_rated_trace_is_not_sampled_out(database: Database, service: FeedbackService, rating: int) -> None:
    """Whether it came early or late, and good or bad; its neighbour, which nobody rated, is left out."""
    rated, other, late = "11" * 16, "22" * 16, "33" * 16
    rate(service, rated, rating)
    table = table_of(database, 0.0)
    root = make_span(name="ask")
    fates = write(table, *(make_trace(trace_id=each, spans=(root,), source="otlp") for each in (rated, other)))
    assert fates == {rated: "new", other: "sampled_out"}
    write(table, make_trace(trace_id=late, spans=(make_span(parent_id=root.span_id),), source="otlp"))
    assert not isinstance(rate(service, late, rating), WaitingFeedback)
    assert write(table, make_trace(trace_id=late, spans=(root,), source="otlp")) == {late: "piece"}
    for trace_id in (rated, late):
        assert judged(database, trace_id)[1:] == (rating, 1)


def test_a_trace_that_was_left_out_cannot_be_rated(database: Database, service: FeedbackService) -> None:
    """It will not come: who rates it is told so, and nothing waits."""
    root = make_span(name="ask")
    write(table_of(database, 0.0), make_trace(trace_id="44" * 16, spans=(root,), source="otlp"))
    with pytest.raises(TraceNotFound, match="left out by sampling"):
        rate(service, "44" * 16, 5)
    assert rows(database, waiting_feedback) == []


def test_what_cannot_come_is_not_waited_for(service: FeedbackService, clock: ManualClock) -> None:
    """An id that says that it was made long ago, or in the future, at no time, or that is no id for OpenTelemetry."""
    for trace_id in (
        "trc_20261119_120000_00000000000000a1", "trc_20261121_140000_00000000000000a1",
        "trc_20261399_120000_00000000000000a1", "0" * 32,
    ):  # fmt: skip
        with pytest.raises(TraceNotFound):
            rate(service, trace_id, 5)
    clock.advance(timedelta(hours=24).total_seconds())
    with pytest.raises(TraceNotFound):
        rate(service, IN_TIME, 5)


def test_without_waiting_an_unknown_trace_is_not_there(database: Database, clock: ManualClock) -> None:
    """Who sets the wait to nothing has every such rating refused."""
    service = FeedbackService(database, QualityRules(), clock, repeatable_ids(), lambda: None, wait=timedelta(0))
    for trace_id in ("ab" * 16, IN_TIME):
        with pytest.raises(TraceNotFound):
            rate(service, trace_id, 5)


def test_a_native_trace_is_known_by_both_its_ids(database: Database, service: FeedbackService) -> None:
    """A program that knows the id of OpenTelemetry rates the same trace."""
    rate(service, otel_trace_id(IN_TIME), 5)
    store(database, make_trace(trace_id=IN_TIME))
    assert judged(database, IN_TIME)[1] == 5


def test_no_more_wait_than_may(database: Database, service: FeedbackService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who makes ids up fills no disk: one more is refused, and says when to try again."""
    monkeypatch.setattr(waiting, "MOST_WAITING", 3)
    for number in range(3):
        rate(service, f"{number:032x}".replace("0", "a"), 5)
    with pytest.raises(Overloaded):
        rate(service, "ff" * 16, 5)
    assert len(rows(database, waiting_feedback)) == 3


def test_what_waited_in_vain_is_counted(database: Database, service: FeedbackService, clock: ManualClock) -> None:
    """It goes after its time, and the ledger says how many; what is younger waits on."""
    rate(service, "aa" * 16, 1)
    rate(service, "bb" * 16, 1)
    clock.advance(3600)
    rate(service, "cc" * 16, 1)
    assert waiting.give_up_waiting(database, clock.now() - timedelta(minutes=30), clock.now()) == 2
    (left,) = rows(database, waiting_feedback)
    assert left["trace_id"] == "cc" * 16
    lines = {(row["source"], row["outcome"]): row["count"] for row in rows(database, ledger)}
    assert lines == {("ratings", "received"): 2, ("ratings", "dropped"): 2}


def test_who_rates_while_the_trace_is_stored_is_not_forgotten(database: Database) -> None:
    """Eight traces are stored and rated at the same moment, again and again: each rating counts once, none waits on."""
    service = FeedbackService(database, QualityRules(), ManualClock(NOON), IdSource(), lambda: None)
    for turn in range(3):
        ids = [f"{turn + 1:02x}{number:02x}" * 8 for number in range(8)]
        together = threading.Barrier(len(ids) + 2)

        def give(trace_id: str, together: threading.Barrier = together) -> None:
            together.wait(PATIENCE_SECONDS)
            rate(service, trace_id, 4)

        def take(some: list[str], together: threading.Barrier = together) -> None:
            table = table_of(database, 1.0)
            together.wait(PATIENCE_SECONDS)
            write(table, *(make_trace(trace_id=each, spans=(make_span(),), source="otlp") for each in some))

        work: list[tuple[Callable[..., None], Any]] = [(give, each) for each in ids]
        work += [(take, ids[:4]), (take, ids[4:])]
        threads = [threading.Thread(target=do, args=(what,)) for do, what in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        assert {judged(database, trace_id)[1] for trace_id in ids} == {4}
    assert rows(database, waiting_feedback) == []
    assert sum(row[3] for row in counted(database)) == 24


def test_a_rating_is_kept_in_its_file_when_its_trace_comes(
    database_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    """So that the database can be made again; what waits meanwhile counts after the ratings in files."""
    with opening(database_url, tmp_path, clock) as open_store:
        first: Store = open_store()
        first.feedback.submit_feedback(IN_TIME, 1, "bad", "ann").result()
        first.database  # noqa: B018
        store_with_files(first, make_trace(trace_id=IN_TIME))
        with first.database.write() as connection:
            connection.execute(traces.delete())
        first.feedback.submit_feedback(IN_TIME, 5, None, "ben").result()
        tally = Rebuild(first.settings, first.database, clock).run()
        assert tally.ratings == 2
        said = first.feedback.get_interaction_feedback(IN_TIME).result()
        assert {(each.user_id, each.rating) for each in said} == {("ann", 1), ("ben", 5)}
        files = first.writer._delivery.preparation.files
        assert files is not None
        assert {each.user_id for each in files.read_feedback("default", IN_TIME)} == {"ann", "ben"}


def store_with_files(opened: Store, trace: TraceData) -> None:
    preparation = opened.writer._delivery.preparation
    TraceTable(opened.database, preparation).write([preparation.ready(trace)], Ledger())


def test_a_program_that_records_may_be_rated_before_it_is_done(database_url: str, tmp_path: Path) -> None:
    """A run of a program that keeps nothing of successes is kept when somebody rated it meanwhile."""
    store = init(
        database_url=database_url, TRACEWHY_DATA_DIR=tmp_path, TRACEWHY_MODE="product", TRACEWHY_SUCCESS_SHARE=0.0,
        clock=ManualClock(NOON),
    )  # fmt: skip
    try:
        rated, other = (TraceContext.start(query="Why?") for _ in range(2))
        for trace in (rated, other):
            assert isinstance(trace, Trace)
            trace.answer, trace.confidence = "Because of this and that, and of what was there before it.", 0.9
            trace.status = TraceStatus.COMPLETE
        given = store.feedback.submit_feedback(rated.trace_id, 5).result()
        assert isinstance(given, WaitingFeedback)
        receipts = [TraceContext.finish(trace) for trace in (other, rated)]
        assert [receipt.result(PATIENCE_SECONDS)["database"] for receipt in receipts] == ["sampled_out", "saved"]
        assert judged(store.database, rated.trace_id) == ("NORMAL", 5, 1)
    finally:
        store.close()
