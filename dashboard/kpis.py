"""The row of numbers on top of the overview, each with its change against the period before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import words
from dashboard.view import View
from tracing_core.model import QualityFlag
from tracing_core.query.overview import FlagPoint, LatencyPoint, Totals

_UNCHANGED = 0.005
_MANYFOLD = 9


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """One number of the row.

    Args:
        value: it, in words.
        delta: the relative change; None when there is nothing to compare with.
        good: whether more of it is "normal" (good), "inverse" (bad) or "off" (neither).
        trend: its values over time, for the line beneath.
    """

    label: str
    value: str
    delta: float | None = None
    good: str = "off"
    trend: tuple[float, ...] = ()
    help: str | None = None


def numbers(
    now: Totals, before: Totals | None, latency: Sequence[LatencyPoint], flags: Sequence[FlagPoint]
) -> tuple[Number, ...]:
    """The numbers of the row.

    Args:
        before: the totals of the period before; None when there is none.
        latency, flags: the period's course, for the lines.
    """

    def delta(number: Callable[[Totals], float | None]) -> float | None:
        return words.change(number(now), number(before)) if before and before.count else None

    return (
        Number(
            label="Requests",
            value=words.count(now.count),
            delta=delta(lambda each: each.count),
            trend=tuple(point.count for point in latency),
        ),
        Number(
            label="P95 latency",
            value=words.duration(now.p95_ms),
            delta=delta(lambda each: each.p95_ms),
            good="inverse",
            trend=tuple(point.p95_ms for point in latency if point.p95_ms is not None),
            help=f"P50 {words.duration(now.p50_ms)} · P99 {words.duration(now.p99_ms)} · mean {words.duration(now.mean_ms)}",
        ),
        Number(
            label="Errors",
            value=words.share(_part(now.errors, now.count)),
            delta=delta(lambda each: _part(each.errors, each.count)),
            good="inverse",
            trend=tuple(_part(point.errors, point.count) or 0.0 for point in latency),
            help=f"{words.count(now.errors)} of {words.count(now.count)} requests failed",
        ),
        Number(
            label="Flagged",
            value=words.share(_part(now.flagged, now.count)),
            delta=delta(lambda each: _part(each.flagged, each.count)),
            good="inverse",
            trend=tuple(_flagged(point) for point in flags),
            help=f"{words.count(now.flagged)} answers are rated badly, empty or unsure",
        ),
        Number(
            label="Cost",
            value=words.money(now.cost_usd),
            delta=delta(lambda each: None if each.cost_usd is None else float(each.cost_usd)),
            help=_unpriced(now),
        ),
        Number(
            label="Rating",
            value=words.rating(now.rating_mean),
            delta=delta(lambda each: each.rating_mean),
            good="normal",
            help=f"{words.count(now.rating_count)} ratings · {words.share(now.feedback_rate)} of answers rated",
        ),
    )


def row(shown: Sequence[Number], view: View) -> None:
    """Draw the numbers."""
    with st.grid(6, min_column_width=150, gap="small"):
        for number in shown:
            st.metric(
                number.label,
                number.value,
                _delta(number.delta),
                delta_color=number.good,  # type: ignore[arg-type]  # one of the three words above
                help=number.help,
                border=True,
                height="stretch",
                chart_data=list(number.trend) if len(number.trend) > 1 else None,
                delta_description=f"vs. {_before(view)}" if number.delta is not None else None,
            )


def _before(view: View) -> str:
    return "period before" if view.range == "custom" else "before"


def _delta(change: float | None) -> str | int | None:
    if change is None:
        return None
    if abs(change) < _UNCHANGED:
        return 0
    return f"{change * 100:+.0f} %" if change < _MANYFOLD else f"×{change + 1:,.0f}"


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _flagged(point: FlagPoint) -> float:
    whole = sum(point.counts.values())
    return 1 - point.counts.get(QualityFlag.NORMAL, 0) / whole if whole else 0.0


def _unpriced(totals: Totals) -> str | None:
    if not totals.unpriced_count:
        return None
    return f"{words.count(totals.unpriced_count)} requests used a model whose price is unknown, and are not in this sum"
