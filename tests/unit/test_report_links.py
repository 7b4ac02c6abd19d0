"""A report and its trace name each other, and so do a trace and its children (seed B, sections 3.3 and 3.4)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import frontmatter
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tests.surroundings import finished
from tracing_core.clock import ManualClock
from tracing_core.context import TraceContext
from tracing_core.errors import InvalidInput
from tracing_core.report_links import ReportLink, read_link, write_link
from tracing_core.sink import MemorySink
from tracing_core.trace import Trace

LINK = ReportLink(
    trace_id="trc_20260213_143022_a1b2c3d4e5f60718",
    generated_at=datetime(2026, 2, 13, 10, 34, 22, tzinfo=UTC),
    quality_score=2.4,
    quality_gate=True,
)
OURS = """\
trace_id: trc_20260213_143022_a1b2c3d4e5f60718
generated_at: 2026-02-13T10:34:22Z
quality_score: 2.4
quality_gate: passed
"""
"""Seed B's example, section 3.3, with a whole id."""


@pytest.fixture(autouse=True)
def _nothing_open() -> Iterator[None]:
    yield
    while (trace := TraceContext.current()) is not None:
        TraceContext.finish(trace)


def put(directory: Path, content: str | bytes) -> Path:
    """A report with this content."""
    path = directory / "report.md"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_report_gets_the_front_matter_of_the_seed(tmp_path: Path) -> None:
    """Section 3.3: the four lines, as the seed writes them, before a text that stays as it is."""
    path = put(tmp_path, "# Robots\n\nThey sell.\n")
    write_link(path, LINK)
    assert path.read_text() == f"---\n{OURS}---\n# Robots\n\nThey sell.\n"
    assert read_link(path) == LINK


def test_front_matter_that_is_there_stays(tmp_path: Path) -> None:
    """Section 3.3: what others wrote into it is kept, in order and with comments; a link that it has is replaced."""
    path = put(tmp_path, "---\n# by hand\ntitle: Robots\ntrace_id: old\ntags:\n- a\n- b\n---\n\nThey sell.")
    write_link(path, LINK)
    assert path.read_text() == f"---\n# by hand\ntitle: Robots\ntags:\n- a\n- b\n{OURS}---\n\nThey sell."
    again = path.read_text()
    write_link(path, LINK)
    assert path.read_text() == again


def test_front_matter_in_braces_is_kept_too(tmp_path: Path) -> None:
    """Where lines cannot be added, it is written anew with all that it says."""
    path = put(tmp_path, "---\n{title: Robots, trace_id: old}\n---\ntext\n")
    write_link(path, LINK)
    assert path.read_text() == f"---\ntitle: Robots\n{OURS}---\ntext\n"


def test_a_rule_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    """A text between two rules is a text."""
    text = "---\nThey sell.\n---\nmore\n"
    path = put(tmp_path, text)
    assert read_link(path) is None
    write_link(path, LINK)
    assert path.read_text() == f"---\n{OURS}---\n{text}"


def test_lines_of_windows_and_a_mark_of_utf_8_are_read(tmp_path: Path) -> None:
    """A report may come from any editor; its text keeps its line ends."""
    path = put(tmp_path, b"\xef\xbb\xbf---\r\ntitle: Robots\r\n---\r\nThey\r\nsell.\r\n")
    write_link(path, LINK)
    assert path.read_bytes() == f"---\ntitle: Robots\n{OURS}---\nThey\r\nsell.\r\n".encode()


def test_an_id_of_digits_stays_a_text(tmp_path: Path) -> None:
    """A trace from OpenTelemetry may have an id that looks like a number."""
    path = put(tmp_path, "text")
    link = ReportLink(trace_id="1" * 32, generated_at=None)
    write_link(path, link)
    assert read_link(path) == link


def test_other_tools_read_the_link(tmp_path: Path) -> None:
    """The front matter is what readers of front matter take for it."""
    path = put(tmp_path, "---\ntitle: Robots\n---\ntext")
    write_link(path, LINK)
    post = frontmatter.load(str(path))
    assert post.content == "text"
    assert post.metadata == {
        "title": "Robots",
        "trace_id": LINK.trace_id,
        "generated_at": LINK.generated_at,
        "quality_score": 2.4,
        "quality_gate": "passed",
    }


@given(
    body=st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: not text.startswith(("---", "\ufeff")))
)
def test_the_text_of_a_report_is_never_changed(tmp_path_factory: pytest.TempPathFactory, body: str) -> None:
    """Whatever the text, it is the same afterwards, byte by byte, and the link reads back."""
    path = put(tmp_path_factory.mktemp("reports"), body)
    write_link(path, LINK)
    assert path.read_bytes() == f"---\n{OURS}---\n".encode() + body.encode()
    assert read_link(path) == LINK


@pytest.mark.parametrize(
    ("content", "link"),
    [
        ("no front matter", None),
        ("---\ntitle: Robots\n---\n", None),
        ("---\ntrace_id: 7\n---\n", None),
        ("---\n---\n", None),
        ("---\ntrace_id: trc_x\nquality_gate: maybe\nquality_score: high\ngenerated_at: soon\n---\n", "trc_x"),
        ("---\ntrace_id: trc_20260213_abc123def\ngenerated_at: 2026-02-13\n---\n", "trc_20260213_abc123def"),
    ],
)
def test_what_cannot_be_read_of_a_link_is_unknown(tmp_path: Path, content: str, link: str | None) -> None:
    """A report without an id has no link; of one with an id, what is no date, score or verdict is None."""
    found = read_link(put(tmp_path, content))
    assert found == (None if link is None else ReportLink(trace_id=link, generated_at=None))


def test_broken_front_matter_and_other_encodings_are_refused_and_left(tmp_path: Path) -> None:
    """What cannot be read is not overwritten; the error says what to mend."""
    for content, said in ((b"---\na: [1\n---\ntext", "front matter: is no YAML"), (b"caf\xe9", "report: .* UTF-8")):
        path = put(tmp_path, content)
        with pytest.raises(InvalidInput, match=said):
            write_link(path, LINK)
        assert path.read_bytes() == content


def test_a_report_keeps_its_mode_and_its_symbolic_link(tmp_path: Path) -> None:
    """The file is put anew, and is otherwise the same file to who uses it."""
    path = put(tmp_path, "text")
    path.chmod(0o640)
    pointer = tmp_path / "newest.md"
    pointer.symlink_to(path)
    write_link(pointer, LINK)
    assert pointer.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["newest.md", "report.md"]


def run() -> Trace:
    """A run whose quality gate has spoken."""
    trace = finished(TraceContext.start(query="robots", intent="validating"))
    trace.end_stage("quality_gate", outputs={"passed": False, "overall_score": 1.6})
    return trace


def test_a_run_links_its_report(tmp_path: Path, sink: MemorySink, clock: ManualClock) -> None:
    """Section 3.3: `outputs.report_path` in the trace, and the front matter with what the gate says so far."""
    path, trace = put(tmp_path, "text"), run()
    clock.advance(90)
    trace.link_report(path)
    trace.set_outputs({"evidence_paths": ["evidence.json"]})
    assert trace.to_dict()["outputs"] == {"report_path": str(path), "evidence_paths": ["evidence.json"]}
    assert read_link(path) == ReportLink(
        trace_id=trace.trace_id, generated_at=NOON.replace(minute=1, second=30), quality_score=1.6, quality_gate=False
    )


@pytest.mark.parametrize("path", ["/no/such/report.md", "a\0b", ".", None, 7])
def test_a_report_that_cannot_be_written_costs_the_run_nothing(
    path: Any, sink: MemorySink, caplog: pytest.LogCaptureFixture
) -> None:
    """Recording never raises: the trace still says where the report was to be, and the log why it has no link."""
    trace = run()
    with caplog.at_level(logging.ERROR):
        trace.link_report(path)
    assert trace.outputs["report_path"] == str(path).replace("\0", "\ufffd")
    assert "does not name its trace" in caplog.text


def test_a_run_that_is_not_recorded_links_nothing(tmp_path: Path) -> None:
    """Tracing that is off leaves reports alone."""
    path = put(tmp_path, "text")
    trace = TraceContext.start(enabled=False)
    trace.link_report(path)
    TraceContext.finish(trace)
    assert path.read_text() == "text"


def test_a_child_names_its_parent_and_is_named_by_it(sink: MemorySink) -> None:
    """Section 3.4: `child_traces` with trace_id, output_type and path, and `parent_trace_id`."""
    parent = finished(TraceContext.start(query="robots", intent="validating", project_name="cobot"))
    child = finished(TraceContext.start_child(parent, "report", path="reports/a.md", intent="ideation"))
    assert TraceContext.current() is child
    TraceContext.finish(child)
    assert TraceContext.current() is parent
    pack = finished(TraceContext.start_child(parent, "evidence_pack"))
    TraceContext.finish(pack)
    TraceContext.finish(parent)
    assert parent.to_dict()["child_traces"] == [
        {"trace_id": child.trace_id, "output_type": "report", "path": "reports/a.md"},
        {"trace_id": pack.trace_id, "output_type": "evidence_pack", "path": None},
    ]
    assert [each.to_dict()["parent_trace_id"] for each in (child, pack)] == [parent.trace_id] * 2
    assert (child.project_name, child.query, child.intent) == ("cobot", "robots", "ideation")


def test_a_child_that_links_its_report_tells_its_parent(tmp_path: Path, sink: MemorySink) -> None:
    """Section 3.4: the path in `child_traces` is that of the report, once there is one."""
    parent = finished(TraceContext.start())
    child = finished(TraceContext.start_child(parent, "report"))
    path = put(tmp_path, "text")
    child.link_report(path)
    TraceContext.finish(child)
    assert [each["path"] for each in parent.to_dict()["child_traces"]] == [str(path)]
    TraceContext.finish(parent)


def test_the_child_of_a_run_that_is_not_recorded_is_not_either() -> None:
    """A child without a parent could not be found from anywhere."""
    parent = TraceContext.start(enabled=False)
    child = TraceContext.start_child(parent, "report", path="a.md")
    assert not child.enabled
    TraceContext.finish(child)
    TraceContext.finish(parent)
