"""The components that applications declared: what each can decide, as its registry said when it last stored a trace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from tracing_core.component_schema import ComponentSchema, read_schema
from tracing_core.jsontext import storable
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import components


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownComponent:
    """A component of a project. `declared_at` is when a process that has it last began to store traces."""

    project: str
    schema: ComponentSchema
    declared_at: datetime


def known_components(db: Database, project: str | None = None) -> tuple[KnownComponent, ...]:
    """The components of a project, or of all, by project and name.

    Raises:
        StorageError: the database did not answer.
    """
    statement = select(components).order_by(components.c.project, components.c.component)
    if project is not None:
        statement = statement.where(components.c.project == storable(project))
    with db.read() as connection:
        rows = connection.execute(statement).all()
    return tuple(
        KnownComponent(
            project=row.project, schema=read_schema(row.component, row.document), declared_at=row.declared_at
        )
        for row in rows
    )
