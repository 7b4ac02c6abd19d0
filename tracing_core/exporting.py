"""Send stored traces to another OTLP endpoint: those that a filter lets through, now; or each one after it was stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tracing_core.clock import Clock, require_utc
from tracing_core.errors import InvalidInput, SettingsError
from tracing_core.ledger import Ledger, Outcome
from tracing_core.otlp.export import SOURCE, Count, Exporter, Note, uncounted
from tracing_core.otlp.sending import Endpoint, headers_of
from tracing_core.query.filters import TraceFilter
from tracing_core.query.whole_traces import whole_traces
from tracing_core.settings import Settings
from tracing_core.storage.database import Database
from tracing_core.storage.ledger_write import add_to_ledger

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """How many traces were found, and how many of them the other end took."""

    found: int
    sent: int


def live_exporter(
    settings: Settings,
    note: Note,
    clock: Clock,
    *,
    settle: Callable[[], None] = lambda: None,
    count: Count = uncounted,
) -> Exporter | None:
    """The exporter that the settings ask for, for each trace after it was stored; None when they ask for none.

    Args:
        settings: `export_endpoint` and `export_headers`.
        note: enters fates into the ledger, such as `Delivery.note`.
        clock: for pauses that a receiver asks for.
        settle: sees to it that what was entered is written, such as `TraceWriter.replay`.
        count: for `/metrics`, such as `Tally.exported`.

    Raises:
        SettingsError: the endpoint or the headers cannot be used.
    """
    if settings.export_endpoint is None:
        return None
    try:
        endpoint = Endpoint(settings.export_endpoint, headers_of(settings.export_headers or ""), clock)
    except InvalidInput as error:
        raise SettingsError(f"bad setting: TRACEWHY_EXPORT_{error.field.upper()}: {error.problem}") from error
    return Exporter(endpoint, note, settle=settle, count=count)


def export_traces(db: Database, chosen: TraceFilter, endpoint: Endpoint, clock: Clock) -> Exported:
    """Send the stored traces that the filter lets through, and enter their fates into the ledger.

    Args:
        db: where they are.
        chosen: which.
        endpoint: where they go.
        clock: says the day of the ledger.

    Raises:
        StorageError: the database did not answer; what was sent until then is in the ledger if it can be written.
    """
    ledger = Ledger()

    def note(source: str, outcome: Outcome, reason: str = "", count: int = 1, spans: int = 0) -> None:
        ledger.note(clock.now().date(), source, outcome, reason, count, spans)

    exporter = Exporter(endpoint, note)
    found = sent = 0
    try:
        for traces, gone in whole_traces(db, chosen):
            found += len(traces) + gone
            sent += exporter.send(traces)
            if gone:
                note(SOURCE, Outcome.DROPPED, "content is gone", gone)
    finally:
        exporter.close()
        with db.write() as connection:
            add_to_ledger(connection, ledger)
    return Exported(found=found, sent=sent)


def since(text: str, clock: Clock) -> datetime:
    """The time that a person means: `7d`, `12h` or `30m` ago, or an ISO 8601 time with a zone.

    Raises:
        InvalidInput: it is neither.
    """
    try:
        if text[-1:] in _UNITS:
            return clock.now() - timedelta(**{_UNITS[text[-1]]: float(text[:-1])})
        return require_utc("since", datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise InvalidInput("since", "must be such as 7d, 12h, 30m or 2026-01-31T12:00:00Z") from error
