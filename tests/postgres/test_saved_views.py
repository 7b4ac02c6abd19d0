"""Views under their names: kept as they are, unique by name, gone when deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.factories import NOON
from tracing_core.errors import InvalidInput
from tracing_core.query.saved_views import saved_view, saved_views
from tracing_core.saved_view import LONGEST_NAME, SavedView
from tracing_core.storage.database import Database
from tracing_core.storage.views_write import delete_view, save_view

MADE: dict[str, Any] = {
    "view_id": "view_1",
    "name": "Slow pandas",
    "params": {"library": "pandas", "min_ms": "2000", "what": '{"a": "ü"}'},
    "created_at": NOON,
    "created_by": "you",
}


def test_a_view_comes_back_as_it_was_kept(database: Database) -> None:
    """Name, parameters, time and author are what was saved; another id finds nothing."""
    view = SavedView(**MADE)
    save_view(database, view)
    assert saved_views(database) == (view,)
    assert saved_view(database, "view_1") == view
    assert saved_view(database, "view_2") is None
    assert saved_view(database, "\x00") is None


def test_views_are_listed_by_name(database: Database) -> None:
    """Without regard to capitals."""
    for at, name in enumerate(("b", "C", "a")):
        save_view(database, SavedView(**MADE | {"view_id": f"view_{at}", "name": name}))
    assert [view.name for view in saved_views(database)] == ["a", "b", "C"]


def test_a_name_is_taken_once(database: Database) -> None:
    """A second view of that name is refused with the way out, and the first stays as it is."""
    first = SavedView(**MADE)
    save_view(database, first)
    with pytest.raises(InvalidInput, match=r"Slow pandas.*choose another name, or delete that view"):
        save_view(database, replace(first, view_id="view_2", name="  Slow   pandas ", params={}))
    assert saved_views(database) == (first,)


def test_a_deleted_view_is_gone(database: Database) -> None:
    """Deleting says whether there was one, and frees the name."""
    view = SavedView(**MADE)
    save_view(database, view)
    assert delete_view(database, "view_1")
    assert not delete_view(database, "view_1")
    save_view(database, replace(view, view_id="view_2"))
    assert [each.view_id for each in saved_views(database)] == ["view_2"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " \n "}, "name"),
        ({"name": "x" * (LONGEST_NAME + 1)}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"params": {"text": "\ud800"}}, "params"),
        ({"params": {"text": 5}}, "params"),
        ({"params": {"text": "x" * 3000}}, "params"),
        ({"params": {str(n): "" for n in range(100)}}, "params"),
        ({"created_at": NOON.replace(tzinfo=None)}, "created_at"),
    ],
)
def test_what_cannot_be_kept_is_named(wrong: dict[str, Any], field: str) -> None:
    """A name or parameter that does not fit is refused before the database sees it."""
    with pytest.raises(InvalidInput) as caught:
        SavedView(**MADE | wrong)
    assert caught.value.field == field
