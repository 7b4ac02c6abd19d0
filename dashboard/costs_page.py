"""The parts of the costs page: the numbers, where the money went, the dearest traces, and what has no price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import streamlit as st

from dashboard import costs_charts, costs_data, data, filters, kpis, layout, navigation, panels, words
from dashboard.clickable import chart
from dashboard.costs_words import plain, sampled, without_price
from dashboard.decisions_panels import PLAIN, panel
from dashboard.fitting_table import fitting_table
from dashboard.trace_list import trace_list
from dashboard.view import View
from tracing_core.cost_forecast import Band
from tracing_core.missing_prices import finer, setting, to_do
from tracing_core.query.cost_projection import CostProjection
from tracing_core.query.costs import CostBy, GoodAnswers, Spending, SpendLine
from tracing_core.query.filters import TraceFilter
from tracing_core.query.overview import Totals
from tracing_core.query.token_classes import TokenClasses

_BY: dict[CostBy, str] = {
    "model": "Model", "project": "Project", "user": "User", "operation": "Operation", "library": "Library",
}  # fmt: skip
_SPLIT = "by"
"""Of the address."""
_ALL_OF_TABLE = 200
_COLUMNS = ("time", "question", "tokens", "cost", "flag", "rating")
"""Without the latency, beside which there is no room for the cost on a narrow page."""


def numbers(view: View, totals: Totals, before: Totals | None) -> None:
    """Spend with its change, where the month leads, what a request and a good answer cost, caches, and what has no price."""
    chosen = view.trace_filter(filters.present())
    month = costs_data.projection(view.project, costs_data.minute())
    good, classes = costs_data.good_answers(chosen), costs_data.classes(chosen)
    priced = totals.count - totals.unpriced_count
    each = None if totals.cost_usd is None else totals.cost_usd / priced
    each_before = None
    if before is not None and before.cost_usd is not None:
        each_before = float(before.cost_usd) / (before.count - before.unpriced_count)
    kpis.row(
        (
            kpis.Number(
                label="Spent", value=words.money(totals.cost_usd), good="inverse", help=_unpriced(totals),
                delta=_change(totals.cost_usd, None if before is None else before.cost_usd),
            ),
            kpis.Number(label="Month, expected", value=_end(month), help=_about_month(month)),
            kpis.Number(
                label="A request", value=words.money(each), good="inverse",
                delta=words.change(None if each is None else float(each), each_before),
                help=f"Mean of {words.count(priced)} requests whose price is known",
            ),
            kpis.Number(label="A good answer", value=words.money(good.each_usd), help=_about_good(good)),
            kpis.Number(label="Cached tokens", value=words.share(classes.cached_share), help=_about_caches(classes)),
            kpis.Number(
                label="Without a price", value=words.count(totals.unpriced_count),
                help="Requests that used a model whose price is not known; they are in no sum of this page",
            ),
        ),
        view,
    )  # fmt: skip


def where(view: View) -> str | None:
    """Spend over time and as a table, by what is chosen; returns the operation that is picked in the table."""
    chosen = view.trace_filter(filters.present())
    by = _split()
    found = costs_data.spending(chosen, by)
    left, right = layout.narrow_then_wide()
    with left, panel("Spend over time", "A bar leads to its traces"):
        if not found.over_time:
            st.caption("Nothing that is known to have cost money.")
        else:
            picked = chart(costs_charts.over_time(found), f"costs.time.{by}", f"Spend over time by {by}")
            keys = {entry[0] for entry in picked} - {costs_charts.OTHERS}
            changes = _filter(found.by, keys.pop()) if len(keys) == 1 else {}
            panels.open_times([entry[1] for entry in picked], found.buckets, **changes)
        if found.sample is not None:
            st.caption(sampled(found.sample))
    with right, panel(f"By {by}", "A row leads to its traces"):
        at = fitting_table(
            [_row(line, found) for line in found.lines[:_ALL_OF_TABLE]], f"costs.table.{by}", alt=f"Spend by {by}",
            numbers=("Spent", "Share", "Requests", "Calls", "Tokens", "Each"), click="picks" if by == "operation" else "opens",
        )  # fmt: skip
    if at is not None and by != "operation":
        navigation.open_page("traces", replace(view, **_filter(by, found.lines[at].key)).params())
    return None if at is None else found.lines[at].key


def _split() -> CostBy:
    """By what spend is split, as the address says it."""
    said: CostBy = next((by for by in _BY if by == st.query_params.get(_SPLIT)), "model")
    st.session_state["costs.by"] = said
    chosen = st.segmented_control(
        "Split by", list(_BY), format_func=_BY.__getitem__, key="costs.by", required=True, on_change=_set_split
    )
    return chosen or said


def _set_split() -> None:
    st.query_params[_SPLIT] = st.session_state["costs.by"]


def dearest(view: View, operation: str | None) -> None:
    """The traces that cost the most; with an operation those that called it."""
    found = costs_data.dearest(view.trace_filter(filters.present()), operation)
    called = "" if operation is None else f" that called {words.label(operation)}"
    st.subheader(f"Most expensive traces{called}", anchor=False)
    if not found.whole:
        st.caption(f"Of the newest {words.count(found.among)} traces of this time.")
    if found.rows:
        trace_list(found.rows, key="costs.dearest", now=filters.now(), columns=_COLUMNS)
    else:
        st.caption("No trace of this time is known to have cost money.")


def unpriced(chosen: TraceFilter, totals: Totals) -> None:
    """Models without a price, what they need, and traces that called them; nothing where all is known."""
    if not totals.unpriced_count:
        return
    models = costs_data.unknown_models(chosen)
    st.subheader("Without a price", anchor=False)
    st.caption("What these models cost is not known, and so in no sum of this page: it is not zero.")
    rows = [
        {
            "Model": each.model,
            "Traces": words.count(each.traces),
            "Tokens by class": ", ".join(f"{name} {words.count(n)}" for name, n in each.tokens.items()) or words.ABSENT,
            "Last": words.ago(each.last_at, filters.now()),
            "To do": to_do(each),
        }
        for each in models
    ]
    fitting_table(rows, "costs.models", alt="Models without a price", wide="Tokens by class", numbers=("Traces",))
    if (wanted := setting(models)) is not None:
        more = finer(models)
        besides = f" Where it is another, also {', '.join(more)}." if more else ""
        st.caption(f"Dollars per million tokens instead of the dots, then `python -m tracing_core reprice`.{besides}")
        st.code(wanted, language="bash", wrap_lines=True)
    trace_list(costs_data.unpriced(chosen), key="costs.unpriced", now=filters.now(), columns=_COLUMNS)


def month(view: View, budget: Decimal | None) -> None:
    """What this month costs, day by day, and where it leads."""
    found = costs_data.projection(view.project, costs_data.minute())
    whose = words.label(view.project) if view.project else "all projects"
    with panel(
        f"{found.month:%B}, {whose}", "Spent by the end of each day, and what is expected with its interval of 95 %"
    ):
        st.plotly_chart(
            costs_charts.month(found, budget),
            key="costs.month",
            config=PLAIN,
            alt="Spend of the month, and where it leads",
        )
        st.caption(_about_month(found))


def totals_before(view: View) -> Totals | None:
    """The numbers of the period before; None when there is none, or nothing in it."""
    before = view.period_before(filters.present())
    found = None if before is None else data.totals(before)
    return found if found is not None and found.count else None


def _row(line: SpendLine, found: Spending) -> dict[str, str]:
    calls = "Calls" if found.by == "operation" else "Requests"
    return {
        _BY[found.by]: costs_charts.name_of(line.key, found.by),
        "Spent": words.money(line.cost_usd),
        "Share": words.share(line.share if line.cost_usd is not None else None),
        calls: words.count(line.requests),
        "Tokens": words.count(line.tokens),
        "Each": words.money(line.each_usd),
    }


def _filter(by: CostBy, key: str) -> dict[str, Any]:
    """What narrows traces to a key; nothing where no filter does."""
    return {} if by == "operation" or (not key and by in ("user", "project")) else {by: key}


def _change(now: Decimal | None, before: Decimal | None) -> float | None:
    return words.change(None if now is None else float(now), None if before is None else float(before))


def _end(month: CostProjection) -> str:
    end = month.at_the_end
    return words.ABSENT if end is None else words.money(_exact(end.expected))


def _about_month(month: CostProjection) -> str:
    said = " ".join([*_course(month), *_not_in_it(month)])
    return plain(said)


def _course(month: CostProjection) -> Iterator[str]:
    if month.spent is None:
        yield "What this month costs is not known."
        return
    end, year, so_far = month.at_the_end, month.next_year, f"{words.money(month.spent)} so far"
    if end is None or month.next_month is None:
        yield f"{so_far}. Too few days to foretell the month: it takes 7 whole ones, and there are {month.seen}."
        return
    yield f"{so_far}; {_band(end)} by the end of the month, judging by {month.seen} whole days."
    ahead = f"The next 30 days: {_band(month.next_month)}"
    yield (
        f"{ahead}. A year is foretold once there are 28 days."
        if year is None
        else f"{ahead}; the next 365: {_band(year)}."
    )


def _not_in_it(month: CostProjection) -> Iterator[str]:
    if month.unpriced:
        yield f"{without_price(month.unpriced, month.requests)}."


def _band(band: Band) -> str:
    return f"{words.money(_exact(band.low))} to {words.money(_exact(band.high))}"


def _exact(dollars: float) -> Decimal:
    return Decimal(f"{dollars:.10f}")


def _about_good(good: GoodAnswers) -> str:
    if not good.rated:
        return "Nobody rated an answer of this time"
    return f"What rated answers cost, by each that was rated 4 or 5: {words.count(good.good)} of {words.count(good.rated)} are"


def _about_caches(classes: TokenClasses) -> str:
    if classes.saved_usd is None:
        return "No call read from a cache or wrote to one"
    verb = "saved" if classes.saved_usd >= 0 else "cost, with what was written to caches, more by"
    said = f"Of the tokens that went in; caches {verb} {plain(words.money(abs(classes.saved_usd)))}"
    return said if classes.sample.whole else f"{said}, estimated. {sampled(classes.sample)}"


def _unpriced(totals: Totals) -> str | None:
    if not totals.unpriced_count:
        return None
    return f"{without_price(totals.unpriced_count)} sum"
