"""What belongs to a trace: its parent, its children, and the files that it left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import data, filters, navigation, run_data, words
from dashboard.run_data import Story
from dashboard.trace_list import SHORT_COLUMNS, trace_list
from tracing_core.errors import InvalidInput
from tracing_core.query.trace import TraceDetail
from tracing_core.report_links import ReportLink, read_link
from tracing_core.settings import settings

_MOST_FILES = 50
_LARGEST_REPORT = 5_000_000


def links(trace: TraceDetail) -> None:
    """Draw them."""
    story = run_data.story(trace.trace_id)
    named = tuple(str(each["trace_id"]) for each in story.children if each.get("trace_id"))
    rows = run_data.children(trace.trace_id, named)
    files = list(_files(trace, story))
    if not (trace.parent_trace_id or rows or story.children or files):
        st.caption("This trace belongs to no other, and names no files.")
    if trace.parent_trace_id:
        _parent(trace.parent_trace_id)
    if rows or story.children:
        st.markdown("**Children**")
        trace_list(rows, key="trace.children", now=filters.now(), columns=SHORT_COLUMNS)
        _about(story.children, {row.trace_id for row in rows})
    if files:
        st.markdown("**Files**")
        for kind, path in files[:_MOST_FILES]:
            st.caption(kind)
            st.code(path, language=None, wrap_lines=True)
            if path.endswith(".md"):
                _front_matter(path, trace.trace_id)
        if len(files) > _MOST_FILES:
            st.caption(f"and {words.count(len(files) - _MOST_FILES)} more")


def _parent(trace_id: str) -> None:
    above = data.trace(trace_id)
    st.markdown("**Parent**")
    if above is None:
        st.caption(f"{words.label(trace_id)} is not stored, or not any more.")
    else:
        navigation.link(
            "trace", words.label(above.query or above.name, 80), {"id": trace_id}, icon=":material/account_tree:"
        )


def _about(children: Sequence[Mapping[str, Any]], stored: set[str]) -> None:
    for each in children:
        said = [str(each[name]) for name in ("output_type", "path") if each.get(name)]
        gone = "" if each.get("trace_id") in stored else " (not stored)"
        st.caption(words.label(f"{each.get('trace_id', 'a child')}{gone}: {', '.join(said) or 'no output'}", 300))


def _files(trace: TraceDetail, story: Story) -> Iterator[tuple[str, str]]:
    """What kind, and where; each place once."""
    seen: set[str] = set()
    for name, value in story.outputs.items():
        for path in value if isinstance(value, list | tuple) else [value]:
            if name.endswith(("_path", "_paths")) and isinstance(path, str) and path and path not in seen:
                seen.add(path)
                yield words.label(name.removesuffix("s").removesuffix("_path").replace("_", " ")).capitalize(), path
    for path in (trace.report_file_path, *(trace.output_file_paths or ())):
        if path and path not in seen:
            seen.add(path)
            yield ("Report" if path == trace.report_file_path else "Output"), path


def _front_matter(path: str, trace_id: str) -> None:
    """What a report says of its trace, and whether it is this one."""
    try:
        link = _read(Path(path))
    except InvalidInput as error:
        st.warning(words.label(f"Its front matter cannot be read: {error.problem}", 300))
        return
    except (OSError, ValueError):
        link = None
    if link is None:
        return
    gate = {True: "passed", False: "failed", None: words.ABSENT}[link.quality_gate]
    score = words.ABSENT if link.quality_score is None else f"{link.quality_score:g}"
    at = "" if link.generated_at is None else f" · written {words.exact(link.generated_at)}"
    st.caption(f"Its front matter says: quality score {score} · gate {gate}{at}")
    if link.trace_id != trace_id:
        st.warning(words.label(f"It says that it is of another trace, {link.trace_id}.", 200))


def _read(path: Path) -> ReportLink | None:
    """What a report says; None for what is not below the data directory, since a trace may name any file there is."""
    found, root = path.resolve(), settings().data_dir.resolve()
    if not found.is_relative_to(root) or not found.is_file() or found.stat().st_size > _LARGEST_REPORT:
        return None
    return read_link(found)
