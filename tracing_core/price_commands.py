"""The commands about money: `prices` lists the models that were called, `reprice` prices history anew."""

from __future__ import annotations

import argparse
from decimal import ROUND_UP, Decimal

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from tracing_core.command_options import add_days, add_project, chosen_range
from tracing_core.cost import CostTracker
from tracing_core.errors import StorageError
from tracing_core.missing_prices import finer, setting, to_do
from tracing_core.price_change import Change, Sums
from tracing_core.query.filters import TraceFilter
from tracing_core.query.models import UnknownModel, model_calls, unknown_models
from tracing_core.repricing import reprice
from tracing_core.settings import read_settings
from tracing_core.storage.repricing import Chosen
from tracing_core.store import open_store


def add_price_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them to a parser."""
    listing = commands.add_parser("prices", help="list the models that were called, and those that have no price")
    again = commands.add_parser("reprice", help="reckon the cost of stored traces anew, at the prices in force")
    for parser in (listing, again):
        add_days(parser)
        add_project(parser, "only traces of this project")
    again.add_argument("--model", help="only traces that called this model")
    again.add_argument("--again", action="store_true", help="also those that were priced by these prices already")
    again.add_argument("--dry-run", action="store_true", help="only say what would change")
    listing.set_defaults(run=_prices)
    again.set_defaults(run=_reprice)


def _prices(options: argparse.Namespace) -> None:
    since, until = chosen_range(options)
    settings = read_settings(TRACEWHY_STATEMENT_TIMEOUT_MS=0)  # no page waits for it
    store, prices = open_store(settings), CostTracker(settings.prices)
    chosen = TraceFilter(start=since, end=until, project=options.project)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"prices of genai-prices and of TRACEWHY_PRICES, version {prices.version}")
    table = _table("Model", "Calls", "Tokens", "$", "Unpriced", "Last called")
    for each in model_calls(store.database, chosen):
        cost = _money(each.cost_usd) if each.calls > each.unpriced_calls else "unknown"
        numbers = (f"{each.calls:,}", f"{each.tokens:,}", cost, f"{each.unpriced_calls:,}")
        table.add_row(escape(each.model), *numbers, f"{each.last_at:%Y-%m-%d}")
    console.print(table)
    unknown = unknown_models(store.database, chosen, prices)
    if not unknown:
        console.print("every model that was called has a price")
        return
    _print_unknown(console, unknown)


def _print_unknown(console: Console, unknown: tuple[UnknownModel, ...]) -> None:
    table = _table("Model without a price", "Traces", "Tokens by class", "First", "Last", "To do")
    for each in unknown:
        tokens = ", ".join(f"{name} {count:,}" for name, count in each.tokens.items()) or "not stored any more"
        if each.counted < each.traces and each.tokens:
            tokens += f" (in the newest {each.counted:,} traces)"
        days = (f"{each.first_at:%Y-%m-%d}", f"{each.last_at:%Y-%m-%d}")
        table.add_row(escape(each.model), f"{each.traces:,}", tokens, *days, to_do(each))
    console.print(table)
    if (wanted := setting(unknown)) is not None:
        console.print("in dollars per million tokens, the numbers instead of the dots:")
        console.print(wanted, markup=False)
        if more := finer(unknown):
            console.print(f"and where it is another: {', '.join(more)}")
        console.print("then: python -m tracing_core reprice --dry-run")


def _reprice(options: argparse.Namespace) -> None:
    since, until = chosen_range(options)
    settings = read_settings()
    store, prices = open_store(settings), CostTracker(settings.prices)
    console = Console(soft_wrap=True, highlight=False)
    chosen = Chosen(since=since, until=until, project=options.project, model=options.model)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("traces", total=None)
            change = reprice(
                store.database, prices, chosen, again=options.again, dry_run=options.dry_run,
                on_progress=lambda done, whole: progress.update(task, completed=done, total=whole),
            )  # fmt: skip
    except StorageError as error:
        raise StorageError(f"{error}; run the command again to go on from there") from error
    finally:
        store.close()
    _print_change(console, change, prices, dry_run=options.dry_run)


def _print_change(console: Console, change: Change, prices: CostTracker, *, dry_run: bool) -> None:
    verb = "would get" if dry_run else "got"
    console.print(
        f"{change.seen:,} traces read, {change.changed:,} {verb} another cost; prices of version {prices.version}"
    )
    if change.without_contents:
        console.print(
            f"{change.without_contents:,} traces stay as they are: what their spans held is not stored any more"
        )
    if not change.seen:
        return
    table = _table("Model", "Calls", "$ before", "$ now", "Difference", "Unpriced")
    for model, sums in sorted(
        change.models.items(), key=lambda each: (-abs(each[1].new_usd - each[1].old_usd), each[0])
    ):
        table.add_row(escape(model), *_cells(sums))
    table.add_section()
    table.add_row("whole traces", *_cells(change.traces))
    console.print(table)
    console.print(
        "a trace that called a model without a price has no cost as a whole; sampled traces count for those left out"
    )


def _cells(sums: Sums) -> tuple[str, ...]:
    difference = sums.new_usd - sums.old_usd
    sign = "+" if difference > 0 else ""
    old = "unknown" if sums.old_unpriced == sums.count else _money(sums.old_usd)
    new = "unknown" if sums.new_unpriced == sums.count else _money(sums.new_usd)
    money = (old, new, f"{sign}{_money(difference)}")
    before, now = f"{round(sums.old_unpriced):,}", f"{round(sums.new_unpriced):,}"
    return (f"{round(sums.count):,}", *money, now if before == now else f"{before} → {now}")


def _money(dollars: Decimal) -> str:
    """With six digits below a dollar, and four from there on; away from zero, so that no cost reads as nothing."""
    digits = Decimal("0.000001") if abs(dollars) < 1 else Decimal("0.0001")
    return f"{dollars.quantize(digits, ROUND_UP):,}"


def _table(*titles: str) -> Table:
    """A table in which nothing is cut, however narrow the terminal is: a name or a number is of use only when it is whole."""
    return Table(*(Column(title, overflow="fold") for title in titles))
