"""A report says in its front matter which trace it is of (seed B, section 3.3).

    ---
    trace_id: trc_20260213_143022_a1b2c3d4e5f60718
    generated_at: 2026-02-13T10:34:22Z
    quality_score: 2.4
    quality_gate: passed
    ---

The other way, `outputs.report_path` in the trace and `report_file_path` in its row say where the report is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from frontmatter.default_handlers import YAMLHandler
from yaml import YAMLError

from tracing_core.clock import require_utc
from tracing_core.errors import InvalidInput
from tracing_core.model import TraceData
from tracing_core.readings import number
from tracing_core.research_columns import research_columns
from tracing_core.whole_files import write_whole

_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_OURS = ("trace_id", "generated_at", "quality_score", "quality_gate")
_OUR_LINES = re.compile(rf"^(?:{'|'.join(_OURS)})[ \t]*:.*\n?(?:^[ \t]+\S.*\n?)*", re.MULTILINE)
_PASSED, _FAILED = "passed", "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportLink:
    """What a report says of the trace that it is of.

    Args:
        trace_id: which trace.
        generated_at: when the report was written.
        quality_score: of the whole report, 0 to 3; None when nobody scored it.
        quality_gate: whether it passed; None when there was no gate.
    """

    trace_id: str
    generated_at: datetime | None
    quality_score: float | None = None
    quality_gate: bool | None = None


def write_link(path: Path, link: ReportLink) -> None:
    """Put `link` into the front matter of a report, and keep the rest of it: readers see the old report or the new one.

    Args:
        path: of a report in Markdown, which is there.
        link: in the place of one that the report may have already.

    Raises:
        InvalidInput: the report is no text in UTF-8, or its front matter cannot be read.
        OSError: the report is not there, or cannot be written; it is then as it was.
    """
    path = path.resolve()  # what a symbolic link leads to is written, and the link stays
    front, body = _parts(_text(path))
    mode = path.stat().st_mode & 0o7777
    write_whole(path, f"---\n{_merged(front, link)}---\n{body}".encode())
    path.chmod(mode)


def link_of(trace: TraceData, generated_at: datetime) -> ReportLink:
    """What a report of `trace` says of it, as far as its quality gate has spoken."""
    row = research_columns(trace)
    return ReportLink(
        trace_id=trace.trace_id,
        generated_at=generated_at,
        quality_score=row["overall_quality_score"],
        quality_gate=row["quality_gate_passed"],
    )


def read_link(path: Path) -> ReportLink | None:
    """What a report says of its trace; None when it names none.

    Raises:
        InvalidInput: the report is no text in UTF-8, or its front matter cannot be read.
        OSError: the report is not there, or cannot be read.
    """
    front, _ = _parts(_text(path))
    said = _loaded(front)
    trace_id = said.get("trace_id")
    if not isinstance(trace_id, str) or not trace_id:
        return None
    gate = str(said.get("quality_gate")).lower()
    return ReportLink(
        trace_id=trace_id,
        generated_at=_moment(said.get("generated_at")),
        quality_score=number(said.get("quality_score")),
        quality_gate={_PASSED: True, _FAILED: False}.get(gate),
    )


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("report", f"{path} is no text in UTF-8 ({error.reason}); write it as one") from error


def _parts(text: str) -> tuple[str, str]:
    """The front matter of a report and the rest, each as it is. A rule that begins a text is no front matter."""
    found = _FRONT.match(text)
    if found is None or not isinstance(_yaml(found[1]), dict | None):
        return "", text
    return found[1].replace("\r\n", "\n"), text[found.end() :]


def _yaml(front: str) -> Any:
    try:
        return YAMLHandler().load(front)
    except (YAMLError, ValueError) as error:
        said = " ".join(str(error).split())
        raise InvalidInput("front matter", f"is no YAML ({said}); mend it, and link the report again") from error


def _loaded(front: str) -> dict[str, Any]:
    return _yaml(front) or {}


def _merged(front: str, link: ReportLink) -> str:
    """The front matter with our lines at its end. Comments and order stay, unless it is written so that lines cannot be added."""
    others = {name: value for name, value in _loaded(front).items() if name not in _OURS}
    kept = _OUR_LINES.sub("", front)
    merged = (kept if not kept or kept.endswith("\n") else kept + "\n") + _lines(link)
    try:
        as_wanted = YAMLHandler().load(merged) == others | (YAMLHandler().load(_lines(link)) or {})
    except (YAMLError, ValueError):
        as_wanted = False
    if as_wanted:
        return merged
    exported = YAMLHandler().export(others, sort_keys=False) if others else ""
    return (f"{exported}\n" if exported else "") + _lines(link)


def _lines(link: ReportLink) -> str:
    plain = link.trace_id.startswith("trc_")  # hex digits alone may look like a number
    said = [f"trace_id: {link.trace_id}" if plain else f'trace_id: "{link.trace_id}"']
    if link.generated_at is not None:
        said.append(f"generated_at: {link.generated_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    if link.quality_score is not None:
        said.append(f"quality_score: {link.quality_score!r}")
    if link.quality_gate is not None:
        said.append(f"quality_gate: {_PASSED if link.quality_gate else _FAILED}")
    return "".join(f"{line}\n" for line in said)


def _moment(given: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else given
        return require_utc("generated_at", moment) if isinstance(moment, datetime) else None
    except (ValueError, InvalidInput):
        return None
