"""Keep what the components of an application declare where other processes can read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from tracing_core.component_schema import ComponentSchema
from tracing_core.jsontext import dump_for_postgres
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import components


def put_components(db: Database, project: str, schemas: Sequence[ComponentSchema], moment: datetime) -> None:
    """Write what components declare, each in the place of what it declared before.

    Args:
        db: where to.
        project: in which they record.
        schemas: one or more.
        moment: when this was so.

    Raises:
        StorageError: nothing was written.
    """
    rows = [
        {
            "project": project,
            "component": schema.component,
            "document": json.loads(dump_for_postgres(schema.as_document())),
            "declared_at": moment,
        }
        for schema in schemas
    ]
    statement = insert(components).values(rows)
    changed = {name: statement.excluded[name] for name in ("document", "declared_at")}
    with db.write() as connection:
        connection.execute(statement.on_conflict_do_update(constraint=components.primary_key, set_=changed))
