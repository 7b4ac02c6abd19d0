"""The whole trace comes from its file, and where that is gone from the database."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import make_trace
from tests.surroundings import make_preparation
from tracing_core.document_reader import from_document
from tracing_core.files import TraceFiles
from tracing_core.ledger import Ledger
from tracing_core.model import TraceData
from tracing_core.query.document import full_trace
from tracing_core.storage.database import Database
from tracing_core.storage.write import TraceTable


def stored(database: Database, data_dir: Path, trace: TraceData) -> Path:
    """Store the trace with its file."""
    preparation = replace(make_preparation(), files=TraceFiles(data_dir))
    ready = preparation.prepare(trace)
    assert ready is not None
    TraceTable(database, preparation).write([ready], Ledger())
    path = Path(TraceFiles(data_dir).path(trace.project, trace.trace_id))
    assert path.exists()
    return path


def test_the_file_is_read(database: Database, data_dir: Path) -> None:
    """Seed B's document comes back as it was written."""
    trace = make_trace()
    path = stored(database, data_dir, trace)
    assert full_trace(database, trace.trace_id, TraceFiles(data_dir)) == json.loads(path.read_bytes())


def test_a_moved_data_directory_keeps_its_files(database: Database, data_dir: Path) -> None:
    """The path in the row is where the file once was; where it belongs now is what counts."""
    trace = make_trace()
    stored(database, data_dir / "before", trace)
    moved = (data_dir / "before").rename(data_dir / "after")
    assert full_trace(database, trace.trace_id, TraceFiles(moved)) is not None


@pytest.mark.parametrize("version", [0, 1, 99])
def test_every_schema_version_is_readable(database: Database, data_dir: Path, version: int) -> None:
    """An older or newer document is shown as it is; its version is in it."""
    trace = replace(make_trace(), schema_version=version)
    stored(database, data_dir, trace)
    document = full_trace(database, trace.trace_id, TraceFiles(data_dir))
    assert document is not None
    assert document["schema_version"] == version


def from_database(database: Database, data_dir: Path, trace: TraceData) -> None:
    """All that the trace says is in the document that the database alone makes of it."""
    document = full_trace(database, trace.trace_id, TraceFiles(data_dir))
    assert document is not None
    again = from_document(document)
    assert (again.query, again.answer, again.spans[1:]) == (trace.query, trace.answer, trace.spans[1:])
    assert (again.confidence, again.status, again.duration_ns) == (trace.confidence, trace.status, trace.duration_ns)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"{}", b"[" * 100_000, b'{"trace_id": "another"}']
)
def test_in_the_place_of_a_damaged_file_comes_what_the_database_holds(
    database: Database, data_dir: Path, content: bytes
) -> None:
    """What is no document of this trace does not cost the reader the trace."""
    trace = make_trace()
    stored(database, data_dir, trace).write_bytes(content)
    from_database(database, data_dir, trace)


def test_in_the_place_of_a_missing_file_comes_what_the_database_holds(database: Database, data_dir: Path) -> None:
    """Also where a directory lies in its place; a trace that is not there has no document."""
    trace = make_trace()
    path = stored(database, data_dir, trace)
    path.unlink()
    from_database(database, data_dir, trace)
    path.mkdir()
    from_database(database, data_dir, trace)
    assert full_trace(database, "../../etc/passwd", TraceFiles(data_dir)) is None
    assert full_trace(database, "\x00", TraceFiles(data_dir)) is None


def test_no_link_leads_out_of_the_directory(database: Database, data_dir: Path, tmp_path: Path) -> None:
    """A link to a file elsewhere is not followed."""
    trace = make_trace()
    path = stored(database, data_dir, trace)
    elsewhere = path.rename(tmp_path / "elsewhere.json")
    elsewhere.write_text(elsewhere.read_text().replace("POST", "SECRET"))
    path.symlink_to(elsewhere)
    document = full_trace(database, trace.trace_id, TraceFiles(data_dir))
    assert document is not None
    assert "SECRET" not in json.dumps(document)
