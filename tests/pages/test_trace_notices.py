"""The page Trace says what is odd about a trace: its version, its file, its decisions (B3, B5, B15)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import make_decision, make_span, make_trace
from tests.pages.conftest import OpenPage, texts
from tests.postgres.pieces_written import Writer
from tests.postgres.writing import store
from tests.surroundings import make_preparation
from tracing_core.decision_marks import marked
from tracing_core.files import TraceFiles
from tracing_core.model import SpanKind
from tracing_core.storage.database import Database


@pytest.mark.parametrize(
    ("version", "said"), [(0, "of an older format (0, now 1)"), (99, "of a newer format (99)"), (1, None)]
)
def test_a_trace_of_another_version_says_so(
    open_page: OpenPage, database: Database, data_dir: Path, version: int, said: str | None
) -> None:
    """It is shown as far as it is understood; its raw JSON is all there."""
    trace = replace(make_trace(), schema_version=version)
    Writer(database, make_preparation(data_dir)).write(trace)
    app = open_page("trace", id=trace.trace_id)
    assert not app.exception
    assert "because the question names a function" in texts(app)
    assert [said in info.value for info in app.info if said] == ([True] if said else [])
    app.session_state["trace.tabs"] = "Raw"
    raw = app.run()
    assert f'"schema_version": {version}' in raw.json[0].value.replace('":', '": ').replace(":  ", ": ")
    assert any(said in warning.value for warning in raw.warning) if said else not raw.warning


def test_a_damaged_file_is_said(open_page: OpenPage, database: Database, data_dir: Path) -> None:
    """What the database holds is shown in its place, and why (section 10)."""
    trace = make_trace()
    Writer(database, make_preparation(data_dir)).write(trace)
    Path(TraceFiles(data_dir / "projects").path(trace.project, trace.trace_id)).write_text("{")
    app = open_page("trace", id=trace.trace_id)
    app.session_state["trace.tabs"] = "Raw"
    app.run()
    assert trace.trace_id in app.json[0].value
    (warning,) = app.warning
    assert "is damaged" in warning.value
    assert "what the database holds" in warning.value


def test_an_odd_decision_says_what_is_odd(open_page: OpenPage, database: Database) -> None:
    """A missing reason and a confidence that is none are words on its card, beside what it was based on."""
    inputs = marked(
        {"words": 7}, {"confidence_given": 1.7, "kept_as_text": ["machine"], "cut": "inputs (1000000 bytes)"}
    )
    root = make_span(name="request", kind=SpanKind.ROOT)
    stage = make_span(parent_id=root.span_id, decisions=(make_decision(why="", confidence=None, inputs=inputs),))
    trace = make_trace(spans=(root, stage))
    store(database, trace)
    said = texts(open_page("trace", id=trace.trace_id)).replace("\\", "")
    assert "based on  words: 7" in said
    assert "no reason was recorded" in said
    assert "its confidence was given as 1.7" in said
    assert "kept as text, since JSON cannot hold it: machine" in said
    assert "cut here, whole in the raw trace" in said
    assert "confidence_given" not in said
