"""Wires the concrete parts: database, writer, files, feedback. The only module that knows all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from tracing_core.archive import Archive, open_database, use
from tracing_core.calibration_flags import CalibrationFlags, Thresholds
from tracing_core.clock import Clock, SystemClock
from tracing_core.cost import CostTracker
from tracing_core.declaring import Declaring
from tracing_core.delivery import Delivery, Settle, settle_now
from tracing_core.exporting import live_exporter
from tracing_core.feedback import FeedbackService
from tracing_core.files import TraceFiles, files_of
from tracing_core.ids import IdSource
from tracing_core.ingest import LANES, Ingest, Receiver
from tracing_core.journal_recovery import with_journal
from tracing_core.latency_watch import LatencyWatch
from tracing_core.model import TraceData
from tracing_core.otlp.export import Exporter
from tracing_core.partition_days import partition_days
from tracing_core.preparing import Preparation
from tracing_core.projection import Projector
from tracing_core.quality import QualityRules
from tracing_core.rating import Ratings
from tracing_core.reviewing import Reviewer
from tracing_core.runtime import Runtime, configure
from tracing_core.sampling import sampler_of
from tracing_core.settings import Settings, read_settings
from tracing_core.spool import Spool
from tracing_core.storage.database import Database
from tracing_core.storage.join_memory import JoinMemory
from tracing_core.storage.write import TraceTable
from tracing_core.validation import Validation
from tracing_core.writer import TraceWriter


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """The parts that one process works with."""

    settings: Settings
    database: Database
    writer: TraceWriter
    feedback: FeedbackService
    ingest: Receiver
    reviewer: Reviewer
    exporter: Exporter | None = None
    ratings: Ratings
    restore: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Write what is queued and let go of the database."""
        self.ingest.close()
        self.ratings.close()  # before the writer, which they may have to wait for
        if self.exporter is not None:
            self.writer.flush()  # so that the last ones are exported as well
            self.exporter.close()  # before the writer, which enters into the ledger what became of them
        self.writer.close()
        self.reviewer.close()
        self.restore()
        self.database.close()


def open_store(settings: Settings, *, clock: Clock | None = None, ids: IdSource | None = None) -> Store:
    """Open the store that the settings name. A database that is away does not stop it: traces wait on disk.

    Args:
        settings: `database_url` and `data_dir` above all.
        clock, ids: the machine's own unless given.

    Raises:
        DatabaseUnavailable: the embedded PostgreSQL could not be started.
        SettingsError: DATABASE_URL is not the URL of a PostgreSQL database.
    """
    clock, ids = clock or SystemClock(), ids or IdSource()
    database = open_database(settings)
    preparation = preparation_of(settings, clock)
    has_partition = partition_days(clock, settings.retention_days)
    spool = Spool(settings.data_dir / "spool", clock, ids, settings.spool_bytes)

    memory = JoinMemory()
    reviewer = reviewer_of(
        settings, database, preparation.files, clock
    )  # before the writer, which is closed first at exit
    listeners: list[Callable[[TraceData], None]] = [Declaring(database, clock).stored]

    def stored(data: TraceData) -> None:
        for listener in listeners:
            listener(data)

    def delivery(stored: Callable[[TraceData], None], settle: Settle, *, count_refused: bool) -> Delivery:
        table = TraceTable(database, preparation, has_partition, memory=memory)
        return Delivery(table, spool, clock, preparation, stored=stored, settle=settle, count_refused=count_refused)

    def received(data: TraceData) -> None:
        reviewer.stored(data)
        stored(data)

    written = delivery(stored, reviewer.settle, count_refused=True)
    writer = _writer_of(settings, written, clock)
    feedback = _feedback_of(settings, database, clock, ids, writer, preparation)
    to_ingest = partial(delivery, received, settle_now, count_refused=False)
    lanes = 1 if settings.ingest_processes > 1 else LANES  # several processes overlap as lanes of one do
    ingest = Ingest(to_ingest, settings.ingest_bytes, lanes=lanes)
    exporter = live_exporter(
        settings,
        written.note,
        clock,
        settle=writer.replay,
        count=lambda *counts: ingest.tally.exported(*counts),  # noqa: PLW0108 - whichever tally it has by then
    )
    if exporter is not None:
        listeners.append(exporter.submit)
    return Store(
        settings=settings,
        database=database,
        writer=writer,
        feedback=feedback,
        ingest=ingest,
        reviewer=reviewer,
        exporter=exporter,
        ratings=Ratings(feedback),
    )


def _feedback_of(
    settings: Settings, database: Database, clock: Clock, ids: IdSource, writer: TraceWriter, preparation: Preparation
) -> FeedbackService:
    wait, keep = timedelta(hours=settings.feedback_wait_hours), preparation.write_ratings
    return FeedbackService(database, QualityRules.of(settings), clock, ids, writer.flush, keep, wait)


def _writer_of(settings: Settings, delivery: Delivery, clock: Clock) -> TraceWriter:
    return TraceWriter(
        delivery,
        clock,
        queue_size=settings.queue_size,
        batch_size=settings.batch_size,
        flush_seconds=settings.flush_seconds,
        look_at=Validation().noted if settings.validate_traces == "warn" else None,
    )


def reviewer_of(settings: Settings, database: Database, files: TraceFiles | None, clock: Clock) -> Reviewer:
    """What tells of runs once they are stored.

    Args:
        settings: what is told, and from where on a pattern is one.
        database: where the runs are.
        files: where summaries and alerts go; None for nowhere.
        clock: for the times of alerts.
    """
    flags = CalibrationFlags(database, Thresholds.of(settings), files, clock) if settings.calibration else None
    return Reviewer(flags, files if settings.summaries else None, clock)


def preparation_of(settings: Settings, clock: Clock) -> Preparation:
    """What makes traces ready by the rules that are set.

    Args:
        settings: rules, prices, shares, and where files go.
        clock: for what counts as slow now.
    """
    return Preparation(
        projector=Projector(rules=QualityRules.of(settings), prices=CostTracker(settings.prices)),
        sampler=sampler_of(settings),
        files=files_of(settings) if settings.files else None,
        project=settings.project,
        watch=LatencyWatch(clock.monotonic_ns),
    )


def init(*, clock: Clock | None = None, ids: IdSource | None = None, **settings: Any) -> Store:
    """Make this process record: opens the store and sends every finished trace there. Call it once, at the start.

    Args:
        clock, ids: the machine's own unless given.
        settings: by environment name, such as `TRACEWHY_PROJECT="my-app"`; they win over the environment.

    Returns:
        The store; its `close` (called at exit by itself) writes what is queued.

    Raises:
        SettingsError: a setting has a value that cannot be used.
        DatabaseUnavailable: the embedded PostgreSQL could not be started.
    """
    store = open_store(read_settings(**settings), clock=clock, ids=ids)
    runtime = Runtime(
        clock=clock or SystemClock(),
        ids=ids or IdSource(),
        sink=store.writer,
        project=store.settings.project,
        tracing=store.settings.tracing,
        untraced_projects=frozenset(store.settings.untraced_projects),
        head_share=store.settings.head_share,
        scorecard=store.settings.scorecard,
        rate=store.ratings.rate,
    )
    store.writer.replay()
    restore = configure(with_journal(runtime, store.settings, store.writer))
    leave = use(Archive(database=store.database, files=files_of(store.settings)))

    def undo() -> None:
        leave()
        restore()

    return replace(store, restore=undo)
