"""Whether the cost of what was asked lately is known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tracing_core.doctor_checks import OK, WARN, Check, counted
from tracing_core.errors import StorageError
from tracing_core.query.costs import unpriced_models
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database

PERIOD = timedelta(days=7)
_SHOWN = 5


def of_prices(database: Database, now: datetime) -> Iterator[Check]:
    """Which models were called that have no price, so that their cost is missing in every sum."""
    try:
        found = unpriced_models(database, TraceFilter(start=now - PERIOD))
    except StorageError as error:
        yield Check(about="prices", state=WARN, said=str(error))
        return
    if not found:
        yield Check(about="prices", state=OK, said=f"every model called in the last {PERIOD.days} days has a price")
        return
    named = ", ".join(f"{model} ({counted(count, 'trace')})" for model, count in list(found.items())[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    yield Check(
        about="prices", state=WARN, said=f"{counted(len(found), 'model')} without a price in {PERIOD.days} days: {named}{more}",
        fix="see what each needs: .venv/bin/python -m tracing_core prices",
    )  # fmt: skip
