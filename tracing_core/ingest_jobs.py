"""What passes between an `IngestPool` and its processes."""

from __future__ import annotations

from dataclasses import dataclass

from tracing_core.errors import TracewhyError
from tracing_core.ingest import Accepted, Read
from tracing_core.tally import Note


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A request, as the other process gets it."""

    number: int
    read: Read
    size: int
    project: str | None


NOBODY = 0
"""The number of an answer to no job, which only brings counts; jobs count from 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What became of a request, and what was counted since the answer before."""

    number: int
    outcome: Accepted | TracewhyError
    notes: tuple[Note, ...]
