"""Remove a project: its rows and its files."""

from __future__ import annotations

from tracing_core.files import files_of
from tracing_core.ids import check_project
from tracing_core.storage.remove import remove_rows
from tracing_core.store import Store


def remove_project(store: Store, project: str) -> int:
    """Remove what was recorded of `project`, for good.

    Returns:
        How many traces the database held.

    Raises:
        InvalidInput: `project` cannot be the name of one.
        StorageError: the database did not do it; nothing was removed.
        OSError: the rows are gone, and some files could not be removed.
    """
    removed = remove_rows(store.database, check_project(project))
    files_of(store.settings).remove_project(project)
    return removed
