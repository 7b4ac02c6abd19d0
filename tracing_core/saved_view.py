"""What a page showed, kept under a name: the filters of its URL, to come back to and to ask about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tracing_core.clock import require_utc
from tracing_core.errors import InvalidInput
from tracing_core.jsontext import storable

LONGEST_NAME = 80
MOST_PARAMS = 60
LONGEST_PARAM = 2000
"""Characters of a parameter's name or value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedView:
    """A view under its name, which no other one has.

    Args:
        view_id: its id.
        name: up to 80 characters; spaces around it are taken away.
        params: the parameters of the URL, texts by name; a time range that reaches to the present stays one.
        created_at: when it was saved; aware.
        created_by: by whom.

    Raises:
        InvalidInput: the name, a parameter or the time cannot be used.
    """

    view_id: str
    name: str
    params: Mapping[str, str]
    created_at: datetime
    created_by: str

    def __post_init__(self) -> None:
        name = " ".join(self.name.split())
        if not name:
            raise InvalidInput("name", "is empty; give the view a name")
        if len(name) > LONGEST_NAME:
            raise InvalidInput("name", f"has {len(name)} characters; at most {LONGEST_NAME} are kept")
        if storable(name) != name:
            raise InvalidInput(
                "name", "holds a character that no text in the database can hold (NUL or half a character)"
            )
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "params", _checked(self.params))
        object.__setattr__(self, "created_at", require_utc("created_at", self.created_at))


def _checked(params: Mapping[Any, Any]) -> dict[str, str]:
    if len(params) > MOST_PARAMS:
        raise InvalidInput("params", f"are {len(params)}; at most {MOST_PARAMS} are kept")
    if any(type(each) is not str for each in (*params, *params.values())):
        raise InvalidInput("params", "must be texts by name, as they stand in a URL")
    for name, value in params.items():
        if max(len(name), len(value)) > LONGEST_PARAM or storable(name + value) != name + value:
            raise InvalidInput("params", f"{name[:40]!r} is too long, or holds what no text in the database can hold")
    return dict(params)
