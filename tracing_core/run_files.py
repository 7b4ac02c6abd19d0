"""Files of runs that people read: the summary beside a trace's file, and the alerts of a project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

import orjson

from tracing_core.files import SUMMARY, TraceFiles
from tracing_core.ids import check_project, check_trace_id

ALERTS = "_calibration_alerts.md"
_HEADING = "# Calibration alerts of project {}\n\n"
_MARK, _END = " <!-- alert ", " -->"


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """A pattern that a run showed.

    Args:
        day: of the run.
        kind: which pattern, such as `repeated_principle_failure`.
        subject: of what: a principle, an intent, a domain, a project, a type of decision.
        message: the same for people.
        trace_id: the run.
    """

    day: date
    project: str
    kind: str
    subject: str
    message: str
    trace_id: str


def write_summary(files: TraceFiles, project: str, trace_id: str, text: str) -> str:
    """Write `{trace_id}_summary.md` beside the file of a trace.

    Returns:
        Where it is.

    Raises:
        InvalidInput: project or id cannot name a file.
        OSError: the disk is full, the directory cannot be written, or the object store is away.
    """
    folder, name = f"{check_project(project)}/_traces", f"{check_trace_id(trace_id)}{SUMMARY}"
    files.place.write(folder, name, text.encode("utf-8", "replace"))
    return files.place.address(folder, name)


def append_alerts(files: TraceFiles, project: str, alerts: Iterable[Alert], now: datetime) -> None:
    """Add lines to `{project}/_calibration_alerts.md`. No other process may do so meanwhile.

    Args:
        now: the time that the lines carry.

    Raises:
        InvalidInput: the project cannot name a directory.
        OSError: the place did not give the file or did not take it.
    """
    folder = check_project(project)
    try:
        before = files.place.read(folder, ALERTS)
    except FileNotFoundError:
        before = _HEADING.format(project).encode()
    lines = "".join(_line(alert, now) for alert in alerts)
    files.place.write(folder, ALERTS, before + lines.encode("utf-8", "replace"), durable=True)


def read_alerts(files: TraceFiles, project: str) -> Iterator[tuple[Alert, datetime]]:
    """The alerts of a project and when each was given; lines that people wrote or changed beyond reading are passed over.

    Raises:
        InvalidInput: the project cannot name a directory.
        OSError: the place did not give the file, which may be there.
    """
    try:
        content = files.place.read(check_project(project), ALERTS)
    except FileNotFoundError:
        return
    for line in content.decode("utf-8", "replace").split("\n"):
        _, mark, said = line.rpartition(_MARK)
        if mark:
            try:
                given = orjson.loads(said.rstrip("\r").removesuffix(_END))
                at = datetime.fromisoformat(given.pop("at"))
                yield Alert(**{**given, "project": project, "day": date.fromisoformat(given["day"])}), at
            except (ValueError, TypeError, KeyError, AttributeError):
                continue


def _line(alert: Alert, now: datetime) -> str:
    """A line for people, and in a comment of Markdown the same for `rebuild`."""
    names = ("kind", "subject", "message", "trace_id")
    said = {"day": alert.day, "at": now, **{name: getattr(alert, name) for name in names}}
    comment = orjson.dumps(said, option=orjson.OPT_UTC_Z).decode().replace("<", "\\u003c").replace(">", "\\u003e")
    message = " ".join(alert.message.split())
    return f"- {now:%Y-%m-%dT%H:%M:%SZ} {message} (trace {alert.trace_id}){_MARK}{comment}{_END}\n"
