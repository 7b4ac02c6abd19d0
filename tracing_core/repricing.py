"""Price stored traces anew: after prices changed, or when a model that had none got one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tracing_core.cost import CostTracker
from tracing_core.price_change import Change
from tracing_core.storage.database import Database
from tracing_core.storage.repricing import Chosen, count_chosen, reprice_some


def reprice(
    database: Database,
    prices: CostTracker,
    chosen: Chosen,
    *,
    again: bool = False,
    dry_run: bool = False,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Change:
    """Make the computed costs of stored traces what these prices say; a cost that the sender gave stays the cost.

    What is of this price book already is passed over, so it can be stopped and begun again at any time.

    Args:
        database: where the traces are.
        prices: those in force.
        chosen: which traces.
        again: also those whose cost is of this price book already.
        dry_run: only say what would change.
        on_progress: is told how many traces are done, and of how many.

    Raises:
        StorageError: the database did not do it; what was done before stays done.
    """
    chosen = replace(chosen, not_of=None if again else prices.version)
    whole, all_of_them, place = Change(), count_chosen(database, chosen), None
    while True:
        change, place = reprice_some(database, chosen, prices, place, dry_run=dry_run)
        if place is None:
            return whole
        whole.add(change)
        on_progress(whole.seen, max(all_of_them, whole.seen))
