"""What became of a trace that was given to the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """One trace, or pieces of one.

    Args:
        outcome: `new`; a `piece` of one that was there; `again`, with nothing new in it; `sampled_out`.
        removed: the row of the trace, when pieces of it were stored until it was sampled out.
        new_spans: how many of its spans were not there before.
        file_path: its file; None where it has none.
        file_error: why, when that is not as it should be.
    """

    outcome: Literal["new", "piece", "again", "sampled_out"]
    removed: Mapping[str, Any] | None = None
    new_spans: int = 0
    file_path: str | None = None
    file_error: str | None = None
