"""What a project may spend in a month of the calendar, in UTC. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from tracing_core.errors import InvalidInput
from tracing_core.ids import safe_project
from tracing_core.rates import exact

EVERYTHING = ""
"""The project of a budget that is for all of them together."""
LARGEST_USD = Decimal(1_000_000_000)
SMALLEST_USD = Decimal("0.0001")


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What a project may spend in a month: dollars, set by whom and when. `project` is `EVERYTHING` for all together."""

    project: str
    monthly_usd: Decimal
    updated_at: datetime
    updated_by: str


def checked_project(name: str) -> str:
    """The project that a budget is for; `EVERYTHING` stays.

    Raises:
        InvalidInput: no project can have this name.
    """
    if not name.strip():
        return EVERYTHING
    safe = safe_project(name.strip())
    if safe != name.strip():
        raise InvalidInput("project", f"cannot be called so; did you mean {safe}?")
    return safe


def checked_usd(given: object) -> Decimal:
    """The amount of a budget.

    Args:
        given: dollars, as a number or in writing, such as `250`, `$1,200.50` or `0.5`.

    Raises:
        InvalidInput: it is no amount that a month can have.
    """
    said = str(given).strip().removeprefix("$").replace(",", "").strip()
    try:
        amount = Decimal(said)
    except InvalidOperation as error:
        raise InvalidInput("monthly_usd", "must be dollars, such as 250 or 0.50") from error
    if not amount.is_finite() or not SMALLEST_USD <= amount <= LARGEST_USD:
        raise InvalidInput("monthly_usd", f"must be from ${SMALLEST_USD} to ${LARGEST_USD:,}; remove it for no budget")
    return exact(amount)


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """When the month of `moment` begins, and when the next one does, in UTC."""
    start = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, (start + timedelta(days=32)).replace(day=1)
