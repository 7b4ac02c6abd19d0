"""What waits on disk, and what is dead: whole, once, and never in each other's way (E15)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from tests.factories import NOON, make_trace
from tests.surroundings import PATIENCE_SECONDS, HeldStore, make_preparation, repeatable_ids, totals
from tracing_core.clock import ManualClock
from tracing_core.delivery import Delivery
from tracing_core.errors import DatabaseUnavailable, InvalidInput
from tracing_core.ids import IdSource
from tracing_core.preparing import Prepared
from tracing_core.replaying import read_letter
from tracing_core.spool import Spool, claimed, count_in


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", ManualClock(NOON), IdSource())


@pytest.fixture
def store() -> HeldStore:
    return HeldStore()


def delivery_of(store: HeldStore, spool: Spool, clock: ManualClock | None = None) -> Delivery:
    return Delivery(store, spool, clock or ManualClock(NOON), make_preparation())


def spoil(spool: Spool, *lines: bytes) -> Path:
    """Add lines to the batch that waits."""
    (batch,) = spool.waiting()
    batch.write_bytes(batch.read_bytes() + b"\n".join(lines) + b"\n")
    return batch


def test_a_batch_is_read_as_it_was_kept(spool: Spool) -> None:
    """Traces in order, and how many by the name."""
    kept = [make_trace(), make_trace()]
    spool.keep(kept)
    (batch,) = spool.waiting()
    assert [line.trace for line in spool.read(batch)] == kept
    assert (count_in(batch), spool.waiting_count(), spool.dead_count()) == (2, 2, 0)
    assert count_in(Path("notes.jsonl")) == 0


def test_a_buried_trace_knows_its_line_in_the_ledger(spool: Spool) -> None:
    """Day, source, reason and spans, so that a replay can move it; and it is the trace that it was."""
    trace = make_trace(source="shop")
    spool.bury(trace, "poison", spans=7)
    (path,) = spool.dead()
    letter = read_letter(path)
    assert (letter.reason, letter.day, letter.source, letter.noted_reason, letter.spans) == (
        "poison", NOON.date(), "shop", "poison", 7,
    )  # fmt: skip
    assert (letter.trace_id, letter.trace()) == (trace.trace_id, trace)
    assert totals(letter.taken_back()) == {"dead_lettered": -1, "received": -1}


def test_a_letter_of_an_older_version_is_read(spool: Spool, tmp_path: Path) -> None:
    """Its line in the ledger is worked out from what it holds; what is no letter is refused."""
    trace = make_trace()
    spool.bury(trace, "poison")
    (path,) = spool.dead()
    content = orjson.loads(path.read_bytes())
    del content["noted"]
    path.write_bytes(orjson.dumps(content))
    letter = read_letter(path)
    assert (letter.source, letter.noted_reason, letter.spans) == ("native", "poison", 3)
    for junk in (b"{", b"[]", b"{}", b'{"reason": "x", "trace": 1}', b'{"reason": "x", "noted": {"day": 1}}'):
        (tmp_path / "junk.json").write_bytes(junk)
        with pytest.raises(InvalidInput, match="dead letter"):
            read_letter(tmp_path / "junk.json")


def test_an_id_that_is_no_name_of_a_file_leads_nowhere(spool: Spool, tmp_path: Path) -> None:
    """What is read from disk may say anything of itself."""
    spool.bury(make_trace(trace_id="../../../outside"), "poison")
    (path,) = spool.dead()
    assert path.parent == tmp_path / "spool" / "dead"


def test_a_line_that_cannot_be_read_is_counted_and_kept(spool: Spool, store: HeldStore) -> None:
    """Dead, as it was; the others of its batch are stored, and the batch is gone."""
    spool.keep([make_trace(), make_trace()])
    spoil(spool, b"junk", b'{"trace_id": 5}', b"\xff\xfe")
    delivery = delivery_of(store, spool)
    delivery.replay()
    delivery.settle_ledger()
    assert (len(store.stored), spool.waiting()) == (2, [])
    assert totals(store.ledger) == {"received": 5, "stored": 2, "dead_lettered": 3}
    letters = [read_letter(path) for path in spool.dead()]
    assert {letter.line for letter in letters} == {"junk", '{"trace_id": 5}', "\\xff\\xfe"}
    for letter in letters:
        with pytest.raises(InvalidInput):
            letter.trace()


def test_a_document_of_other_kinds_of_values_does_not_block_the_batches_behind_it(
    spool: Spool, store: HeldStore
) -> None:
    """It is buried like a line that cannot be read."""
    trace = make_trace()
    spool.keep([trace])
    (batch,) = spool.waiting()
    document = orjson.loads(batch.read_bytes())
    document["run"]["duration_ns"] = "long"
    spoil(spool, orjson.dumps(document))
    behind = make_trace()
    spool.keep([behind])
    delivery = delivery_of(store, spool)
    delivery.replay()
    delivery.settle_ledger()
    assert set(store.stored) == {trace.trace_id, behind.trace_id}
    assert totals(store.ledger) == {"received": 3, "stored": 2, "dead_lettered": 1}
    assert (spool.waiting(), spool.dead_count()) == ([], 1)


def test_nothing_is_counted_twice_when_the_database_goes_in_between(spool: Spool, store: HeldStore) -> None:
    """The line is buried once, when the batch that it was in is stored."""
    clock = ManualClock(NOON)
    spool.keep([make_trace()])
    spoil(spool, b"junk")

    def gone(_batch: Sequence[Prepared]) -> None:
        raise DatabaseUnavailable

    store.trouble = gone
    delivery = delivery_of(store, spool, clock)
    delivery.replay()
    assert (len(spool.waiting()), spool.dead_count()) == (1, 0)
    store.trouble = lambda _batch: None
    clock.advance(60)
    delivery.replay()
    delivery.settle_ledger()
    assert totals(store.ledger) == {"received": 2, "stored": 1, "dead_lettered": 1}


def test_a_batch_that_the_disk_does_not_give_does_not_block_the_others(
    spool: Spool, store: HeldStore, caplog: pytest.LogCaptureFixture
) -> None:
    """It stays where it is, and the log says so."""
    (broken := spool_folder(spool) / "20200101_000000_000000_0_1.jsonl").mkdir(parents=True)
    trace = make_trace()
    spool.keep([trace])
    delivery_of(store, spool).replay()
    assert store.stored == [trace.trace_id]
    assert spool.waiting() == [broken]
    assert "left for later" in caplog.text


def spool_folder(spool: Spool) -> Path:
    spool.keep([])
    (batch,) = spool.waiting()
    spool.remove(batch)
    return batch.parent


def test_two_that_replay_at_once_do_each_batch_once(spool: Spool, store: HeldStore) -> None:
    """What one has in hand the other passes by, and goes on with the next."""
    for _ in range(3):
        spool.keep([make_trace()])
    store.gate.clear()
    first = threading.Thread(target=delivery_of(store, spool).replay)
    first.start()
    assert store.called.wait(PATIENCE_SECONDS)
    (held, *_) = spool.waiting()
    with claimed(held) as mine:
        assert not mine
    second = threading.Thread(target=delivery_of(store, spool).replay)
    second.start()
    store.gate.set()
    for thread in (first, second):
        thread.join(PATIENCE_SECONDS)
    assert len(store.stored) == len(set(store.stored)) == 3
    assert spool.waiting() == []


def test_a_claim_ends_with_the_file(spool: Spool) -> None:
    """Who comes when it was stored meanwhile gets nothing; who comes after a claim was let go gets it."""
    spool.keep([make_trace()])
    (batch,) = spool.waiting()
    for _ in range(2):
        with claimed(batch) as mine:
            assert mine
    spool.remove(batch)
    with claimed(batch) as mine:
        assert not mine


def test_the_spool_is_bounded_but_takes_what_was_in_it_already(tmp_path: Path) -> None:
    """A line that moves from a batch to the dead needs no more room; a new batch does."""
    spool = Spool(tmp_path / "spool", ManualClock(NOON), repeatable_ids(), most_bytes=10)
    with pytest.raises(OSError, match="TRACEWHY_SPOOL_BYTES"):
        spool.keep([make_trace()])
    with pytest.raises(OSError, match="TRACEWHY_SPOOL_BYTES"):
        spool.bury(make_trace(), "poison")
    spool.bury_line(b"junk", "is no JSON")
    assert spool.dead_count() == 1
