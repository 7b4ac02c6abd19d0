"""The whole trace, from its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tracing_core.errors import InvalidInput
from tracing_core.files import TraceFiles
from tracing_core.jsontext import storable
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces


def full_trace(db: Database, trace_id: str, projects_dir: Path) -> dict[str, Any] | None:
    """The document of a trace, of whatever `schema_version` it says it is.

    The file is looked for where files of this trace belong, so that a data directory can be moved, and a path in a row
    leads nowhere else.

    Args:
        db: knows the project of the trace, and whether a file was written.
        trace_id: which trace.
        projects_dir: holds the files of all projects.

    Returns:
        None when there is no such trace, or its file was not written, is gone, or is no JSON document of this trace.

    Raises:
        StorageError: the database did not answer.
    """
    statement = select(traces.c.project, traces.c.trace_file_path).where(traces.c.trace_id == storable(trace_id))
    with db.read() as connection:
        row = connection.execute(statement).one_or_none()
    if row is None or row.trace_file_path is None:
        return None
    try:
        path = TraceFiles(projects_dir).path(row.project, trace_id).resolve()
        if not path.is_relative_to(projects_dir.resolve()):
            return None
        document = json.loads(path.read_bytes())
    except (InvalidInput, OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("trace_id") == trace_id else None
