"""A group of runs that is compared with another, and what was read of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tracing_core.confidence import Numbers
from tracing_core.errors import InvalidInput

OTHERS = "*"
"""Stands for all that do not have the value of the other group."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cohort:
    """A group of runs.

    Args:
        by: what it is told by: `model`, `release` or another column, `attribute:NAME`, `decision:NAME` (what was chosen),
            or `time`.
        value: what those of the group have there; of `time`, two moments with a zone, such as
            `2026-11-20T00:00:00Z/2026-11-21T00:00:00Z`, the second of which is no longer in it.
        others: whether the group is rather all those that do not have the value.

    Raises:
        InvalidInput: a value of `time` cannot be read.
    """

    by: str
    value: str
    others: bool = False

    def __post_init__(self) -> None:
        if self.by == "time":
            if self.others:
                raise InvalidInput("by", "time needs two ranges; the others of a range are no group")
            self.range_of(None, None)

    @property
    def name(self) -> str:
        """What it is called."""
        return f"not {self.value}" if self.others else self.value

    def range_of(self, start: datetime | None, end: datetime | None) -> tuple[datetime | None, datetime | None]:
        """Start and end of the group: those given, but for a group that is told by its time."""
        if self.by != "time":
            return start, end
        first, _, last = self.value.partition("/")
        low, high = _moment(first), _moment(last)
        if low >= high:
            raise InvalidInput("value", f"ends before it starts: {self.value}")
        return low, high


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CohortSample:
    """What was read of some runs of a group; one place for each.

    Args:
        weights: how many runs each stands for.
        numbers: by the name of the column, NaN where a run does not say; what is so or not is 1 or 0.
        stages: milliseconds by stage.
        labels: texts by the name of the column, empty where a run does not say.
        whole: whether all runs of the group were read.
    """

    trace_ids: tuple[str, ...]
    weights: Numbers
    numbers: Mapping[str, Numbers]
    stages: tuple[Mapping[str, float], ...]
    labels: Mapping[str, tuple[str, ...]]
    whole: bool

    def __len__(self) -> int:
        return len(self.trace_ids)

    @property
    def stands_for(self) -> int:
        """How many runs there are in the group, about."""
        return round(float(np.sum(self.weights)))

    def known(self, name: str) -> tuple[Numbers, Numbers]:
        """The numbers of those that say one, and their weights."""
        found = self.numbers[name]
        there = np.isfinite(found)
        return found[there], self.weights[there]

    def stage(self, name: str) -> tuple[Numbers, Numbers]:
        """The milliseconds of a stage, of those that have it, and their weights."""
        found = np.array([each.get(name, np.nan) for each in self.stages], dtype=np.float64)
        there = np.isfinite(found)
        return found[there], self.weights[there]


def _moment(said: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(said))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput("value", "of time must be two moments with a zone, with a / between them")
    return moment.astimezone(UTC)
