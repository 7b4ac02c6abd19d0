"""Looks at everything between a program that sends traces and the page that shows them, and says what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tracing_core.clock import Clock
from tracing_core.doctor_checks import (
    FAIL,
    OK,
    WARN,
    Check,
    counted,
    of_disk,
    of_files,
    of_ledger,
    of_settings,
    of_store,
)
from tracing_core.doctor_prices import of_prices
from tracing_core.doctor_receivers import of_receivers, send_and_read_back
from tracing_core.errors import SettingsError, StorageError
from tracing_core.ids import IdSource
from tracing_core.query.diagnostics import receiver_report
from tracing_core.query.system import orphans
from tracing_core.settings import Settings
from tracing_core.source_report import BEFORE_PARENT, CLAMPED, FUTURE, Finding, SourceReport
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

PERIOD = timedelta(days=7)
"""How far back senders are looked at."""
PROBLEMS = {
    CLAMPED: ("times that cannot be stored as they were sent", "check how that instrumentation sets start and end"),
    FUTURE: ("spans that end after they arrived", "set the clock of that machine (NTP)"),
    BEFORE_PARENT: ("spans that begin before their parent", "set the clocks of both machines (NTP)"),
}
"""What can be wrong with times: in words, and what to do."""
_SHOWN_KEYS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """All findings, in the order in which a trace travels."""

    checks: tuple[Check, ...]

    @property
    def failed(self) -> bool:
        """Whether something does not work."""
        return any(check.state == FAIL for check in self.checks)


def examine(settings: Settings, clock: Clock, ids: IdSource, *, send: bool = False) -> Examination:
    """Look at everything.

    Args:
        settings: those that the service has, too.
        clock, ids: the machine's own.
        send: whether to send a trace through a receiver and to read it back.
    """
    found = [*of_settings(settings), *of_disk(settings, clock, ids), *of_files(settings), *of_receivers(settings)]
    try:
        database = Database(settings.database_url or embedded_url(settings.data_dir), settings.statement_timeout_ms)
    except (StorageError, SettingsError) as error:
        found.append(Check(about="database", state=FAIL, said=str(error)))
        return Examination(checks=tuple(found))
    stored = list(of_store(database, clock))
    found += stored
    if not any(check.state == FAIL for check in stored):
        found += of_ledger(database, clock.now())
        found += of_senders(database, clock.now())
        found += of_prices(database, clock.now())
        if send:
            found.append(send_and_read_back(settings, database, clock, ids))
    database.close()
    return Examination(checks=tuple(found))


def of_senders(database: Database, now: datetime) -> Iterator[Check]:
    """What those who send do, what was refused, and spans without parents."""
    try:
        report = receiver_report(database, now - PERIOD, now)
        lost = orphans(database, now - PERIOD, now)
    except StorageError as error:
        yield Check(about="senders", state=WARN, said=str(error))
        return
    if not report.sources:
        yield Check(about="senders", state=OK, said=f"nobody sent spans in the last {PERIOD.days} days")
    for source in report.sources:
        yield from _of_source(source)
    for refusal in report.refusals[:3]:
        who = f" from {refusal.sender}" if refusal.sender else ""
        said = f"{refusal.at:%Y-%m-%d %H:%M:%S} {refusal.signal}{who}: {refusal.status}, {refusal.reason}"
        yield Check(about="refused", state=WARN, said=said, fix="the reason says what the sender must change")
    if lost:
        spans, first = sum(each.spans for each in lost), lost[0]
        yield Check(
            about="orphans",
            state=WARN,
            said=f"{counted(spans, 'span')} whose parent did not come, most of them {first.name!r}, such as in {first.example}",
            fix="see that every service of a trace sends its spans here, and ends its root span",
        )


def source_name(source: SourceReport) -> str:
    """A source in words."""
    return f"{source.source or 'no service.name'} ({source.scope or 'no scope'})"


def _of_source(source: SourceReport) -> Iterator[Check]:
    speaks = ", ".join(sorted(source.conventions)) or "no convention of model calls"
    name = source_name(source)
    yield Check(about="sender", state=OK, said=f"{name}: {counted(source.spans, 'span')}, speaks {speaks}")
    for problem, finding in source.problems.items():
        said, fix = PROBLEMS.get(problem, (problem, ""))
        yield Check(about="sender", state=WARN, said=f"{name}: {said}: {_counted(finding)}", fix=fix)
    if source.unmapped:
        most = sorted(source.unmapped.items(), key=lambda item: -item[1].count)
        keys = ", ".join(key for key, _ in most[:_SHOWN_KEYS])
        more = f" and {len(most) - _SHOWN_KEYS} more" if len(most) > _SHOWN_KEYS else ""
        yield Check(
            about="sender",
            state=OK,
            said=f"{name}: {counted(len(most), 'attribute')} that no convention has, kept as sent: {keys}{more}",
        )


def _counted(finding: Finding) -> str:
    worst = f" (by {finding.worst_ms:,.0f} ms at worst)" if finding.worst_ms else ""
    return f"{finding.count:,}{worst}"
