"""Keep what a page shows under a name, and forget it: the door through which the dashboard does."""

from __future__ import annotations

from collections.abc import Mapping

from tracing_core.clock import Clock
from tracing_core.ids import IdSource
from tracing_core.saved_view import SavedView
from tracing_core.storage.database import Database
from tracing_core.storage.views_write import delete_view, save_view


def keep_view(db: Database, name: str, params: Mapping[str, str], *, by: str, clock: Clock, ids: IdSource) -> SavedView:
    """Keep a view, and say what it is kept as.

    Args:
        db: where to.
        name: what it is called; no other view is.
        params: the parameters of its URL.
        by: who keeps it.
        clock, ids: say when, and draw its id.

    Raises:
        InvalidInput: the name is taken, or something does not fit; nothing was kept.
        StorageError: nothing was kept.
    """
    view = SavedView(view_id=f"view_{ids.span_id()}", name=name, params=params, created_at=clock.now(), created_by=by)
    save_view(db, view)
    return view


def forget_view(db: Database, view_id: str) -> bool:
    """Forget a view; whether there was one.

    Raises:
        StorageError: it was not forgotten.
    """
    return delete_view(db, view_id)
