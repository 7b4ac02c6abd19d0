"""The background writer: batches, bounds, receipts, forks, and a ledger that balances (A4, E15)."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import tracing_core as tracing
from tests.factories import NOON
from tests.surroundings import PATIENCE_SECONDS, HeldStore, finished, make_writer, totals
from tracing_core.clock import ManualClock
from tracing_core.errors import DatabaseUnavailable, DataRejected
from tracing_core.preparing import Prepared
from tracing_core.runtime import Runtime, configure
from tracing_core.sampling import keep_share
from tracing_core.sink import Receipt
from tracing_core.trace import Trace
from tracing_core.writer import TraceWriter

SOON = PATIENCE_SECONDS


@pytest.fixture
def store() -> Iterator[HeldStore]:
    held = HeldStore()
    yield held
    held.gate.set()


def new_trace(name: str = "request") -> Trace:
    trace = finished(tracing.TraceContext.start(name=name))
    trace.mark_complete()
    trace.root.leave()
    return trace


def submit(writer: TraceWriter, number: int = 1) -> list[Receipt]:
    return [writer.submit(new_trace()) for _ in range(number)]


def outcomes(receipts: list[Receipt]) -> set[str]:
    return {receipt.result(SOON)["database"] for receipt in receipts}


def test_a_full_batch_is_written_at_once(store: HeldStore, data_dir: Path) -> None:
    """Without anybody asking for it, and without waiting for the time to be up."""
    writer = make_writer(store, data_dir, batch_size=3)
    submit(writer, 3)
    assert store.called.wait(SOON)
    writer.close()
    assert [len(batch) for batch in store.batches] == [3]


def test_no_batch_is_larger_than_the_limit(store: HeldStore, data_dir: Path) -> None:
    """What came together meanwhile is written in several."""
    writer = make_writer(store, data_dir, batch_size=4)
    store.gate.clear()
    submit(writer, 4)
    assert store.called.wait(SOON)
    receipts = submit(writer, 10)
    store.gate.set()
    assert outcomes(receipts) == {"saved"}
    assert [len(batch) for batch in store.batches] == [4, 4, 4, 2]
    writer.close()


def test_a_batch_that_does_not_fill_is_written_when_its_time_is_up(store: HeldStore, data_dir: Path) -> None:
    """One trace alone does not wait for others for ever."""
    writer = make_writer(store, data_dir, flush_seconds=0.02)
    submit(writer)
    assert store.called.wait(SOON)
    writer.close()


def test_flush_writes_now(store: HeldStore, data_dir: Path) -> None:
    """And says whether everything was dealt with in time."""
    writer = make_writer(store, data_dir)
    assert writer.flush(SOON)
    submit(writer, 2)
    assert writer.flush(SOON)
    assert len(store.stored) == 2
    store.gate.clear()
    submit(writer)
    assert not writer.flush(0.01)
    store.gate.set()
    assert writer.flush(SOON)
    writer.close()


def test_a_receipt_that_is_waited_for_makes_the_writer_write(store: HeldStore, data_dir: Path) -> None:
    """By `result` and by `await`; it names the file."""
    writer = make_writer(store, data_dir)
    (receipt,) = submit(writer)
    outcome = receipt.result(SOON)
    assert outcome["database"] == "saved"
    assert outcome["trace_id"] == receipt.trace_id
    assert Path(outcome["file_path"]).is_file()

    async def wait() -> dict[str, Any]:
        return await asyncio.wait_for(writer.submit(new_trace()), SOON)

    assert asyncio.run(wait())["database"] == "saved"
    writer.close()


def test_giving_up_on_a_receipt_leaves_it_to_others(store: HeldStore, data_dir: Path) -> None:
    """A waiter that runs out of time, or is cancelled, changes nothing for the next one."""
    writer = make_writer(store, data_dir)
    store.gate.clear()
    (receipt,) = submit(writer)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receipt, 0.01)

    asyncio.run(give_up())
    with pytest.raises(TimeoutError):
        receipt.result(0.01)
    store.gate.set()
    assert receipt.result(SOON)["database"] == "saved"
    (after,) = submit(writer)
    assert after.result(SOON)["database"] == "saved"
    writer.close()


def test_submit_does_not_wait_for_a_store_that_hangs(
    store: HeldStore, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """When the queue is full a trace is dropped at once, counted, and complained about once a minute."""
    clock = ManualClock(NOON)
    writer = make_writer(store, data_dir, clock=clock, queue_size=5, batch_size=2)
    store.gate.clear()
    in_work = submit(writer, 2)
    assert store.called.wait(SOON)
    kept, refused = submit(writer, 5), submit(writer, 3)
    assert outcomes(refused) == {"dropped"}
    assert refused[0].result(0)["database_error"] == "queue full"
    assert (writer.stats().queued, writer.stats().dropped) == (5, 3)
    clock.advance(61)
    submit(writer)
    assert [record.getMessage() for record in caplog.records if "dropped" in record.getMessage()] == [
        "a trace was dropped (queue full); 1 so far",
        "a trace was dropped (queue full); 4 so far",
    ]
    store.gate.set()
    assert outcomes(in_work + kept) == {"saved"}
    writer.close()
    assert totals(store.ledger) == {"received": 11, "stored": 7, "dropped": 4}


def test_close_writes_what_is_queued(store: HeldStore, data_dir: Path) -> None:
    """What comes later is dropped and counted, and nothing raises; closing twice is fine."""
    writer = make_writer(store, data_dir)
    receipts = submit(writer, 250)
    writer.close(SOON)
    assert outcomes(receipts) == {"saved"}
    assert len(set(store.stored)) == 250
    (late,) = submit(writer)
    assert late.result(SOON) == {
        "trace_id": late.trace_id,
        "database": "dropped",
        "database_error": "writer closed",
    }
    assert writer.flush(0)
    writer.close()


def test_close_waits_no_longer_than_it_is_told(store: HeldStore, data_dir: Path) -> None:
    """What could not be written by then is dropped, and its receipts say so."""
    writer = make_writer(store, data_dir, batch_size=1)
    store.gate.clear()
    (in_work,) = submit(writer)
    assert store.called.wait(SOON)
    queued = submit(writer, 3)
    writer.close(0.01)
    assert {receipt.result(0)["database_error"] for receipt in queued} == {"not written in time at exit"}
    store.gate.set()
    assert in_work.result(SOON)["database"] == "saved"


def test_a_thousand_threads_may_submit(store: HeldStore, data_dir: Path) -> None:
    """Each trace is stored once."""
    writer = make_writer(store, data_dir, queue_size=1000)
    traces = [new_trace() for _ in range(1000)]
    threads = [threading.Thread(target=writer.submit, args=(trace,)) for trace in traces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush(SOON)
    assert sorted(store.stored) == sorted(trace.trace_id for trace in traces)
    writer.close()


def test_what_is_sampled_out_is_in_the_ledger(store: HeldStore, data_dir: Path) -> None:
    """Also when nothing else is written, and its file is not made."""
    writer = make_writer(store, data_dir, sampler=lambda _trace: 0.0)
    receipts = submit(writer, 3)
    assert outcomes(receipts) == {"sampled_out"}
    writer.close()
    assert totals(store.ledger) == {"received": 3, "sampled_out": 3}
    assert not (data_dir / "projects").exists()


def test_a_share_is_kept_and_knows_its_probability(store: HeldStore, data_dir: Path) -> None:
    """Of ordinary traces; the ledger balances."""
    seen: list[float] = []
    store.trouble = lambda batch: seen.extend(p.projection.trace["sampling_probability"] for p in batch)
    writer = make_writer(store, data_dir, sampler=keep_share(0.5))
    submit(writer, 200)
    writer.close()
    counts = totals(store.ledger)
    assert counts["received"] == 200 == counts["stored"] + counts["sampled_out"]
    assert set(seen) == {0.5}
    assert 50 < counts["stored"] < 150


def test_a_trace_that_cannot_be_stored_costs_only_itself(store: HeldStore, data_dir: Path) -> None:
    """It is buried with its reason; the others of its batch are stored; the ledger knows of it without a further batch."""

    def refuse(batch: Sequence[Prepared]) -> None:
        if any(prepared.projection.trace["name"] == "poison" for prepared in batch):
            raise DataRejected("the database refused the data: poison")

    store.trouble = refuse
    writer = make_writer(store, data_dir)
    good = [writer.submit(new_trace()) for _ in range(4)]
    good += submit(writer, 3)
    poison = writer.submit(new_trace("poison"))
    assert writer.flush(SOON)
    assert outcomes(good) == {"saved"}
    assert poison.result(SOON)["database"] == "rejected"
    assert "poison" in poison.result(SOON)["database_error"]
    assert len(list((data_dir / "spool" / "dead").glob(f"{poison.trace_id}*.json"))) == 1
    assert writer.stats().dead == 1
    writer.close()
    assert totals(store.ledger) == {"received": 8, "stored": 7, "dead_lettered": 1}


def test_a_trace_on_which_storing_fails_unforeseen_costs_only_itself(store: HeldStore, data_dir: Path) -> None:
    """Not the writer, which goes on with the next; nor the others of its batch."""

    def trip(batch: Sequence[Prepared]) -> None:
        if any(prepared.projection.trace["name"] == "poison" for prepared in batch):
            raise OverflowError("date value out of range")

    store.trouble = trip
    writer = make_writer(store, data_dir)
    receipts = submit(writer, 3)
    poison = writer.submit(new_trace("poison"))
    assert outcomes(receipts) == {"saved"}
    assert poison.result(SOON)["database"] == "rejected"
    assert "date value out of range" in poison.result(SOON)["database_error"]
    assert outcomes(submit(writer)) == {"saved"}
    writer.close()
    assert totals(store.ledger) == {"received": 5, "stored": 4, "dead_lettered": 1}


def test_a_trace_that_cannot_be_read_costs_only_itself(store: HeldStore, data_dir: Path) -> None:
    """It is dropped with its reason."""
    writer = make_writer(store, data_dir)
    broken = new_trace()
    del broken.root
    receipt, others = writer.submit(broken), submit(writer, 2)
    assert outcomes(others) == {"saved"}
    assert receipt.result(SOON)["database_error"] == "unreadable: AttributeError"
    writer.close()
    assert totals(store.ledger) == {"received": 3, "stored": 2, "dropped": 1}


def test_traces_wait_on_disk_while_the_database_is_away(
    store: HeldStore, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And are stored when it is back: tried again after a pause, said once, counted once."""
    clock = ManualClock(NOON)
    away = True

    def gone(_batch: Sequence[Prepared]) -> None:
        if away:
            raise DatabaseUnavailable

    store.trouble = gone
    writer = make_writer(store, data_dir, clock=clock)
    receipts = submit(writer, 3)
    assert outcomes(receipts) == {"spooled"}
    assert outcomes(submit(writer, 2)) == {"spooled"}
    assert writer.flush(SOON)
    assert (writer.stats().waiting, writer.stats().problem is not None) == (5, True)
    clock.advance(2)
    assert outcomes(submit(writer)) == {"spooled"}
    away = False
    assert writer.flush(SOON)
    assert store.stored == []
    clock.advance(31)
    assert writer.flush(SOON)
    assert len(set(store.stored)) == len(store.stored) == 6
    assert (writer.stats().waiting, writer.stats().problem) == (0, None)
    writer.close()
    assert totals(store.ledger) == {"received": 6, "stored": 6}
    said = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert len([line for line in said if "wait on disk" in line]) == 1


def test_what_is_lost_for_want_of_a_disk_is_counted(
    store: HeldStore, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Database away and spool not writable: dropped, said, and in the ledger when the database is back."""
    (data_dir / "spool").write_text("not a directory")
    clock = ManualClock(NOON)

    def gone(_batch: Sequence[Prepared]) -> None:
        raise DatabaseUnavailable

    store.trouble = gone
    writer = make_writer(store, data_dir, clock=clock)
    assert outcomes(submit(writer, 2)) == {"dropped"}
    assert "2 traces cannot be kept" in caplog.text
    store.trouble = lambda _batch: None
    clock.advance(2)
    assert outcomes(submit(writer)) == {"saved"}
    writer.close()
    assert totals(store.ledger) == {"received": 3, "stored": 1, "dropped": 2}


def test_a_line_that_cannot_be_read_again_is_passed_over(store: HeldStore, data_dir: Path) -> None:
    """What else waits is stored."""
    waiting = data_dir / "spool" / "waiting"
    waiting.mkdir(parents=True)
    (waiting / "20261121_120000_000000_0.jsonl").write_bytes(b'junk\n{"a": 1}\n[]\nnull\n\xff\n')
    writer = make_writer(store, data_dir)
    writer.replay()
    assert writer.flush(SOON)
    assert list(waiting.iterdir()) == []
    assert outcomes(submit(writer)) == {"saved"}
    writer.close()


def test_finish_hands_to_the_writer(store: HeldStore, data_dir: Path) -> None:
    """The receipt of `finish` is the writer's."""
    writer = make_writer(store, data_dir)
    restore = configure(Runtime(sink=writer))
    trace = tracing.TraceContext.start(query="q")
    receipt = tracing.TraceContext.finish(trace)
    assert receipt.result(SOON)["database"] == "saved"
    restore()
    writer.close()


def test_a_source_that_no_database_holds_does_not_poison_the_ledger(store: HeldStore, data_dir: Path) -> None:
    """Whatever the host calls the source of its traces, it is counted under a name that can be stored."""
    writer = make_writer(store, data_dir, sampler=lambda _trace: 0.0)
    for source in ("a\x00b", "\ud800", None, 7):
        trace = new_trace()
        trace.source = source  # type: ignore[assignment]
        writer.submit(trace)
    writer.close()
    sources = {key.source for key in store.ledger}
    assert sources == {"a\ufffdb", "\ufffd", "native", "7"}
    assert sorted(store.ledger)
