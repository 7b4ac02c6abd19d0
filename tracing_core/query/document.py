"""The whole trace: from its file, else from what the database holds of it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from tracing_core.document import to_document
from tracing_core.document_reader import version_notice
from tracing_core.errors import InvalidInput
from tracing_core.files import TraceFiles
from tracing_core.jsontext import dump, storable
from tracing_core.query.whole_traces import whole_trace
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

logger = logging.getLogger(__name__)

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundDocument:
    """The document of a trace, of whatever `schema_version` it says it is.

    Args:
        document: None when neither file nor database hold the contents of the trace any more.
        damage: why its file, which is there, cannot be read; the document is then the database's.
    """

    document: Document | None
    damage: str | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader should know of it, in sentences."""
        said = []
        if self.damage is not None:
            said.append(f"The file of this trace is damaged ({self.damage}). This is what the database holds of it.")
        if self.document is not None and (about := version_notice(self.document.get("schema_version", 0))):
            said.append(about)
        return tuple(said)


def find_document(db: Database, trace_id: str, files: TraceFiles) -> FoundDocument | None:
    """The document of a trace, and what is wrong with it.

    The file is looked for where files of this trace belong, so that a data directory can be moved, and a path in a row
    leads nowhere else. Where there is no file, or none that can be read, the document is made of the contents in the database.

    Args:
        db: knows the project of the trace, and whether a file was written.
        trace_id: which trace.
        files: of all projects.

    Returns:
        None when there is no such trace.

    Raises:
        StorageError: the database did not answer.
    """
    statement = select(traces.c.project, traces.c.trace_file_path).where(traces.c.trace_id == storable(trace_id))
    with db.read() as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    document = damage = None
    if row.trace_file_path is not None:
        document, damage = _in_file(row.project, trace_id, files)
    if damage is not None:
        logger.warning("the file of trace %s is damaged: %s", trace_id, damage)
    return FoundDocument(document=document or _in_database(db, trace_id), damage=damage)


def full_trace(db: Database, trace_id: str, files: TraceFiles) -> Document | None:
    """The same without what is wrong with it; None when there is no such trace, or its contents are gone.

    Raises:
        StorageError: the database did not answer.
    """
    found = find_document(db, trace_id, files)
    return None if found is None else found.document


def _in_file(project: str, trace_id: str, files: TraceFiles) -> tuple[Document | None, str | None]:
    """The document in the file; else, where there is a file, why it cannot be read."""
    try:
        document = files.document(project, trace_id)
    except (OSError, InvalidInput) as error:
        return None, str(error) if isinstance(error, InvalidInput) else None
    except (ValueError, RecursionError) as error:
        return None, f"it is no JSON: {error}"
    if isinstance(document, dict) and document.get("trace_id") == trace_id:
        return document, None
    return None, "it is no document of this trace"


def _in_database(db: Database, trace_id: str) -> Document | None:
    trace = whole_trace(db, trace_id)
    if trace is None:
        return None
    document: Document = json.loads(dump(to_document(trace)))
    return document
