"""What the month and the year will cost, and when budgets will be spent, from the rollups of the days so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from tracing_core.budget import Budget, month_of
from tracing_core.cost_forecast import FEWEST_FOR_A_YEAR, LONGEST, Band, forecast
from tracing_core.query import metrics
from tracing_core.query.budgets import budgets
from tracing_core.query.filters import TraceFilter
from tracing_core.query.measures import NOTHING, measures
from tracing_core.rollups import bucket_start
from tracing_core.storage.database import Database

_DAY = timedelta(days=1)
_DAYS_OF_A_MONTH, _DAYS_OF_A_YEAR = 30, 365


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthPoint:
    """What will have been spent in the month at the end of a day, in dollars."""

    day: date
    band: Band


@dataclass(frozen=True, kw_only=True, slots=True)
class CostProjection:
    """What is spent, and what will be.

    Args:
        spent_by: what had been spent in the month at the end of each day so far, today included, in dollars.
        ahead: the same of today's end and of the days to come; empty when there are too few days to foretell any.
        next_month, next_year: what the next 30 and 365 whole days cost; None when there are too few days.
        seen: how many whole days it is from, of the 7 that it takes, or the 28 for a year.
        requests: traces of the month.
        unpriced: those of them without a known price, which are in none of this.
    """

    month: date
    spent_by: tuple[tuple[date, Decimal], ...]
    ahead: tuple[MonthPoint, ...]
    next_month: Band | None
    next_year: Band | None
    seen: int
    requests: int
    unpriced: int

    @property
    def spent(self) -> Decimal | None:
        """In the month so far; None when no request of it has a known price."""
        return metrics.known_cost(self.spent_by[-1][1], self.unpriced, self.requests) if self.requests else Decimal(0)

    @property
    def at_the_end(self) -> Band | None:
        """What the month will have cost at its end; None when that cannot be told."""
        return self.ahead[-1].band if self.ahead else None


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetStanding:
    """How a budget stands.

    Args:
        used: the share of it that is spent; None when no cost of the month is known.
        exceeded_on: the day on which it will be, if things go as expected, or the day on which it was; None if not this month.
        earliest: the same if they go as badly as the interval lets them.
    """

    budget: Budget
    projection: CostProjection
    used: float | None
    exceeded_on: date | None
    earliest: date | None


def cost_projection(db: Database, project: str | None, now: datetime) -> CostProjection:
    """What a project costs, and will cost; None for all of them.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        return _projection(connection, project, now)


def budget_standings(db: Database, now: datetime) -> tuple[BudgetStanding, ...]:
    """How all budgets stand, the one for everything first.

    Raises:
        StorageError: the database did not answer.
    """
    found = budgets(db)
    with db.read() as connection:
        return tuple(_standing(each, _projection(connection, each.project or None, now)) for each in found)


def _standing(budget: Budget, projection: CostProjection) -> BudgetStanding:
    limit, spent = float(budget.monthly_usd), projection.spent
    was = next((day for day, so_far in projection.spent_by if so_far > budget.monthly_usd), None)
    will = next((point.day for point in projection.ahead if point.band.expected > limit), None)
    may = next((point.day for point in projection.ahead if point.band.high > limit), None)
    return BudgetStanding(
        budget=budget, projection=projection, used=None if spent is None else metrics.share(float(spent), limit),
        exceeded_on=was or will, earliest=was or may,
    )  # fmt: skip


def _projection(connection: Connection, project: str | None, now: datetime) -> CostProjection:
    today, (month, following) = bucket_start(now.astimezone(UTC), "day"), month_of(now)
    since = min(today - LONGEST * _DAY, month)
    chosen = TraceFilter(start=since, end=today + _DAY, project=project or None)
    found = measures(connection, chosen, "bucket", "day", histograms=False)
    days = [since + number * _DAY for number in range((today - since) // _DAY + 1)]
    costs = [found.get(day, NOTHING).cost_usd for day in days]
    first = next((at for at, day in enumerate(days) if day in found), len(days) - 1)
    seen = [float(cost) for cost in costs[first:-1]]
    rest = (following - today) // _DAY
    of_month = [found[day] for day in days if day in found and day >= month]
    requests, unpriced = sum(each.count for each in of_month), sum(each.unpriced_count for each in of_month)
    nothing_known = any(each.unpriced_count for each in found.values()) and not any(seen)
    told = (
        None
        if nothing_known
        else forecast(seen, days[first].date(), {*range(1, rest + 1), _DAYS_OF_A_MONTH, _DAYS_OF_A_YEAR})
    )
    spent_by = _added_up([(day, cost) for day, cost in zip(days, costs, strict=True) if day >= month])
    before_today = float(spent_by[-1][1] - costs[-1])
    ahead = () if told is None else tuple(
        MonthPoint(
            day=(today + (number - 1) * _DAY).date(),
            band=_at_least(told.over(number), before_today, float(spent_by[-1][1])),
        )
        for number in range(1, rest + 1)
    )  # fmt: skip
    return CostProjection(
        month=month.date(),
        spent_by=spent_by,
        ahead=ahead,
        next_month=None if told is None else told.over(_DAYS_OF_A_MONTH),
        next_year=told.over(_DAYS_OF_A_YEAR) if told is not None and len(seen) >= FEWEST_FOR_A_YEAR else None,
        seen=len(seen),
        requests=requests,
        unpriced=unpriced,
    )


def _added_up(costs: Sequence[tuple[datetime, Decimal]]) -> tuple[tuple[date, Decimal], ...]:
    whole, found = Decimal(0), []
    for day, cost in costs:
        whole += cost
        found.append((day.date(), whole))
    return tuple(found)


def _at_least(band: Band, before: float, spent: float) -> Band:
    """What is expected on top of what was spent before, and never less than what is spent already."""
    return Band(
        expected=max(before + band.expected, spent),
        low=max(before + band.low, spent),
        high=max(before + band.high, spent),
    )
