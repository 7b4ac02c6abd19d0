"""What can be wrong with settings, disk, database and ledger: each finding with its state and what to do."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from tracing_core.clock import Clock
from tracing_core.dead_letters import REPLAY, dead_reasons
from tracing_core.errors import SettingsError, StorageError
from tracing_core.ids import IdSource
from tracing_core.journal_files import claimed
from tracing_core.ledger import Outcome
from tracing_core.misspelt_settings import misspelt
from tracing_core.partition_days import days_ahead
from tracing_core.places import place_of
from tracing_core.query.ledger import LedgerLine, ledger
from tracing_core.query.system import storage
from tracing_core.settings import Settings
from tracing_core.spool import Spool
from tracing_core.storage.database import Database
from tracing_core.storage.migrate import newest_revision, revision

State = Literal["ok", "warn", "fail"]
OK: State = "ok"
WARN: State = "warn"
FAIL: State = "fail"
LEDGER_DAYS = 30
_LITTLE_DISK = 1_000_000_000
_PROBE = ".tracewhy"
"""A folder that no project can be called."""
_FATES = (Outcome.STORED, Outcome.SAMPLED_OUT, Outcome.DEAD_LETTERED, Outcome.DROPPED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was looked at: what, how it is, in words, and what to do when it is not well."""

    about: str
    state: State
    said: str
    fix: str = ""


def counted(number: int, what: str) -> str:
    """`1 trace`, `2 traces`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def of_settings(settings: Settings) -> Iterator[Check]:
    """Values that are allowed and still not what somebody wants."""
    odd = list(_odd(settings))
    for said, fix in odd:
        yield Check(about="settings", state=WARN, said=said, fix=fix)
    if not odd:
        where = "DATABASE_URL" if settings.database_url else "the embedded database"
        yield Check(about="settings", state=OK, said=f"mode {settings.mode}, {where}, data in {settings.data_dir}")


def _odd(settings: Settings) -> Iterator[tuple[str, str]]:
    for name, meant in misspelt().items():
        yield f"{name} is no setting, and changes nothing", f"write {meant}"
    if not settings.tracing:
        yield "programs with these settings record nothing", "set TRACEWHY_TRACING=true"
    if settings.mode == "product" and settings.success_share == 0:
        yield "no successful trace is kept", "set TRACEWHY_SUCCESS_SHARE above 0"
    if settings.head_share == 0:
        yield "no run is recorded at all", "set TRACEWHY_HEAD_SHARE above 0"
    if settings.max_otlp_bytes > 2 * settings.ingest_bytes:  # one that comes alone is taken whatever its size
        yield (
            f"one body may be larger ({settings.max_otlp_bytes:,} bytes) than all that may wait ({settings.ingest_bytes:,})",
            "set TRACEWHY_INGEST_BYTES about as high as TRACEWHY_MAX_OTLP_BYTES",
        )
    kept, flagged = settings.retention_days, settings.keep_flagged_days
    if flagged is not None and (kept is None or flagged <= kept):
        yield (
            "TRACEWHY_KEEP_FLAGGED_DAYS changes nothing",
            "set it higher than TRACEWHY_RETENTION_DAYS, or leave it out",
        )
    ports = [port for port in (settings.service_port, settings.otlp_port, settings.grpc_port) if port]
    if len(set(ports)) < len(ports):
        yield "two receivers want the same port", "give TRACEWHY_SERVICE_PORT, _OTLP_PORT and _GRPC_PORT one each"


def of_disk(settings: Settings, clock: Clock, ids: IdSource) -> Iterator[Check]:
    """The data directory, what waits in the spool, what dead processes left in the journal."""
    directory = settings.data_dir
    if directory.exists() and not os.access(directory, os.W_OK | os.X_OK):
        yield Check(about="disk", state=FAIL, said=f"{directory} cannot be written", fix="change its owner or rights")
        return
    free = shutil.disk_usage(directory if directory.exists() else directory.absolute().parent).free
    little = free < _LITTLE_DISK
    yield Check(
        about="disk",
        state=WARN if little else OK,
        said=f"{free / 1e9:,.1f} GB free for {directory}",
        fix="make room, or remove old traces: .venv/bin/python -m tracing_core retention" if little else "",
    )
    yield from _of_spool(Spool(directory / "spool", clock, ids), settings.spool_bytes)
    yield from of_journal(settings)


def of_files(settings: Settings) -> Iterator[Check]:
    """Whether files of traces can be written, read and removed where they are to go, unless that is the data directory."""
    if not settings.files or settings.files_url is None:
        return
    try:
        place = place_of(settings)
        place.write(_PROBE, "doctor", b"well")
        well = place.read(_PROBE, "doctor") == b"well"
        place.remove_project(_PROBE)
    except (SettingsError, OSError) as error:
        fix = "mend TRACEWHY_FILES_URL, TRACEWHY_FILES_OPTIONS or the credentials; until then traces have no files"
        yield Check(about="files", state=FAIL, said=str(error), fix=fix)
        return
    said = f"{place.address('').rstrip('/')} can be written, read and emptied"
    yield Check(
        about="files", state=OK if well else FAIL, said=said if well else "what was written is not what is read"
    )


def _of_spool(spool: Spool, most: int) -> Iterator[Check]:
    waiting, size = spool.waiting_count(), spool.size()
    if waiting:
        yield Check(
            about="spool",
            state=WARN,
            said=f"{counted(waiting, 'trace')} waiting for the database ({size / 1e6:,.1f} of {most / 1e6:,.0f} MB)",
            fix="they are stored by themselves while a service runs and the database answers",
        )
    for reason in dead_reasons(spool):
        said = f"{counted(reason.count, 'trace')} refused by the database: {reason.reason}"
        yield Check(about="dead letters", state=WARN, said=said, fix=f"when the cause is mended: {REPLAY}")
    if not waiting and not spool.dead_count():
        yield Check(about="spool", state=OK, said="nothing waits, nothing was refused by the database")


def of_journal(settings: Settings) -> Iterator[Check]:
    """Whether programs keep a journal, and whether killed ones left runs in theirs."""
    if not settings.journal:
        yield Check(
            about="journal", state=WARN, said="a killed program loses what it has not written yet",
            fix="set TRACEWHY_JOURNAL=true",
        )  # fmt: skip
        return
    directory = settings.data_dir / "journal"
    folders = [path for path in directory.iterdir() if path.is_dir()] if directory.is_dir() else []
    left = 0
    for folder in folders:
        with claimed(folder) as gone:
            left += bool(gone)
    if left:
        said, fix = (
            f"{counted(left, 'killed program')} left runs in the journal",
            "the next start of a service stores them",
        )
        yield Check(about="journal", state=WARN, said=said, fix=fix)
    else:
        yield Check(
            about="journal",
            state=OK,
            said=f"nothing was left behind; {counted(len(folders), 'program')} keeping one now",
        )


def of_store(database: Database, clock: Clock) -> Iterator[Check]:
    """Whether the database answers, knows our tables, and has room for tomorrow."""
    try:
        database.ping()
        has, wants = revision(database), newest_revision()
    except StorageError as error:
        yield Check(about="database", state=FAIL, said=str(error), fix="start PostgreSQL, or mend DATABASE_URL")
        return
    yield Check(about="database", state=OK, said=f"{database.address} answers")
    if has != wants:
        newer = has is not None and has > (wants or "")
        fix = "use the newer version of Tracewhy" if newer else ".venv/bin/python -m tracing_core migrate"
        yield Check(about="schema", state=FAIL, said=f"is at {has or 'nothing'}, and {wants} is wanted", fix=fix)
        return
    yield Check(about="schema", state=OK, said=f"is at {has}")
    yield from _of_partitions(database, clock)


def _of_partitions(database: Database, clock: Clock) -> Iterator[Check]:
    try:
        found = storage(database)
    except StorageError as error:
        yield Check(about="partitions", state=WARN, said=str(error))
        return
    days = {part.day for part in found.days}
    missing = [day for day in days_ahead(clock.now().date()) if day not in days]
    said = f"{counted(len(days - {None}), 'day')}, {found.bytes / 1e6:,.1f} MB in the database"
    if missing:
        yield Check(
            about="partitions", state=WARN, said=f"{said}; none yet for {', '.join(map(str, missing))}",
            fix="they are made when they are needed; before it by .venv/bin/python -m tracing_core partitions",
        )  # fmt: skip
    else:
        yield Check(about="partitions", state=OK, said=said)


def of_ledger(database: Database, now: datetime) -> Iterator[Check]:
    """Whether every trace received met a fate, and which were lost."""
    try:
        lines = ledger(database, (now - timedelta(days=LEDGER_DAYS)).date())
    except StorageError as error:
        yield Check(about="ledger", state=WARN, said=str(error))
        return
    for source, (received, fates) in balance(lines).items():
        if received == fates:
            yield Check(
                about="ledger", state=OK, said=f"{source}: {counted(received, 'trace')} received, each accounted for"
            )
        else:
            said = f"{source}: {counted(received, 'trace')} received, and {fates:,} accounted for"
            yield Check(about="ledger", state=FAIL, said=said, fix="this is a fault in Tracewhy; please report it")
    for line in lines:
        if line.outcome == Outcome.DROPPED and (line.count or line.spans):
            lost = counted(line.count, "trace") if line.count else counted(line.spans, "span")
            said = f"{line.source}: {lost} lost in {LEDGER_DAYS} days: {line.reason or 'no reason is known'}"
            refused = line.reason.startswith("refused:")
            fix = "its sender must mend what the reason names" if refused else "the reason says what was short"
            yield Check(about="ledger", state=WARN, said=said, fix=fix)


def balance(lines: tuple[LedgerLine, ...]) -> dict[str, tuple[int, int]]:
    """For each source, traces received, and the sum of what became of them; the two are equal when all is well."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        if line.outcome == Outcome.RECEIVED:
            sums[line.source][0] += line.count
        elif line.outcome in _FATES:
            sums[line.source][1] += line.count
    return {source: (received, fates) for source, (received, fates) in sorted(sums.items())}
