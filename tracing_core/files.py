"""One JSON file a trace: `{data}/projects/{project}/_traces/{trace_id}.json`, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from tracing_core.document import to_document
from tracing_core.document_reader import from_document
from tracing_core.errors import InvalidInput
from tracing_core.ids import check_project, check_trace_id, is_project
from tracing_core.jsontext import dump
from tracing_core.model import Feedback, TraceData
from tracing_core.whole_files import write_whole

_TRACES, _FEEDBACK = "_traces", "_feedback"


class TraceFiles:
    """The files of all traces below one directory.

    Args:
        projects_dir: holds one directory per project.
    """

    def __init__(self, projects_dir: Path) -> None:
        self._projects_dir = projects_dir.absolute()
        self._made: set[Path] = set()
        self._directories: dict[str, Path] = {}

    def path(self, project: str, trace_id: str) -> Path:
        """Where the file of a trace is.

        Raises:
            InvalidInput: project or id cannot name a file; what passes stays below the directory.
        """
        directory = self._directories.get(project)
        if directory is None:
            directory = self._directories[project] = self.directory(project)
        return directory / f"{check_trace_id(trace_id)}.json"

    def write(self, trace: TraceData) -> Path:
        """Write the file of `trace`; readers see the old one or the new one, never half of it.

        Raises:
            InvalidInput: project or id cannot name a file.
            OSError: the disk is full or the directory cannot be written.
        """
        path = self.path(trace.project, trace.trace_id)
        self._write(path, dump(to_document(trace), indent=True))
        return path

    def read(self, project: str, trace_id: str) -> TraceData | None:
        """The trace in its file; None when there is no file, or none that can be read."""
        try:
            return from_document(orjson.loads(self.path(project, trace_id).read_bytes()))
        except (OSError, InvalidInput, orjson.JSONDecodeError):
            return None

    def directory(self, project: str, *, feedback: bool = False) -> Path:
        """Where the traces of a project are, or their ratings.

        Raises:
            InvalidInput: the project cannot name a directory.
        """
        return self._projects_dir / check_project(project) / (_FEEDBACK if feedback else _TRACES)

    def names(self, project: str, *, feedback: bool = False) -> list[str]:
        """The ids of all traces of a project that have a file, or of those whose ratings have one, in order."""
        try:
            found = os.listdir(self.directory(project, feedback=feedback))  # noqa: PTH208 - a million names, not Paths
        except FileNotFoundError:
            return []
        return sorted(name.removesuffix(".json") for name in found if name.endswith(".json") and name[0] != ".")

    def projects(self) -> list[str]:
        """The projects that have a directory, in order."""
        if not self._projects_dir.is_dir():
            return []
        return sorted(entry.name for entry in self._projects_dir.iterdir() if entry.is_dir() and is_project(entry.name))

    def read_feedback(self, project: str, trace_id: str) -> list[Feedback]:
        """The ratings in their file.

        Raises:
            InvalidInput: what is there cannot be read; says why.
            OSError: there is no such file, or the disk does not give it.
        """
        content = self.feedback_path(project, trace_id).read_bytes()
        try:
            return [_feedback(given) for given in orjson.loads(content)["feedback"]]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise InvalidInput("feedback", f"cannot be read ({type(error).__name__}: {error})") from error

    def remove(self, project: str, trace_id: str) -> None:
        """Remove the file of a trace and that of its ratings, if there are any."""
        with suppress(OSError, InvalidInput):
            self.path(project, trace_id).unlink(missing_ok=True)
            self.feedback_path(project, trace_id).unlink(missing_ok=True)

    def move(self, trace_id: str, before: str, now: str) -> None:
        """After the file of a trace was written into project `now`: nothing of it stays in project `before`."""
        with suppress(OSError, InvalidInput):
            self.path(before, trace_id).unlink(missing_ok=True)
            ratings, moved = self.feedback_path(before, trace_id), self.feedback_path(now, trace_id)
            if ratings.is_file():
                self._make(moved.parent)
                ratings.replace(moved)

    def feedback_path(self, project: str, trace_id: str) -> Path:
        """Where the ratings of a trace are: `{data}/projects/{project}/_feedback/{trace_id}.json`.

        Raises:
            InvalidInput: project or id cannot name a file.
        """
        return self.path(project, trace_id).parent.with_name(_FEEDBACK) / f"{trace_id}.json"

    def write_feedback(self, project: str, trace_id: str, ratings: Sequence[Feedback]) -> None:
        """Write all ratings of a trace.

        Raises:
            InvalidInput: project or id cannot name a file.
            OSError: the disk is full or the directory cannot be written.
        """
        self._write(self.feedback_path(project, trace_id), dump({"feedback": ratings}, indent=True), durable=True)

    def _write(self, path: Path, content: bytes, *, durable: bool = False) -> None:
        self._make(path.parent)
        try:
            write_whole(path, content, durable=durable)
        except FileNotFoundError:  # somebody cleaned up since the directory was made
            self._made.discard(path.parent)
            self._make(path.parent)
            write_whole(path, content, durable=durable)

    def _make(self, directory: Path) -> None:
        if directory not in self._made:
            directory.mkdir(parents=True, exist_ok=True)
            self._made.add(directory)


def _feedback(given: Mapping[str, Any]) -> Feedback:
    moments = {name: datetime.fromisoformat(given[name]) for name in ("created_at", "updated_at")}
    return Feedback(**{**given, **moments})
