"""Tells other processes what the components of this one declare: with the first trace that a project stores, and after changes."""

from __future__ import annotations

import logging

from tracing_core.clock import Clock
from tracing_core.component_schema import ComponentSchema
from tracing_core.errors import StorageError
from tracing_core.interface import registered
from tracing_core.model import TraceData
from tracing_core.storage.components_write import put_components
from tracing_core.storage.database import Database

logger = logging.getLogger(__name__)

_PAUSE_NS = 60 * 1_000_000_000
"""Between two tries, when the database does not take it."""


class Declaring:
    """Keeps the registry in the database, by project. Works in the writer's thread.

    Args:
        database: where to.
        clock: for when it was so.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._again_at = 0
        self._told: dict[str, tuple[ComponentSchema, ...]] = {}

    def stored(self, trace: TraceData) -> None:
        """A trace of this process was stored."""
        schemas = registered()
        if not schemas or self._told.get(trace.project) == schemas or self._clock.monotonic_ns() < self._again_at:
            return
        try:
            put_components(self._database, trace.project, schemas, self._clock.now())
        except StorageError as error:
            self._again_at = self._clock.monotonic_ns() + _PAUSE_NS
            logger.error("what components declare could not be kept for the dashboard: %s", error)
        else:
            self._told[trace.project] = schemas
