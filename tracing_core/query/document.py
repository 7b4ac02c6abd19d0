"""The whole trace: from its file, else from what the database holds of it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from tracing_core.document import to_document
from tracing_core.errors import InvalidInput
from tracing_core.files import TraceFiles
from tracing_core.jsontext import dump, storable
from tracing_core.query.whole_traces import whole_trace
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces


def full_trace(db: Database, trace_id: str, files: TraceFiles) -> dict[str, Any] | None:
    """The document of a trace, of whatever `schema_version` it says it is.

    The file is looked for where files of this trace belong, so that a data directory can be moved, and a path in a row
    leads nowhere else. Where there is no file, or none that can be read, the document is made of the contents in the database.

    Args:
        db: knows the project of the trace, and whether a file was written.
        trace_id: which trace.
        files: of all projects.

    Returns:
        None when there is no such trace, or neither its file nor its contents are there.

    Raises:
        StorageError: the database did not answer.
    """
    statement = select(traces.c.project, traces.c.trace_file_path).where(traces.c.trace_id == storable(trace_id))
    with db.read() as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    document = None if row.trace_file_path is None else _in_file(row.project, trace_id, files)
    return document or _in_database(db, trace_id)


def _in_file(project: str, trace_id: str, files: TraceFiles) -> dict[str, Any] | None:
    try:
        document = files.document(project, trace_id)
    except (InvalidInput, OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("trace_id") == trace_id else None


def _in_database(db: Database, trace_id: str) -> dict[str, Any] | None:
    trace = whole_trace(db, trace_id)
    if trace is None:
        return None
    document: dict[str, Any] = json.loads(dump(to_document(trace)))
    return document
