"""History priced anew comes out as if it had been stored with the new prices from the start (E20)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.factories import NOON, make_span, make_trace, milliseconds
from tests.postgres.pieces_written import Writer, emptied, otlp, stored
from tests.postgres.tables import rows
from tests.surroundings import make_preparation
from tracing_core.clock import ManualClock, SystemClock
from tracing_core.cost import CostTracker
from tracing_core.model import SpanData, SpanKind, TraceData
from tracing_core.own_prices import Price
from tracing_core.preparing import Preparation
from tracing_core.price_change import Change
from tracing_core.projection import Projector
from tracing_core.quality import QualityRules
from tracing_core.rates import exact
from tracing_core.rebuild import Rebuild
from tracing_core.repricing import reprice
from tracing_core.settings import Settings, read_settings
from tracing_core.storage.backfill import Refilled, hours, refill
from tracing_core.storage.database import Database
from tracing_core.storage.repricing import Chosen
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.tables import traces
from tracing_core.store import preparation_of

OLD = CostTracker(
    {"house": Price(input=Decimal(1), output=Decimal(2)), "gone": Price(input=Decimal(4), output=Decimal(4))}
)
NEW = CostTracker(
    {
        "house": (
            Price(input=Decimal("0.37"), output=Decimal(3), cached=Decimal("0.1"), until=NOON.date()),
            Price(input=Decimal("7.77"), output=Decimal(3), since=NOON.date()),
        ),
        "new": Price(input=Decimal(1), output=Decimal(1)),
    }
)
MODELS = ("house", "gone", "new", "gpt-4o-mini", "unheard-of")


def by_prices(prices: CostTracker) -> Preparation:
    return replace(make_preparation(), projector=Projector(rules=QualityRules(), prices=prices), judging=False)


def call(model: str, number: int = 2, parent: int | None = 1, **attributes: Any) -> SpanData:
    return otlp(number, parent, kind=SpanKind.LLM, attributes={"gen_ai.request.model": model, **attributes})


@st.composite
def histories(draw: st.DrawFn) -> list[TraceData]:
    """Traces of some calls each, nested or side by side, some with a cost of the sender's, some sampled."""
    made = []
    for number in range(draw(st.integers(1, 5))):
        started_at = NOON - timedelta(minutes=draw(st.integers(0, 3000)))
        root = make_span(kind=SpanKind.CHAIN, started_at=started_at, duration_ns=milliseconds(500))
        spans = [root]
        for _ in range(draw(st.integers(0, 4))):
            attributes: dict[str, Any] = {"model": draw(st.sampled_from(MODELS))}
            counts = {name: draw(st.none() | st.integers(0, 10**6)) for name in ("prompt_tokens", "completion_tokens")}
            attributes |= {name: count for name, count in counts.items() if count is not None}
            if draw(st.booleans()):
                attributes["cached_tokens"] = draw(st.integers(0, 1000))
            if draw(st.integers(0, 4)) == 0:
                attributes["gen_ai.usage.cost"] = draw(st.floats(0, 10))
            parent = draw(st.sampled_from(spans)).span_id
            kind = draw(st.sampled_from([SpanKind.LLM, SpanKind.EMBEDDING, SpanKind.AGENT]))
            spans.append(make_span(parent_id=parent, kind=kind, started_at=started_at, attributes=attributes))
        made.append(
            make_trace(
                trace_id=f"trc_20261121_120000_{number:016x}", started_at=started_at, spans=tuple(spans),
                project=draw(st.sampled_from(["default", "shop"])), library=draw(st.sampled_from([None, "fastapi"])),
                sampling_probability=draw(st.sampled_from([1.0, 0.3, 0.05])),
            )
        )  # fmt: skip
    return made


def fresh(database: Database, history: Sequence[TraceData], prices: CostTracker) -> dict[str, Any]:
    """All that is stored of a history that is written with these prices."""
    emptied(database)
    Writer(database, by_prices(prices)).write(*history)
    return stored(database)


@hypothesis.settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_repricing_is_storing_with_the_new_prices(database: Database, history: list[TraceData]) -> None:
    """Rows, spans and rollups at every granularity are the same, to the last digit of money; a dry run said the change before."""
    wanted = fresh(database, history, NEW)
    before = fresh(database, history, OLD)
    said = reprice(database, NEW, Chosen(), dry_run=True)
    assert stored(database) == before
    done = reprice(database, NEW, Chosen())
    assert stored(database) == wanted
    assert said == done
    check_sums(said, before, wanted)
    assert reprice(database, NEW, Chosen()) == Change()


def check_sums(change: Change, before: dict[str, Any], after: dict[str, Any]) -> None:
    """What a run says is what the rollups say: of whole traces by day, exactly."""
    for state, usd, unpriced in (
        (before, change.traces.old_usd, change.traces.old_unpriced),
        (after, change.traces.new_usd, change.traces.new_unpriced),
    ):
        days = [row for row in state["trace_metrics"] if (row["granularity"], row["dimension"]) == ("day", "trace")]
        called = {row["trace_id"] for row in state["traces"] if row["price_version"] is not None}
        given_alone = sum(
            (
                _weighted(row)
                for row in state["traces"]
                if row["trace_id"] not in called and row["cost_usd"] is not None
            ),
            Decimal(0),
        )
        assert sum((row["cost_usd"] for row in days), Decimal(0)) - given_alone == usd
        assert abs(sum(row["unpriced_count"] for row in days) - unpriced) < 0.01


def _weighted(row: dict[str, Any]) -> Decimal:
    return exact(row["cost_usd"] * Decimal(1 / row["sampling_probability"]))


def test_only_what_is_chosen_is_priced_anew(database: Database) -> None:
    """By time, project and model; a model counts wherever a span called it."""
    day = timedelta(days=1)
    shop = make_trace(spans=_run("house", "new"), project="shop", started_at=NOON)
    late = make_trace(spans=_run("gone", "house"), started_at=NOON - day)
    Writer(database, by_prices(OLD)).write(shop, late)
    for chosen, seen in (
        (Chosen(project="shop"), 1), (Chosen(since=NOON), 1), (Chosen(until=NOON), 1), (Chosen(until=NOON - day), 0),
        (Chosen(model="new"), 1), (Chosen(model="gone"), 1), (Chosen(model="house"), 2), (Chosen(model="other"), 0),
    ):  # fmt: skip
        assert reprice(database, NEW, chosen, dry_run=True).seen == seen
    reprice(database, NEW, Chosen(model="gone"))
    versions = {row["trace_id"]: row["price_version"] for row in rows(database, traces)}
    assert versions == {shop.trace_id: OLD.version, late.trace_id: NEW.version}
    assert reprice(database, NEW, Chosen(), dry_run=True).seen == 1
    assert reprice(database, NEW, Chosen(), again=True, dry_run=True).seen == 2


def _run(*models: str) -> tuple[SpanData, ...]:
    root = make_span(kind=SpanKind.CHAIN)
    used = [{"model": model, "prompt_tokens": 1000, "completion_tokens": 10} for model in models]
    return (root, *(make_span(parent_id=root.span_id, kind=SpanKind.LLM, attributes=each) for each in used))


def test_the_change_is_told_by_model(database: Database) -> None:
    """Each model with its dollars before and after, and how many of its calls had no price."""
    Writer(database, by_prices(OLD)).write(make_trace(spans=_run("house", "new", "gone")))
    change = reprice(database, NEW, Chosen(), dry_run=True)
    told = {
        model: (sums.count, sums.old_usd, sums.new_usd, sums.old_unpriced, sums.new_unpriced)
        for model, sums in change.models.items()
    }
    assert told == {
        "house": (1, Decimal("0.00102"), Decimal("0.0078"), 0, 0),
        "new": (1, 0, Decimal("0.00101"), 1, 0),
        "gone": (1, Decimal("0.00404"), 0, 0, 1),
    }
    assert (change.traces.old_usd, change.traces.new_usd, change.traces.new_unpriced) == (Decimal(0), Decimal(0), 1.0)


def test_rollups_that_were_removed_stay_away(database: Database) -> None:
    """Those by the minute are kept for some days only; hours and days move all the same."""
    Writer(database, by_prices(OLD)).write(make_trace(spans=_run("house")))
    with database.write() as connection:
        connection.execute(trace_metrics.delete().where(trace_metrics.c.granularity == "minute"))
    reprice(database, NEW, Chosen())
    found = {
        row["granularity"]: row["cost_usd"] for row in rows(database, trace_metrics) if row["dimension"] == "trace"
    }
    assert found == {"hour": Decimal("0.0078"), "day": Decimal("0.0078")}


def test_a_trace_whose_contents_are_gone_keeps_its_cost(database: Database) -> None:
    """It is counted, and says from which book it still is."""
    Writer(database, by_prices(OLD)).write(make_trace(spans=_run("house")))
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM span_payloads")
    change = reprice(database, NEW, Chosen())
    assert (change.seen, change.changed, change.without_contents) == (1, 0, 1)
    assert [row["price_version"] for row in rows(database, traces)] == [OLD.version]


def test_a_rebuild_from_the_files_comes_to_the_same(database: Database, database_url: str, data_dir: Path) -> None:
    """Files hold tokens and no prices: made again from them with the new prices, the database is what repricing made of it."""

    def by(**prices: dict[str, float]) -> Settings:
        return read_settings(database_url=database_url, TRACEWHY_DATA_DIR=data_dir, TRACEWHY_PRICES=prices)

    old, new = by(house={"input": 1, "output": 2}), by(house={"input": 3, "output": 0.7}, new={"input": 1, "output": 1})
    whole = make_trace(spans=_run("house", "new", "gpt-4o-mini", "unheard-of"))
    writer = Writer(database, preparation_of(old, SystemClock()))
    writer.write(whole, ("1" * 32, [otlp(1, kind=SpanKind.CHAIN)]))
    writer.write(("1" * 32, [call("house", 2, **_tokens(3))]))
    reprice(database, CostTracker(new.prices), Chosen())
    repriced = stored(database)
    emptied(database)
    tally = Rebuild(new, database, ManualClock(NOON)).run()
    assert (tally.stored, tally.unreadable) == (2, [])
    assert stored(database) == repriced


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


def test_an_interrupted_run_goes_on_where_it_was(database: Database) -> None:
    """Each batch is committed by itself; the next run reads those that are left, and all comes out as in one run."""
    history = [make_trace(spans=_run("house"), started_at=NOON - timedelta(seconds=at)) for at in range(450)]
    wanted = fresh(database, history, NEW)
    fresh(database, history, OLD)
    done: list[int] = []

    def interrupt(seen: int, whole: int) -> None:
        assert whole == len(history)
        done.append(seen)
        if len(done) == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        reprice(database, NEW, Chosen(), on_progress=interrupt)
    assert 0 < done[1] < len(history)
    assert reprice(database, NEW, Chosen()).seen == len(history) - done[1]
    assert stored(database) == wanted


def test_repricing_goes_on_while_pieces_arrive(database: Database) -> None:
    """Writers with the new prices add pieces to the same traces meanwhile; nobody waits in a ring, and all adds up."""
    ids = [f"{number:032x}" for number in range(1, 41)]
    roots = {trace_id: otlp(1, kind=SpanKind.CHAIN) for trace_id in ids}
    first = [(trace_id, [roots[trace_id], call("house", 2, **_tokens(at))]) for at, trace_id in enumerate(ids)]
    Writer(database, by_prices(OLD)).write(*first)
    pieces = [
        [(trace_id, [call(MODELS[(number + at) % 5], number, **_tokens(at))]) for at, trace_id in enumerate(ids)]
        for number in range(3, 9)
    ]
    failures: list[BaseException] = []

    def write(some: Sequence[Any]) -> None:
        try:
            writer = Writer(database, by_prices(NEW))
            for piece in some:
                writer.write(*piece)
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    threads = [threading.Thread(target=write, args=(pieces[at::2],)) for at in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for prices in (OLD, NEW):
            reprice(database, prices, Chosen())
    for thread in threads:
        thread.join()
    assert failures == []
    reprice(database, NEW, Chosen())
    now = stored(database)
    emptied(database)
    whole = [(trace_id, [*first[at][1], *(piece[at][1][0] for piece in pieces)]) for at, trace_id in enumerate(ids)]
    Writer(database, by_prices(NEW)).write(*whole)
    assert now == stored(database)


def test_repricing_and_making_rollups_anew_do_not_hinder_each_other(database: Database) -> None:
    """Whichever comes first, what the rollups hold in the end is the sum of the rows."""
    history = [make_trace(spans=_run("house", "gone")) for _ in range(60)]
    wanted = fresh(database, history, NEW)
    fresh(database, history, OLD)
    (hour,) = hours(database, None, None, None)
    failures: list[BaseException] = []

    def refill_often() -> None:
        try:
            for _ in range(20):
                assert refill(database, hour) is Refilled.DONE
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    thread = threading.Thread(target=refill_often)
    thread.start()
    while thread.is_alive():
        for prices in (NEW, OLD):
            reprice(database, prices, Chosen())
    thread.join()
    assert failures == []
    reprice(database, NEW, Chosen())
    assert stored(database) == wanted


def _tokens(number: int) -> dict[str, int]:
    return {"gen_ai.usage.input_tokens": 1000 + number, "gen_ai.usage.output_tokens": 10 * number}
