"""The cost of a stored trace, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from tracing_core.cost import CostTracker
from tracing_core.cost_audit import CostAudit, audit
from tracing_core.jsontext import storable
from tracing_core.model import SpanData
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import spans_in, stored_parts
from tracing_core.storage.tables import traces


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredCost:
    """What the row of a trace says it cost, and what the prices in force make of it.

    Args:
        cost_usd, given_usd, computed_usd: as stored.
        price_version: of the book that `computed_usd` is from; None when it is not known.
        now: by the prices in force; None when what the spans held is not stored any more.
    """

    cost_usd: Decimal | None
    given_usd: Decimal | None
    computed_usd: Decimal | None
    price_version: str | None
    now: CostAudit | None

    @property
    def agrees(self) -> bool:
        """Whether the lines add up to what is stored; where not, prices changed since, and `reprice` brings them together."""
        return self.now is not None and self.now.computed_usd == self.computed_usd

    def as_document(self) -> dict[str, Any]:
        """For those who read it as JSON."""
        names = ("cost_usd", "given_usd", "computed_usd", "price_version", "agrees")
        now = None if self.now is None else self.now.as_document()
        return {**{name: getattr(self, name) for name in names}, "now": now}


def _began(span: SpanData) -> tuple[datetime, str]:
    return span.started_at, span.span_id


def cost_audit(db: Database, trace_id: str, prices: CostTracker) -> StoredCost | None:
    """The cost of one trace; None when there is no such trace.

    Raises:
        StorageError: the database did not answer.
    """
    t = traces.c
    columns = (t.trace_id, t.started_at, t.cost_usd, t.cost_given_usd, t.cost_computed_usd, t.price_version)
    with db.read() as connection:
        row = connection.execute(select(*columns).where(t.trace_id == storable(trace_id))).one_or_none()
        if row is None:
            return None
        parts = stored_parts(connection, [(row.trace_id, row.started_at)]).get(row.trace_id)
    return StoredCost(
        cost_usd=row.cost_usd,
        given_usd=row.cost_given_usd,
        computed_usd=row.cost_computed_usd,
        price_version=row.price_version,
        now=None if parts is None else audit(sorted(spans_in(parts), key=_began), prices),
    )
