"""How long traces are kept (A10, E22): what is told of them stays in the rollups, they themselves go when their time is up."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from tracing_core.backfill import first_minute
from tracing_core.clock import Clock
from tracing_core.errors import InvalidInput
from tracing_core.files import files_of
from tracing_core.settings import Settings
from tracing_core.storage import retention as storage
from tracing_core.storage.backfill import hours, refill
from tracing_core.storage.retention import Due, File, Partition
from tracing_core.storage.upkeep_lock import alone
from tracing_core.store import Store

logger = logging.getLogger(__name__)

_PAYLOADS = "span_payloads"


@dataclass(frozen=True, kw_only=True, slots=True)
class Freed:
    """What a run removed, or would remove.

    Args:
        traces, spans: how many.
        partitions: how many tables of a day, of spans and of their contents.
        table_bytes: of these, with their indexes, without what moves elsewhere.
        files, file_bytes: how many files, and their bytes.
        minutes: rollups by the minute.
        left: what could not be removed now, each with the reason.
    """

    traces: int = 0
    spans: int = 0
    partitions: int = 0
    table_bytes: int = 0
    files: int = 0
    file_bytes: int = 0
    minutes: int = 0
    left: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """All that the disk gets back."""
        return self.table_bytes + self.file_bytes


def due(settings: Settings, today: date) -> Due | None:
    """Whose time is up on a day; None when everything is kept for ever."""
    if settings.retention_days is None:
        return None
    longer = max(settings.keep_flagged_days or 0, settings.retention_days)
    return Due(ordinary=_days_before(today, settings.retention_days), remarkable=_days_before(today, longer))


def expected(store: Store, clock: Clock) -> Freed:
    """What a run would free now; nothing is changed.

    Raises:
        StorageError: the database did not answer.
    """
    before = first_minute(clock.now(), store.settings.metrics_days)
    going, freed = due(store.settings, _today(clock)), Freed()
    if before is not None:
        freed = Freed(minutes=storage.count_minutes(store.database, before))
    if going is not None:
        parts = storage.due_partitions(store.database, going)
        number, files, size = _files(store, storage.due_traces(store.database, going))
        freed = replace(
            _of_partitions(parts),
            traces=number,
            spans=_spans(parts) + storage.due_elsewhere(store.database, going),
            files=files,
            file_bytes=size,
            minutes=freed.minutes,
        )
    return freed


def retain(store: Store, clock: Clock) -> Freed:
    """Remove what is due. One process at a time; what was begun before it was stopped is finished by the next run.

    Raises:
        Busy: another process is at it.
        StorageError: the database did not do all of it; another run goes on.
    """
    with alone(store.database):
        freed = _remove_minutes(store, clock)
        going = due(store.settings, _today(clock))
        if going is None:
            return freed
        _count_first(store, going)
        spans = storage.due_elsewhere(store.database, going)
        parts = storage.due_partitions(store.database, going)
        freed = _remove_traces(store, going, freed)
        return _drop(store, parts, replace(freed, spans=spans))


def _count_first(store: Store, going: Due) -> None:
    """Traces leave only when the rollups have them."""
    for project, day in storage.uncounted_days(store.database, going):
        logger.warning(
            "the rollups of %s lack traces of project %s; they are made before these are removed", day, project
        )
        start = _days_before(day, 0)
        for hour in hours(store.database, start, start + timedelta(days=1), project):
            refill(store.database, hour)


def _remove_minutes(store: Store, clock: Clock) -> Freed:
    before = first_minute(clock.now(), store.settings.metrics_days)
    removed, left = 0, []
    for project, day in storage.due_minutes(store.database, before) if before is not None else ():
        count = storage.drop_minutes(store.database, project, day)
        if count is None:
            left.append(f"minutes of {day} of project {project}: its hours count less; run backfill for that day")
        removed += count or 0
    return Freed(minutes=removed, left=tuple(left))


def _remove_traces(store: Store, going: Due, freed: Freed) -> Freed:
    after = None
    while True:
        removed, after = storage.remove_some(store.database, going, after)
        if after is None:
            return freed
        number, files, size = _files(store, removed, remove=True)
        freed = replace(
            freed, traces=freed.traces + number, files=freed.files + files, file_bytes=freed.file_bytes + size
        )


def _drop(store: Store, parts: Iterable[Partition], freed: Freed) -> Freed:
    dropped, left = [], []
    for part in parts:
        if storage.drop(store.database, part):
            dropped.append(part)
        else:
            left.append(f"{part.table} of {part.day}: in use; the next run tries again")
    sums = _of_partitions(dropped)
    return replace(
        freed,
        partitions=sums.partitions,
        table_bytes=sums.table_bytes,
        spans=freed.spans + _spans(dropped),
        left=(*freed.left, *left),
    )


def _of_partitions(parts: Iterable[Partition]) -> Freed:
    parts = tuple(parts)
    return Freed(partitions=len(parts), table_bytes=sum(part.size for part in parts))


def _spans(parts: Iterable[Partition]) -> int:
    return sum(part.rows for part in parts if part.table != _PAYLOADS)


def _files(store: Store, found: Iterable[File], *, remove: bool = False) -> tuple[int, int, int]:
    """How many traces there are, how many have files that go with them, and their bytes."""
    if store.settings.keep_files:
        return sum(1 for _ in found), 0, 0
    files = files_of(store.settings)

    def size_of(each: File) -> int | None:
        try:
            size = files.size(each.project, each.trace_id)
        except (FileNotFoundError, InvalidInput):  # it has none
            return None
        except OSError:  # there may be one
            size = 0
        if remove:
            files.remove(each.project, each.trace_id)
        return size

    number = count = sum_of_sizes = 0
    for size in files.each(size_of, found):
        number += 1
        count += size is not None
        sum_of_sizes += size or 0
    return number, count, sum_of_sizes


def _days_before(day: date, days: int) -> datetime:
    return datetime.combine(day - timedelta(days=days), time(), UTC)


def _today(clock: Clock) -> date:
    return clock.now().astimezone(UTC).date()
